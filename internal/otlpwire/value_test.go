package otlpwire_test

import (
	"math"
	"testing"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

func TestAppendJSON(t *testing.T) {
	double := func(f float64) *commonpb.AnyValue {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: f}}
	}
	str := func(s string) *commonpb.AnyValue {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
	}
	tests := map[string]struct {
		value *commonpb.AnyValue
		limit int
		want  string
	}{
		"nan":       {double(math.NaN()), 0, `"NaN"`},
		"infinity":  {double(math.Inf(-1)), 0, `"-Infinity"`},
		"double":    {double(0.1), 0, `0.1`},
		"text":      {str("a\"b"), 0, `"a\"b"`},
		"cut":       {str("aé漢字"), 4, `"aé"`},
		"not there": {&commonpb.AnyValue{}, 0, `null`},
		"map": {&commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{
			{Key: "a", Value: str("b")}, {Key: "c", Value: double(1)},
		}}}}, 0, `{"a":"b","c":1}`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			body, err := proto.Marshal(&collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{
				{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{{Body: tc.value}}}}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			var d otlpwire.Logs
			n := 0
			err = d.Decode(body, nothing, func() error {
				n++
				if got := string(otlpwire.AppendJSON(nil, d.Record.Body, tc.limit)); got != tc.want {
					t.Errorf("AppendJSON = %s, want %s", got, tc.want)
				}
				return nil
			})
			if err != nil || n != 1 {
				t.Errorf("%d records: %v", n, err)
			}
		})
	}
}

// TestDeep nests values deeper than is allowed.
func TestDeep(t *testing.T) {
	for depth, ok := range map[int]bool{50: true, 100: false} {
		v := &commonpb.AnyValue{}
		for range depth {
			v = &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{v}}}}
		}
		body, err := proto.Marshal(&collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{
			{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{{Body: v}}}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeLogs(body); (err == nil) != ok {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}

// TestCut decodes every beginning of a request: none may panic, and one that
// ends within a field is malformed.
func TestCut(t *testing.T) {
	g := newGenerator(3)
	body, err := proto.Marshal(&tracepb.ResourceSpans{Resource: g.resource(), ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{g.span(), g.span()}}}})
	if err != nil {
		t.Fatal(err)
	}
	whole := append([]byte{0x0a, byte(len(body)) | 0x80, byte(len(body) >> 7)}, body...)
	if _, err := decodeTraces(whole); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(whole); n++ {
		if _, err := decodeTraces(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were taken", n, len(whole))
		}
	}
}
