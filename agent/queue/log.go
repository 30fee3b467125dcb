package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/line"
)

// writeLocked writes a frame of b that form, appendPiece or appendWhole, makes.
func (q *Queue) writeLocked(form func(dst []byte, use uint8, b *sidelight.Block) (head, body []byte), b *sidelight.Block) (ref, error) {
	s, err := q.tailLocked()
	if err != nil {
		return ref{}, q.healthLocked(err)
	}
	head, body := form(q.scratch[:0], s.use(), b)
	if len(body) <= smallBody {
		head, body = append(head, body...), nil
	}
	q.scratch = head
	return q.appendLocked(s, body)
}

// markLocked writes marks of blocks.
func (q *Queue) markLocked(k kind, ids ...uint64) error {
	s, err := q.tailLocked()
	if err != nil {
		return q.healthLocked(err)
	}
	q.scratch = q.scratch[:0]
	for _, id := range ids {
		q.scratch = appendMark(q.scratch, s.use(), k, id)
	}
	_, err = q.appendLocked(s, nil)
	return err
}

// smallBody is what is rather copied than written by a call of its own: what one
// read of a socket makes, with its escapes.
const smallBody = 128 << 10

// appendLocked writes the frames in the scratch buffer to s. The last of them
// ends with body, which may be nil.
func (q *Queue) appendLocked(s *segment, body []byte) (ref, error) {
	off, n := s.size, len(q.scratch)+len(body)
	var err error
	if q.scratch, err = s.append(q.scratch, body, q.cfg.Fsync); err != nil {
		return ref{}, q.healthLocked(err)
	}
	q.disk += int64(n)
	return ref{seg: s, off: off, n: n}, q.healthLocked(nil)
}

// healthLocked logs when writing begins to fail and when it works again. It
// returns err.
func (q *Queue) healthLocked(err error) error {
	switch {
	case err != nil && !q.failing:
		q.log.Error("the queue cannot write; holding data in memory", "err", err)
		q.trouble.Since = time.Now()
		q.trouble.Times++
	case err == nil && q.failing:
		q.log.Info("the queue writes again", "after", time.Since(q.trouble.Since).Round(time.Millisecond))
		q.trouble.Since = time.Time{}
	}
	q.failing, q.trouble.Err = err != nil, err
	return err
}

// tailLocked returns the segment to write to, beginning a new one if need be.
func (q *Queue) tailLocked() (*segment, error) {
	n := uint64(1)
	if len(q.segments) > 0 {
		last := q.segments[len(q.segments)-1]
		if last.size < q.cfg.Segment && !last.damaged {
			return last, nil
		}
		if err := last.end(); err != nil {
			return nil, err
		}
		n = last.n + 1
	}
	s := q.reuseLocked(n)
	if s == nil {
		var err error
		if s, err = createSegment(q.root, q.cfg.open, n); err != nil {
			return nil, err
		}
	}
	q.segments = append(q.segments, s)
	q.disk += s.size
	q.trimLocked()
	return s, nil
}

func (q *Queue) addRefLocked(e *entry, r ref) {
	if n := len(e.refs); n == 0 || e.refs[n-1].seg != r.seg {
		r.seg.live++
	}
	e.refs = append(e.refs, r)
	q.liveLocked(e.dest, int64(r.n))
}

// liveLocked counts n bytes of files for d, or takes them out.
func (q *Queue) liveLocked(d sidelight.DestHandle, n int64) {
	q.live += n
	if q.held[d] += n; q.held[d] == 0 {
		delete(q.held, d)
	}
}

// Held returns the bytes of files that belong to blocks for d that are not done.
func (q *Queue) Held(d sidelight.DestHandle) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held[d]
}

// forget takes a block that is done out of the books and marks it on disk.
func (q *Queue) forget(e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= int64(e.bytes)
	q.events -= e.events
	q.progress = time.Now()
	if e.block != nil {
		q.memory -= int64(e.bytes)
		e.block = nil
	}
	was := q.failing
	if e.parts == 0 {
		q.doneLocked(e)
	}
	if o := e.origin; o != nil {
		if o.parts--; o.parts == 0 {
			q.doneLocked(o)
		}
	}
	q.relievedLocked(was)
	q.trimLocked()
	q.compactLocked()
}

// lean makes e, a part of old that could not be written, rely on what is on disk
// of old.
func (q *Queue) lean(e, old *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if old.origin != nil {
		old = old.origin
	}
	e.origin = old
	old.parts++
}

// doneLocked marks what is on disk of e as done.
func (q *Queue) doneLocked(e *entry) {
	if len(e.refs) == 0 {
		return
	}
	q.dropRefsLocked(e)
	q.markDoneLocked(e.id)
}

func (q *Queue) dropRefsLocked(e *entry) {
	var last *segment
	for _, r := range e.refs {
		q.liveLocked(e.dest, -int64(r.n))
		if r.seg != last {
			last = r.seg
			last.live--
		}
	}
	e.refs = nil
}

// trimLocked removes segments from the front that hold nothing live. The order
// matters: a done frame in a later segment may speak of an earlier one.
func (q *Queue) trimLocked() {
	for len(q.segments) > 1 && q.segments[0].live == 0 {
		s := q.segments[0]
		if s.moved && !q.settleLocked() {
			return
		}
		q.segments = q.segments[1:]
		q.disk -= s.size
		if !q.keepLocked(s) {
			s.remove()
		}
	}
	q.fewerSparesLocked()
}

// load returns the block of e, which is leased, reading it back if it is not in
// memory.
func (q *Queue) load(e *entry) (*sidelight.Block, error) {
	for {
		q.mu.Lock()
		b, refs := e.block, e.refs
		q.mu.Unlock()
		if b != nil {
			return b, nil
		}
		b, err := q.readBack(e, refs)
		if err == nil {
			q.finish(b, e)
			return b, nil
		}
		if !q.movedFrom(e, refs) {
			return nil, err
		}
	}
}

// readBack reads a block's frames. No lock is needed: the segments stay while the
// block is not done and is not moved.
func (q *Queue) readBack(e *entry, refs []ref) (*sidelight.Block, error) {
	size := 0
	for _, r := range refs {
		size += r.n
	}
	b := &sidelight.Block{
		ID: e.id, Dest: e.dest, Signal: e.signal,
		Body: q.cfg.Spare.Body(size), Marks: q.cfg.Spare.Marks(e.events),
	}
	for i, r := range refs {
		// A frame is read to where its body is needed, or a little behind.
		n := len(b.Body)
		data := b.Body[n : n+r.n : n+r.n]
		if err := r.seg.read(data, r.off); err != nil {
			return nil, err
		}
		f, err := parseFrame(data)
		if err != nil {
			return nil, fmt.Errorf("segment %s at %d: %w", segmentName(r.seg.n), r.off, err)
		}
		if f.id != e.id || f.first != (i == 0) {
			return nil, errors.New("frame belongs to another block")
		}
		join(b, &f)
	}
	if b.Events == 0 || len(b.Body) == 0 {
		return nil, errors.New("the block is empty")
	}
	return b, nil
}

// join adds the bytes and events of a frame to b.
func join(b *sidelight.Block, f *frame) {
	base := uint32(len(b.Body))
	for _, m := range f.marks {
		if b.Events == 0 {
			b.First, b.Last = m.Time, m.Time
		}
		b.First, b.Last = min(b.First, m.Time), max(b.Last, m.Time)
		b.Marks = append(b.Marks, sidelight.Mark{End: base + m.End, Time: m.Time})
		b.Events++
	}
	if f.first {
		b.Head = f.head
	}
	b.Body = append(b.Body, f.body...)
	if f.kind == whole {
		b.Coding, b.Sealed = f.coding, true
	}
}

// damaged forgets a block that cannot be read, keeping its files aside.
func (q *Queue) damaged(it *line.Item[*entry]) {
	q.mu.Lock()
	for _, r := range it.Value.refs {
		r.seg.damaged = true
	}
	lost := it.Value.events
	q.mu.Unlock()
	q.forget(it.Value)
	it.Done()
	if q.cfg.Damaged != nil {
		q.cfg.Damaged(it.Value.signal, lost)
	}
}

// Release closes the files. Nothing may be leased any more. An empty queue
// leaves no segments behind.
func (q *Queue) Release() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropSparesLocked(0)
	if n := len(q.segments); n > 0 {
		// Should that fail, the mark of the end is there.
		_ = q.segments[n-1].end()
	}
	if q.events == 0 && len(q.growing) == 0 {
		for _, s := range q.segments {
			s.remove()
		}
		q.segments = nil
	}
	return q.closeFiles()
}

func (q *Queue) closeFiles() error {
	var errs []error
	for _, s := range q.segments {
		errs = append(errs, s.file.Close())
	}
	errs = append(errs, q.lock.Close(), q.root.Close())
	return errors.Join(errs...)
}
