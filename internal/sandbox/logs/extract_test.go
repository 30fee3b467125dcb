package logs_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/logs"
)

// recorder keeps datapoints as lines of text.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) Record(ctx context.Context, points []api.Datapoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range points {
		r.lines = append(r.lines, fmt.Sprintf("%s %s/%s %v %v %s %v*%v %d", api.CallerOf(ctx).Region, p.Namespace, p.Name, p.Dimensions,
			p.Time.Sub(start), p.Unit, p.Values, p.Counts, p.Resolution))
	}
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.lines
	r.lines = nil
	slices.Sort(out)
	return out
}

// do runs an operation of the service.
func do[O any](t *testing.T, s *logs.Service, name string, in any) (O, error) {
	t.Helper()
	ctx := api.WithCaller(t.Context(), api.Caller{Account: "123456789012", Region: "eu-west-1"})
	for _, op := range s.Operations() {
		if op.Name == name {
			out, err := op.Do(ctx, in)
			o, _ := out.(O)
			return o, err
		}
	}
	t.Fatalf("there is no operation %s", name)
	panic("unreachable")
}

func newRecorded(t *testing.T) (*logs.Service, *recorder, *clock.Clock) {
	t.Helper()
	r, c := &recorder{}, clock.NewFrozen(start)
	s, err := logs.New(logs.Options{Clock: c, Metrics: r})
	if err != nil {
		t.Fatal(err)
	}
	must(do[any](t, s, "CreateLogGroup", &cwl.CreateLogGroupInput{LogGroupName: aws.String("/app")}))(t)
	must(do[any](t, s, "CreateLogStream", &cwl.CreateLogStreamInput{LogGroupName: aws.String("/app"), LogStreamName: aws.String("s")}))(t)
	return s, r, c
}

func putTo(t *testing.T, s *logs.Service, events ...types.InputLogEvent) {
	t.Helper()
	must(do[any](t, s, "PutLogEvents", &cwl.PutLogEventsInput{LogGroupName: aws.String("/app"), LogStreamName: aws.String("s"), LogEvents: events}))(t)
}

func filter(name, pattern string, tr types.MetricTransformation) *cwl.PutMetricFilterInput {
	tr.MetricNamespace, tr.MetricName = aws.String("App"), &name
	return &cwl.PutMetricFilterInput{LogGroupName: aws.String("/app"), FilterName: &name, FilterPattern: &pattern, MetricTransformations: []types.MetricTransformation{tr}}
}

func TestMetricFiltersMakeMetrics(t *testing.T) {
	s, r, _ := newRecorded(t)
	putTo(t, s, event(0, `{"ms":1}`)) // before the filters: not counted
	for _, f := range []*cwl.PutMetricFilterInput{
		filter("errors", "ERROR", types.MetricTransformation{MetricValue: aws.String("1")}),
		filter("latency", `{ $.ms = * }`, types.MetricTransformation{
			MetricValue: aws.String("$.ms"), Unit: types.StandardUnitMilliseconds,
			Dimensions: map[string]string{"route": "$.route", "host": "$.h"},
		}),
		filter("size", "[ip, bytes > 10]", types.MetricTransformation{MetricValue: aws.String("$bytes")}),
	} {
		must(do[any](t, s, "PutMetricFilter", f))(t)
	}
	putTo(t, s,
		event(0, "ERROR a"), event(time.Second, "xERRORx"), event(2*time.Second, "fine"),
		event(3*time.Second, `{"ms":5,"route":"/a","h":"1"}`), event(4*time.Second, `{"ms":7.5,"route":"/a","h":"1"}`),
		event(5*time.Second, `{"ms":5,"route":"/a","h":"1"}`), event(6*time.Second, `{"ms":"slow","route":"/a","h":"1"}`),
		event(7*time.Second, `{"ms":9,"route":"/a"}`), event(8*time.Second, "10.0.0.1 100"), event(9*time.Second, "10.0.0.1 7"),
		event(time.Minute, "ERROR b"))
	want := []string{
		"eu-west-1 App/errors [] 0s None [1]*[2] 60",
		"eu-west-1 App/errors [] 1m0s None [1]*[1] 60",
		"eu-west-1 App/latency [[host 1] [route /a]] 0s Milliseconds [5 7.5]*[2 1] 60",
		"eu-west-1 App/size [] 0s None [100]*[1] 60",
	}
	if d := cmp.Diff(want, r.take()); d != "" {
		t.Errorf("datapoints differ: %s", d)
	}
	got := must(do[*cwl.DescribeMetricFiltersOutput](t, s, "DescribeMetricFilters", &cwl.DescribeMetricFiltersInput{FilterNamePrefix: aws.String("e"), LogGroupName: aws.String("/app")}))(t)
	if len(got.MetricFilters) != 1 || *got.MetricFilters[0].FilterPattern != "ERROR" || *got.MetricFilters[0].CreationTime != *at(0) {
		t.Errorf("filters are %v", got.MetricFilters)
	}
	must(do[any](t, s, "DeleteMetricFilter", &cwl.DeleteMetricFilterInput{LogGroupName: aws.String("/app"), FilterName: aws.String("errors")}))(t)
	putTo(t, s, event(0, "ERROR"))
	if got := r.take(); got != nil {
		t.Errorf("a deleted filter made %v", got)
	}
}

func TestDefaultValueComesWhenTheMinuteIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r, c := newRecorded(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		must(do[any](t, s, "PutMetricFilter", filter("errors", "ERROR", types.MetricTransformation{MetricValue: aws.String("1"), DefaultValue: aws.Float64(0)})))(t)
		putTo(t, s, event(-time.Minute, "ERROR"), event(0, "fine"), event(time.Second, "fine"))
		if d := cmp.Diff([]string{"eu-west-1 App/errors [] -1m0s None [1]*[1] 60"}, r.take()); d != "" {
			t.Errorf("at once: %s", d)
		}
		for i, want := range [][]string{nil, {"eu-west-1 App/errors [] 0s None [0]*[1] 60"}, nil} {
			if err := c.Advance(59 * time.Second); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if d := cmp.Diff(want, r.take()); d != "" {
				t.Errorf("after step %d: %s", i, d)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestMetricFilterRefusals(t *testing.T) {
	s, _, _ := newRecorded(t)
	one := types.MetricTransformation{MetricValue: aws.String("1")}
	for name, in := range map[string]*cwl.PutMetricFilterInput{
		"pattern":             filter("f", "{ $.a = ", one),
		"value":               filter("f", "ERROR", types.MetricTransformation{MetricValue: aws.String("one")}),
		"selector of terms":   filter("f", "ERROR", types.MetricTransformation{MetricValue: aws.String("$.ms")}),
		"name":                filter("f:g", "ERROR", one),
		"dimensions of terms": filter("f", "ERROR", types.MetricTransformation{MetricValue: aws.String("1"), Dimensions: map[string]string{"a": "$.a"}}),
		"default and dimensions": filter("f", "{ $.a = * }", types.MetricTransformation{
			MetricValue: aws.String("1"), DefaultValue: aws.Float64(0),
			Dimensions: map[string]string{"a": "$.a"},
		}),
		"too many dimensions": filter("f", "{ $.a = * }", types.MetricTransformation{
			MetricValue: aws.String("1"),
			Dimensions:  map[string]string{"a": "$.a", "b": "$.a", "c": "$.a", "d": "$.a"},
		}),
		"unit":               filter("f", "ERROR", types.MetricTransformation{MetricValue: aws.String("1"), Unit: "Furlongs"}),
		"no transformations": {LogGroupName: aws.String("/app"), FilterName: aws.String("f"), FilterPattern: aws.String("")},
	} {
		if _, err := do[any](t, s, "PutMetricFilter", in); err == nil || !strings.HasPrefix(err.Error(), "InvalidParameterException") {
			t.Errorf("%s: %v", name, err)
		}
	}
	out := must(do[*cwl.TestMetricFilterOutput](t, s, "TestMetricFilter", &cwl.TestMetricFilterInput{
		FilterPattern:    aws.String("[ip, code = 5*]"),
		LogEventMessages: []string{"1.1.1.1 200", "1.1.1.1 503"},
	}))(t)
	if m := out.Matches; len(m) != 1 || m[0].EventNumber != 2 || m[0].ExtractedValues["$code"] != "503" {
		t.Errorf("matches are %v", m)
	}
}

func TestEmbeddedMetrics(t *testing.T) {
	ms := start.UnixMilli()
	emf := func(timestamp int64, directive, members string) string {
		return fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[%s]}%s}`, timestamp, directive, members)
	}
	bad := []string{"eu-west-1 AWS/Logs/EMFValidationErrors [[LogGroupName /app]] 0s None [1]*[1] 60"}
	for name, tt := range map[string]struct {
		message string
		want    []string
	}{
		"sets and arrays": {
			emf(ms+1500, `{"Namespace":"App","Dimensions":[["service"],["service","route"],[]],"Metrics":[{"Name":"latency","Unit":"Milliseconds","StorageResolution":1},{"Name":"n"}]}`,
				`,"service":"api","route":"/a","latency":[1,2,2.5],"n":3,"other":"x"`),
			[]string{
				"eu-west-1 App/latency [[service api] [route /a]] 1.5s Milliseconds [1 2 2.5]*[1 1 1] 1",
				"eu-west-1 App/latency [[service api]] 1.5s Milliseconds [1 2 2.5]*[1 1 1] 1",
				"eu-west-1 App/latency [] 1.5s Milliseconds [1 2 2.5]*[1 1 1] 1",
				"eu-west-1 App/n [[service api] [route /a]] 1.5s None [3]*[1] 60",
				"eu-west-1 App/n [[service api]] 1.5s None [3]*[1] 60",
				"eu-west-1 App/n [] 1.5s None [3]*[1] 60",
			},
		},
		"prefix of Lambda": {
			"2026-03-01T12:00:00Z id INFO " + emf(ms, `{"Namespace":"App","Dimensions":[[]],"Metrics":[{"Name":"n"}]}`, `,"n":1`),
			[]string{"eu-west-1 App/n [] 0s None [1]*[1] 60"},
		},
		"root key with a dot": {
			emf(ms, `{"Namespace":"App","Dimensions":[[]],"Metrics":[{"Name":"a.b"}]}`, `,"a.b":1,"a":{"b":2}`),
			[]string{"eu-west-1 App/a.b [] 0s None [1]*[1] 60"},
		},
		"out of the window":         {emf(ms-15*86400000, `{"Namespace":"App","Dimensions":[[]],"Metrics":[{"Name":"n"}]}`, `,"n":1`), nil},
		"no format":                 {`{"_aws":{"Timestamp":1},"n":1}`, nil},
		"no dimension sets":         {emf(ms, `{"Namespace":"App","Dimensions":[],"Metrics":[{"Name":"n"}]}`, `,"n":1`), bad},
		"dimension is a number":     {emf(ms, `{"Namespace":"App","Dimensions":[["d"]],"Metrics":[{"Name":"n"}]}`, `,"n":1,"d":2`), bad},
		"dimension is absent":       {emf(ms, `{"Namespace":"App","Dimensions":[["d"]],"Metrics":[{"Name":"n"}]}`, `,"n":1`), bad},
		"metric is a string":        {emf(ms, `{"Namespace":"App","Dimensions":[[]],"Metrics":[{"Name":"n"}]}`, `,"n":"1"`), bad},
		"unit unknown":              {emf(ms, `{"Namespace":"App","Dimensions":[[]],"Metrics":[{"Name":"n","Unit":"Furlongs"}]}`, `,"n":1`), bad},
		"no namespace":              {emf(ms, `{"Dimensions":[[]],"Metrics":[{"Name":"n"}]}`, `,"n":1`), bad},
		"timestamp is text":         {`{"_aws":{"Timestamp":"now","CloudWatchMetrics":[]}}`, bad},
		"directives are no array":   {`{"_aws":{"Timestamp":1,"CloudWatchMetrics":{}}}`, []string{"eu-west-1 AWS/Logs/EMFParsingErrors [[LogGroupName /app]] 0s None [1]*[1] 60"}},
		"more than a hundred value": {emf(ms, `{"Namespace":"App","Dimensions":[[]],"Metrics":[{"Name":"n"}]}`, `,"n":[1`+strings.Repeat(",1", 100)+`]`), bad},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, _ := newRecorded(t)
			putTo(t, s, event(0, "%s", tt.message))
			if d := cmp.Diff(tt.want, r.take()); d != "" {
				t.Errorf("datapoints differ: %s", d)
			}
		})
	}
}
