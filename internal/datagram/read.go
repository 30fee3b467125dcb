package datagram

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// PacketConn is a socket for datagrams: a net.UDPConn or a net.UnixConn.
type PacketConn interface {
	net.Conn
	Conn
}

// Read reads c until ctx ends, gathering in g what is there, and then once more
// without waiting. It calls each with what g holds, and dropped with how many
// datagrams the kernel threw away since the call before, if any.
func Read(ctx context.Context, c PacketConn, g *Gather, each func(), dropped func(n int)) error {
	sock, err := New(c)
	if err != nil {
		return err
	}
	wake := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	defer wake()
	told := func() {
		if n := sock.Dropped(); n > 0 {
			dropped(n)
		}
	}
	for {
		g.Reset()
		err := sock.Wait(g)
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("read from %s: %w", c.LocalAddr(), err)
		}
		each()
		told()
	}
	for g.Reset(); sock.Drain(g); g.Reset() {
		each()
	}
	told()
	return nil
}
