package spend_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/spend"
	"github.com/sidelight-dev/sidelight/internal/price"
)

func point(ns, name, route string) sidelight.Point {
	p := sidelight.Point{Namespace: ns, Name: name}
	if route != "" {
		p.Dimensions = []sidelight.Dimension{{Name: "route", Value: route}}
	}
	return p
}

func at(clock string) time.Time {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		panic(err)
	}
	return t
}

// A series is charged for once in each hour, however often it is sent.
func TestHours(t *testing.T) {
	l := spend.New(at("10:30"), "api")
	minute := []sidelight.Point{point("App", "took", "/a"), point("App", "took", "/b"), point("Host", "cpu", "")}
	l.Points(at("10:31"), minute)
	l.Points(at("10:32"), minute)
	if h := l.Hour(at("10:33")); h.Series != 3 || h.Whole {
		t.Errorf("half an hour: %+v", h)
	}
	l.Points(at("11:00"), minute)
	l.Points(at("11:59"), append(minute, point("App", "took", "/c")))
	want := spend.Hour{
		Began: at("11:00"), Series: 4, Whole: true,
		Metrics: []spend.Metric{{Namespace: "App", Name: "took", Via: "api", Series: 3}, {Namespace: "Host", Name: "cpu", Via: "api", Series: 1}},
		Labels:  []spend.Label{{Name: "route", Value: "/a", Series: 1}, {Name: "route", Value: "/b", Series: 1}, {Name: "route", Value: "/c", Series: 1}},
	}
	if d := cmp.Diff(want, l.Hour(at("12:20"))); d != "" {
		t.Errorf("the hour before (-want +got):\n%s", d)
	}
	// An agent that sent nothing for hours has no whole hour to show.
	if h := l.Hour(at("15:20")); h.Whole || h.Series != 0 {
		t.Errorf("hours of silence: %+v", h)
	}
}

// Names are bounded; the sums are not.
func TestBounds(t *testing.T) {
	l := spend.New(at("10:00"), "emf")
	for i := range 3000 {
		l.Points(at("10:01"), []sidelight.Point{point("App", fmt.Sprint("m", i), fmt.Sprint(i))})
	}
	h := l.Hour(at("10:02"))
	sum := 0
	for _, m := range h.Metrics {
		sum += m.Series
	}
	if len(h.Metrics) != 1001 || h.Metrics[0].Name != spend.Others || sum != 3000 || h.Series != 3000 {
		t.Errorf("%d metrics of %d series, the first %+v", len(h.Metrics), sum, h.Metrics[0])
	}
	if len(h.Labels) != 1001 || h.Labels[0] != (spend.Label{Name: "route", Value: spend.Others, Series: 2000}) {
		t.Errorf("%d labels, the first %+v", len(h.Labels), h.Labels[0])
	}
}

func usd(v float64) *float64 { return &v }

// Ten hours of which a month has 73: what is counted since the start is
// multiplied by that, series are not.
func TestBill(t *testing.T) {
	r := spend.Report{
		Seconds: 36000, MetricRequests: 10_000, Traces: 100_000,
		Hour: spend.Hour{Series: 30, Metrics: []spend.Metric{
			{Namespace: "App", Name: "took", Via: "api", Series: 15},
			{Namespace: "App", Name: "hits", Via: "emf", Series: 5},
			{Namespace: "Far", Name: "hits", Via: "otlp", Series: 10},
		}, Labels: []spend.Label{{Name: "route", Value: "/a", Series: 12}, {Name: "zone", Value: "a", Series: 30}}},
		Logs: []spend.Log{{Group: "/app", Class: "standard", Bytes: 2 << 30}, {Group: "/cheap", Class: "infrequent_access", Bytes: 2 << 30}},
		OTLP: []spend.OTLP{{Signal: "metrics", Bytes: 1 << 30}},
	}
	want := []spend.Line{
		{Kind: "logs", Name: "/app", Quantity: 146, Unit: "GB", Monthly: usd(73)},
		{Kind: "logs", Name: "/cheap", Quantity: 146, Unit: "GB", Monthly: usd(36.5)},
		{Kind: "traces", Name: "X-Ray", Quantity: 7.3, Unit: "million", Monthly: usd(36.5)},
		{Kind: "requests", Name: "PutMetricData", Quantity: 730, Unit: "thousand", Monthly: usd(7.3)},
		{Kind: "metrics", Name: "App", Quantity: 20, Unit: "series", Monthly: usd(6)},
		{Kind: "otlp", Name: "metrics", Quantity: 73, Unit: "GB"},
	}
	near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })
	got := r.Bill(price.List(), spend.ByNamespace)
	if d := cmp.Diff(want, got, near); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if sum, all := spend.Total(got); all || sum < 159.29 || sum > 159.31 {
		t.Errorf("total %v, all known: %v", sum, all)
	}
	byRoute := []spend.Line{
		{Kind: "metrics", Name: "without Route", Quantity: 18, Unit: "series", Monthly: usd(5.4)},
		{Kind: "metrics", Name: "route=/a", Quantity: 12, Unit: "series", Monthly: usd(3.6)},
	}
	if d := cmp.Diff(byRoute, (spend.Report{Hour: r.Hour}).Bill(price.List(), "Route"), near); d != "" {
		t.Errorf("by route (-want +got):\n%s", d)
	}
}
