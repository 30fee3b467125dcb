package sdk

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// points collects t and returns the points of one metric by route or host.
func points(t *testing.T, table *redTable, name string) map[string]metricdata.HistogramDataPoint[float64] {
	t.Helper()
	scopes, err := table.Produce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]metricdata.HistogramDataPoint[float64]{}
	for _, s := range scopes {
		for _, m := range s.Metrics {
			if m.Name != name {
				continue
			}
			for _, p := range m.Data.(metricdata.Histogram[float64]).DataPoints {
				out[p.Attributes.Encoded(attribute.DefaultEncoder())] = p
			}
		}
	}
	return out
}

func TestRedPoint(t *testing.T) {
	table := newRedTable(200)
	ok := redKey{method: "GET", target: "/a", status: 200}
	for _, d := range []time.Duration{5 * time.Millisecond, 6 * time.Millisecond, 20 * time.Second} {
		table.record(ok, d)
	}
	table.record(redKey{method: "GET", target: "/a", status: 500}, time.Second)
	table.record(redKey{kind: redClient, method: "POST", target: "pay.test", fault: "timeout"}, time.Second)
	got := points(t, table, "http.server.request.duration")
	p := got["http.request.method=GET,http.response.status_code=200,http.route=/a"]
	least, _ := p.Min.Value()
	most, _ := p.Max.Value()
	if len(got) != 2 || p.Count != 3 || p.Sum != 20.011 || least != 0.005 || most != 20 {
		t.Fatalf("points are %+v", got)
	}
	if d := cmp.Diff([]uint64{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, p.BucketCounts); d != "" {
		t.Errorf("buckets (-want +got):\n%s", d)
	}
	if _, ok := got["error.type=500,http.request.method=GET,http.response.status_code=500,http.route=/a"]; !ok {
		t.Errorf("no series for the error in %v", got)
	}
	if again := points(t, table, "http.server.request.duration"); len(again) != 0 {
		t.Errorf("the next collection repeats %v", again)
	}
	table.record(redKey{kind: redClient, method: "POST", target: "pay.test", fault: "timeout"}, time.Second)
	if c := points(t, table, "http.client.request.duration"); c["error.type=timeout,http.request.method=POST,server.address=pay.test"].Count != 1 {
		t.Errorf("client points are %v", c)
	}
}

func TestRedLimitsSeries(t *testing.T) {
	table := newRedTable(5)
	for i := range 20 {
		table.record(redKey{method: "GET", target: fmt.Sprint("/", i), status: 200}, time.Millisecond)
		table.record(redKey{kind: redClient, method: "GET", target: fmt.Sprint("h", i%3), status: 200}, time.Millisecond)
	}
	got := points(t, table, "http.server.request.duration")
	if len(got) != 5 || got["otel.metric.overflow=true"].Count != 16 {
		t.Errorf("%d series, %d in the overflow; want 5 and 16", len(got), got["otel.metric.overflow=true"].Count)
	}
}

func TestRedForgetsIdleSeries(t *testing.T) {
	table := newRedTable(3)
	for i := range 2 {
		table.record(redKey{method: "GET", target: fmt.Sprint("/", i), status: 200}, time.Millisecond)
	}
	for range redIdle + 1 {
		points(t, table, "http.server.request.duration")
	}
	table.record(redKey{method: "GET", target: "/new", status: 200}, time.Millisecond)
	got := points(t, table, "http.server.request.duration")
	if _, ok := got["http.request.method=GET,http.response.status_code=200,http.route=/new"]; !ok || len(got) != 1 {
		t.Errorf("the place of idle series is not used again: %v", got)
	}
}

// TestRedLosesNothing records while series are collected and forgotten.
func TestRedLosesNothing(t *testing.T) {
	table := newRedTable(4)
	var wg sync.WaitGroup
	const each = 5000
	for w := range 4 {
		wg.Go(func() {
			for i := range each {
				table.record(redKey{method: "GET", target: fmt.Sprint("/", (i+w)%8), status: 200}, time.Millisecond)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		wg.Wait()
	}()
	total := uint64(0)
	add := func() {
		for _, p := range points(t, table, "http.server.request.duration") {
			total += p.Count
		}
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			add()
		}
	}
	add()
	if total != 4*each {
		t.Errorf("%d points collected of %d", total, 4*each)
	}
}

func TestRedPointAllocatesNothing(t *testing.T) {
	table := newRedTable(200)
	key := redKey{method: "GET", target: "/a", status: 200}
	if n := testing.AllocsPerRun(1000, func() { table.record(key, time.Millisecond) }); n != 0 {
		t.Errorf("a point allocates %v times", n)
	}
}

func BenchmarkRedPoint(b *testing.B) {
	table := newRedTable(200)
	key := redKey{method: "GET", target: "/orders/{id}", status: 200}
	b.ReportAllocs()
	for b.Loop() {
		table.record(key, time.Millisecond)
	}
}

func TestRuntimeMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRuntimeProducer(time.Now())
		scopes, err := p.Produce(t.Context())
		if err != nil || len(scopes) != 1 {
			t.Fatalf("Produce() = %v, %v", scopes, err)
		}
		got := map[string]int64{}
		for _, m := range scopes[0].Metrics {
			switch d := m.Data.(type) {
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					got[m.Name] += p.Value
				}
			case metricdata.Sum[int64]:
				got[m.Name] += d.DataPoints[0].Value
			}
		}
		for _, name := range []string{"go.goroutine.count", "go.memory.gc.goal", "go.processor.limit", "go.memory.used", "go.memory.allocated"} {
			if got[name] <= 0 {
				t.Errorf("%s is %d", name, got[name])
			}
		}
	})
}
