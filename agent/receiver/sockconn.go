package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/sidelight-dev/sidelight"
)

const (
	// firstRead is what each connection reads into. More is borrowed while a
	// larger message arrives.
	firstRead = 16 << 10
	// busyRead is what the connection of a busy peer reads into, so that batches
	// are large.
	busyRead = 64 << 10
	// idle is how long a connection keeps a large buffer between messages.
	idle = time.Second
)

var (
	errStopped = errors.New("the time to stop is over")
	errStalled = errors.New("peer stalled inside a message")
)

// socketConn is one peer. It belongs to its goroutine.
type socketConn struct {
	s     *Sockets
	peer  *Peer
	nc    net.Conn // the peer's
	frame framing
	work  *work // nil while it waits for bytes

	buf        []byte // buf[start:end] was read and is not used yet
	start, end int
	final      bool // nothing more will be read
	busy       bool // the last read found more than there was room for
}

// serve runs c until its peer leaves or does wrong, or the receiver stops. A
// panic ends this connection, not the agent.
func (c *socketConn) serve(ctx context.Context, out sidelight.Sink) {
	s := c.s
	defer c.nc.Close()
	defer func() {
		if p := recover(); p != nil {
			s.lose("panic", 1)
			s.log.Error("connection ended by a panic", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
		c.release()
		s.memory.Give(max(0, len(c.buf)-firstRead))
	}()
	if err := c.handshake(ctx); err != nil {
		s.warn.Warn("TLS failed", slog.Any("peer", c.nc.RemoteAddr()), slog.Any("err", err))
		return
	}
	c.frame, c.buf = newFraming(&s.cfg), make([]byte, firstRead)
	err := c.run(ctx, out)
	switch {
	case err == nil || errors.Is(err, errStopped):
	case errors.Is(err, errFraming):
		s.lose("bad_frame", 1)
		s.warn.Warn("connection closed", slog.Any("peer", c.nc.RemoteAddr()), slog.Any("err", err))
	case errors.Is(err, errStalled), errors.Is(err, ErrMemory):
		s.warn.Warn("connection closed", slog.Any("peer", c.nc.RemoteAddr()), slog.Any("err", err))
	default:
		s.log.Debug("connection lost", slog.Any("peer", c.nc.RemoteAddr()), slog.Any("err", err))
	}
}

func (c *socketConn) handshake(ctx context.Context) error {
	t, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.s.cfg.Handshake)
	defer cancel()
	return t.HandshakeContext(ctx)
}

// run takes messages until nothing more comes. What ended the reading is
// returned once all that was read is taken.
func (c *socketConn) run(ctx context.Context, out sidelight.Sink) error {
	var ended error
	for {
		msg, used, err := c.frame.next(c.buf[c.start:c.end], c.final)
		if err == nil && used > 0 {
			if err = c.take(ctx, out, msg); err == nil {
				c.start += used
				continue
			}
			c.abandon()
			return err
		}
		// Nobody knows when the next bytes come.
		if ferr := c.flush(ctx, out); ferr != nil || err != nil {
			return errors.Join(ferr, err)
		}
		if c.final {
			return ended
		}
		ended = c.fill(ctx)
	}
}

// take adds a message, or counts it if it is too long.
func (c *socketConn) take(ctx context.Context, out sidelight.Sink, msg []byte) error {
	if c.frame.lost {
		c.s.lose("oversize", 1)
		c.s.warn.Warn("a message was dropped: it is too long", slog.Any("peer", c.nc.RemoteAddr()), slog.Int("limit", c.s.cfg.MaxMessage))
	}
	if len(msg) == 0 {
		return nil
	}
	if c.work == nil {
		select {
		case c.work = <-c.s.works:
			c.work.begin(c.s)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return c.work.add(ctx, out, msg)
}

// flush pushes what was taken and gives the memory for it back.
func (c *socketConn) flush(ctx context.Context, out sidelight.Sink) error {
	if c.work == nil {
		return nil
	}
	err := c.work.flush(ctx, out)
	c.release()
	return err
}

func (c *socketConn) release() {
	if c.work != nil {
		c.work.trim()
		c.s.works <- c.work
		c.work = nil
	}
}

// abandon counts the messages that were read and cannot be pushed any more.
func (c *socketConn) abandon() {
	n := 0
	for {
		msg, used, err := c.frame.next(c.buf[c.start:c.end], true)
		if used == 0 || err != nil {
			break
		}
		c.start += used
		if len(msg) > 0 || c.frame.lost {
			n++
		}
	}
	c.s.lose("shutdown", n)
}

// fill reads what the peer has sent. When there will be no more it sets c.final
// and returns why, nil if the peer has ended or the receiver stops. Nothing of
// the buffer is in use.
func (c *socketConn) fill(ctx context.Context) error {
	if c.start == c.end {
		c.start, c.end = 0, 0
	}
	err := c.makeRoom(ctx)
	inside, stopping := c.start < c.end, false
	if err == nil {
		stopping, err = c.arm(inside)
	}
	if err != nil {
		c.final = true
		return err
	}
	n, err := c.nc.Read(c.buf[c.end:])
	c.end += n
	c.busy = c.end == len(c.buf)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		err = nil
	case !errors.Is(err, os.ErrDeadlineExceeded):
	case stopping:
		err = nil
	case !c.peer.Until().IsZero():
		return nil // it was halt's deadline; look again with our own
	case !inside:
		c.resize(firstRead)
		return nil
	default:
		err = errStalled
	}
	c.final = true
	return err
}

// arm sets the deadline of the next read and reports whether the receiver
// stops.
func (c *socketConn) arm(inside bool) (bool, error) {
	return c.peer.Arm(func(now, until time.Time) time.Time {
		switch {
		case !until.IsZero():
			return Soon(now, until)
		case len(c.buf) > firstRead && inside:
			return now.Add(c.s.cfg.Stall)
		case len(c.buf) > firstRead:
			return now.Add(idle)
		}
		return time.Time{}
	})
}

// makeRoom sees to it that a quarter of the buffer is free.
func (c *socketConn) makeRoom(ctx context.Context) error {
	if c.busy && len(c.buf) < busyRead && c.s.memory.Try(busyRead-len(c.buf)) {
		c.resize(busyRead)
	}
	if len(c.buf)-c.end >= len(c.buf)/4 {
		return nil
	}
	if c.start > 0 {
		c.end = copy(c.buf, c.buf[c.start:c.end])
		c.start = 0
	}
	size := min(2*len(c.buf), max(c.s.cfg.MaxMessage, firstRead)+firstRead)
	if len(c.buf)-c.end >= len(c.buf)/4 || size <= len(c.buf) {
		return nil
	}
	if err := c.s.memory.Take(ctx, size-len(c.buf)); err != nil {
		return err
	}
	c.resize(size)
	return nil
}

// resize moves what is in the buffer to one of size bytes. To grow, the memory
// must have been taken; to shrink, it is given back.
func (c *socketConn) resize(size int) {
	c.s.memory.Give(max(0, len(c.buf)-size))
	buf := make([]byte, size)
	c.end = copy(buf, c.buf[c.start:c.end])
	c.start, c.buf = 0, buf
}
