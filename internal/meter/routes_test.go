package meter_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

func TestRoutes(t *testing.T) {
	var r meter.Routes
	a, b := sidelight.Dest{Exporter: "x", Group: "/a", Stream: "1"}, sidelight.Dest{Exporter: "x", Group: "/b"}
	r.Deliver(b, 2, 20, 20)
	r.Deliver(a, 3, 30, 30)
	a.Stream = "2" // the same route
	r.Deliver(a, 1, 10, 10)
	r.Refuse(a, "tooOld", 2)
	want := []meter.RouteTotals{
		{Route: meter.Route{Exporter: "x", Group: "/a"}, Delivered: 4, Bytes: 40, Weight: 40, Refused: map[string]uint64{"tooOld": 2}},
		{Route: meter.Route{Exporter: "x", Group: "/b"}, Delivered: 2, Bytes: 20, Weight: 20},
	}
	got := r.Totals()
	if d := cmp.Diff(want, got, cmpopts.IgnoreTypes(time.Time{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got[0].Last.IsZero() {
		t.Error("no time of the last delivery")
	}
	got[0].Refused["tooOld"] = 9
	if n := r.Totals()[0].Refused["tooOld"]; n != 2 {
		t.Errorf("a copy changed the books to %d", n)
	}
}

func TestRoutesAreBounded(t *testing.T) {
	var r meter.Routes
	for i := range meter.MaxRoutes + 50 {
		r.Deliver(sidelight.Dest{Exporter: "x", Group: fmt.Sprint(i)}, 1, 1, 1)
	}
	var sum uint64
	for _, x := range r.Totals() {
		sum += x.Delivered
		if x.Group == meter.Others && x.Delivered != 50 {
			t.Errorf("%d delivered to others", x.Delivered)
		}
	}
	if n := len(r.Totals()); n != meter.MaxRoutes+1 || sum != meter.MaxRoutes+50 {
		t.Errorf("%d routes, %d events", n, sum)
	}
}

func TestCollect(t *testing.T) {
	var s meter.Set
	s.Collect("x_total", "things", "counter", func(emit func(float64, ...string)) {
		emit(2, "kind", "b")
		emit(1, "kind", `a"`)
	})
	var b bytes.Buffer
	if err := s.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := "# HELP x_total things\n# TYPE x_total counter\nx_total{kind=\"a\\\"\"} 1\nx_total{kind=\"b\"} 2\n"
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(b.String(), "\n")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
