package forward

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

const (
	// firstBuffer is what each connection reads into. More is borrowed while a
	// larger message arrives.
	firstBuffer = 64 << 10
	// parting is how long a peer may take to read the last answers and close.
	parting = 500 * time.Millisecond
	// idle is how long a connection keeps a large buffer between messages.
	idle = time.Second
)

// Ways in which a connection ends before its peer does.
var (
	errStalled = errors.New("peer stalled inside a message")
	errCut     = errors.New("peer left inside a message")
	errStopped = errors.New("the time to stop is over")
)

// pushError is a failure that is the sink's, not the peer's.
type pushError struct{ err error }

func (e pushError) Error() string { return "push: " + e.err.Error() }
func (e pushError) Unwrap() error { return e.err }

// conn is one peer. It belongs to its goroutine.
type conn struct {
	r     *Receiver
	peer  *receiver.Peer
	nc    net.Conn // the peer's
	acks  *acks
	frame frame
	in    *intake // nil while it waits for bytes
	tag   []byte  // the last one seen, and where it goes
	known receiver.Input
	to    receiver.Input // of what in holds

	buf        []byte // buf[start:end] was read and is not used yet
	start, end int

	// trickle says that the last read took all there was, soon after the one
	// before, and that nobody waits for an answer.
	trickle bool
	read    time.Time // when the last read returned
}

func newConn(r *Receiver, p *receiver.Peer) *conn {
	return &conn{r: r, peer: p, nc: p.Conn, acks: newAcks(p.Conn, r.cfg.Stall), buf: make([]byte, firstBuffer)}
}

// serve runs c until its peer leaves or does wrong, or the receiver stops. A
// panic ends this connection, not the agent.
func (r *Receiver) serve(ctx context.Context, c *conn, out sidelight.Sink) {
	defer c.nc.Close()
	defer func() {
		if p := recover(); p != nil {
			r.lose("panic", 1)
			r.log.Error("forward connection ended by a panic", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
		c.release()
		r.memory.Give(len(c.buf) - firstBuffer)
	}()
	if err := c.greet(ctx); err != nil {
		r.warn.Warn("forward connection refused", slog.Any("peer", c.nc.RemoteAddr()), slog.Any("err", err))
		return
	}
	wait := c.report(c.work(ctx, guard(out)))
	if c.acks.finish(ctx, wait) {
		c.part()
	}
}

// part ends our side, so that the peer sees the end behind our answers, and
// throws away what it still sends, for a while. To close at once with bytes unread
// would reset the connection, and the peer might see that before the answers and
// send again what it need not.
func (c *conn) part() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.nc.SetReadDeadline(time.Now().Add(parting)) != nil {
		return
	}
	// It ends with the peer's side or the time.
	_, _ = io.Copy(io.Discard, c.nc)
}

// guard marks the errors of out.
func guard(out sidelight.Sink) sidelight.Sink {
	return sidelight.SinkFunc(func(ctx context.Context, b *sidelight.Batch) error {
		if err := out.Push(ctx, b); err != nil {
			return pushError{err}
		}
		return nil
	})
}

// report logs and counts why c ended, and returns how long to wait for what is
// still to be acknowledged.
func (c *conn) report(err error) time.Duration {
	cause := "malformed"
	var sink pushError
	switch {
	case err == nil:
		return c.patience()
	case errors.As(err, &sink):
		if !errors.Is(err, sidelight.ErrFull) && !errors.Is(err, sidelight.ErrClosed) && !errors.Is(err, errStopped) {
			c.r.warn.Warn("forward connection closed: its records cannot be taken in", slog.Any("err", err))
		}
		return 0
	case errors.Is(err, net.ErrClosed):
		return 0
	case errors.Is(err, errTooBig), errors.Is(err, errExpanded):
		cause = "oversize"
	case errors.Is(err, receiver.ErrMemory):
		cause = "memory"
	case errors.Is(err, errCut), errors.Is(err, errStalled), isNet(err):
		// What was cut off is still the sender's.
		c.r.log.Debug("forward connection lost", slog.Any("peer", c.nc.RemoteAddr()), slog.Any("err", err))
		return 0
	}
	c.r.lose(cause, 1)
	c.r.warn.Warn("forward connection closed", slog.Any("peer", c.nc.RemoteAddr()), slog.Any("err", err))
	return 0
}

func isNet(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// patience is how long an answer may take after the peer has ended its side, or
// the receiver stops.
func (c *conn) patience() time.Duration {
	until := c.peer.Until()
	if until.IsZero() {
		return c.r.cfg.Stall
	}
	return time.Until(until)
}

// work reads and handles messages. A nil error means that the peer ended, or
// the receiver stops, between two messages.
func (c *conn) work(ctx context.Context, out sidelight.Sink) error {
	for {
		done, err := c.frame.scan(c.buf[c.start:c.end], c.r.cfg.MaxMessage)
		if err != nil {
			return errors.Join(c.flush(ctx, out), err)
		}
		if !done {
			// Nobody knows when the next bytes come.
			if err := c.flush(ctx, out); err != nil {
				return err
			}
			c.release()
			if end, err := c.fill(ctx); end || err != nil {
				return err
			}
			continue
		}
		if err := c.borrow(ctx); err != nil {
			return err
		}
		if err := c.handle(ctx, c.buf[c.start:c.start+c.frame.pos], out); err != nil {
			return errors.Join(c.flush(ctx, out), err)
		}
		c.start += c.frame.pos
		c.frame = frame{}
	}
}

// borrow waits for an intake, if c has none.
func (c *conn) borrow(ctx context.Context) error {
	if c.in != nil {
		return nil
	}
	select {
	case c.in = <-c.r.intakes:
		return nil
	case <-ctx.Done():
		return pushError{context.Cause(ctx)}
	}
}

func (c *conn) release() {
	if c.in == nil {
		return
	}
	c.in.reset()
	c.in.lost = 0
	c.in.trim()
	c.r.intakes <- c.in
	c.in = nil
}

// flush pushes events that nobody wants acknowledged.
func (c *conn) flush(ctx context.Context, out sidelight.Sink) error {
	if c.in == nil {
		return nil
	}
	return c.in.flush(ctx, out, c.to, nil)
}

// inputOf returns what tag names and where tag's events go.
func (c *conn) inputOf(tag []byte) receiver.Input {
	if c.tag == nil || !bytes.Equal(tag, c.tag) {
		c.known = c.r.dests.Input(tag)
		c.tag = append(c.tag[:0], tag...)
	}
	return c.known
}

// fill reads what the peer has sent. It returns true if there will be no more.
func (c *conn) fill(ctx context.Context) (bool, error) {
	if c.start == c.end {
		c.start, c.end = 0, 0
	}
	if err := c.makeRoom(ctx); err != nil {
		return false, err
	}
	inside := c.start < c.end
	stopping, err := c.arm(inside)
	if err != nil {
		return false, err
	}
	if c.trickle && !inside {
		c.doze()
	}
	n, err := c.nc.Read(c.buf[c.end:])
	c.end += n
	now := time.Now()
	c.trickle = n > 0 && c.end < len(c.buf) && now.Sub(c.read) < 2*gather
	c.read = now
	switch {
	case n > 0:
		return false, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.timeout(inside, stopping)
	case errors.Is(err, io.EOF) && inside:
		return false, errCut
	case errors.Is(err, io.EOF):
		return true, nil
	}
	return false, err
}

// timeout says what the end of a read's time means.
func (c *conn) timeout(inside, stopping bool) (bool, error) {
	switch {
	case !stopping && !c.peer.Until().IsZero():
		return false, nil // it was halt's deadline; look again with our own
	case stopping && inside:
		return false, errCut
	case stopping:
		return true, nil
	case inside:
		return false, errStalled
	}
	c.shrink()
	return false, nil
}

// arm sets the deadline of the next read and reports whether the receiver
// stops.
func (c *conn) arm(inside bool) (bool, error) {
	return c.peer.Arm(func(now, until time.Time) time.Time {
		switch {
		case !until.IsZero() && inside:
			return until
		case !until.IsZero():
			return receiver.Soon(now, until)
		case inside:
			return now.Add(c.r.cfg.Stall)
		case len(c.buf) > firstBuffer:
			return now.Add(idle)
		}
		return time.Time{}
	})
}

// makeRoom sees to it that a quarter of the buffer is free.
func (c *conn) makeRoom(ctx context.Context) error {
	if len(c.buf)-c.end >= len(c.buf)/4 {
		return nil
	}
	if c.start > 0 {
		c.end = copy(c.buf, c.buf[c.start:c.end])
		c.start = 0
	}
	size := min(2*len(c.buf), c.r.cfg.MaxMessage+firstBuffer)
	if len(c.buf)-c.end >= len(c.buf)/4 || size <= len(c.buf) {
		return nil
	}
	if err := c.r.memory.Take(ctx, size-len(c.buf)); err != nil {
		return err
	}
	buf := make([]byte, size)
	copy(buf, c.buf[:c.end])
	c.buf = buf
	return nil
}

// shrink gives back what a large message needed. The buffer is empty.
func (c *conn) shrink() {
	c.r.memory.Give(len(c.buf) - firstBuffer)
	c.buf = make([]byte, firstBuffer)
	c.start, c.end = 0, 0
}
