package refused

import (
	"bytes"
	"fmt"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/pack"
)

// Shelf keeps what one queue's deliveries refused.
type Shelf struct {
	store *Store
	queue string
	enc   sidelight.Encoder
}

// Shelf returns the place of a queue whose blocks enc wrote.
func (s *Store) Shelf(queue string, enc sidelight.Encoder) *Shelf {
	return &Shelf{store: s, queue: queue, enc: enc}
}

// Keep sets the events of the sealed block b at the given positions, which
// ascend, aside. What cannot be kept is counted and logged: delivery goes on. It
// does not keep b.
func (h *Shelf) Keep(b *sidelight.Block, at []int, reason string, cause error) {
	if h.store.cfg.Limit <= 0 || len(at) == 0 {
		return
	}
	records, err := h.records(b, at, Record{Reason: reason}, cause)
	h.put(records, len(at), err)
}

// Miss is told that events of b were refused and that the service did not name
// them. Where it never does, all of b are set aside, marked as what they are:
// each may have been taken. That is bounded, so that a service which refuses a
// little of everything does not have everything written, and what was named
// displaced.
func (h *Shelf) Miss(b *sidelight.Block, events int, reason string, cause error) {
	s := h.store
	if s.cfg.Limit <= 0 {
		return
	}
	_, lists := h.enc.(sidelight.Lister)
	if !lists || !s.mayDoubt(len(b.Body)) {
		s.put(nil, 0, events, nil)
		return
	}
	at := make([]int, b.Events)
	for i := range at {
		at[i] = i
	}
	records, err := h.records(b, at, Record{Reason: reason, Maybe: fmt.Sprintf("%d of %d", events, b.Events)}, cause)
	h.put(records, events, err)
}

// put writes records, which stand for so many refused events, or counts these as
// lost.
func (h *Shelf) put(records []Record, events int, err error) {
	if err != nil {
		h.store.put(nil, 0, events, err)
		return
	}
	h.store.put(records, events, 0, nil)
}

// put writes records. lost more are counted, and err, if not nil, is why.
func (s *Store) put(records []Record, events, lost int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Lost += uint64(lost)
	if err == nil && len(records) == 0 {
		return
	}
	if err == nil {
		err = s.appendLocked(records)
	} else {
		events = lost
	}
	switch {
	case err != nil && !s.failing:
		s.log.Error("cannot set refused events aside; they are only counted", "events", events, "err", err)
	case err == nil && s.failing:
		s.log.Info("refused events are set aside again")
	}
	s.failing = err != nil
}

// records reads events back out of b, each into a copy of like.
func (h *Shelf) records(b *sidelight.Block, at []int, like Record, cause error) ([]Record, error) {
	d := b.Dest.Value()
	like.Time, like.Queue, like.Signal, like.Group, like.Stream = time.Now().UTC(), h.queue, b.Signal.String(), d.Group, d.Stream
	if cause != nil {
		like.Error = cause.Error()
	}
	out := make([]Record, 0, len(at))
	add := func(i int, body, text []byte) {
		r := like
		r.At = b.Marks[i].Time
		if text == nil {
			r.setBody(body)
		} else {
			r.Data, r.Text = bytes.Clone(body), string(text)
		}
		out = append(out, r)
	}
	if lister, ok := h.enc.(sidelight.Lister); ok {
		err := listed(lister, b, at, add)
		return out, err
	}
	reader, ok := h.enc.(sidelight.Reader)
	if !ok {
		return nil, fmt.Errorf("the exporter of the queue %s cannot read back what it wrote", h.queue)
	}
	raw, err := pack.Raw(b)
	if err != nil {
		return nil, err
	}
	for _, i := range at {
		if i < 0 || i >= len(raw) {
			return nil, fmt.Errorf("event %d of %d", i, len(raw))
		}
		body, err := reader.Read(raw[i])
		if err != nil {
			return nil, err
		}
		add(i, body, nil)
	}
	return out, nil
}

// listed calls add for the events of b at the given positions, which ascend.
func listed(from sidelight.Lister, b *sidelight.Block, at []int, add func(i int, body, text []byte)) error {
	body, err := pack.Plain(b)
	if err != nil {
		return err
	}
	n := 0
	err = from.List(body, func(event, text []byte) {
		if len(at) > 0 && at[0] == n && n < len(b.Marks) {
			add(n, event, text)
			at = at[1:]
		}
		n++
	})
	if err == nil && (len(at) > 0 || n != len(b.Marks)) {
		err = fmt.Errorf("a body of %d events has %d", len(b.Marks), n)
	}
	return err
}

// doubtShare is the part of the limit that events which were perhaps refused may
// take in doubtTime.
const (
	doubtShare = 4
	doubtTime  = time.Minute
)

// allowance is what may still be written of events that were perhaps refused.
type allowance struct {
	left int64
	at   time.Time
}

// mayDoubt reports whether so many bytes of events that were perhaps refused may
// be written.
func (s *Store) mayDoubt(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	most, now := s.cfg.Limit/doubtShare, time.Now()
	d := &s.doubts
	if d.at.IsZero() {
		d.left = most
	} else {
		d.left = min(most, d.left+int64(float64(most)*now.Sub(d.at).Seconds()/doubtTime.Seconds()))
	}
	d.at = now
	if int64(n) > d.left {
		return false
	}
	d.left -= int64(n)
	return true
}
