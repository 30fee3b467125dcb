package processor

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/expr"
	"github.com/sidelight-dev/sidelight/internal/loglevel"
)

// filter drops events: those that are not wanted, those that a sample leaves
// out, and those that are too many.
type filter struct {
	keep, drop *expr.Expr
	sample     *[loglevel.Count]float64
	limit      *limiter
	tally      *tally

	subject expr.Subject
}

// Process drops events of b. It never fails.
func (f *filter) Process(_ context.Context, b *sidelight.Batch) error {
	kept := b.Events[:0]
	f.subject.Reset(b.Source, nil)
	for i := range b.Events {
		e := b.Events[i]
		f.subject.Next(e.Body)
		switch {
		case f.unwanted() && !isEMF(e.Body):
			f.tally.filtered++
		case f.unlucky() && !isEMF(e.Body):
			f.tally.sampled++
		default:
			kept = append(kept, e)
		}
	}
	b.Events = kept
	if f.limit != nil && len(kept) > 0 {
		f.throttle(b)
	}
	return nil
}

func (f *filter) unwanted() bool {
	return f.keep != nil && !f.keep.Match(&f.subject) || f.drop != nil && f.drop.Match(&f.subject)
}

func (f *filter) unlucky() bool {
	if f.sample == nil {
		return false
	}
	l := f.subject.Level()
	if l == loglevel.Unknown {
		l = loglevel.Info
	}
	part := f.sample[l]
	return part < 1 && rand.Float64() >= part
}

// throttle leaves as many events in b as may go on now.
func (f *filter) throttle(b *sidelight.Batch) {
	bucket := f.limit.bucket(b)
	room := bucket.take(len(b.Events), time.Now())
	if room == len(b.Events) {
		return
	}
	f.tally.bucket = bucket
	kept := b.Events[:room]
	for _, e := range b.Events[room:] {
		if isEMF(e.Body) {
			kept = append(kept, e)
			continue
		}
		f.tally.limited++
	}
	b.Events = kept
}
