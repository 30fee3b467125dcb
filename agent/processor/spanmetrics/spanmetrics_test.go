package spanmetrics_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

// recorder sums measurements by name and dimensions; of samples it also keeps
// how many there were.
type recorder map[string]float64

func (r recorder) Record(m *sidelight.Measurement) {
	var key strings.Builder
	fmt.Fprintf(&key, "%s %s", strings.TrimPrefix(m.Namespace, "Sidelight/"), m.Name)
	for _, d := range m.Dimensions {
		fmt.Fprintf(&key, " %s=%s", d.Name, d.Value)
	}
	n := max(m.Count, 1)
	r[key.String()] += m.Value * n
	if m.Kind == sidelight.Sample {
		r[key.String()+" #"] += n
	}
}

func entry(service, route string, ms uint64) spanfact.Fact {
	return spanfact.Fact{
		Role: spanfact.Entry, Service: []byte(service), Verb: []byte("GET"), Joint: ' ', Object: []byte(route), Start: 1e18, End: 1e18 + ms*1e6,
	}
}

func call(service, remote, op string) spanfact.Fact {
	return spanfact.Fact{Role: spanfact.Call, Service: []byte(service), Remote: []byte(remote), RemoteOperation: []byte(op), Start: 1e18, End: 1e18 + 5e6}
}

func TestCounts(t *testing.T) {
	m := spanmetrics.New(spanmetrics.Config{Service: "agent", Environment: "prod", Own: true, Signals: true, Platform: "ecs:c"})
	fault, throttle := entry("orders", "/a", 10), entry("orders", "/a", 30)
	fault.Fault, throttle.Error, throttle.Throttle = true, true, true
	own := entry("", "/b", 1)
	own.Environment = []byte("dev")
	m.Record([]spanfact.Fact{entry("orders", "/a", 20), fault, throttle, own, call("orders", "DynamoDB", "GetItem"), {Role: spanfact.Local}})
	got := recorder{}
	m.Collect(got)
	want := recorder{
		"Traces Requests Environment=prod Service=orders": 3, "Traces Faults Environment=prod Service=orders": 1,
		"Traces Errors Environment=prod Service=orders": 1, "Traces Throttles Environment=prod Service=orders": 1,
		"Traces Latency Environment=prod Service=orders": 60, "Traces Latency Environment=prod Service=orders #": 3,
		"Traces Requests Environment=prod Service=orders Operation=GET /a": 3, "Traces Faults Environment=prod Service=orders Operation=GET /a": 1,
		"Traces Errors Environment=prod Service=orders Operation=GET /a": 1, "Traces Throttles Environment=prod Service=orders Operation=GET /a": 1,
		"Traces Latency Environment=prod Service=orders Operation=GET /a": 60, "Traces Latency Environment=prod Service=orders Operation=GET /a #": 3,
		"Traces Requests Environment=prod Service=orders RemoteService=DynamoDB": 1,
		"Traces Latency Environment=prod Service=orders RemoteService=DynamoDB":  5, "Traces Latency Environment=prod Service=orders RemoteService=DynamoDB #": 1,
		"Traces Requests Environment=dev Service=agent": 1, "Traces Latency Environment=dev Service=agent": 1, "Traces Latency Environment=dev Service=agent #": 1,
		"Traces Requests Environment=dev Service=agent Operation=GET /b": 1,
		"Traces Latency Environment=dev Service=agent Operation=GET /b":  1, "Traces Latency Environment=dev Service=agent Operation=GET /b #": 1,
	}
	for key, v := range got {
		if strings.HasPrefix(key, "ApplicationSignals") {
			delete(got, key)
			if strings.Contains(key, "Fault Environment=prod Service=orders Operation=GET /a #") && v != 3 {
				t.Errorf("%s = %v, want a sample for each of 3 requests", key, v)
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	again := recorder{}
	m.Collect(again)
	if len(again) > 0 {
		t.Errorf("counted twice: %v", again)
	}
}

func TestSignals(t *testing.T) {
	m := spanmetrics.New(spanmetrics.Config{Signals: true, Platform: "ecs:c"})
	fault := entry("orders", "/a", 10)
	fault.Fault = true
	m.Record([]spanfact.Fact{entry("orders", "/a", 20), fault, call("orders", "DynamoDB", "GetItem")})
	got := recorder{}
	m.Collect(got)
	const own, called = " Environment=ecs:c Service=orders Operation=GET /a", " Environment=ecs:c Service=orders Operation=UnknownOperation RemoteOperation=GetItem RemoteService=DynamoDB"
	want := recorder{}
	for key, v := range map[string][2]float64{"Latency" + own: {30, 2}, "Fault" + own: {1, 2}, "Error" + own: {0, 2}, "Latency" + called: {5, 1}, "Fault" + called: {0, 1}, "Error" + called: {0, 1}} {
		want["ApplicationSignals "+key], want["ApplicationSignals "+key+" #"] = v[0], v[1]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Whatever names are sent, the series stay bounded and the sum exact.
func TestBounds(t *testing.T) {
	m := spanmetrics.New(spanmetrics.Config{Own: true, MaxServices: 3, MaxRoutes: 5, MaxRemotes: 2})
	const services, routes = 10, 20
	for s := range services {
		for r := range routes {
			name := fmt.Sprintf("s%d", s)
			m.Record([]spanfact.Fact{entry(name, fmt.Sprintf("/r%d", r), 1), call(name, fmt.Sprintf("d%d", r), "x")})
		}
	}
	st := m.Stats()
	if st.Services > 4 || st.Routes > 4*6 || st.Remotes > 4*3 || st.Overflow.Services == 0 || st.Overflow.Routes == 0 || st.Overflow.Remotes == 0 {
		t.Errorf("stats %+v", st)
	}
	got := recorder{}
	m.Collect(got)
	total, other := 0.0, 0.0
	for key, n := range got {
		if strings.HasPrefix(key, "Traces Requests") && strings.Contains(key, "Operation=") {
			total += n
			if strings.Contains(key, spanmetrics.OtherRoute) {
				other += n
			}
		}
	}
	if total != services*routes || other == 0 || other != float64(st.Overflow.Routes) {
		t.Errorf("%v requests, %v of them under other routes, overflow %d", total, other, st.Overflow.Routes)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(got)), func(k string) bool { return strings.Contains(k, "Service="+spanmetrics.OtherService) }) {
		t.Error("no other service")
	}
	for range 100 {
		m.Collect(recorder{})
	}
	if st := m.Stats(); st.Services != 0 {
		t.Errorf("quiet services are kept: %+v", st)
	}
}

// What next refuses will come again, and is counted then.
func TestWatch(t *testing.T) {
	m := spanmetrics.New(spanmetrics.Config{Own: true})
	refuse := sidelight.ErrFull
	sink := m.Watch(sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return refuse }))
	b := &sidelight.Batch{Signal: sidelight.Traces, Events: []sidelight.Event{{Body: []byte(`{"name":"orders","start_time":1,"end_time":2}`)}}}
	if err := sink.Push(t.Context(), b); !errors.Is(err, sidelight.ErrFull) {
		t.Fatalf("Push = %v", err)
	}
	refuse = nil
	if err := sink.Push(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	got := recorder{}
	m.Collect(got)
	if got["Traces Requests Service=orders"] != 1 {
		t.Errorf("recorded %v", got)
	}
}

func BenchmarkRecord(b *testing.B) {
	m := spanmetrics.New(spanmetrics.Config{Own: true})
	facts := make([]spanfact.Fact, 100)
	for i := range facts {
		if facts[i] = entry("orders", fmt.Sprintf("/r%d", i%10), uint64(i)); i%2 == 0 {
			facts[i] = call("orders", "DynamoDB", "GetItem")
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Record(facts)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(facts)), "ns/span")
}
