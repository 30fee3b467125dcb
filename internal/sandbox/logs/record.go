package logs

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// maxFields is how many fields of a JSON event are discovered (guide,
// "Supported logs and discovered fields").
const maxFields = 200

// fields calls yield with the fields of a JSON message: members by their path,
// elements by their index, scalars only.
func fields(message []byte, yield func(name string, v jsonscan.Value)) {
	doc := jsonscan.Document(message)
	if doc.Kind != jsonscan.Object {
		return
	}
	left := maxFields
	flatten("", doc, 0, &left, yield)
}

// maxNesting bounds the recursion into a message.
const maxNesting = 64

func flatten(path string, v jsonscan.Value, depth int, left *int, yield func(string, jsonscan.Value)) {
	if v.IsScalar() {
		if *left > 0 && v.Kind != jsonscan.Null {
			*left--
			yield(path, v)
		}
		return
	}
	if depth > maxNesting {
		return
	}
	scan := v.Scan()
	for i := 0; *left > 0 && scan.Next(); i++ {
		step := strconv.Itoa(i)
		if v.Kind == jsonscan.Object {
			step = string(jsonscan.Unescape(nil, scan.Key))
		}
		if path != "" {
			step = path + "." + step
		} else if strings.HasPrefix(step, "@") {
			step = "@" + step // fields of the user's own that look like the service's
		}
		flatten(step, scan.Value, depth+1, left, yield)
	}
}

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

// insightsTime is how Logs Insights shows times.
const insightsTime = "2006-01-02 15:04:05.000"

func (g *group) record(e *store.Event) map[string]string {
	r := make(map[string]string)
	fields(e.Message, func(name string, v jsonscan.Value) { r[name] = string(v.Text(nil)) })
	r["@message"] = string(e.Message)
	r["@timestamp"] = time.UnixMilli(e.Time).UTC().Format(insightsTime)
	r["@ingestionTime"] = time.UnixMilli(e.Ingested).UTC().Format(insightsTime)
	r["@logStream"] = e.Stream.Name()
	r["@log"] = g.account + ":" + g.name
	r["@ptr"] = Pointer(e.Ref)
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
	return &cwl.GetLogGroupFieldsOutput{LogGroupFields: shares(got.Events)}, nil
}

// shares counts in what share of the events each field occurs.
func shares(events []store.Event) []types.LogGroupField {
	counts := make(map[string]int)
	for i := range events {
		fields(events[i].Message, func(name string, _ jsonscan.Value) { counts[name]++ })
		for _, name := range []string{"@message", "@timestamp", "@ingestionTime", "@logStream", "@log", "@ptr"} {
			counts[name]++
		}
	}
	out := []types.LogGroupField{}
	for name, n := range counts {
		out = append(out, types.LogGroupField{Name: &name, Percent: int32(100 * n / len(events))})
	}
	slices.SortFunc(out, func(a, b types.LogGroupField) int {
		return cmp.Or(cmp.Compare(b.Percent, a.Percent), strings.Compare(*a.Name, *b.Name))
	})
	return out[:min(len(out), 1000)]
}

var _ api.Service = (*Service)(nil)
