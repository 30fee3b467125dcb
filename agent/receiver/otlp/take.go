package otlp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

// service answers requests on behalf of a running receiver.
type service struct {
	*Receiver
	out sidelight.Sink
}

// result is what became of a request that was taken in.
type result struct {
	// rejected counts the items that are not valid; why is about the first.
	rejected int
	why      string
}

func (r *result) reject(err error) {
	r.rejected++
	if r.why == "" {
		r.why = err.Error()
	}
}

// take takes in the request of kind sig that s.body holds and waits until it is
// safe. It gives s back.
func (v *service) take(ctx context.Context, sig sidelight.Signal, s *scratch, isJSON bool) (result, error) {
	res, ticket, done, err := v.push(ctx, sig, s, isJSON)
	if err != nil {
		return res, err
	}
	ticket.Release(nil)
	wait := time.NewTimer(v.cfg.AckWait)
	defer wait.Stop()
	select {
	case err := <-done:
		if err == nil && res.rejected > 0 {
			v.books.Lose(sig, "invalid", res.rejected)
		}
		return res, err
	case <-wait.C:
		return res, errUnsafe
	case <-ctx.Done():
		return res, context.Cause(ctx)
	}
}

// errUnsafe ends a request whose data is taken but not safe in time. The sender
// keeps it and sends it again.
var errUnsafe = errors.New("the data is not safe yet")

// push decodes the request, pushes what it brought, and gives s back. Unless it
// fails, the caller must release the ticket; what comes of it then arrives at
// done.
func (v *service) push(ctx context.Context, sig sidelight.Signal, s *scratch, isJSON bool) (res result, t *sidelight.Ticket, done <-chan error, err error) {
	defer v.scratch.put(s)
	// Documents are longer than what they are made of.
	factor := 4
	if (v.cfg.Pair != sidelight.Dest{}) {
		factor = 8
	}
	if err := s.need(min(factor*len(s.body), int(v.cfg.Memory))); err != nil {
		return res, nil, nil, err
	}
	body := s.body
	if isJSON {
		if s.wire, err = v.json.Append(s.wire[:0], v.request(sig), body); err != nil {
			return res, nil, nil, err
		}
		body = s.wire
	}
	ended := make(chan error, 1)
	t = sidelight.NewTicket(func(err error) { ended <- err })
	switch sig {
	case sidelight.Traces:
		res, err = v.pushTraces(ctx, s, body, t)
	case sidelight.Logs:
		res, err = v.pushLogs(ctx, s, body, t)
	case sidelight.Metrics:
		res, err = v.metrics.record(s, body, v.defaults)
	}
	if err != nil {
		t.Release(nil)
	}
	return res, t, ended, err
}

func (v *service) request(sig sidelight.Signal) otlpwire.Request {
	switch sig {
	case sidelight.Traces:
		return v.json.Traces
	case sidelight.Logs:
		return v.json.Logs
	}
	return v.json.Metrics
}

// pushTraces makes one batch of all the request's segments, and one of its spans,
// of what is wanted, or one of both.
func (v *service) pushTraces(ctx context.Context, s *scratch, body []byte, t *sidelight.Ticket) (res result, err error) {
	s.docs.Reset()
	s.native.reset()
	s.pairs.reset()
	s.times, s.events, s.facts = s.times[:0], s.events[:0], s.facts[:0]
	keep := v.cfg.Spans != sidelight.Dest{}
	pair := v.cfg.Pair != sidelight.Dest{}
	translate := pair || !keep || v.cfg.Traces != sidelight.Dest{}
	err = s.traces.Decode(body, func() error {
		if keep {
			s.native.prepare(&s.traces.Resource, v.defaults)
		}
		s.traces.Resource.Attrs = withDefaults(s.traces.Resource.Attrs, v.defaults)
		v.xray.Prepare(&s.xray, s.traces.Resource.Attrs)
		s.sender = spanfact.SenderOf(s.traces.Resource.Attrs)
		return nil
	}, func() error {
		known := len(s.facts)
		if v.cfg.Observe != nil || v.cfg.Note != nil {
			s.facts = append(s.facts, spanfact.OfSpan(s.sender, &s.traces.Span))
			if v.cfg.Annotate != nil {
				s.traces.Span.Attrs = v.cfg.Annotate(s.traces.Span.Attrs, &s.facts[known])
			}
		}
		if err := s.span(v.xray, translate); err != nil {
			s.facts = s.facts[:known]
			res.reject(err)
			return nil
		}
		at := millis(max(s.traces.Span.Start, s.traces.Span.End))
		if pair && len(s.docs.Ends) > len(s.times) {
			s.pairs.pair(s, len(s.times), v.cfg.Traces != sidelight.Dest{}, at)
		}
		for len(s.times) < len(s.docs.Ends) {
			s.times = append(s.times, at)
		}
		if keep && !pair {
			s.native.append(&s.traces, at)
		}
		return nil
	})
	if err != nil || len(s.times)+len(s.native.spans) == 0 {
		return res, err
	}
	if v.cfg.Note != nil {
		v.cfg.Note(s.facts)
	}
	err = v.pushForms(ctx, s, t, translate, keep)
	if err == nil && v.cfg.Observe != nil {
		v.cfg.Observe(s.facts)
	}
	return res, err
}

// pushForms pushes what pushTraces made.
func (v *service) pushForms(ctx context.Context, s *scratch, t *sidelight.Ticket, translate, keep bool) (err error) {
	wait := v.cfg.PushWait
	if (v.cfg.Pair != sidelight.Dest{}) {
		return v.offer(ctx, &sidelight.Batch{Signal: sidelight.Traces, Dest: v.pair, Events: s.pairs.events(), Ticket: t}, wait)
	}
	if translate {
		for i, at := range s.times {
			s.events = append(s.events, sidelight.Event{Time: at, Body: s.docs.Doc(i)})
		}
		err = v.offer(ctx, &sidelight.Batch{Signal: sidelight.Traces, Dest: v.traces, Events: s.events, Ticket: t}, wait)
		// To send the sender away after this would make the segments come twice.
		wait = v.cfg.AckWait
	}
	if keep && err == nil {
		err = v.offer(ctx, &sidelight.Batch{Signal: sidelight.Traces, Dest: v.spans, Events: s.native.events(), Ticket: t}, wait)
	}
	return err
}

// span translates the span at hand, or only checks it.
func (s *scratch) span(x *xraydoc.Translator, translate bool) error {
	if translate {
		return x.Append(&s.docs, &s.xray, &s.traces.Span)
	}
	return xraydoc.Check(&s.traces.Span)
}

func millis(ns uint64) int64 { return int64(ns / 1e6) }

// offer pushes b with a bounded wait.
func (v *service) offer(ctx context.Context, b *sidelight.Batch, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return v.out.Push(ctx, b)
}

// group is the log records of a request that go to one destination.
type group struct {
	dest   sidelight.DestHandle
	events []sidelight.Event
}

// groupFor returns the index of d's group in the request.
func (s *scratch) groupFor(d sidelight.DestHandle) int {
	for i := range s.groups {
		if s.groups[i].dest == d {
			return i
		}
	}
	n := len(s.groups)
	if n < cap(s.groups) {
		s.groups = s.groups[:n+1]
	} else {
		s.groups = append(s.groups, group{})
	}
	s.groups[n].dest, s.groups[n].events = d, s.groups[n].events[:0]
	return n
}

// pushLogs makes one batch of the request's records for each destination,
// mostly one.
func (v *service) pushLogs(ctx context.Context, s *scratch, body []byte, t *sidelight.Ticket) (res result, err error) {
	s.log.reset(uint64(time.Now().UnixNano()))
	s.groups = s.groups[:0]
	var to int
	err = s.logs.Decode(body, func() error {
		s.logs.Resource.Attrs = withDefaults(s.logs.Resource.Attrs, v.defaults)
		s.log.Prepare(s.logs.Resource.Attrs)
		to = s.groupFor(v.cfg.Logs(string(s.log.Service)).Handle())
		return nil
	}, func() error {
		s.log.append(&s.logs.Scope, &s.logs.Record, to)
		return nil
	})
	if err != nil {
		return res, err
	}
	s.log.share(s.groups)
	wait := v.cfg.PushWait
	for _, g := range s.groups {
		if len(g.events) == 0 {
			continue
		}
		if err := v.offer(ctx, &sidelight.Batch{Signal: sidelight.Logs, Dest: g.dest, Source: "otlp", Events: g.events, Ticket: t}, wait); err != nil {
			return res, err
		}
		// A part is taken. To send the sender away now would make it come twice.
		wait = v.cfg.AckWait
	}
	return res, nil
}

// refusal is how a request that was not taken is answered.
type refusal struct {
	http  int
	code  int // of gRPC
	retry bool
	text  string
}

// The status codes of gRPC that are used here.
const (
	grpcInvalid       = 3
	grpcDeadline      = 4
	grpcExhausted     = 8
	grpcUnimplemented = 12
	grpcUnavailable   = 14
)

func refusalOf(err error) refusal {
	switch {
	case errors.Is(err, otlpwire.ErrMalformed):
		return refusal{http: 400, code: grpcInvalid, text: err.Error()}
	case errors.Is(err, errLong):
		return refusal{http: 413, code: grpcExhausted, text: err.Error()}
	case errors.Is(err, errNoMetrics):
		return refusal{http: 404, code: grpcUnimplemented, text: err.Error()}
	case errors.Is(err, sidelight.ErrFull), errors.Is(err, errMemory):
		return refusal{http: 429, code: grpcExhausted, retry: true, text: err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return refusal{http: 503, code: grpcDeadline, retry: true, text: "the request's time is over"}
	}
	return refusal{http: 503, code: grpcUnavailable, retry: true, text: fmt.Sprintf("not taken: %v", err)}
}
