package xray

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

const (
	// maxRange is the longest time range of a query.
	maxRange = 6 * time.Hour
	// summariesPerPage is this sandbox's own choice; the service's page size is
	// not documented.
	summariesPerPage = 100
)

// GetTraceSummaries lists the traces of a time range, newest first. A
// SamplingStrategy of FixedRate takes that share of the traces, chosen by trace
// ID; PartialScan and Sampling ask for some of what is there, and get all of it.
func (s *Service) GetTraceSummaries(_ context.Context, in *xray.GetTraceSummariesInput) (*xray.GetTraceSummariesOutput, error) {
	q, err := s.newQuery(in)
	if err != nil {
		return nil, err
	}
	s.store.expire(s.opts.Clock.Now())
	found := q.traces(s.store)
	out := &xray.GetTraceSummariesOutput{
		ApproximateTime: in.StartTime, TraceSummaries: []types.TraceSummary{},
		TracesProcessedCount: aws.Int64(0),
	}
	for chunk := range slices.Chunk(found, atOnce) {
		details := parallel(chunk, func(c candidate) *detail { return s.store.detailOf(c.trace) })
		if !q.page(chunk, details, out) {
			break
		}
	}
	return out, nil
}

// page adds to out what matches, and reports whether there is room for more. If
// there is not, it sets the token for the next page.
func (q *query) page(chunk []candidate, details []*detail, out *xray.GetTraceSummariesOutput) bool {
	for i, d := range details {
		if len(out.TraceSummaries) == summariesPerPage {
			out.NextToken = aws.String(q.token())
			return false
		}
		*out.TracesProcessedCount++
		if q.expr != nil && !q.expr.Match(&d.view) {
			continue
		}
		key := chunk[i].key
		sum := d.summary
		if q.byEvent {
			sum.MatchedEventTime = aws.Time(time.Unix(0, key.when))
		}
		out.TraceSummaries = append(out.TraceSummaries, sum)
		out.ApproximateTime = sum.StartTime
		q.last = &key
	}
	return true
}

// query is a checked GetTraceSummaries.
type query struct {
	from, to time.Time
	kind     types.TimeRangeType
	byEvent  bool
	expr     *filterexpr.Expr
	rate     float64
	hash     uint64 // of the parameters, so that a token fits only its query
	after    *sortKey
	last     *sortKey
}

// sortKey orders traces newest first.
type sortKey struct {
	when int64 // Unix nanoseconds
	id   string
}

func compareKeys(a, b sortKey) int {
	return cmp.Or(cmp.Compare(b.when, a.when), cmp.Compare(a.id, b.id))
}

func (s *Service) newQuery(in *xray.GetTraceSummariesInput) (*query, error) {
	from, to, err := timeRange(in.StartTime, in.EndTime)
	if err != nil {
		return nil, err
	}
	q := &query{from: from, to: to, kind: in.TimeRangeType, rate: 1}
	switch in.TimeRangeType {
	case "":
		q.kind = types.TimeRangeTypeTraceId
	case types.TimeRangeTypeTraceId, types.TimeRangeTypeService:
	case types.TimeRangeTypeEvent:
		q.byEvent = true
	default:
		return nil, invalid("TimeRangeType %q is unknown", in.TimeRangeType)
	}
	if text := strings.TrimSpace(aws.ToString(in.FilterExpression)); text != "" {
		if q.expr, err = filterexpr.Parse(text, filterexpr.Options{Group: s.groups.lookup}); err != nil {
			return nil, invalid("FilterExpression: %v", err)
		}
	}
	if q.rate, err = samplingRate(in.SamplingStrategy); err != nil {
		return nil, err
	}
	h := fnv.New64a()
	fmt.Fprint(h, from.UnixNano(), to.UnixNano(), q.kind, q.rate, aws.ToString(in.FilterExpression))
	q.hash = h.Sum64()
	return q, q.readToken(aws.ToString(in.NextToken))
}

// timeRange checks a start and end time.
func timeRange(start, end *time.Time) (from, to time.Time, err error) {
	switch {
	case start == nil || end == nil:
		return from, to, invalid("StartTime and EndTime are required")
	case end.Before(*start):
		return from, to, invalid("EndTime is before StartTime")
	case end.Sub(*start) > maxRange:
		return from, to, invalid("the time range exceeds 6 hours")
	}
	return *start, *end, nil
}

func samplingRate(st *types.SamplingStrategy) (float64, error) {
	if st == nil {
		return 1, nil
	}
	switch st.Name {
	case types.SamplingStrategyNamePartialScan:
		return 1, nil
	case types.SamplingStrategyNameFixedRate:
		if v := aws.ToFloat64(st.Value); v >= 0 && v <= 1 {
			return v, nil
		}
		return 0, invalid("SamplingStrategy.Value must be between 0 and 1")
	}
	return 0, invalid("SamplingStrategy.Name %q is unknown", st.Name)
}

func (q *query) token() string {
	text := fmt.Sprintf("%x %d %s", q.hash, q.last.when, q.last.id)
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func (q *query) readToken(token string) error {
	if token == "" {
		return nil
	}
	bad := invalid("NextToken does not belong to this query")
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return bad
	}
	parts := strings.Split(string(text), " ")
	if len(parts) != 3 || parts[0] != strconv.FormatUint(q.hash, 16) {
		return bad
	}
	when, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return bad
	}
	q.after = &sortKey{when: when, id: parts[2]}
	return nil
}

type candidate struct {
	trace *trace
	key   sortKey
}

// traces returns the traces of the range that come after the last page, in
// order.
func (q *query) traces(s *store) []candidate {
	var out []candidate
	from, to := epoch(q.from), epoch(q.to)
	s.where(func(t *trace) bool {
		if !sampled(t.id, q.rate) {
			return false
		}
		when := segment.Time(t.start)
		in := t.start >= from && t.start <= to
		switch q.kind {
		case types.TimeRangeTypeEvent:
			when = t.updated
			in = !when.Before(q.from) && !when.After(q.to)
		case types.TimeRangeTypeService:
			when = segment.Time(t.end)
			in = t.end >= from && t.end <= to
		}
		key := sortKey{when.UnixNano(), t.id}
		if in && (q.after == nil || compareKeys(key, *q.after) > 0) {
			out = append(out, candidate{t, key})
		}
		return false
	})
	order.By(out, func(a, b candidate) int { return compareKeys(a.key, b.key) })
	return out
}

// sampled reports whether the trace is in a share of all traces.
func sampled(id string, rate float64) bool {
	if rate >= 1 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	return float64(h.Sum64()) < rate*math.MaxUint64
}

// epoch is t in seconds with microseconds, as documents have it.
func epoch(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
