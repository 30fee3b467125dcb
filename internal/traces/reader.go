package traces

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

// API is what a Reader needs of the X-Ray client.
type API interface {
	GetTraceSummaries(context.Context, *xray.GetTraceSummariesInput, ...func(*xray.Options)) (*xray.GetTraceSummariesOutput, error)
	BatchGetTraces(context.Context, *xray.BatchGetTracesInput, ...func(*xray.Options)) (*xray.BatchGetTracesOutput, error)
	GetServiceGraph(context.Context, *xray.GetServiceGraphInput, ...func(*xray.Options)) (*xray.GetServiceGraphOutput, error)
}

var _ API = (*xray.Client)(nil)

const (
	// maxRange is the longest time range of one call.
	maxRange = 6 * time.Hour
	// batch is how many traces one BatchGetTraces returns.
	batch = 5
)

// ErrNotFound says that no trace is there for an ID or a query.
var ErrNotFound = errors.New("no such trace")

// Reader asks X-Ray. It is safe for concurrent use if its API is.
type Reader struct{ API API }

// Query says which traces to list.
type Query struct {
	// From and To bound the start of a trace. To must not be before From.
	From, To time.Time
	// Filter is a filter expression; empty for all traces.
	Filter string
	// Limit is the greatest number of traces; zero means no limit.
	Limit int
}

// List is the answer to a query.
type List struct {
	// Traces come newest first.
	Traces []types.TraceSummary
	// Scanned is the number of traces that were looked at.
	Scanned int64
	// More says that the limit cut the list short.
	More bool
}

// List returns the traces of a query, newest first. It blocks until all pages
// have come. When ctx ends or a call fails, what has come so far is returned
// with the error.
func (r *Reader) List(ctx context.Context, q Query) (*List, error) {
	out := new(List)
	seen := map[string]bool{}
	for _, s := range slices.Backward(split(q.From, q.To)) {
		if err := r.listSlice(ctx, q, s, out, seen); err != nil {
			return out, fmt.Errorf("list traces: %w", err)
		}
		if out.More {
			break
		}
	}
	return out, nil
}

func (r *Reader) listSlice(ctx context.Context, q Query, s slice, out *List, seen map[string]bool) error {
	in := &xray.GetTraceSummariesInput{StartTime: &s.from, EndTime: &s.to}
	if q.Filter != "" {
		in.FilterExpression = &q.Filter
	}
	found, err := r.pages(ctx, in, q.Limit, out, seen)
	order.Stable(found, func(a, b types.TraceSummary) int { return start(b).Compare(start(a)) })
	out.Traces = append(out.Traces, found...)
	if q.Limit > 0 && len(out.Traces) > q.Limit {
		out.Traces, out.More = out.Traces[:q.Limit], true
	}
	return err
}

// pages reads the pages of one call until more than limit traces are known, and
// returns what is new.
func (r *Reader) pages(ctx context.Context, in *xray.GetTraceSummariesInput, limit int, out *List, seen map[string]bool) ([]types.TraceSummary, error) {
	var found []types.TraceSummary
	for {
		page, err := r.API.GetTraceSummaries(ctx, in)
		if err != nil {
			return found, err
		}
		out.Scanned += aws.ToInt64(page.TracesProcessedCount)
		for _, t := range page.TraceSummaries {
			// The service may show a trace on two pages, and slices share an instant.
			if id := aws.ToString(t.Id); !seen[id] {
				seen[id] = true
				found = append(found, t)
			}
		}
		full := limit > 0 && len(out.Traces)+len(found) > limit
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" || full {
			return found, nil
		}
	}
}

func start(t types.TraceSummary) time.Time { return aws.ToTime(t.StartTime) }

// slice is a part of a time range that one call can cover.
type slice struct{ from, to time.Time }

// split cuts a range into slices of at most six hours, oldest first.
func split(from, to time.Time) []slice {
	var out []slice
	for to.Sub(from) > maxRange {
		out = append(out, slice{from, from.Add(maxRange)})
		from = from.Add(maxRange)
	}
	return append(out, slice{from, to})
}

// Latest returns the newest trace of a query. It looks back slice by slice and
// stops at the first that has any. Without one the error is ErrNotFound.
func (r *Reader) Latest(ctx context.Context, q Query) (*types.TraceSummary, error) {
	q.Limit = 1
	l, err := r.List(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case len(l.Traces) == 0:
		return nil, fmt.Errorf("latest trace of %s: %w", span(q), ErrNotFound)
	}
	return &l.Traces[0], nil
}

// Slowest returns the trace with the longest response time of a query, whose
// limit it ignores. Without one the error is ErrNotFound.
func (r *Reader) Slowest(ctx context.Context, q Query) (*types.TraceSummary, error) {
	q.Limit = 0
	l, err := r.List(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case len(l.Traces) == 0:
		return nil, fmt.Errorf("slowest trace of %s: %w", span(q), ErrNotFound)
	}
	slowest := slices.MaxFunc(l.Traces, func(a, b types.TraceSummary) int { return cmp.Compare(seconds(a), seconds(b)) })
	return &slowest, nil
}

// seconds is how long a trace took to answer; of asynchronous ones, to end.
func seconds(t types.TraceSummary) float64 {
	if t.ResponseTime != nil {
		return *t.ResponseTime
	}
	return aws.ToFloat64(t.Duration)
}

func span(q Query) string {
	return q.From.UTC().Format(time.RFC3339) + " to " + q.To.UTC().Format(time.RFC3339)
}

// Trace is a whole trace.
type Trace struct {
	ID string
	// Duration is from the first start to the last end, zero if nothing ended.
	Duration time.Duration
	// Limited says that the service dropped a part of it for its size.
	Limited bool
	// Segments are its documents, read; Raw are their texts. Documents that do
	// not read are only in Raw.
	Segments []*segment.Document
	Raw      []string
}

// Get returns traces by ID, in the order of the IDs. IDs of no trace are left
// out; if none is found the error is ErrNotFound.
func (r *Reader) Get(ctx context.Context, ids ...string) ([]*Trace, error) {
	found := map[string]*Trace{}
	for group := range slices.Chunk(unique(ids), batch) {
		if err := r.getBatch(ctx, group, found); err != nil {
			return nil, fmt.Errorf("get traces: %w", err)
		}
	}
	var out []*Trace
	for _, id := range unique(ids) {
		if t := found[id]; t != nil {
			out = append(out, t)
		}
	}
	if len(out) == 0 && len(ids) > 0 {
		return nil, fmt.Errorf("get trace %s: %w", ids[0], ErrNotFound)
	}
	return out, nil
}

// unique returns ids without repetitions, in order.
func unique(ids []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

func (r *Reader) getBatch(ctx context.Context, ids []string, found map[string]*Trace) error {
	in := &xray.BatchGetTracesInput{TraceIds: ids}
	for {
		page, err := r.API.BatchGetTraces(ctx, in)
		if err != nil {
			return err
		}
		for _, t := range page.Traces {
			id := aws.ToString(t.Id)
			if found[id] == nil {
				found[id] = &Trace{ID: id}
			}
			found[id].add(t)
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return nil
		}
	}
}

// add takes a page's part of the trace.
func (t *Trace) add(p types.Trace) {
	t.Duration = max(t.Duration, time.Duration(aws.ToFloat64(p.Duration)*float64(time.Second)).Round(time.Microsecond))
	t.Limited = t.Limited || aws.ToBool(p.LimitExceeded)
	for _, s := range p.Segments {
		text := aws.ToString(s.Document)
		t.Raw = append(t.Raw, text)
		if d, err := segment.ReadAny([]byte(text)); err == nil {
			t.Segments = append(t.Segments, d)
		}
	}
}

// Graph returns the service graph of a time range of at most six hours, of the
// group if one is named.
func (r *Reader) Graph(ctx context.Context, from, to time.Time, group string) ([]types.Service, error) {
	if to.Sub(from) > maxRange {
		return nil, fmt.Errorf("get service graph: %v exceeds the six hours of one graph", to.Sub(from))
	}
	in := &xray.GetServiceGraphInput{StartTime: &from, EndTime: &to}
	if group != "" {
		in.GroupName = &group
	}
	var out []types.Service
	for {
		page, err := r.API.GetServiceGraph(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("get service graph: %w", err)
		}
		out = append(out, page.Services...)
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return out, nil
		}
	}
}
