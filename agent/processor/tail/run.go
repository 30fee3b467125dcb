package tail

import (
	"context"
	"errors"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/bothforms"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

const (
	// maxLease is more than one block and what is noted of its spans can take:
	// one span of maxEvent that grew by a quarter too much, and a trace for each of
	// 1024 spans.
	maxLease = 1 << 20
	// MinMemory is the least that Config.Memory can be.
	MinMemory = 4 * maxLease
	// traceBytes and refBytes are what is noted of a trace and of a span, with
	// what a map and a grown slice take beside.
	traceBytes = 320
	refBytes   = 32
	// earlyStep is how many traces are decided early before what came of it is
	// passed on.
	earlyStep = 64
	// maxBatch bounds the documents of one push.
	maxBatch = 512
)

// errLinger ends the wait for room after Close.
var errLinger = errors.New("there is no room for kept traces")

// Run decides until the queue is closed and empty, or ctx ends, or there is no
// room behind it for Config.Linger after Close. What is then not decided or not
// passed on stays in the queue.
func (s *Sampler) Run(ctx context.Context) error {
	defer s.giveBack()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.closing, func() {
		t := time.NewTimer(s.cfg.Linger)
		defer t.Stop()
		select {
		case <-t.C:
			cancel(errLinger)
		case <-ctx.Done():
		}
	})()
	for {
		err := s.turn(ctx)
		switch {
		case err == nil:
		case errors.Is(err, sidelight.ErrClosed) && len(s.holds) == 0:
			return nil
		case errors.Is(context.Cause(ctx), errLinger):
			s.log.Warn("kept traces stay in the queue of undecided spans", "err", err)
			return nil
		default:
			return err
		}
	}
}

// turn decides what is due and takes one block, or waits until something is due.
func (s *Sampler) turn(ctx context.Context) error {
	s.due(time.Now())
	if err := s.flush(ctx); err != nil {
		return err
	}
	for s.memory+maxLease > s.cfg.Memory && len(s.traces) > 0 {
		for range min(earlyStep, len(s.traces)) {
			s.early("memory")
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	s.publish()
	lease, err := s.take(ctx)
	if lease != nil {
		s.hold(lease)
		s.peak = max(s.peak, s.memory)
		return s.flush(ctx)
	}
	return err
}

// take leases a block. It returns neither a block nor an error when it is time to
// decide.
func (s *Sampler) take(ctx context.Context) (sidelight.Lease, error) {
	if s.closing.Err() != nil {
		return s.takeLast(ctx)
	}
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	if t := s.oldest(); t != nil {
		var end context.CancelFunc
		wait, end = context.WithDeadline(wait, t.deadline)
		defer end()
	}
	undo := context.AfterFunc(s.closing, cancel)
	defer undo()
	lease, err := s.queue.Take(wait)
	if err != nil && ctx.Err() == nil && wait.Err() != nil {
		return nil, nil
	}
	return lease, err
}

// takeLast takes what is still in the queue at the end. When all of that is held,
// it is decided.
func (s *Sampler) takeLast(ctx context.Context) (sidelight.Lease, error) {
	if len(s.holds) == 0 {
		return s.queue.Take(ctx)
	}
	now, cancel := context.WithCancel(ctx)
	cancel()
	if lease, err := s.queue.Take(now); lease != nil {
		return lease, err
	}
	for len(s.traces) > 0 {
		s.early("shutdown")
	}
	return nil, s.flush(ctx)
}

// hold takes in the documents of a block.
func (s *Sampler) hold(lease sidelight.Lease) {
	b := lease.Block()
	h := &held{lease: lease, block: b, open: make([]bool, len(b.Marks)), left: len(b.Marks)}
	h.bytes = int64(cap(b.Body) + 16*cap(b.Marks) + len(h.open))
	s.memory += h.bytes
	s.holds[h] = struct{}{}
	now := time.Now()
	for i := range h.open {
		h.open[i] = true
	}
	if h.left == 0 {
		s.commit(h)
	}
	for i := range h.open {
		r := ref{h, i}
		doc, _ := bothforms.Split(r.event())
		// A document that cannot be told is for X-Ray to refuse.
		if f, ok := s.reader.Head(doc); ok {
			s.span(r, &f, doc, now)
		} else {
			s.pass(r)
		}
	}
}

// event is a document, or a span in both forms.
func (r ref) event() []byte {
	b, start := r.in.block, uint32(r.in.block.Head)
	if r.at > 0 {
		start = b.Marks[r.at-1].End
	}
	return b.Body[start:b.Marks[r.at].End]
}

// span adds a document to its trace, or sends it after its trace.
func (s *Sampler) span(r ref, f *spanfact.Fact, doc []byte, now time.Time) {
	id := [16]byte(f.TraceID)
	if keep, known := s.recall(id); known {
		if keep {
			s.pass(r)
			return
		}
		s.books.Drop(sidelight.Traces, LeftOut, 1)
		s.settle(r)
		return
	}
	t := s.traces[id]
	if t == nil {
		t = s.newTrace(id, now.Add(s.cfg.Wait))
	}
	t.refs = append(t.refs, r)
	s.memory += refBytes
	t.failed = t.failed || f.Error || f.Fault || f.Throttle
	t.chosen = t.chosen || f.Decided
	if t.first == 0 || f.Start < t.first {
		t.first = f.Start
	}
	t.last = max(t.last, f.End)
	if f.Role == spanfact.Entry {
		s.judge.meet(t, f, doc, now)
	}
	if why, ok := s.judge.certain(t); ok {
		s.finish(t, true, why)
	} else if s.judge.ready(t) {
		keep, why := s.judge.decide(t, now)
		s.finish(t, keep, why)
	}
}

func (s *Sampler) newTrace(id [16]byte, deadline time.Time) *trace {
	t := &trace{}
	if n := len(s.spare); n > 0 {
		t, s.spare = s.spare[n-1], s.spare[:n-1]
	}
	*t = trace{id: id, deadline: deadline, part: -1, refs: t.refs[:0]}
	s.traces[id] = t
	s.order = append(s.order, t)
	s.memory += traceBytes
	return t
}

// oldest returns the trace that must be decided next, nil if there is none.
func (s *Sampler) oldest() *trace {
	for s.head < len(s.order) {
		t := s.order[s.head]
		if !t.done {
			return t
		}
		s.order[s.head] = nil
		s.head++
		if cap(t.refs) <= 64 && len(s.spare) < 1024 {
			s.spare = append(s.spare, t)
		}
	}
	s.order, s.head = s.order[:0], 0
	return nil
}

func (s *Sampler) due(now time.Time) {
	for t := s.oldest(); t != nil && !t.deadline.After(now); t = s.oldest() {
		keep, why := s.judge.decide(t, now)
		s.finish(t, keep, why)
	}
	// What is done in front takes no room for ever.
	if s.head > 1024 && s.head > len(s.order)/2 {
		s.order = s.order[:copy(s.order, s.order[s.head:])]
		s.head = 0
	}
}

// early decides the oldest trace by what is known of it.
func (s *Sampler) early(cause string) {
	t := s.oldest()
	if t == nil {
		return
	}
	keep, why := s.judge.decide(t, time.Now())
	s.mu.Lock()
	s.stats.Early[cause]++
	s.mu.Unlock()
	s.finish(t, keep, why)
}

// finish carries a decision out and remembers it.
func (s *Sampler) finish(t *trace, keep bool, why string) {
	s.mu.Lock()
	s.decided.put(t.id, keep, false)
	if keep {
		s.stats.Kept[why]++
	} else {
		s.stats.LeftOut[why]++
	}
	s.mu.Unlock()
	if keep {
		for _, r := range t.refs {
			s.pass(r)
		}
	} else {
		s.books.Drop(sidelight.Traces, LeftOut, len(t.refs))
		for _, r := range t.refs {
			s.settle(r)
		}
	}
	s.memory -= traceBytes + refBytes*int64(len(t.refs))
	delete(s.traces, t.id)
	clear(t.refs)
	t.refs, t.done, t.rule = t.refs[:0], true, nil
}

// pass puts a span with those that go on.
func (s *Sampler) pass(r ref) { s.out = append(s.out, r) }

// settle notes that nothing more is to be done for a document.
func (s *Sampler) settle(r ref) {
	h := r.in
	h.open[r.at] = false
	if h.left--; h.left == 0 {
		s.commit(h)
	}
}

func (s *Sampler) commit(h *held) {
	if err := h.lease.Commit(); err != nil {
		s.log.Error("cannot forget spans that are decided", "err", err)
	}
	delete(s.holds, h)
	s.memory -= h.bytes
}

// giveBack leaves in the queue what is not settled, and nothing else.
func (s *Sampler) giveBack() {
	for h := range s.holds {
		var at []int
		for i, open := range h.open {
			if open {
				at = append(at, i)
			}
		}
		if len(at) == len(h.open) {
			_ = h.lease.Return(0) // it is in memory, and stays in line
			continue
		}
		part, err := pack.Divide(Encoder{}, h.block, at)
		if err == nil {
			err = h.lease.Commit(part)
		}
		if err != nil {
			s.log.Error("cannot give spans back; they are decided again", "spans", len(at), "err", err)
		}
	}
	s.reset()
	s.publish()
}

// recall returns what was decided of a trace before.
func (s *Sampler) recall(id [16]byte) (keep, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.decided.get(id)
	switch {
	case d == 0:
		return false, false
	case d&noted != 0:
		s.stats.Noted++
	default:
		s.stats.Late++
	}
	return d&kept != 0, true
}

func (s *Sampler) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Waiting, s.stats.Bytes = len(s.traces), s.memory
	s.stats.Peak = s.peak
}
