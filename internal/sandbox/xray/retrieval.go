package xray

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/segment"
)

// Limits of retrievals. The service documents that one ends after an hour; how
// many traces it takes and how many are on a page are ours, to keep the cost of a
// request in bounds.
const (
	retrievalFor       = time.Hour
	maxRetrievals      = 100
	maxRetrievedTraces = 500
	retrievalPage      = 20
)

// retrieval is one StartTraceRetrieval. The sandbox has no Transaction Search: it
// retrieves from the traces of X-Ray, when it is asked for them.
type retrieval struct {
	token      string
	ids        []string // each once
	start, end float64  // epoch seconds, both inclusive
	began      time.Time
	cancelled  bool
}

type retrievals struct {
	mu  sync.Mutex
	all []*retrieval // oldest first
}

func (r *retrievals) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = nil
}

// add keeps a retrieval and forgets the oldest beyond the bound.
func (r *retrievals) add(x *retrieval) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, x)
	r.all = slices.Delete(r.all, 0, max(0, len(r.all)-maxRetrievals))
}

// find returns a copy of the retrieval of a token, having made change to it.
func (r *retrievals) find(token *string, now time.Time, change func(*retrieval)) (retrieval, error) {
	if aws.ToString(token) == "" {
		return retrieval{}, invalid("RetrievalToken is missing")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.all {
		if x.token == *token && now.Sub(x.began) < retrievalFor {
			change(x)
			return *x, nil
		}
	}
	return retrieval{}, notFound("", "there is no retrieval with the token %q", *token)
}

// StartTraceRetrieval begins to retrieve traces, which ends at once. IDs of no
// known trace are left out of the results.
func (s *Service) StartTraceRetrieval(_ context.Context, in *xray.StartTraceRetrievalInput) (*xray.StartTraceRetrievalOutput, error) {
	switch n := len(in.TraceIds); {
	case in.StartTime == nil || in.EndTime == nil:
		return nil, invalid("StartTime and EndTime are required")
	case in.EndTime.Before(*in.StartTime):
		return nil, invalid("EndTime is before StartTime")
	case in.TraceIds == nil:
		return nil, invalid("TraceIds is missing")
	case n > maxRetrievedTraces:
		return nil, invalid("%d trace IDs exceed %d a call", n, maxRetrievedTraces)
	}
	x := &retrieval{token: rand.Text(), start: epoch(*in.StartTime), end: epoch(*in.EndTime), began: s.opts.Clock.Now()}
	for _, id := range in.TraceIds {
		if !segment.ValidTraceID(id) {
			return nil, invalid("trace ID %q is malformed", id)
		}
		if !slices.Contains(x.ids, id) {
			x.ids = append(x.ids, id)
		}
	}
	s.retrievals.add(x)
	s.Changed()
	return &xray.StartTraceRetrievalOutput{RetrievalToken: &x.token}, nil
}

// CancelTraceRetrieval cancels a retrieval: it has no results any more.
func (s *Service) CancelTraceRetrieval(_ context.Context, in *xray.CancelTraceRetrievalInput) (*xray.CancelTraceRetrievalOutput, error) {
	_, err := s.retrievals.find(in.RetrievalToken, s.opts.Clock.Now(), func(x *retrieval) {
		x.cancelled = true
		s.Changed()
	})
	if err != nil {
		return nil, err
	}
	return &xray.CancelTraceRetrievalOutput{}, nil
}

// retrieved returns the traces of a retrieval and its status.
func (s *Service) retrieved(token *string) ([]*trace, types.RetrievalStatus, error) {
	now := s.opts.Clock.Now()
	x, err := s.retrievals.find(token, now, func(*retrieval) {})
	if err != nil {
		return nil, "", err
	}
	if x.cancelled {
		return nil, types.RetrievalStatusCancelled, nil
	}
	s.store.expire(now)
	var out []*trace
	for _, id := range x.ids {
		t := s.store.get(id)
		if t == nil {
			continue
		}
		a := newAnatomy(t.id, t.account, s.store.documents(s.store.version(t)))
		if start, end, partial := a.span(); start <= x.end && (partial || end >= x.start) {
			out = append(out, t)
		}
	}
	return out, types.RetrievalStatusComplete, nil
}

// ListRetrievedTraces returns the traces of a retrieval with their segments, 20 a
// page, in the form of X-Ray: a span of the answer is a segment document.
func (s *Service) ListRetrievedTraces(_ context.Context, in *xray.ListRetrievedTracesInput) (*xray.ListRetrievedTracesOutput, error) {
	switch in.TraceFormat {
	case "", types.TraceFormatTypeXray:
	case types.TraceFormatTypeOtel:
		return nil, invalid("TraceFormat OTEL is not supported: the sandbox keeps segments and not spans")
	default:
		return nil, invalid("TraceFormat %q is not one", in.TraceFormat)
	}
	traces, status, err := s.retrieved(in.RetrievalToken)
	if err != nil {
		return nil, err
	}
	first := 0
	if in.NextToken != nil {
		if first, err = strconv.Atoi(*in.NextToken); err != nil || first < 0 {
			return nil, noToken(in.NextToken)
		}
	}
	out := &xray.ListRetrievedTracesOutput{RetrievalStatus: status, TraceFormat: types.TraceFormatTypeXray, Traces: []types.RetrievedTrace{}}
	first = min(first, len(traces))
	end := min(first+retrievalPage, len(traces))
	for _, t := range traces[first:end] {
		whole := s.readTrace(t)
		r := types.RetrievedTrace{Id: whole.Id, Duration: whole.Duration, Spans: []types.Span{}}
		for _, seg := range whole.Segments {
			r.Spans = append(r.Spans, types.Span{Id: seg.Id, Document: seg.Document})
		}
		out.Traces = append(out.Traces, r)
	}
	if end < len(traces) {
		out.NextToken = aws.String(fmt.Sprint(end))
	}
	return out, nil
}

// GetRetrievedTracesGraph returns the services of the traces of a retrieval. Links
// between traces are not told.
func (s *Service) GetRetrievedTracesGraph(_ context.Context, in *xray.GetRetrievedTracesGraphInput) (*xray.GetRetrievedTracesGraphOutput, error) {
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	traces, status, err := s.retrieved(in.RetrievalToken)
	if err != nil {
		return nil, err
	}
	g := newGraph(0, math.Inf(1))
	for _, t := range traces {
		g.add(s.store.digestOf(t))
	}
	s.store.addLinks(g, g.links)
	out := &xray.GetRetrievedTracesGraphOutput{RetrievalStatus: status, Services: []types.RetrievedService{}}
	for _, svc := range g.services() {
		out.Services = append(out.Services, types.RetrievedService{Service: &svc, Links: []types.GraphLink{}})
	}
	return out, nil
}
