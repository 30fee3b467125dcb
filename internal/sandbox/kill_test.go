package sandbox_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// folderVariable makes the test binary a sandbox with that folder.
const folderVariable = "SANDBOX_TEST_DATA"

func TestMain(m *testing.M) {
	if dir := os.Getenv(folderVariable); dir != "" {
		os.Exit(serveFolder(dir))
	}
	os.Exit(m.Run())
}

// inMemory is a folder's name for none.
const inMemory = "-"

func serveFolder(dir string) int {
	sandbox.SaveMemory()
	o := sandbox.Options{Listen: "127.0.0.1:0", Data: dir}
	if dir == inMemory {
		o.Data, o.TraceBytes = "", 512<<20
	}
	s, err := sandbox.New(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.URL())
	if err := s.Serve(context.Background()); err != nil {
		return 1
	}
	return 0
}

// child is a sandbox in a process of its own.
type child struct {
	cmd  *exec.Cmd
	conf aws.Config
	url  string
}

func startChild(t testing.TB, dir string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), folderVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the sandbox did not start: %v", err)
	}
	c := &child{cmd: cmd, url: strings.TrimSpace(line)}
	t.Cleanup(c.kill)
	c.conf = sandboxtest.ConfigFor(c.url)
	return c
}

// kill is kill -9.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// world is what a person would look at after a restart, as text.
func world(t *testing.T, conf aws.Config) string {
	t.Helper()
	var b strings.Builder
	ctx := t.Context()
	logs, metrics, traces := cwl.NewFromConfig(conf), cloudwatch.NewFromConfig(conf), xray.NewFromConfig(conf)
	groups := good(logs.DescribeLogGroups(ctx, &cwl.DescribeLogGroupsInput{}))(t)
	for _, g := range groups.LogGroups {
		fmt.Fprintln(&b, "group", *g.LogGroupName, aws.ToInt32(g.RetentionInDays), *g.CreationTime, *g.StoredBytes, *g.MetricFilterCount)
		tags := good(logs.ListTagsLogGroup(ctx, &cwl.ListTagsLogGroupInput{LogGroupName: g.LogGroupName}))(t)
		fmt.Fprintln(&b, "tags", tags.Tags)
		streams := good(logs.DescribeLogStreams(ctx, &cwl.DescribeLogStreamsInput{LogGroupName: g.LogGroupName}))(t)
		for _, s := range streams.LogStreams {
			fmt.Fprintln(&b, "stream", *s.LogStreamName, *s.CreationTime, aws.ToInt64(s.FirstEventTimestamp), aws.ToInt64(s.LastEventTimestamp), aws.ToInt64(s.LastIngestionTime))
		}
		events := good(logs.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: g.LogGroupName}))(t)
		for _, e := range events.Events {
			fmt.Fprintln(&b, "event", *e.EventId, *e.Timestamp, *e.IngestionTime, *e.Message)
		}
	}
	for _, d := range good(logs.DescribeQueryDefinitions(ctx, &cwl.DescribeQueryDefinitionsInput{}))(t).QueryDefinitions {
		fmt.Fprintln(&b, "query", *d.QueryDefinitionId, *d.Name, *d.QueryString)
	}
	for _, m := range good(metrics.ListMetrics(ctx, &cloudwatch.ListMetricsInput{}))(t).Metrics {
		got := good(metrics.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
			Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions, StartTime: aws.Time(time.Now().Add(-time.Hour)),
			EndTime: aws.Time(time.Now().Add(time.Hour)), Period: aws.Int32(7200), Statistics: []cwtypes.Statistic{"SampleCount", "Sum", "Minimum", "Maximum"},
			ExtendedStatistics: nil,
		}))(t)
		for _, p := range got.Datapoints {
			fmt.Fprintln(&b, "metric", *m.Namespace, *m.MetricName, len(m.Dimensions), *p.SampleCount, *p.Sum, *p.Minimum, *p.Maximum, p.Unit)
		}
	}
	alarms := good(metrics.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmTypes: []cwtypes.AlarmType{"MetricAlarm", "CompositeAlarm"}}))(t)
	for _, a := range alarms.MetricAlarms {
		fmt.Fprintln(&b, "alarm", *a.AlarmName, *a.AlarmArn, a.StateValue, *a.StateReason, a.StateUpdatedTimestamp.UnixMilli(), *a.Threshold, *a.TreatMissingData)
	}
	for _, a := range alarms.CompositeAlarms {
		fmt.Fprintln(&b, "composite", *a.AlarmName, *a.AlarmRule)
	}
	for _, h := range good(metrics.DescribeAlarmHistory(ctx, &cloudwatch.DescribeAlarmHistoryInput{AlarmName: aws.String("slow")}))(t).AlarmHistoryItems {
		fmt.Fprintln(&b, "history", h.HistoryItemType, *h.HistorySummary, h.Timestamp.UnixMilli())
	}
	board := good(metrics.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: aws.String("main")}))(t)
	fmt.Fprintln(&b, "dashboard", *board.DashboardBody)
	for _, r := range good(traces.GetSamplingRules(ctx, &xray.GetSamplingRulesInput{}))(t).SamplingRuleRecords {
		fmt.Fprintln(&b, "rule", *r.SamplingRule.RuleName, *r.SamplingRule.RuleARN, r.SamplingRule.FixedRate, r.CreatedAt.UnixMilli())
	}
	for _, g := range good(traces.GetGroups(ctx, &xray.GetGroupsInput{}))(t).Groups {
		fmt.Fprintln(&b, "traces", *g.GroupName, *g.GroupARN, aws.ToString(g.FilterExpression))
	}
	for _, tr := range good(traces.BatchGetTraces(ctx, &xray.BatchGetTracesInput{TraceIds: []string{traceID}}))(t).Traces {
		for _, s := range tr.Segments {
			fmt.Fprintln(&b, "segment", *s.Id, *s.Document)
		}
	}
	return b.String()
}

const traceID = "1-67db8a2b-000000000000000000000001"

func good[O any](out O, err error) func(testing.TB) O {
	return func(t testing.TB) O {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// furnish makes one of everything.
func furnish(t *testing.T, conf aws.Config) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	logs, metrics, traces := cwl.NewFromConfig(conf), cloudwatch.NewFromConfig(conf), xray.NewFromConfig(conf)
	g, s := aws.String("/app"), aws.String("s")
	good(logs.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: g, Tags: map[string]string{"team": "a"}}))(t)
	good(logs.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String("/gone")}))(t)
	good(logs.DeleteLogGroup(ctx, &cwl.DeleteLogGroupInput{LogGroupName: aws.String("/gone")}))(t)
	good(logs.PutRetentionPolicy(ctx, &cwl.PutRetentionPolicyInput{LogGroupName: g, RetentionInDays: aws.Int32(7)}))(t)
	good(logs.CreateLogStream(ctx, &cwl.CreateLogStreamInput{LogGroupName: g, LogStreamName: s}))(t)
	good(logs.PutMetricFilter(ctx, &cwl.PutMetricFilterInput{
		LogGroupName: g, FilterName: aws.String("f"), FilterPattern: aws.String("ERROR"),
		MetricTransformations: []logtypes.MetricTransformation{{MetricName: aws.String("Errors"), MetricNamespace: aws.String("App"), MetricValue: aws.String("1")}},
	}))(t)
	good(logs.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: g, LogStreamName: s, LogEvents: []logtypes.InputLogEvent{
		{Timestamp: aws.Int64(now.UnixMilli() - 5), Message: aws.String("ERROR one")}, {Timestamp: aws.Int64(now.UnixMilli()), Message: aws.String("two")},
	}}))(t)
	good(logs.PutQueryDefinition(ctx, &cwl.PutQueryDefinitionInput{Name: aws.String("q"), QueryString: aws.String("fields @message")}))(t)
	values := make([]float64, 150)
	for i := range values {
		values[i] = float64(i)
	}
	for i := range 3 { // more values than are kept exactly
		values[0] = float64(1000 * i)
		good(metrics.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []cwtypes.MetricDatum{
			{MetricName: aws.String("Latency"), Timestamp: &now, Values: values, Unit: "Seconds", Dimensions: []cwtypes.Dimension{{Name: aws.String("a"), Value: aws.String("b")}}},
			{MetricName: aws.String("Size"), StatisticValues: &cwtypes.StatisticSet{SampleCount: aws.Float64(2), Sum: aws.Float64(3), Minimum: aws.Float64(1), Maximum: aws.Float64(2)}},
		}}))(t)
	}
	good(metrics.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("slow"), Namespace: aws.String("Other"), MetricName: aws.String("Latency"),
		Statistic: "Average", Period: aws.Int32(60), EvaluationPeriods: aws.Int32(3), Threshold: aws.Float64(5), ComparisonOperator: "GreaterThanThreshold",
		TreatMissingData: aws.String("ignore"), EvaluationWindow: &cwtypes.EvaluationWindowMemberSlidingWindow{},
	}))(t)
	good(metrics.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("slow"), StateValue: "ALARM", StateReason: aws.String("because")}))(t)
	good(metrics.PutCompositeAlarm(ctx, &cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("all"), AlarmRule: aws.String("ALARM(slow)")}))(t)
	good(metrics.PutDashboard(ctx, &cloudwatch.PutDashboardInput{DashboardName: aws.String("main"), DashboardBody: aws.String(`{"widgets":[]}`)}))(t)
	any := aws.String("*")
	good(traces.CreateSamplingRule(ctx, &xray.CreateSamplingRuleInput{SamplingRule: &xraytypes.SamplingRule{
		RuleName: aws.String("r"), Priority: aws.Int32(1), FixedRate: 0.5,
		Version: aws.Int32(1), ServiceName: any, ServiceType: any, Host: any, HTTPMethod: any, URLPath: any, ResourceARN: any,
	}}))(t)
	good(traces.CreateGroup(ctx, &xray.CreateGroupInput{GroupName: aws.String("g"), FilterExpression: aws.String("fault")}))(t)
	at := float64(now.UnixMilli()) / 1000
	good(traces.PutTraceSegments(ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{
		fmt.Sprintf(`{"trace_id":%q,"id":"aaaaaaaaaaaaaaaa","name":"web","start_time":%f,"end_time":%f}`, traceID, at, at+1),
	}}))(t)
}

// TestKill fills a sandbox, kills it and looks whether all is as it was, twice,
// and once more with a snapshot of it in a sandbox without a folder.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, dir)
	furnish(t, c.conf)
	want := world(t, c.conf)
	for _, line := range []string{"event ", "metric App Latency 1 450", "alarm slow", "history ", "composite all", "dashboard {", "rule r ", "traces g ", "segment aaaaaaaaaaaaaaaa", "query "} {
		if !strings.Contains(want, line) {
			t.Errorf("before the kill there is no line with %q in\n%s", line, want)
		}
	}
	if _, err := sandbox.New(sandbox.Options{Listen: "127.0.0.1:0", Data: dir}); err == nil {
		t.Error("two sandboxes may use one folder at once")
	}
	for range 2 {
		c.kill()
		c = startChild(t, dir)
		if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(world(t, c.conf), "\n")); d != "" {
			t.Fatalf("after the kill: %s", d)
		}
	}
	resp, err := http.Get(c.url + "/_sidelight/snapshot")
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	s := sandboxtest.New(t)
	if err := s.LoadSnapshot(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(world(t, sandboxtest.Config(s)), "\n")); d != "" {
		t.Errorf("from the snapshot: %s", d)
	}
	for cut := range len(snapshot) {
		if cut%101 == 0 {
			if err := s.LoadSnapshot(bytes.NewReader(snapshot[:cut])); err == nil {
				t.Errorf("a snapshot cut off at %d of %d is loaded", cut, len(snapshot))
			}
		}
	}
	// A snapshot that goes into a sandbox with a folder outlives it too.
	resp, err = http.Post(c.url+"/_sidelight/snapshot", "", bytes.NewReader(snapshot))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("load over HTTP: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	c.kill()
	c = startChild(t, dir)
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(world(t, c.conf), "\n")); d != "" {
		t.Errorf("from the snapshot, after a kill: %s", d)
	}
}

// TestKillWhileWriting kills a sandbox at work. What it acknowledged is there.
func TestKillWhileWriting(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	g, st := aws.String("/app"), aws.String("s")
	acknowledged := 0
	for round := range 4 {
		c := startChild(t, dir)
		logs := cwl.NewFromConfig(c.conf)
		if round == 0 {
			good(logs.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: g}))(t)
			good(logs.CreateLogStream(ctx, &cwl.CreateLogStreamInput{LogGroupName: g, LogStreamName: st}))(t)
		}
		enough := acknowledged + 2000 + 700*round
		var kill sync.Once
		for n := acknowledged; ; n += 500 {
			events := make([]logtypes.InputLogEvent, 500)
			now := time.Now().UnixMilli()
			for i := range events {
				events[i] = logtypes.InputLogEvent{Timestamp: &now, Message: aws.String(fmt.Sprintf("%08d %s", n+i, strings.Repeat("x", 300)))}
			}
			if _, err := logs.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: g, LogStreamName: st, LogEvents: events}); err != nil {
				break
			}
			if acknowledged = n + 500; acknowledged >= enough {
				// The next calls race with the kill.
				kill.Do(func() { go func() { _ = c.cmd.Process.Kill() }() })
			}
		}
		c.kill()
		if seen := countEvents(t, dir, acknowledged); seen < acknowledged {
			t.Fatalf("round %d: of %d acknowledged events %d are there", round, acknowledged, seen)
		}
	}
}

// countEvents counts which of the events numbered up to n are there.
func countEvents(t *testing.T, dir string, n int) int {
	t.Helper()
	c := startChild(t, dir)
	defer c.kill()
	seen := make(map[string]bool)
	logs := cwl.NewFromConfig(c.conf)
	pages := cwl.NewFilterLogEventsPaginator(logs, &cwl.FilterLogEventsInput{LogGroupName: aws.String("/app")})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			if id := (*e.Message)[:8]; id < fmt.Sprintf("%08d", n) {
				seen[id] = true
			}
		}
	}
	return len(seen)
}
