//go:build clients

package clients_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// cli is AWS's command line as Debian ships it.
type cli struct {
	t   *testing.T
	url string
}

// call runs a command and decodes what it prints into out, if out is not nil.
func (c cli) call(out any, args ...string) {
	c.t.Helper()
	text := run(c.t, credentials(), append([]string{"/usr/bin/aws", "--endpoint-url", c.url, "--output", "json"}, args...)...)
	if out == nil {
		return
	}
	if err := json.Unmarshal(text, out); err != nil {
		c.t.Fatalf("aws %v: %v\n%s", args, err, text)
	}
}

// fails runs a command that must fail, and returns what it says.
func (c cli) fails(args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "/usr/bin/aws", append([]string{"--endpoint-url", c.url}, args...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.t.TempDir(), "LC_ALL=C.UTF-8"}, credentials()...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	// 254 is the command line's code for an error that the service answered.
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 254 {
		c.t.Errorf("aws %v: %v, want exit code 254\n%s", args, err, tail(stderr.String()))
	}
	return stderr.String()
}

// code is the error's code in the message.
func (c cli) code(message string) string {
	c.t.Helper()
	m := regexp.MustCompile(`An error occurred \((\w+)\)`).FindStringSubmatch(message)
	if m == nil {
		c.t.Fatalf("no code in %s", tail(message))
	}
	return m[1]
}

func readCLI(t *testing.T, s *sandbox, q query) reading {
	t.Helper()
	c := cli{t, s.url}
	var got reading
	c.call(&got, "sts", "get-caller-identity", "--query", "{account: Account}")
	c.readLogs(q, &got)
	c.readMetrics(q, &got)
	c.readTraces(q, &got)
	c.readFailures(q, &got)
	return got
}

func (c cli) readLogs(q query, got *reading) {
	c.t.Helper()
	var found struct{ Events []struct{ Message string } }
	c.call(&found, "logs", "filter-log-events", "--log-group-name", q.Group, "--filter-pattern", q.Pattern)
	for _, e := range found.Events {
		seq, _ := strconv.Atoi(field(c.t, e.Message, "seq"))
		got.Errors = append(got.Errors, seq)
	}
	slices.Sort(got.Errors)
	c.call(&got.Events, "logs", "filter-log-events", "--log-group-name", q.Group, "--page-size", "30", "--query", "length(events)")

	var id string
	c.call(&id, "logs", "start-query", "--log-group-name", q.Group, "--start-time", fmt.Sprint(q.Start), "--end-time", fmt.Sprint(q.End),
		"--query-string", q.Insights, "--query", "queryId")
	var result struct {
		Status     string
		Statistics struct{ RecordsMatched float64 }
		Results    [][]struct{ Value string }
	}
	eventually(c.t, "the query", func() bool {
		c.call(&result, "logs", "get-query-results", "--query-id", id)
		return result.Status != "Running" && result.Status != "Scheduled"
	})
	got.Status, got.Matched = result.Status, int(result.Statistics.RecordsMatched)
	for _, row := range result.Results {
		values := []string{}
		for _, f := range row {
			values = append(values, f.Value)
		}
		got.Rows = append(got.Rows, values)
	}
}

func (c cli) readMetrics(q query, got *reading) {
	c.t.Helper()
	c.call(&got.Metrics, "cloudwatch", "list-metrics", "--namespace", "Sidelight", "--query", "sort(Metrics[].MetricName)")
	c.call(&got.Dimensions, "cloudwatch", "list-metrics", "--namespace", "Sidelight", "--metric-name", "checkouts",
		"--query", "sort(Metrics[].Dimensions[].join('=', [Name, Value]))")
	var data []struct {
		ID     string `json:"Id"`
		Values []float64
	}
	c.call(&data, "cloudwatch", "get-metric-data", "--start-time", fmt.Sprint(q.Start), "--end-time", fmt.Sprint(q.End),
		"--metric-data-queries", q.MetricQueries, "--query", "MetricDataResults")
	got.Data = map[string]float64{}
	for _, d := range data {
		for _, v := range d.Values {
			got.Data[d.ID] += v
		}
	}
	c.call(nil, "cloudwatch", "put-metric-alarm", "--alarm-name", q.Alarm, "--cli-input-json", q.AlarmBody)
	var alarm []any
	c.call(&alarm, "cloudwatch", "describe-alarms", "--alarm-names", q.Alarm,
		"--query", "MetricAlarms[0].[MetricName, ComparisonOperator, Threshold, Period]")
	got.Alarm = texts(alarm, func(v any) string { return fmt.Sprint(v) })
}

func (c cli) readTraces(q query, got *reading) {
	c.t.Helper()
	during := []string{"--start-time", fmt.Sprint(q.Start), "--end-time", fmt.Sprint(q.End)}
	var graph [][]any
	c.call(&graph, append([]string{
		"xray", "get-service-graph", "--query",
		"Services[?Type != 'client'].[Name, SummaryStatistics.TotalCount, SummaryStatistics.FaultStatistics.TotalCount]",
	}, during...)...)
	for _, g := range graph {
		got.Graph = append(got.Graph, fmt.Sprintf("%v %v %v", g...))
	}
	slices.Sort(got.Graph)
	var docs []string
	c.call(&docs, "xray", "batch-get-traces", "--trace-ids", q.Trace, "--query", "Traces[0].Segments[].Document")
	for _, d := range docs {
		got.Segments = append(got.Segments, field(c.t, d, "name"))
	}
	slices.Sort(got.Segments)
	var faulty [][]any
	c.call(&faulty, append([]string{
		"xray", "get-trace-summaries", "--filter-expression", q.Filter, "--query",
		"TraceSummaries[].[Id, Duration, HasFault]",
	}, during...)...)
	for _, f := range faulty {
		got.Faulty = append(got.Faulty, texts(f, func(v any) string { return fmt.Sprint(v) }))
	}
}

func (c cli) readFailures(q query, got *reading) {
	c.t.Helper()
	got.NoGroup = c.code(c.fails("logs", "filter-log-events", "--log-group-name", "/none"))
	// This version of the command line shows an error's further members only in
	// its trace.
	malformed := c.fails("--debug", "logs", "start-query", "--log-group-name", q.Group, "--start-time", "1", "--end-time", "2", "--query-string", q.Malformed)
	if code := c.code(malformed); code != "MalformedQueryException" {
		c.t.Errorf("malformed query: %s", code)
	}
	for _, name := range []string{"startCharOffset", "endCharOffset"} {
		if m := regexp.MustCompile(`"` + name + `": ?(\d+)`).FindStringSubmatch(malformed); m != nil {
			at, _ := strconv.Atoi(m[1])
			got.Malformed = append(got.Malformed, at)
		}
	}
	got.NoAlarm = c.code(c.fails("cloudwatch", "set-alarm-state", "--alarm-name", "none", "--state-value", "OK", "--state-reason", "x"))
	got.BadFilter = c.code(c.fails("xray", "get-trace-summaries", "--start-time", "1", "--end-time", "2", "--filter-expression", "fault ="))
}
