package logs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"
)

// messages returns the messages of one page of stream s of /app.
func (w *world) messages(in *cwl.GetLogEventsInput) []string {
	w.t.Helper()
	in.LogGroupName, in.LogStreamName = aws.String("/app"), aws.String("s")
	return texts(must(w.GetLogEvents(w.t.Context(), in))(w.t).Events)
}

func texts(events []types.OutputLogEvent) []string {
	var out []string
	for _, e := range events {
		out = append(out, *e.Message)
	}
	return out
}

func TestGetLogEvents(t *testing.T) {
	w := newWorld(t)
	w.group("/app")
	w.stream("/app", "s")
	w.stream("/app", "other")
	w.put("/app", "other", event(0, "not ours"))
	w.put("/app", "s", event(3*time.Second, "3"), event(4*time.Second, "4"))
	w.put("/app", "s", event(0, "0"), event(time.Second, "1"), event(2*time.Second, "2"))
	for name, tt := range map[string]struct {
		in   cwl.GetLogEventsInput
		want []string
	}{
		"newest page ascends": {cwl.GetLogEventsInput{Limit: aws.Int32(2)}, []string{"3", "4"}},
		"from head":           {cwl.GetLogEventsInput{Limit: aws.Int32(2), StartFromHead: aws.Bool(true)}, []string{"0", "1"}},
		"end is exclusive":    {cwl.GetLogEventsInput{StartTime: at(time.Second), EndTime: at(3 * time.Second)}, []string{"1", "2"}},
	} {
		if d := cmp.Diff(tt.want, w.messages(&tt.in)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	in := &cwl.GetLogEventsInput{LogGroupName: aws.String("/app"), LogStreamName: aws.String("s"), Limit: aws.Int32(2), StartFromHead: aws.Bool(true)}
	var got []string
	var back *string
	for range 10 {
		out := must(w.GetLogEvents(t.Context(), in))(t)
		got = append(got, texts(out.Events)...)
		if in.NextToken != nil && *out.NextForwardToken == *in.NextToken {
			back = out.NextBackwardToken
			break
		}
		in.NextToken = out.NextForwardToken
	}
	if d := cmp.Diff([]string{"0", "1", "2", "3", "4"}, got); d != "" || back == nil {
		t.Errorf("forward to the end: %s", d)
	}
	w.put("/app", "s", event(5*time.Second, "5"))
	if d := cmp.Diff([]string{"5"}, texts(must(w.GetLogEvents(t.Context(), in))(t).Events)); d != "" {
		t.Errorf("the last token goes on: %s", d)
	}
	in.NextToken = back
	if d := cmp.Diff([]string{"3", "4"}, texts(must(w.GetLogEvents(t.Context(), in))(t).Events)); d != "" {
		t.Errorf("back from the end: %s", d)
	}
	w.advance(25 * time.Hour)
	_, err := w.GetLogEvents(t.Context(), in)
	wantError(t, err, "InvalidParameterException")
}

func TestRetentionHidesEvents(t *testing.T) {
	w := newWorld(t)
	w.group("/app")
	w.stream("/app", "s")
	w.put("/app", "s", event(0, "old"), event(time.Second, "old too"))
	must(w.PutRetentionPolicy(t.Context(), &cwl.PutRetentionPolicyInput{LogGroupName: aws.String("/app"), RetentionInDays: aws.Int32(1)}))(t)
	w.advance(24*time.Hour + time.Millisecond)
	if d := cmp.Diff([]string{"old too"}, w.messages(&cwl.GetLogEventsInput{})); d != "" {
		t.Error(d)
	}
}

func TestFilterLogEvents(t *testing.T) {
	w := newWorld(t)
	w.group("/app")
	for _, s := range []string{"a/1", "a/2", "b"} {
		w.stream("/app", s)
	}
	for i := range 30 {
		w.put("/app", []string{"a/1", "a/2", "b"}[i%3], event(time.Duration(i)*time.Second, `{"n":%d,"level":"%s"}`, i, []string{"info", "error"}[i%2]))
	}
	read := func(in cwl.FilterLogEventsInput) []string {
		t.Helper()
		in.LogGroupName = aws.String("/app")
		var got []string
		p := cwl.NewFilterLogEventsPaginator(w, &in)
		for p.HasMorePages() {
			for _, e := range must(p.NextPage(t.Context()))(t).Events {
				if len(*e.EventId) != 56 || *e.IngestionTime != *at(0) {
					t.Errorf("event %v", e)
				}
				got = append(got, strings.SplitN((*e.Message)[5:], ",", 2)[0])
			}
		}
		return got
	}
	for name, tt := range map[string]struct {
		in   cwl.FilterLogEventsInput
		want string
	}{
		"interleaved pages": {cwl.FilterLogEventsInput{Limit: aws.Int32(7), EndTime: at(10 * time.Second)}, "0 1 2 3 4 5 6 7 8 9 10"},
		"prefix":            {cwl.FilterLogEventsInput{LogStreamNamePrefix: aws.String("a/"), EndTime: at(5 * time.Second)}, "0 1 3 4"},
		"names":             {cwl.FilterLogEventsInput{LogStreamNames: []string{"b", "a/2"}, EndTime: at(5 * time.Second)}, "1 2 4 5"},
		"json pattern":      {cwl.FilterLogEventsInput{FilterPattern: aws.String(`{ $.level = "error" && $.n > 24 }`)}, "25 27 29"},
		"newest first":      {cwl.FilterLogEventsInput{StartFromHead: aws.Bool(false), StartTime: at(26 * time.Second), Limit: aws.Int32(2)}, "29 28 27 26"},
		"nothing":           {cwl.FilterLogEventsInput{FilterPattern: aws.String("absent")}, ""},
	} {
		if got := strings.Join(read(tt.in), " "); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestInfrequentAccessIsNotRead(t *testing.T) {
	w := newWorld(t)
	name := aws.String("/ia")
	must(w.CreateLogGroup(t.Context(), &cwl.CreateLogGroupInput{LogGroupName: name, LogGroupClass: types.LogGroupClassInfrequentAccess}))(t)
	w.stream("/ia", "s")
	w.put("/ia", "s", event(0, "x"))
	_, err := w.GetLogEvents(t.Context(), &cwl.GetLogEventsInput{LogGroupName: name, LogStreamName: aws.String("s")})
	wantError(t, err, "InvalidOperationException")
	_, err = w.FilterLogEvents(t.Context(), &cwl.FilterLogEventsInput{LogGroupName: name})
	wantError(t, err, "InvalidOperationException")
}
