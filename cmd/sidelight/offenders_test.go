package main

import (
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/aggregate"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/render"
)

func TestSeriesText(t *testing.T) {
	style := render.Style{ASCII: true, Width: 120}
	if text := seriesText(status.Report{Series: 7}, style); text != "" {
		t.Errorf("without offenders: %q", text)
	}
	text := seriesText(status.Report{Series: 1500, Offenders: []aggregate.Offender{{
		Namespace: "Shop", Metric: "hits", Dimension: "request_id", Values: 997_123, Measurements: 1_000_000, Series: 500, Limit: 500,
	}}}, style)
	for _, want := range []string{"1 500 metric series", "Shop hits", "request_id", "about 997 123", "1 000 000", "500"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestLeftOutText(t *testing.T) {
	if text := leftOutText(status.Report{}); text != "" {
		t.Errorf("with nothing left out: %q", text)
	}
	r := status.Report{LeftOut: []status.LeftOut{{By: "host", What: "disks", Count: 500, Bound: 10_000}}}
	if got, want := leftOutText(r), "left out: 500 disks (host, bound 10 000)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
