package join

import (
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/container"
	"github.com/sidelight-dev/sidelight/agent/processor/multiline"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// stream is what is held back of one stream of an input. Its memory is only
// appended to while a batch is worked on, so that a copy of the struct made
// before is enough to go back.
type stream struct {
	piece event // the beginning of a line whose end has not come
	event event // lines of an event whose next line may come
	rule  multiline.State
	// touched is when something last came.
	touched time.Time
}

func (st *stream) empty() bool { return !st.piece.open && !st.event.open }

// event is the beginning of an event, or of a line.
type event struct {
	open bool
	// text is borrowed from the batch, or from the work's arena, while own is
	// false.
	text []byte
	own  bool
	// body is the event's body if it has one line that needs no change.
	body       []byte
	head, tail []byte
	time       int64
	lines      int
	// fresh says that a part of it came with the batch at work.
	fresh bool
	// carried says that text was there before the batch at work.
	carried bool
	// tickets are of the earlier batches that parts of it came with. Each is
	// held once for it.
	tickets []*sidelight.Ticket
}

func (s *state) empty() bool {
	for i := range s.streams {
		if !s.streams[i].empty() {
			return false
		}
	}
	return true
}

// work is the memory that one Push needs.
type work struct {
	cfg *Config
	st  *state

	out    sidelight.Batch
	events []sidelight.Event
	arena  []byte // what readers decode
	body   []byte // bodies with envelopes
	// due are the tickets of what was held back and is now in events.
	due []*sidelight.Ticket
	// retained counts the holds on the batch's ticket for what stays.
	retained int
	free     [][]byte // buffers of text
	spent    [][]byte // buffers that are to be free once the batch is pushed
	cur      event    // the line at work
}

// maxFree bounds how many buffers a work keeps, and maxKeep how large.
const (
	maxFree = 8
	maxKeep = 64 << 10
)

func (w *work) begin(cfg *Config, st *state) {
	w.cfg, w.st = cfg, st
	w.events, w.arena, w.body = w.events[:0], w.arena[:0], w.body[:0]
	w.due, w.spent, w.retained = w.due[:0], w.spent[:0], 0
}

// buffer returns an empty buffer.
func (w *work) buffer() []byte {
	if n := len(w.free); n > 0 {
		b := w.free[n-1]
		w.free = w.free[:n-1]
		return b
	}
	return nil
}

// event takes one event of a batch.
func (w *work) event(e *sidelight.Event) {
	l, arena, ok := w.cfg.Read(e.Body, w.arena)
	w.arena = arena
	if !ok {
		l = container.Line{Content: e.Body}
	}
	if l.Time == 0 {
		l.Time = e.Time
	}
	st := &w.st.streams[l.Stream]
	whole := e.Body
	if l.Head == nil {
		whole = l.Content
	}
	if l.Partial || st.piece.open {
		w.piece(st, &l)
		if !l.Partial || len(st.piece.text) >= w.cfg.Bytes {
			w.complete(st)
		}
		return
	}
	w.cur = event{text: l.Content, body: whole, head: l.Head, tail: l.Tail, time: l.Time, fresh: true}
	w.line(st, &w.cur)
}

// piece appends l to the line that st waits for.
func (w *work) piece(st *stream, l *container.Line) {
	p := &st.piece
	if !p.open {
		*p = event{open: true, own: true, text: w.buffer(), head: clone(l.Head), tail: clone(l.Tail), time: l.Time}
	}
	p.text = append(p.text, l.Content...)
	p.fresh = true
}

// complete takes the pieces of a line that st has, if any, as a line.
func (w *work) complete(st *stream) {
	if !st.piece.open {
		return
	}
	w.cur = st.piece
	st.piece = event{}
	w.line(st, &w.cur)
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// line takes a whole line.
func (w *work) line(st *stream, l *event) {
	l.lines = 1
	if w.cfg.Rule == nil {
		w.emit(l)
		return
	}
	follows := w.cfg.Rule.Continues(&st.rule, l.text)
	if g := &st.event; follows && g.open && g.lines < w.cfg.Lines && len(g.text)+1+len(l.text) <= w.cfg.Bytes {
		w.extend(g, l)
		return
	}
	w.close(st)
	st.event = *l
	st.event.open = true
}

// extend adds the line l to g.
func (w *work) extend(g, l *event) {
	if !g.own {
		g.text, g.own = append(w.buffer(), g.text...), true
	}
	g.text = append(append(g.text, '\n'), l.text...)
	g.body = nil
	g.lines++
	g.fresh = g.fresh || l.fresh
	g.tickets = append(g.tickets, l.tickets...)
	if l.own {
		w.recycle(l)
	}
}

// recycle takes back the buffer of g, whose text is used no more. One from
// before the batch may have to be gone back to until the batch is pushed.
func (w *work) recycle(g *event) {
	if g.carried {
		w.spent = append(w.spent, g.text)
		return
	}
	w.keep(g.text)
}

func (w *work) keep(b []byte) {
	if len(w.free) < maxFree && cap(b) <= maxKeep {
		w.free = append(w.free, b[:0])
	}
}

// close makes st's event one of those to push.
func (w *work) close(st *stream) {
	if st.event.open {
		w.emit(&st.event)
		st.event = event{}
	}
}

func (w *work) emit(g *event) {
	n := len(w.body)
	body := g.body
	switch {
	case g.head != nil && body == nil:
		w.body = append(w.body, g.head...)
		w.body = wire.AppendString(w.body, g.text)
		w.body = append(w.body, g.tail...)
		body = w.body[n:len(w.body):len(w.body)]
	case g.own && g.head == nil:
		w.body = append(w.body, g.text...)
		body = w.body[n:len(w.body):len(w.body)]
	}
	if g.own {
		w.recycle(g)
	}
	w.due = append(w.due, g.tickets...)
	if len(body) > 0 { // an empty line is no event
		w.events = append(w.events, sidelight.Event{Time: g.time, Body: body})
	}
}

// settle makes what stays the stage's own, and holds t for what of it came with
// the batch.
func (w *work) settle(t *sidelight.Ticket) {
	now := time.Now()
	for i := range w.st.streams {
		st := &w.st.streams[i]
		if st.piece.fresh || st.event.fresh {
			st.touched = now
		}
		w.own(&st.event)
		w.retain(&st.event, t)
		w.retain(&st.piece, t)
	}
}

// retain holds t for g, if a part of g came with its batch.
func (w *work) retain(g *event, t *sidelight.Ticket) {
	if g.fresh && t != nil {
		t.Hold()
		w.retained++
		g.tickets = append(g.tickets, t)
	}
	g.fresh, g.carried = false, g.open
}

// own copies what g borrows.
func (w *work) own(g *event) {
	if !g.open || g.own {
		return
	}
	g.text, g.own = append(w.buffer(), g.text...), true
	if g.head == nil {
		g.body = nil
		return
	}
	g.head, g.tail, g.body = clone(g.head), clone(g.tail), clone(g.body)
}

// finish keeps the buffers that nobody uses any more.
func (w *work) finish() {
	if len(w.events) == 0 {
		for _, t := range w.due {
			t.Release(nil) // of lines that were empty
		}
	}
	for _, b := range w.spent {
		w.keep(b)
	}
	w.clear()
}

// abandon lets go, with err, of what t was held for.
func (w *work) abandon(t *sidelight.Ticket, err error) {
	for range w.retained {
		t.Release(err)
	}
	if len(w.due) > 0 {
		t.Release(err) // the hold of the joint ticket
	}
	w.clear()
}

func (w *work) clear() {
	clear(w.events)
	clear(w.due)
	clear(w.spent)
	w.out = sidelight.Batch{}
	if cap(w.arena) > 1<<20 {
		w.arena = nil
	}
	if cap(w.body) > 1<<20 {
		w.body = nil
	}
}
