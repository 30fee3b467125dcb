//go:build !linux

package xray

import "net"

// socket reads one datagram a call.
type socket struct{ conn *net.UDPConn }

func newSocket(c *net.UDPConn) (*socket, error) { return &socket{conn: c}, nil }

// wait blocks until there is a datagram or the read deadline.
func (s *socket) wait(in *intake) error {
	n, _, err := s.conn.ReadFromUDPAddrPort(in.room())
	if err == nil {
		in.took(n)
	}
	return err
}

// drain finds nothing: there is no read that does not wait.
func (*socket) drain(*intake) bool { return false }

// overflow is unknown.
func (*socket) overflow() int { return 0 }

func growBuffer(c *net.UDPConn, n int) error { return c.SetReadBuffer(n) }
