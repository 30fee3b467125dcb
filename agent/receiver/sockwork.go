package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/datagram"
)

// A batch is pushed when it holds this many bytes of messages or events.
const (
	workBytes  = 256 << 10
	workEvents = 2000
)

const (
	// gramBytes is the memory that datagrams are gathered in, gramCount the most
	// of them in one batch.
	gramBytes = 256 << 10
	gramCount = 256
	// maxUnixgram is more than the kernel lets anyone send through a unix socket
	// unless it is configured (net.core.wmem_max, 212,992).
	maxUnixgram = 256 << 10
)

// work is what is needed to make a batch of messages. There are few, and
// connections borrow them in turn.
type work struct {
	s      *Sockets
	batch  sidelight.Batch
	events []sidelight.Event
	to     Input
	bytes  int
	m      Message
}

func (w *work) begin(s *Sockets) {
	w.s, w.to = s, s.cfg.To
	w.m.Now, w.m.Unix = time.Now().UnixMilli(), false
}

// add decodes raw, whose bytes must stay until flush, and pushes what is full.
// After an error raw was not taken.
func (w *work) add(ctx context.Context, out sidelight.Sink, raw []byte) error {
	m := &w.m
	m.Raw, m.Event, m.To = raw, sidelight.Event{Time: m.Now, Body: raw}, w.s.cfg.To
	if cause := w.s.cfg.Decode(m); cause != "" {
		w.s.lose(cause, 1)
		return nil
	}
	if m.To != w.to || w.bytes >= workBytes || len(w.events) >= workEvents {
		if err := w.flush(ctx, out); err != nil {
			return err
		}
		w.to = m.To
	}
	w.events = append(w.events, m.Event)
	w.bytes += len(m.Event.Body)
	return nil
}

// flush pushes the batch, if there is one. What cannot be pushed is counted.
func (w *work) flush(ctx context.Context, out sidelight.Sink) error {
	n := len(w.events)
	if n == 0 {
		return nil
	}
	w.batch = sidelight.Batch{Signal: sidelight.Logs, Dest: w.to.Dest, Source: w.to.Source, Events: w.events}
	err := out.Push(ctx, &w.batch)
	clear(w.events) // or the last batch's text would be kept alive
	w.batch, w.events, w.bytes, w.m.Text = sidelight.Batch{}, w.events[:0], 0, w.m.Text[:0]
	w.m.Now = time.Now().UnixMilli()
	if err == nil {
		return nil
	}
	cause := "full"
	if errors.Is(err, sidelight.ErrClosed) || errors.Is(context.Cause(ctx), errStopped) {
		cause = "shutdown"
	}
	w.s.lose(cause, n)
	return fmt.Errorf("push: %w", err)
}

// trim lets go of what an unusual message made too large to keep.
func (w *work) trim() {
	w.m = Message{Text: w.m.Text[:0]}
	if cap(w.m.Text) > 2*workBytes {
		w.m.Text = nil
	}
	clear(w.events)
	w.events, w.bytes = w.events[:0], 0
}

func (s *Sockets) lose(cause string, n int) {
	if n > 0 {
		s.books.Lose(sidelight.Logs, cause, n)
	}
}

// datagrams reads c until ctx ends, gathering what is there into one batch.
func (s *Sockets) datagrams(ctx context.Context, c datagram.PacketConn, longest int, out sidelight.Sink) error {
	g := datagram.NewGather(max(gramBytes, 2*longest), gramCount, longest)
	w := new(work)
	return datagram.Read(ctx, c, g,
		func() { s.gathered(ctx, out, w, g, c == datagram.PacketConn(s.unix)) },
		func(n int) { s.lose("socket_overflow", n) })
}

// gathered pushes what g holds. The wait for room is bounded by PushWait alone: a
// stop must not lose what was already read. A panic costs the batch, not the
// agent.
func (s *Sockets) gathered(ctx context.Context, out sidelight.Sink, w *work, g *datagram.Gather, local bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.PushWait)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			s.lose("panic", max(1, len(w.events)))
			s.log.Error("datagrams lost by a panic", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
		w.trim()
	}()
	w.begin(s)
	w.m.Unix = local
	for i := range g.Len() {
		s.datagram(ctx, out, w, g.At(i))
	}
	s.pressure(w.flush(ctx, out))
}

// datagram adds the messages of one datagram.
func (s *Sockets) datagram(ctx context.Context, out sidelight.Sink, w *work, b []byte) {
	for len(b) > 0 {
		msg := b
		if !s.cfg.Whole {
			if at := bytes.IndexByte(b, '\n'); at >= 0 {
				msg = b[:at]
			}
		}
		b = b[min(len(msg)+1, len(b)):]
		if msg = bytes.TrimRight(msg, "\r\n\x00"); len(msg) > 0 {
			if err := w.add(ctx, out, msg); err != nil {
				s.lose("full", 1)
				s.pressure(err)
			}
		}
	}
}

// pressure logs that messages are being lost.
func (s *Sockets) pressure(err error) {
	if err != nil {
		s.warn.Warn("losing messages that arrive by datagram", slog.Any("err", err))
	}
}
