//go:build clients

package clients_test

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// query is what a client is told to read.
type query struct {
	URL   string `json:"url"`
	Start int64  `json:"start"` // Unix seconds
	End   int64  `json:"end"`
	Group string `json:"group"`
	// Pattern is for FilterLogEvents, Insights for StartQuery; Malformed is a
	// query that cannot be.
	Pattern   string `json:"pattern"`
	Insights  string `json:"insights"`
	Malformed string `json:"malformed"`
	// MetricQueries and AlarmBody are JSON in the form of the API.
	MetricQueries string `json:"metricQueries"`
	Alarm         string `json:"alarm"`
	AlarmBody     string `json:"alarmBody"`
	Trace         string `json:"trace"`
	Filter        string `json:"filter"`
}

// reading is what a client found.
type reading struct {
	Account string `json:"account"`

	Errors  []int      `json:"errors"`  // sequence numbers that Pattern matched
	Events  int        `json:"events"`  // events on all pages
	Status  string     `json:"status"`  // of the query
	Rows    [][]string `json:"rows"`    // of the query
	Matched int        `json:"matched"` // records that the query says to have matched

	Metrics    []string           `json:"metrics"`
	Dimensions []string           `json:"dimensions"` // of the metric checkouts
	Data       map[string]float64 `json:"data"`       // sums of the metric queries' values
	Alarm      []string           `json:"alarm"`      // metric, comparison, threshold, period

	Graph    []string   `json:"graph"`    // service, requests, faults
	Segments []string   `json:"segments"` // names in Trace
	Faulty   [][]string `json:"faulty"`   // ID, duration and fault of what Filter matched

	NoGroup   string `json:"noGroup"`   // code of the error for an unknown group
	Malformed []int  `json:"malformed"` // where the malformed query is wrong
	NoAlarm   string `json:"noAlarm"`   // code of the error for an unknown alarm
	BadFilter string `json:"badFilter"` // code of the error for a bad filter
}

// TestReaders reads the same things with every client.
func TestReaders(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	q := seed(t, s)
	for name, read := range map[string]func(*testing.T, *sandbox, query) reading{
		"aws-cli":   readCLI,
		"boto3":     readWith("/usr/bin/python3", "read.py"),
		"sdk-go-v2": readGo,
		"sdk-js-v3": readWith("node", "read.js"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := q
			q.Alarm = "checkouts-" + name
			if diff := cmp.Diff(expected(q), read(t, s, q)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func expected(q query) reading {
	return reading{
		Account: "000000000000",
		Errors:  []int{0, 10, 20, 30, 40, 50, 60, 70, 80, 90},
		Events:  100,
		Status:  "Complete",
		Rows:    [][]string{{"error", "10", "90"}, {"info", "90", "99"}},
		Matched: 100,
		Metrics: []string{"checkouts", "latency"}, Dimensions: []string{"route=/pay", "service=shop"},
		Data:  map[string]float64{"m1": 21, "twice": 42, "top": 30, "n": 3},
		Alarm: []string{"checkouts", "GreaterThanThreshold", "100", "60"},
		Graph: []string{"orders 3 1", "web 3 1"}, Segments: []string{"orders", "web"},
		Faulty:    [][]string{{q.Trace, "0.5", "true"}},
		NoGroup:   "ResourceNotFoundException",
		Malformed: []int{17, 22},
		NoAlarm:   "ResourceNotFound",
		BadFilter: "InvalidRequestException",
	}
}

// seed sends logs, metrics and traces through an agent and waits until all of
// them have arrived.
func seed(t *testing.T, s *sandbox) query {
	t.Helper()
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1s", "SIDELIGHT_SCRAPE_HOST=off", "SIDELIGHT_SCRAPE_CGROUP=off")
	c := forwarder(t, a.address(t, "forward"))
	for i := range 100 {
		level := "info"
		if i%10 == 0 {
			level = "error"
		}
		if err := c.Post("app", map[string]any{"seq": i, "level": level, "ms": i}); err != nil {
			t.Fatal(err)
		}
	}
	datagram(t, a.address(t, "statsd"), strings.Repeat("checkouts:3|c|#route:/pay\n", 7)+"latency:10:20:30|ms|#route:/pay")
	begin := time.Now().Add(-5 * time.Second)
	trace := ""
	for i := range 3 {
		id := fmt.Sprintf("1-%08x-%024x", begin.Unix(), 0xabc+i)
		if i == 1 {
			trace = id
		}
		for _, doc := range segments(id, begin, i == 1) {
			datagram(t, a.address(t, "xray udp"), "{\"format\":\"json\",\"version\":1}\n"+doc)
		}
	}
	now := time.Now()
	q := query{
		URL: s.url, Start: now.Add(-time.Hour).Unix(), End: now.Add(time.Minute).Unix(), Group: group,
		Pattern:   `{ $.level = "error" }`,
		Insights:  "stats count(*) as n, max(ms) as top by level | sort level",
		Malformed: "fields @message| filtr a = 1",
		MetricQueries: `[{"Id":"m1","MetricStat":` + metricStat("checkouts", "Sum") + `},
			{"Id":"twice","Expression":"m1*2"},
			{"Id":"top","MetricStat":` + metricStat("latency", "Maximum") + `},
			{"Id":"n","MetricStat":` + metricStat("latency", "SampleCount") + `}]`,
		AlarmBody: `{"Namespace":"Sidelight","MetricName":"checkouts","Statistic":"Sum","Period":60,"EvaluationPeriods":1,
			"Threshold":100,"ComparisonOperator":"GreaterThanThreshold","TreatMissingData":"notBreaching"}`,
		Trace: trace, Filter: "fault = true",
	}
	eventually(t, "the logs", func() bool { return len(s.messages(t, group, "")) == 100 })
	dims := []string{"service", "shop", "route", "/pay"}
	eventually(t, "the metrics", func() bool {
		return s.total(t, "Sum", "checkouts", dims...) == 21 && s.total(t, "SampleCount", "latency", dims...) == 3
	})
	eventually(t, "the traces", func() bool {
		return len(s.traces(t, `service("orders")`)) == 3 && len(s.traces(t, q.Filter)) == 1
	})
	return q
}

func datagram(t *testing.T, address, text string) {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func metricStat(name, stat string) string {
	return fmt.Sprintf(`{"Metric":{"Namespace":"Sidelight","MetricName":%q,"Dimensions":[{"Name":"service","Value":"shop"},{"Name":"route","Value":"/pay"}]},"Period":60,"Stat":%q}`, name, stat)
}

// segments are the two documents of a request to web, which calls orders.
func segments(trace string, begin time.Time, fault bool) []string {
	start := float64(begin.UnixMilli()) / 1000
	status := 200
	if fault {
		status = 500
	}
	id := trace[len(trace)-16:]
	answer := fmt.Sprintf(`"fault":%t,"http":{"request":{"method":"GET","url":"http://shop.example/checkout"},"response":{"status":%d}}`, fault, status)
	web := fmt.Sprintf(`{"name":"web","id":"a%s","trace_id":%q,"start_time":%.3f,"end_time":%.3f,%s,"subsegments":[{"name":"orders","id":"b%s","namespace":"remote","start_time":%.3f,"end_time":%.3f,%s}]}`,
		id[1:], trace, start, start+0.5, answer, id[1:], start+0.1, start+0.4, answer)
	orders := fmt.Sprintf(`{"name":"orders","id":"c%s","parent_id":"b%s","trace_id":%q,"start_time":%.3f,"end_time":%.3f,%s}`,
		id[1:], id[1:], trace, start+0.15, start+0.35, answer)
	return []string{web, orders}
}

// readWith reads with a script that takes the query and prints the reading.
func readWith(argv ...string) func(*testing.T, *sandbox, query) reading {
	return func(t *testing.T, _ *sandbox, q query) reading {
		t.Helper()
		arg, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		out := run(t, credentials(), append(argv, string(arg))...)
		var got reading
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return got
	}
}
