package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

var (
	errTag    = errors.New("tag is not a string")
	errOption = errors.New("option is not a map")
	errParts  = errors.New("message has too few or too many parts")
)

// option is what a message's last part may say (Forward protocol v1, "Option").
type option struct {
	// chunk asks for an acknowledgement by that name.
	chunk []byte
	// compressed is "gzip", or "text" or nothing for what is not.
	compressed string
	// size is how many entries there are, if the sender says it.
	size uint64
	// signal is fluent-bit's: 0 for logs, others for what is not logs.
	signal uint64
}

func parseOption(b []byte) (option, error) {
	var o option
	if len(b) == 0 {
		return o, nil
	}
	t, i, err := read(b, 0)
	if err != nil || t.kind == nilKind {
		return o, err
	}
	if t.kind != mapKind {
		return o, errOption
	}
	for range t.size / 2 {
		if i, err = o.pair(b, i); err != nil {
			return o, err
		}
	}
	return o, nil
}

// pair reads the key and value at b[i]. What it does not know it skips.
func (o *option) pair(b []byte, i int) (int, error) {
	key, i, err := text(b, i)
	if err != nil {
		return i, err
	}
	end, err := skip(b, i)
	if err != nil {
		return i, err
	}
	t, next, err := read(b, i)
	if err != nil {
		return i, err
	}
	switch string(key) {
	case "chunk":
		o.chunk, _, err = text(b, i)
	case "compressed":
		var c []byte
		c, _, err = text(b, i)
		o.compressed = string(c)
	case "size":
		if t.kind == uintKind && next == end {
			o.size = t.bits
		}
	case "fluent_signal":
		if t.kind == uintKind && next == end {
			o.signal = t.bits
		}
	}
	return end, err
}

// text returns the str or bin at b[i] and the index after it. Any other value
// is skipped, and its text is nil.
func text(b []byte, i int) ([]byte, int, error) {
	t, next, err := read(b, i)
	if err != nil {
		return nil, i, err
	}
	if t.kind != strKind && t.kind != binKind {
		end, err := skip(b, i)
		return nil, end, err
	}
	return t.payload(b, next)
}

// message is one message on its way into batches.
type message struct {
	in     *intake
	out    sidelight.Sink
	to     receiver.Input
	ticket *sidelight.Ticket
	now    int64
}

func (m *message) flush(ctx context.Context) error {
	return m.in.flush(ctx, m.out, m.to, m.ticket)
}

// entries adds what b consists of. Every byte of b was checked to be proper
// MessagePack.
func (m *message) entries(ctx context.Context, b []byte) error {
	for i := 0; i < len(b); {
		var err error
		if i, err = m.in.addEntry(b, i, m.now); err != nil {
			return err
		}
		if m.in.full() {
			if err := m.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// atOnce adds the entries of b, all or, if b is not proper MessagePack, none.
func (m *message) atOnce(ctx context.Context, b []byte) error {
	in := m.in
	events, text, lost := len(in.events), len(in.text), in.lost
	for i := 0; i < len(b); {
		var err error
		if i, err = in.addEntry(b, i, m.now); err != nil {
			in.events, in.text, in.lost = in.events[:events], in.text[:text], lost
			return err
		}
	}
	if in.full() {
		return m.flush(ctx)
	}
	return nil
}

// handle takes in the complete message b, whose parts c.frame knows.
func (c *conn) handle(ctx context.Context, b []byte, out sidelight.Sink) error {
	f := &c.frame
	if f.parts == 0 {
		return nil
	}
	tag, _, err := text(b, f.first)
	if err != nil {
		return err
	}
	if tag == nil {
		return errTag
	}
	body := f.elem(b, 1)
	t, start, err := read(body, 0)
	if err != nil {
		return err
	}
	last := 2
	single := t.kind != arrayKind && t.kind != strKind && t.kind != binKind
	if single {
		last = 3
	}
	if f.parts < last || f.parts > last+1 {
		return errParts
	}
	opt, err := parseOption(f.elem(b, last))
	if err != nil {
		return err
	}
	return c.accept(ctx, tag, opt, out, func(m *message) error {
		switch {
		case opt.signal != 0:
			c.r.warn.Warn("forward message is not logs and was dropped", slog.Uint64("fluent_signal", opt.signal))
			c.r.lose("not_logs", int(max(1, min(opt.size, uint64(len(b))))))
			return nil
		case single:
			return m.single(body, f.elem(b, 2))
		case t.kind == arrayKind:
			return m.entries(ctx, body[start:])
		}
		return c.packed(ctx, m, opt, body[start:])
	})
}

// accept runs fill with a message for tag and flushes and counts what it
// leaves. If the sender wants to hear of the chunk, the message has a ticket.
func (c *conn) accept(ctx context.Context, tag []byte, opt option, out sidelight.Sink, fill func(*message) error) error {
	m := &c.in.message
	*m = message{in: c.in, out: out, to: c.inputOf(tag), now: time.Now().UnixMilli()}
	if m.to != c.to {
		if err := c.flush(ctx, out); err != nil {
			return err
		}
		c.to = m.to
	}
	if opt.chunk == nil {
		return c.counted(fill(m))
	}
	c.trickle = false
	chunk := append([]byte(nil), opt.chunk...)
	c.acks.expect()
	m.ticket = sidelight.NewTicket(func(err error) { c.acks.done(chunk, err) })
	err := c.counted(fill(m))
	if err == nil {
		err = m.flush(ctx)
	}
	m.ticket.Release(err)
	return err
}

// counted books the entries that were passed over and returns err.
func (c *conn) counted(err error) error {
	if n := c.in.lost; n > 0 {
		c.in.lost = 0
		c.r.lose("malformed", n)
		c.r.warn.Warn("forward entries dropped: not a pair of time and record", slog.Int("events", n))
	}
	return err
}

// single adds the record of a message that has only one.
func (m *message) single(when, record []byte) error {
	ms, _, err := readTime(when, 0, m.now)
	if err == nil {
		_, err = m.in.add(record, 0, ms)
	}
	if err != nil {
		m.in.lost++ // the message as such was proper
	}
	return nil
}

// packed adds the entries that are packed in the str or bin p.
func (c *conn) packed(ctx context.Context, m *message, opt option, p []byte) error {
	switch opt.compressed {
	case "", "text":
	case "gzip":
		return c.expand(ctx, m, p)
	default:
		return fmt.Errorf("compression %q: only gzip is understood", opt.compressed)
	}
	if len(p) <= batchBytes/2 {
		return m.atOnce(ctx, p)
	}
	// Before anything is taken, so that a message is refused whole.
	for i := 0; i < len(p); {
		var err error
		if i, err = skip(p, i); err != nil {
			return err
		}
	}
	return m.entries(ctx, p)
}
