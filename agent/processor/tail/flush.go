package tail

import (
	"context"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/bothforms"
)

// flush pushes what goes on. It waits while there is no room.
func (s *Sampler) flush(ctx context.Context) error {
	for len(s.out) > 0 {
		n := min(len(s.out), maxBatch)
		if err := s.push(ctx, s.out[:n]); err != nil {
			return err
		}
		rest := copy(s.out, s.out[n:])
		clear(s.out[rest:])
		s.out = s.out[:rest]
	}
	return nil
}

// push pushes spans in the forms that are wanted, and settles them. Documents come
// first: their sink waits for the room of both.
func (s *Sampler) push(ctx context.Context, refs []ref) error {
	s.docs, s.entries = s.docs[:0], s.entries[:0]
	for _, r := range refs {
		if r.in == nil {
			continue // it is settled: its push succeeded, and that of others failed
		}
		at := r.in.block.Marks[r.at].Time
		doc, entry := s.forms(r)
		if doc != nil {
			s.docs = append(s.docs, sidelight.Event{Time: at, Body: doc})
		}
		if entry != nil {
			s.entries = append(s.entries, sidelight.Event{Time: at, Body: entry})
		}
	}
	for i, b := range [...]sidelight.Batch{{Dest: s.dest, Events: s.docs}, {Dest: s.spans, Events: s.entries}} {
		if len(b.Events) == 0 {
			continue
		}
		b.Signal, b.Source = sidelight.Traces, "sampled"
		if err := s.next.Push(ctx, &b); err != nil {
			return err
		}
		if i == 0 {
			s.settleDocuments(refs)
		}
	}
	for i := range refs {
		if refs[i].in != nil {
			s.settle(refs[i])
			refs[i].in = nil
		}
	}
	clear(s.docs)
	clear(s.entries)
	return nil
}

// forms returns the document and the entry that leave of a span, nil for what does
// not.
func (s *Sampler) forms(r ref) (doc, entry []byte) {
	doc, entry = bothforms.Split(r.event())
	switch {
	case entry == nil || s.spans == sidelight.DestHandle{}:
		return doc, nil
	case !s.cfg.Documents:
		return nil, entry
	}
	return doc, entry
}

// settleDocuments settles those of which nothing but the document leaves.
func (s *Sampler) settleDocuments(refs []ref) {
	for i := range refs {
		if refs[i].in == nil {
			continue
		}
		if _, entry := s.forms(refs[i]); entry == nil {
			s.settle(refs[i])
			refs[i].in = nil
		}
	}
}
