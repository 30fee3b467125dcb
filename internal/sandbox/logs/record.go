package logs

import (
	"cmp"
	"context"
	"strings"
	"time"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

func (s *Service) getLogRecord(ctx context.Context, in *cwl.GetLogRecordInput) (*cwl.GetLogRecordOutput, error) {
	ref, ok := readPointer(text(in.LogRecordPointer))
	if !ok {
		return nil, invalid("The log record pointer is invalid.")
	}
	groups := s.all(ctx, func(g *group) bool { return g.events.ID() == ref.Group() })
	if len(groups) == 0 {
		return nil, notFound("log record")
	}
	s.mu.RLock()
	st := s.store
	s.mu.RUnlock()
	out := &cwl.GetLogRecordOutput{}
	if _, err := st.Event(ref, func(e *store.Event) { out.LogRecord = groups[0].record(e) }); err != nil {
		return nil, err
	}
	if out.LogRecord == nil {
		return nil, notFound("log record")
	}
	return out, nil
}

// row is an event as queries see it.
func (g *group) row(e *store.Event) *insights.Row {
	return &insights.Row{
		Time: e.Time, Ingested: e.Ingested, Log: g.account + ":" + g.name, Stream: e.Stream.Name(), Message: e.Message, Ref: uint64(e.Ref),
	}
}

func (g *group) record(e *store.Event) map[string]string {
	r := map[string]string{"@ptr": Pointer(e.Ref)}
	for name, value := range insights.Fields(g.row(e)) {
		r[name] = value
	}
	return r
}

// Windows of GetLogGroupFields: eight minutes to either side of a time, or the
// last fifteen (SDK: GetLogGroupFields).
const (
	fieldsAround = int64(8 * time.Minute / time.Millisecond)
	fieldsLast   = int64(15 * time.Minute / time.Millisecond)
	// fieldsSample is how many events are looked at.
	fieldsSample = 10000
)

func (s *Service) getLogGroupFields(ctx context.Context, in *cwl.GetLogGroupFieldsInput) (*cwl.GetLogGroupFieldsOutput, error) {
	g, err := s.identified(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	now := s.now()
	q := store.Query{Start: now - fieldsLast, End: now, Backward: true, Limit: fieldsSample}
	if in.Time != nil {
		if *in.Time < 0 {
			return nil, constraint(*in.Time, "time", "have value greater than or equal to 0")
		}
		at := *in.Time * 1000 // seconds (SDK: GetLogGroupFields)
		q.Start, q.End = at-fieldsAround, at+fieldsAround
	}
	q.Start = max(q.Start, g.expiry(now))
	got, err := g.events.Page(ctx, &q)
	if err != nil {
		return nil, err
	}
	return &cwl.GetLogGroupFieldsOutput{LogGroupFields: g.shares(got.Events)}, nil
}

// maxGroupFields bounds the answer of GetLogGroupFields.
const maxGroupFields = 1000

// shares counts in what share of the events each field occurs.
func (g *group) shares(events []store.Event) []types.LogGroupField {
	counts := make(map[string]int)
	for i := range events {
		counts["@ptr"]++
		for name := range insights.Fields(g.row(&events[i])) {
			counts[name]++
		}
	}
	out := []types.LogGroupField{}
	for name, n := range counts {
		out = append(out, types.LogGroupField{Name: &name, Percent: int32(100 * n / len(events))})
	}
	order.By(out, func(a, b types.LogGroupField) int {
		return cmp.Or(cmp.Compare(b.Percent, a.Percent), strings.Compare(*a.Name, *b.Name))
	})
	return out[:min(len(out), maxGroupFields)]
}

var _ api.Service = (*Service)(nil)
