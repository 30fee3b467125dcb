package traces

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/order"
)

const (
	// overlap is how far behind the last look the next one begins: X-Ray shows
	// what it was sent some seconds later.
	overlap = 30 * time.Second
	// patience is how long a trace that still grows is waited for.
	patience = 30 * time.Second
	// slowest is the longest pause that throttles lead to.
	slowest = time.Minute
)

// Watch says what to follow.
type Watch struct {
	// From is where to begin.
	From time.Time
	// Filter is a filter expression; empty for all traces.
	Filter string
	// Interval is the time between two looks. It must be positive.
	Interval time.Duration
	// Slowed, if not nil, hears of each throttle or passing fault, and how long
	// the watch waits for it.
	Slowed func(err error, pause time.Duration)
}

// Watch calls emit with the traces that come, each once and the older first: when
// nothing was added to it between two looks, or half a minute after it was first
// seen. It blocks until ctx ends (whose error it returns), emit fails, or X-Ray
// refuses; throttles slow it down and never end it.
func (r *Reader) Watch(ctx context.Context, w Watch, emit func([]types.TraceSummary) error) error {
	s := watching{known: map[string]*watched{}, from: w.From}
	pause := w.Interval
	for {
		now := time.Now()
		found, err := r.look(ctx, &w, s.from, now)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !passing(err):
			return fmt.Errorf("watch traces: %w", err)
		case err != nil:
			pause = min(pause*2, max(slowest, w.Interval))
			if w.Slowed != nil {
				w.Slowed(err, pause)
			}
		default:
			pause = w.Interval
			if ready := s.take(found, now); len(ready) > 0 {
				if err := emit(ready); err != nil {
					return err
				}
			}
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// look returns the traces of which something arrived from one time to another.
func (r *Reader) look(ctx context.Context, w *Watch, from, to time.Time) ([]types.TraceSummary, error) {
	out := new(List)
	seen := map[string]bool{}
	for _, s := range split(from, to) {
		in := &xray.GetTraceSummariesInput{StartTime: &s.from, EndTime: &s.to, TimeRangeType: types.TimeRangeTypeEvent}
		if w.Filter != "" {
			in.FilterExpression = &w.Filter
		}
		found, err := r.pages(ctx, in, 0, out, seen)
		if err != nil {
			return nil, err
		}
		out.Traces = append(out.Traces, found...)
	}
	return out.Traces, nil
}

// watching is what a watch remembers.
type watching struct {
	from  time.Time
	known map[string]*watched
}

// watched is a trace that was seen.
type watched struct {
	summary     types.TraceSummary
	first, last time.Time // looks that it was in
	told        bool
}

// take notes what a look found and returns what is ready to be told.
func (s *watching) take(found []types.TraceSummary, now time.Time) (ready []types.TraceSummary) {
	for i := range found {
		id := aws.ToString(found[i].Id)
		x := s.known[id]
		if x == nil {
			s.known[id] = &watched{summary: found[i], first: now, last: now}
			continue
		}
		x.last = now
		if same := isSame(&x.summary, &found[i]); !x.told && (same || now.Sub(x.first) >= patience) {
			x.told = true
			ready = append(ready, found[i])
		}
		x.summary = found[i]
	}
	for id, x := range s.known {
		// What a look no longer finds was not added to since.
		if !x.told && x.last.Before(now) {
			x.told = true
			ready = append(ready, x.summary)
		}
		if now.Sub(x.last) > 2*overlap {
			delete(s.known, id)
		}
	}
	if from := now.Add(-overlap); from.After(s.from) {
		s.from = from
	}
	order.Stable(ready, func(a, b types.TraceSummary) int { return start(a).Compare(start(b)) })
	return ready
}

// isSame reports whether nothing was added to a trace that is over.
func isSame(a, b *types.TraceSummary) bool {
	return !aws.ToBool(b.IsPartial) && a.Revision == b.Revision &&
		aws.ToFloat64(a.Duration) == aws.ToFloat64(b.Duration) && len(a.ServiceIds) == len(b.ServiceIds) &&
		aws.ToBool(a.HasFault) == aws.ToBool(b.HasFault) && aws.ToBool(a.HasError) == aws.ToBool(b.HasError)
}

// passing reports whether an error goes away by waiting: a throttle, or a fault
// of the server.
func passing(err error) bool {
	status, code := awsapi.Details(err)
	if status == 0 && code == "" {
		return false
	}
	kind := awsapi.Classify(status, code)
	return kind == sidelight.Throttled || kind == sidelight.Transient
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
