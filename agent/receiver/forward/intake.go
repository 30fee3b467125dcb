package forward

import (
	"bytes"
	"compress/gzip"
	"context"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// A batch is pushed when it holds this many bytes of bodies or events.
const (
	batchBytes  = 256 << 10
	batchEvents = 2000
)

// intake is what a connection needs to work on messages: the events of the
// batch that grows, their text, and a reader for what is compressed. There are
// few, and connections borrow them in turn.
type intake struct {
	batch  sidelight.Batch
	events []sidelight.Event
	text   []byte
	// message is the one at work.
	message message
	lost    int // entries that were not understood since the last flush

	packed bytes.Reader
	gz     *gzip.Reader
	window []byte
}

// add turns the record at b[i] into an event and returns the index after it.
// After an error nothing was added.
func (in *intake) add(b []byte, i int, ms int64) (int, error) {
	start := len(in.text)
	text, end, err := appendRecord(in.text, b, i)
	if err != nil {
		in.text = text[:start]
		return i, err
	}
	in.text = text
	in.events = append(in.events, sidelight.Event{Time: ms, Body: text[start:len(text):len(text)]})
	return end, nil
}

// addEntry adds the entry [time, record] at b[i] and returns the index after
// it. One that is proper MessagePack but no entry is counted and passed over.
func (in *intake) addEntry(b []byte, i int, now int64) (int, error) {
	end, err := in.tryEntry(b, i, now)
	if err == nil {
		return end, nil
	}
	end, skipErr := skip(b, i)
	if skipErr != nil {
		return i, skipErr
	}
	in.lost++
	return end, nil
}

func (in *intake) tryEntry(b []byte, i int, now int64) (int, error) {
	t, i, err := read(b, i)
	if err != nil {
		return i, err
	}
	if t.kind != arrayKind || t.size != 2 {
		return i, errEntry
	}
	ms, i, err := readTime(b, i, now)
	if err != nil {
		return i, err
	}
	return in.add(b, i, ms)
}

func (in *intake) full() bool {
	return len(in.text) >= batchBytes || len(in.events) >= batchEvents
}

// flush pushes the batch, if there is one.
func (in *intake) flush(ctx context.Context, out sidelight.Sink, to receiver.Input, t *sidelight.Ticket) error {
	if len(in.events) == 0 {
		return nil
	}
	in.batch = sidelight.Batch{Signal: sidelight.Logs, Dest: to.Dest, Source: to.Source, Events: in.events, Ticket: t}
	err := out.Push(ctx, &in.batch)
	in.batch = sidelight.Batch{}
	in.reset()
	return err
}

func (in *intake) reset() {
	clear(in.events) // or the last batch's text would be kept alive
	in.events = in.events[:0]
	in.text = in.text[:0]
}

// trim lets go of what an unusual message made too large to keep.
func (in *intake) trim() {
	in.message = message{}
	in.packed.Reset(nil)
	if cap(in.text) > 4*batchBytes {
		in.text = nil
	}
	if cap(in.window) > windowBytes {
		in.window = nil
	}
	if cap(in.events) > 2*batchEvents {
		in.events = nil
	}
}
