package main

import (
	"fmt"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/render"
)

// leftOutText says what is not measured, as there is too much of it, a line each.
func leftOutText(r status.Report) string {
	var b strings.Builder
	for _, x := range r.LeftOut {
		fmt.Fprintf(&b, "left out: %s %s (%s, bound %s)\n", render.Count(int64(x.Count)), x.What, x.By, render.Count(int64(x.Bound)))
	}
	return b.String()
}

// seriesText says how many metric series there are, and which metrics have more
// than they may; "" if no metric has.
func seriesText(r status.Report, style render.Style) string {
	if len(r.Offenders) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s; too many of:\n", render.Count(int64(r.Series))+" metric series")
	t := table("metric", ">series", ">bound", "by its dimension", ">further values", ">measurements summed")
	for _, o := range r.Offenders {
		name := o.Metric
		if o.Namespace != "" {
			name = o.Namespace + " " + o.Metric
		}
		bound := render.Count(int64(o.Limit))
		if o.Series < o.Limit { // what is bounded is all metrics together
			bound = "of all"
		}
		t.Row(render.Cells(name, render.Count(int64(o.Series)), bound, o.Dimension,
			"about "+render.Count(int64(o.Values)), render.Count(int64(o.Measurements)))...)
	}
	b.WriteString(t.Draw(style))
	return b.String()
}
