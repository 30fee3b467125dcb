package logs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// start is when the tests' sandbox begins: noon.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is a time d after start, in milliseconds.
func at(d time.Duration) *int64 { return aws.Int64(start.Add(d).UnixMilli()) }

// world is a sandbox with a frozen clock and a client of it.
type world struct {
	*cwl.Client
	t     *testing.T
	sb    *sandbox.Server
	clock *clock.Clock
}

func newWorld(t *testing.T, opts ...func(*sandbox.Options)) *world {
	t.Helper()
	c := clock.NewFrozen(start)
	sb := sandboxtest.New(t, append(opts, func(o *sandbox.Options) { o.Clock, o.Account = c, "123456789012" })...)
	return &world{Client: cwl.NewFromConfig(sandboxtest.Config(sb)), t: t, sb: sb, clock: c}
}

// must fails the test if a call did.
func must[T any](out T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func (w *world) advance(d time.Duration) {
	w.t.Helper()
	if err := w.clock.Advance(d); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) group(name string) {
	w.t.Helper()
	must(w.CreateLogGroup(w.t.Context(), &cwl.CreateLogGroupInput{LogGroupName: &name}))(w.t)
}

func (w *world) stream(group, name string) {
	w.t.Helper()
	must(w.CreateLogStream(w.t.Context(), &cwl.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &name}))(w.t)
}

func (w *world) put(group, stream string, events ...types.InputLogEvent) *cwl.PutLogEventsOutput {
	w.t.Helper()
	return must(w.PutLogEvents(w.t.Context(), &cwl.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events}))(w.t)
}

func event(d time.Duration, format string, args ...any) types.InputLogEvent {
	return types.InputLogEvent{Timestamp: at(d), Message: aws.String(fmt.Sprintf(format, args...))}
}

// wantError checks the code of an error.
func wantError(t *testing.T, err error, code string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || e.ErrorMessage() == "" {
		t.Errorf("error is %v, want %s with a message", err, code)
	}
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	must(w.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String("/app/x"), Tags: map[string]string{"a": "b"}, KmsKeyId: aws.String("key")}))(t)
	w.group("/app/y")
	w.group("/other")
	_, err := w.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String("/app/x")})
	if _, ok := errors.AsType[*types.ResourceAlreadyExistsException](err); !ok {
		t.Errorf("a second group of the name: %v", err)
	}
	must(w.PutRetentionPolicy(ctx, &cwl.PutRetentionPolicyInput{LogGroupName: aws.String("/app/x"), RetentionInDays: aws.Int32(7)}))(t)
	got := must(w.DescribeLogGroups(ctx, &cwl.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/app")}))(t)
	arn := "arn:aws:logs:us-east-1:123456789012:log-group:/app/x"
	want := types.LogGroup{
		LogGroupName: aws.String("/app/x"), Arn: aws.String(arn + ":*"), LogGroupArn: &arn, LogGroupClass: types.LogGroupClassStandard,
		CreationTime: at(0), MetricFilterCount: aws.Int32(0), StoredBytes: aws.Int64(0), RetentionInDays: aws.Int32(7),
		KmsKeyId: aws.String("key"), DeletionProtectionEnabled: aws.Bool(false),
	}
	if d := cmp.Diff(want, got.LogGroups[0], cmp.FilterPath(func(p cmp.Path) bool {
		return strings.HasPrefix(p.Last().String(), ".noSmithy")
	}, cmp.Ignore())); d != "" || len(got.LogGroups) != 2 || got.NextToken != nil {
		t.Errorf("groups differ: %s (%d)", d, len(got.LogGroups))
	}
	must(w.DeleteRetentionPolicy(ctx, &cwl.DeleteRetentionPolicyInput{LogGroupName: aws.String("/app/x")}))(t)
	must(w.DeleteLogGroup(ctx, &cwl.DeleteLogGroupInput{LogGroupName: aws.String("/app/y")}))(t)
	got = must(w.DescribeLogGroups(ctx, &cwl.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("pp/")}))(t)
	if len(got.LogGroups) != 1 || got.LogGroups[0].RetentionInDays != nil {
		t.Errorf("groups are %v", got.LogGroups)
	}
	must(w.PutLogGroupDeletionProtection(ctx, &cwl.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: &arn, DeletionProtectionEnabled: aws.Bool(true)}))(t)
	_, err = w.DeleteLogGroup(ctx, &cwl.DeleteLogGroupInput{LogGroupName: aws.String("/app/x")})
	wantError(t, err, "InvalidOperationException")
	other := sandboxtest.Config(w.sb)
	other.Region = "eu-west-1"
	if got := must(cwl.NewFromConfig(other).DescribeLogGroups(ctx, nil))(t); len(got.LogGroups) != 0 {
		t.Errorf("another region sees %v", got.LogGroups)
	}
}

func TestPagesOfGroups(t *testing.T) {
	w := newWorld(t)
	for i := range 120 {
		w.group(fmt.Sprintf("/g/%03d", i))
	}
	p := cwl.NewDescribeLogGroupsPaginator(w, &cwl.DescribeLogGroupsInput{Limit: aws.Int32(50)})
	n, sizes := 0, []int{}
	for p.HasMorePages() {
		out := must(p.NextPage(t.Context()))(t)
		sizes = append(sizes, len(out.LogGroups))
		for _, g := range out.LogGroups {
			if want := fmt.Sprintf("/g/%03d", n); *g.LogGroupName != want {
				t.Fatalf("group %d is %s", n, *g.LogGroupName)
			}
			n++
		}
		if n == 50 { // a page does not shift when an earlier item goes
			must(w.DeleteLogGroup(t.Context(), &cwl.DeleteLogGroupInput{LogGroupName: aws.String("/g/001")}))(t)
		}
	}
	if d := cmp.Diff([]int{50, 50, 20}, sizes); d != "" {
		t.Error(d)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.group("/app")
	w.stream("/app", "s")
	name := aws.String("/app")
	put := func(events ...types.InputLogEvent) error {
		_, err := w.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: name, LogStreamName: aws.String("s"), LogEvents: events})
		return err
	}
	many := make([]types.InputLogEvent, 10001)
	for i := range many {
		many[i] = event(0, "x")
	}
	first := func(_ any, err error) error { return err }
	for what, tt := range map[string]struct {
		err  error
		code string
	}{
		"no such group":       {first(w.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: aws.String("/no"), LogStreamName: aws.String("s"), LogEvents: many[:1]})), "ResourceNotFoundException"},
		"no such stream":      {first(w.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: name, LogStreamName: aws.String("no"), LogEvents: many[:1]})), "ResourceNotFoundException"},
		"group with a space":  {first(w.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String("a b")})), "InvalidParameterException"},
		"group of aws":        {first(w.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String("aws/x")})), "InvalidParameterException"},
		"group too long":      {first(w.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String(strings.Repeat("a", 513))})), "InvalidParameterException"},
		"class unknown":       {first(w.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String("c"), LogGroupClass: "GOLD"})), "InvalidParameterException"},
		"stream with a colon": {first(w.CreateLogStream(ctx, &cwl.CreateLogStreamInput{LogGroupName: name, LogStreamName: aws.String("a:b")})), "InvalidParameterException"},
		"stream twice":        {first(w.CreateLogStream(ctx, &cwl.CreateLogStreamInput{LogGroupName: name, LogStreamName: aws.String("s")})), "ResourceAlreadyExistsException"},
		"retention":           {first(w.PutRetentionPolicy(ctx, &cwl.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(2)})), "InvalidParameterException"},
		"no events":           {put([]types.InputLogEvent{}...), "InvalidParameterException"},
		"too many events":     {put(many...), "InvalidParameterException"},
		"empty message":       {put(event(0, "")), "InvalidParameterException"},
		"negative time":       {put(types.InputLogEvent{Timestamp: aws.Int64(-1), Message: aws.String("x")}), "InvalidParameterException"},
		"order":               {put(event(1, "x"), event(-time.Second, "y")), "InvalidParameterException"},
		"span":                {put(event(-24*time.Hour-time.Millisecond, "x"), event(0, "y")), "InvalidParameterException"},
		"batch too large":     {put(event(0, "%s", strings.Repeat("x", 1<<20-25))), "InvalidParameterException"},
		"limit":               {first(w.DescribeLogGroups(ctx, &cwl.DescribeLogGroupsInput{Limit: aws.Int32(51)})), "InvalidParameterException"},
		"prefix and pattern":  {first(w.DescribeLogGroups(ctx, &cwl.DescribeLogGroupsInput{LogGroupNamePrefix: name, LogGroupNamePattern: name})), "InvalidParameterException"},
		"token":               {first(w.DescribeLogGroups(ctx, &cwl.DescribeLogGroupsInput{NextToken: aws.String("%")})), "InvalidParameterException"},
		"order and prefix":    {first(w.DescribeLogStreams(ctx, &cwl.DescribeLogStreamsInput{LogGroupName: name, OrderBy: "LastEventTime", LogStreamNamePrefix: aws.String("a")})), "InvalidParameterException"},
		"events token":        {first(w.GetLogEvents(ctx, &cwl.GetLogEventsInput{LogGroupName: name, LogStreamName: aws.String("s"), NextToken: aws.String("f/00/s")})), "InvalidParameterException"},
		"name and identifier": {first(w.GetLogEvents(ctx, &cwl.GetLogEventsInput{LogGroupName: name, LogGroupIdentifier: name, LogStreamName: aws.String("s")})), "InvalidParameterException"},
		"filter pattern":      {first(w.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: name, FilterPattern: aws.String("{ $.a = ")})), "InvalidParameterException"},
		"names and prefix":    {first(w.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: name, LogStreamNames: []string{"s"}, LogStreamNamePrefix: aws.String("s")})), "InvalidParameterException"},
		"unknown name":        {first(w.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: name, LogStreamNames: []string{"t"}})), "ResourceNotFoundException"},
		"newest first of old": {first(w.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: name, StartFromHead: aws.Bool(false), StartTime: aws.Int64(0)})), "InvalidParameterException"},
		"record pointer":      {first(w.GetLogRecord(ctx, &cwl.GetLogRecordInput{LogRecordPointer: aws.String("x")})), "InvalidParameterException"},
		"arn with a star":     {first(w.ListTagsForResource(ctx, &cwl.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:/app:*")})), "InvalidParameterException"},
		"not in the sandbox":  {first(w.PutDestination(ctx, &cwl.PutDestinationInput{DestinationName: name, TargetArn: name, RoleArn: name})), "UnknownOperationException"},
	} {
		t.Run(what, func(t *testing.T) { wantError(t, tt.err, tt.code) })
	}
	if err := put(event(-24*time.Hour, "x"), event(0, "%s", strings.Repeat("x", 1<<20-26-27))); err != nil {
		t.Errorf("a batch at the limits: %v", err)
	}
}

func TestRejectedEvents(t *testing.T) {
	w := newWorld(t)
	w.group("/app")
	w.stream("/app", "s")
	got := w.put("/app", "s",
		event(-15*24*time.Hour, "old"), event(-14*24*time.Hour-1e6, "old"),
		event(-14*24*time.Hour, "just"), event(-13*24*time.Hour-1, "fine"))
	if d := cmp.Diff([]int32{2, -1, -1}, indexes(got)); d != "" {
		t.Errorf("too old, expired, too new: %s", d)
	}
	must(w.PutRetentionPolicy(t.Context(), &cwl.PutRetentionPolicyInput{LogGroupName: aws.String("/app"), RetentionInDays: aws.Int32(3)}))(t)
	got = w.put("/app", "s",
		event(-15*24*time.Hour, "old"), event(-4*24*time.Hour, "expired"), event(0, "now"),
		event(2*time.Hour, "just"), event(2*time.Hour+time.Millisecond, "new"))
	if d := cmp.Diff([]int32{1, 2, 4}, indexes(got)); d != "" {
		t.Errorf("too old, expired, too new: %s", d)
	}
	if got := w.put("/app", "s", event(0, "now")); got.RejectedLogEventsInfo != nil {
		t.Errorf("a good batch is rejected: %v", got.RejectedLogEventsInfo)
	}
	if d := cmp.Diff([]string{"now", "now", "just"}, w.messages(&cwl.GetLogEventsInput{StartFromHead: aws.Bool(true)})); d != "" {
		t.Errorf("events kept: %s", d)
	}
	out := must(w.PutLogEvents(t.Context(), &cwl.PutLogEventsInput{
		LogGroupName: aws.String("/app"), LogStreamName: aws.String("s"),
		LogEvents: []types.InputLogEvent{event(0, "x")}, Entity: &types.Entity{KeyAttributes: map[string]string{"Type": "Nothing", "Name": "n"}},
	}))(t)
	if out.RejectedEntityInfo == nil || out.RejectedEntityInfo.ErrorType != types.EntityRejectionErrorTypeInvalidTypeValue {
		t.Errorf("a bad entity: %v", out.RejectedEntityInfo)
	}
}

// indexes are the indexes of rejected events, -1 for none.
func indexes(out *cwl.PutLogEventsOutput) []int32 {
	r := out.RejectedLogEventsInfo
	if r == nil {
		return nil
	}
	var all []int32
	for _, p := range []*int32{r.TooOldLogEventEndIndex, r.ExpiredLogEventEndIndex, r.TooNewLogEventStartIndex} {
		v := int32(-1)
		if p != nil {
			v = *p
		}
		all = append(all, v)
	}
	return all
}

func TestStreams(t *testing.T) {
	w := newWorld(t)
	w.group("/app")
	for _, s := range []string{"b", "a", "c"} {
		w.stream("/app", s)
	}
	w.put("/app", "b", event(0, "x"), event(5*time.Second, "y"))
	w.put("/app", "a", event(-time.Minute, "x"))
	names := func(in cwl.DescribeLogStreamsInput) string {
		in.LogGroupName = aws.String("/app")
		var out []string
		p := cwl.NewDescribeLogStreamsPaginator(w, &in)
		for p.HasMorePages() {
			for _, s := range must(p.NextPage(t.Context()))(t).LogStreams {
				out = append(out, *s.LogStreamName)
			}
		}
		return strings.Join(out, " ")
	}
	for want, in := range map[string]cwl.DescribeLogStreamsInput{
		"a b c": {Limit: aws.Int32(1)},
		"c b a": {Limit: aws.Int32(2), Descending: aws.Bool(true)},
		"b a c": {OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true), Limit: aws.Int32(1)},
		"b":     {LogStreamNamePrefix: aws.String("b")},
	} {
		if got := names(in); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	out := must(w.DescribeLogStreams(t.Context(), &cwl.DescribeLogStreamsInput{LogGroupIdentifier: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:/app"), LogStreamNamePrefix: aws.String("b")}))(t)
	s := out.LogStreams[0]
	if *s.FirstEventTimestamp != *at(0) || *s.LastEventTimestamp != *at(5 * time.Second) || *s.LastIngestionTime != *at(0) || *s.StoredBytes != 0 ||
		*s.Arn != "arn:aws:logs:us-east-1:123456789012:log-group:/app:log-stream:b" {
		t.Errorf("stream is %+v", s)
	}
	must(w.DeleteLogStream(t.Context(), &cwl.DeleteLogStreamInput{LogGroupName: aws.String("/app"), LogStreamName: aws.String("b")}))(t)
	w.stream("/app", "b")
	got := must(w.FilterLogEvents(t.Context(), &cwl.FilterLogEventsInput{LogGroupName: aws.String("/app")}))(t)
	if len(got.Events) != 1 {
		t.Errorf("a deleted stream's events are still there: %d", len(got.Events))
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.group("/app")
	w.group("/bare")
	arn := aws.String("arn:aws:logs:us-east-1:123456789012:log-group:/app")
	must(w.TagResource(ctx, &cwl.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"team": "Payments/eu", "x": ""}}))(t)
	must(w.UntagResource(ctx, &cwl.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"x", "none"}}))(t)
	got := must(w.ListTagsForResource(ctx, &cwl.ListTagsForResourceInput{ResourceArn: arn}))(t)
	if d := cmp.Diff(map[string]string{"team": "Payments/eu"}, got.Tags); d != "" {
		t.Error(d)
	}
	for value, want := range map[string]int{"pay*": 1, "*/EU": 1, "Payments/eu": 1, "payments/eu": 0, "!pay*": 0, "!other": 1} {
		out := must(w.ListLogGroups(ctx, &cwl.ListLogGroupsInput{LogGroupTags: []types.TagFilter{{Key: aws.String("team"), Values: []string{value}}}}))(t)
		if len(out.LogGroups) != want {
			t.Errorf("%d groups have a team of %s, want %d", len(out.LogGroups), value, want)
		}
	}
	tags := make(map[string]string)
	for i := range 50 {
		tags[fmt.Sprint("k", i)] = "v"
	}
	_, err := w.TagResource(ctx, &cwl.TagResourceInput{ResourceArn: arn, Tags: tags})
	wantError(t, err, "TooManyTagsException")
	_, err = w.TagResource(ctx, &cwl.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a*": "v"}})
	wantError(t, err, "InvalidParameterException")
}

func TestQueryDefinitions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	put := func(name string, id *string) *string {
		return must(w.PutQueryDefinition(ctx, &cwl.PutQueryDefinitionInput{
			Name: &name, QueryString: aws.String("fields @message"), QueryDefinitionId: id,
			LogGroupNames: []string{"/app"}, ClientToken: aws.String(strings.ReplaceAll(fmt.Sprintf("%36s", name), " ", "-")),
		}))(t).QueryDefinitionId
	}
	id := put("team/errors", nil)
	if again := put("team/errors", nil); *again != *id {
		t.Errorf("the same request made another definition")
	}
	put("team/renamed", id)
	put("other", nil)
	got := must(w.DescribeQueryDefinitions(ctx, &cwl.DescribeQueryDefinitionsInput{QueryDefinitionNamePrefix: aws.String("team/")}))(t)
	if len(got.QueryDefinitions) != 1 || *got.QueryDefinitions[0].Name != "team/renamed" || *got.QueryDefinitions[0].QueryDefinitionId != *id {
		t.Errorf("definitions are %v", got.QueryDefinitions)
	}
	if out := must(w.DeleteQueryDefinition(ctx, &cwl.DeleteQueryDefinitionInput{QueryDefinitionId: id}))(t); !out.Success {
		t.Error("deletion had no success")
	}
	_, err := w.DeleteQueryDefinition(ctx, &cwl.DeleteQueryDefinitionInput{QueryDefinitionId: id})
	wantError(t, err, "ResourceNotFoundException")
}
