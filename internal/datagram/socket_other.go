//go:build !linux

package datagram

import (
	"errors"
	"io"
	"syscall"
)

// Socket reads one datagram a call.
type Socket struct{ conn io.Reader }

// New returns a Socket over c, which stays the caller's: its read deadline ends
// a Wait, and its Close too.
func New(c syscall.Conn) (*Socket, error) {
	r, ok := c.(io.Reader)
	if !ok {
		return nil, errors.New("the socket cannot be read")
	}
	return &Socket{conn: r}, nil
}

// Wait blocks until there is a datagram or the read deadline.
func (s *Socket) Wait(g *Gather) error {
	n, err := s.conn.Read(g.room())
	if err == nil {
		g.took(n)
	}
	return err
}

// Drain finds nothing: there is no read that does not wait.
func (*Socket) Drain(*Gather) bool { return false }

// Dropped is unknown.
func (*Socket) Dropped() int { return 0 }

// Conn is a socket whose buffer has a size.
type Conn interface {
	syscall.Conn
	SetReadBuffer(bytes int) error
}

// Grow asks for a socket buffer of n bytes.
func Grow(c Conn, n int) error { return c.SetReadBuffer(n) }

// Granted returns 0: the size is not known.
func Granted(syscall.Conn) int { return 0 }
