package render

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

// WaterfallOptions is what a waterfall needs beside the trace.
type WaterfallOptions struct {
	// Zone is the time zone of the head line. Nil is UTC.
	Zone *time.Location
	// MaxRows bounds the spans shown: failed ones, the critical path and long
	// ones stay. Zero means 200.
	MaxRows int
	// Hint is put at the end of the last line: "logs: …".
	Hint string
}

const (
	defaultRows = 200
	maxService  = 18
	maxWhat     = 30
	minBar      = 16
)

// Waterfall draws one trace from its segments, as BatchGetTraces returns them
// and segment.ReadAny reads them: a head line, a time ruler, a line per span with
// its start, bar, milliseconds, service, work and outcome, and the critical path.
// Without any segment the result is empty.
func Waterfall(docs []*segment.Document, o WaterfallOptions, s Style) string {
	roots := forest(docs)
	if len(roots) == 0 {
		return ""
	}
	w := newWaterfall(roots, o, s)
	var b strings.Builder
	b.WriteString(w.head() + "\n")
	b.WriteString(w.ruler() + "\n")
	shown := w.choose()
	for _, x := range w.spans {
		if shown[x] {
			b.WriteString(w.line(x) + "\n")
		}
	}
	if hidden := len(w.spans) - len(shown); hidden > 0 {
		b.WriteString(w.style.Paint(Dim, s.ellipsis()+" "+Plural(hidden, "more span")) + "\n")
	}
	if last := w.foot(); last != "" {
		b.WriteString(last + "\n")
	}
	return b.String()
}

type waterfall struct {
	style      Style
	opts       WaterfallOptions
	root       *span   // of the first tree
	spans      []*span // in order of drawing
	start, end float64
	path       []string // services of the critical path
	share      float64

	offsetWidth, timeWidth, serviceWidth, whatWidth, barWidth int
}

func newWaterfall(roots []*span, o WaterfallOptions, s Style) *waterfall {
	w := &waterfall{style: s, opts: o, root: roots[0]}
	for _, r := range roots {
		r.walk(func(x *span) { w.spans = append(w.spans, x) })
	}
	for _, x := range w.spans {
		if w.start == 0 || x.doc.StartTime < w.start {
			w.start = x.doc.StartTime
		}
		w.end = max(w.end, x.doc.StartTime, x.doc.EndTime)
	}
	w.path, w.share = criticalPath(w.root, w.root.doc.EndTime-w.root.doc.StartTime)
	w.measure()
	return w
}

// measure gives each column the width that its contents need, and the bars what
// is left, up to two fifths of the line.
func (w *waterfall) measure() {
	outcome := 0
	for _, x := range w.spans {
		w.offsetWidth = max(w.offsetWidth, Width(millisText(x.doc.StartTime-w.start)))
		w.timeWidth = max(w.timeWidth, Width(w.timeText(x)))
		w.serviceWidth = max(w.serviceWidth, Width(Clean(x.service)))
		w.whatWidth = max(w.whatWidth, Width(Clean(x.what())))
		outcome = max(outcome, Width(Clean(x.outcome(w.style).Text)))
	}
	w.serviceWidth, w.whatWidth = min(w.serviceWidth, maxService), min(w.whatWidth, maxWhat)
	// "OFFSET ms ┃ BAR  TIME  SERVICE  WHAT  OUTCOME"
	used := w.offsetWidth + len(" ms | ") + 2 + w.timeWidth + 2 + w.serviceWidth + 2 + w.whatWidth + 2
	total := w.style.width()
	w.barWidth = max(min(total-used-min(outcome, total/4), total*2/5), minBar)
}

// millisText writes seconds as whole milliseconds.
func millisText(seconds float64) string { return fmt.Sprintf("%.0f", seconds*1000) }

func (w *waterfall) timeText(x *span) string {
	if !x.doc.Done() {
		return "-"
	}
	return millisText(x.doc.Seconds())
}

// head tells of the whole trace, in two lines if one is too narrow.
func (w *waterfall) head() string {
	plain := w.style
	plain.Color = false
	left, right := w.headParts(w.style)
	if a, b := w.headParts(plain); Width(a)+3+Width(b) > w.style.width() {
		return left + "\n " + right
	}
	return left + "   " + right
}

func (w *waterfall) headParts(s Style) (request, facts string) {
	d := w.root.doc
	parts := []string{s.Paint(Strong, Clean(w.root.service))}
	add := func(t Tone, text string) {
		if text != "" {
			parts = append(parts, s.Paint(t, Clean(text)))
		}
	}
	add(Plain, w.root.what())
	if d.HTTP != nil && d.HTTP.Response.Status != 0 {
		add(w.root.outcome(s).Tone, fmt.Sprint(d.HTTP.Response.Status))
	}
	if d.Done() {
		add(Plain, Seconds(w.end-w.start))
	} else {
		add(Dim, "in progress")
	}
	var more []string
	for _, text := range []string{w.when(), w.release(), w.counts(s)} {
		if text != "" {
			more = append(more, text)
		}
	}
	return strings.Join(parts, "  "), strings.Join(more, "   ")
}

func (w *waterfall) when() string {
	zone := cmp.Or(w.opts.Zone, time.UTC)
	return segment.Time(w.start).In(zone).Format(time.DateTime)
}

// release is the environment and version of the root's service, if it tells.
func (w *waterfall) release() string {
	var parts []string
	for _, key := range []string{"environment", "deployment.environment", "deployment.environment.name"} {
		if v, ok := w.root.doc.Annotations[key].V.(string); ok {
			parts = append(parts, Clean(v))
			break
		}
	}
	if sv := w.root.doc.Service; sv != nil && sv.Version != "" {
		parts = append(parts, Clean(sv.Version))
	}
	return strings.Join(parts, " ")
}

// counts counts spans, services that sent segments, and faults where they began.
func (w *waterfall) counts(s Style) string {
	services := map[string]bool{}
	faults, errs := 0, 0
	for _, x := range w.spans {
		if x.segment {
			services[x.service] = true
		}
		if x.failedFirst() {
			faults++
		}
		if x.doc.Error && !x.doc.Fault && len(x.children) == 0 {
			errs++
		}
	}
	parts := []string{Plural(len(w.spans), "span"), Plural(len(services), "service")}
	if faults > 0 {
		parts = append(parts, s.Paint(Bad, Plural(faults, "fault")))
	}
	if errs > 0 {
		parts = append(parts, s.Paint(Warn, Plural(errs, "error")))
	}
	return strings.Join(parts, ", ")
}

// ruler marks round times above the bars.
func (w *waterfall) ruler() string {
	total := w.end - w.start
	line := w.style.pick("╷", "|") + "0"
	if step := roundStep(total / max(1, float64(w.barWidth/12))); step > 0 {
		for at := step; at < total; at += step {
			column := int(at / total * float64(w.barWidth))
			mark := w.style.pick("╷", "|") + Seconds(at)
			if column <= Width(line) || column+Width(mark) > w.barWidth+2 {
				continue
			}
			line = padRight(line, column) + mark
		}
	}
	return w.style.Paint(Dim, strings.Repeat(" ", w.offsetWidth+len(" ms | "))+line)
}

// roundStep is the smallest of 1, 2 and 5 times a power of ten that is at least
// v; 0 if v is not positive.
func roundStep(v float64) float64 {
	if !(v > 0) {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= v {
			return m * unit
		}
	}
	return 10 * unit
}

func (w *waterfall) line(x *span) string {
	total := w.end - w.start
	from, to := 0.0, 0.0
	if total > 0 {
		from = (x.doc.StartTime - w.start) / total
		to = 1
		if x.doc.Done() {
			to = (x.doc.EndTime - w.start) / total
		}
	}
	bar := w.style.span(from, to, w.barWidth)
	if x.doc.StartTime == w.start && bar == "" {
		bar = w.style.pick("▏", "|")
	}
	out := x.outcome(w.style)
	tone := out.Tone
	if !x.doc.Done() {
		tone = Dim
	}
	left := padLeft(millisText(x.doc.StartTime-w.start), w.offsetWidth) + " ms " + w.style.pick("┃", "|") + " "
	line := left + w.style.Paint(tone, bar) + strings.Repeat(" ", w.barWidth-Width(bar)) +
		"  " + padLeft(w.timeText(x), w.timeWidth) +
		"  " + padRight(w.style.Fit(Clean(x.service), w.serviceWidth), w.serviceWidth) +
		"  " + padRight(w.style.Fit(Clean(x.what()), w.whatWidth), w.whatWidth)
	if out.Text == "" {
		return strings.TrimRight(line, " ")
	}
	room := max(w.style.width()-Width(left)-w.barWidth-w.timeWidth-w.serviceWidth-w.whatWidth-8, 12)
	return line + "  " + w.style.Paint(out.Tone, w.style.Fit(Clean(out.Text), room))
}

// choose picks the spans to show if there are too many: the first, failed ones,
// those on the critical path, then the longest.
func (w *waterfall) choose() map[*span]bool {
	most := w.opts.MaxRows
	if most <= 0 {
		most = defaultRows
	}
	rank := func(x *span) float64 {
		seconds := x.doc.Seconds()
		switch {
		case x == w.root:
			return 4e9
		case x.doc.Fault || x.doc.Error || x.doc.Throttle:
			return 2e9 + seconds
		case x.critical > 0:
			return 1e9 + x.critical
		}
		return seconds
	}
	ranked := slices.Clone(w.spans)
	order.Stable(ranked, func(a, b *span) int { return cmp.Compare(rank(b), rank(a)) })
	shown := map[*span]bool{}
	for _, x := range ranked[:min(most, len(ranked))] {
		shown[x] = true
	}
	return shown
}

func (w *waterfall) foot() string {
	var parts []string
	if len(w.path) > 0 && w.share > 0 {
		names := make([]string, len(w.path))
		for i, n := range w.path {
			names[i] = Clean(n)
		}
		parts = append(parts, fmt.Sprintf("critical path: %s (%s)", strings.Join(names, " "+w.style.Arrow()+" "), Percent(w.share)))
	}
	if w.opts.Hint != "" {
		parts = append(parts, w.opts.Hint)
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, "     ")
}
