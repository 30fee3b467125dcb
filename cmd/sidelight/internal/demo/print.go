package demo

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/internal/render"
)

// Print writes the summary for people.
func (s *Summary) Print(w io.Writer, style render.Style) {
	p := printer{w: w, style: style, s: s}
	p.logs()
	p.metrics()
	p.services()
	p.slowest()
	p.alarm()
	p.agent()
	p.verdict()
}

type printer struct {
	w     io.Writer
	style render.Style
	s     *Summary
}

func (p *printer) head(title, command string) {
	fmt.Fprintf(p.w, "\n%s  %s\n\n", p.style.Paint(render.Strong, title), p.style.Paint(render.Dim, command))
}

func (p *printer) text(s string) { fmt.Fprint(p.w, s) }

func (p *printer) logs() {
	p.head("Logs by level", "sidelight logs query "+LogGroup+" '"+LogQuery+"'")
	t := &render.Table{Indent: 2, Columns: []render.Column{{Title: "level"}, {Title: "events", Align: render.AlignRight}, {}}}
	most := 1.0
	counts := make([]float64, len(p.s.Levels))
	for i, l := range p.s.Levels {
		fmt.Sscan(l.Count, &counts[i])
		most = math.Max(most, counts[i])
	}
	for i, l := range p.s.Levels {
		tone := render.Plain
		switch strings.ToUpper(l.Name) {
		case "ERROR":
			tone = render.Bad
		case "WARN":
			tone = render.Warn
		}
		t.Row(render.Cell{Text: l.Name, Tone: tone}, render.Cell{Text: render.Count(int64(counts[i]))}, render.Cell{Text: p.style.Bar(counts[i]/most, 40), Tone: tone})
	}
	p.text(t.Draw(p.style))
	fmt.Fprintf(p.w, "  %s\n", p.style.Paint(render.Dim, fmt.Sprintf("%s scanned (%s) in %s",
		render.Count(p.s.Query.Scanned), render.Bytes(p.s.Query.Bytes), render.Duration(p.s.Query.Took))))
}

// metricNames are what people call the series.
func metricNames() []string {
	return []string{"CPU of the machine, %", "memory in use, %", "requests in 5 s", "failed in 5 s", "latency p99, ms"}
}

func (p *printer) metrics() {
	p.head("Metrics", "sidelight metrics get '"+metrics()[0]+"' …")
	t := &render.Table{Indent: 2, Columns: []render.Column{
		{Title: ""}, {Title: "least", Align: render.AlignRight}, {Title: "mean", Align: render.AlignRight}, {Title: "most", Align: render.AlignRight}, {Title: "every 5 s"},
	}}
	for i, x := range p.s.Series {
		least, most, sum := math.Inf(1), math.Inf(-1), 0.0
		for _, v := range x.Points {
			least, most, sum = math.Min(least, v.Value), math.Max(most, v.Value), sum+v.Value
		}
		mean := sum / float64(len(x.Points))
		t.Row(render.Cells(metricNames()[i], render.Number(least), render.Number(mean), render.Number(most),
			p.style.Sparkline(x.Grid(p.s.From, p.s.To, 5*time.Second)))...)
	}
	p.text(t.Draw(p.style))
}

func (p *printer) services() {
	p.head("Service map", "sidelight traces map")
	p.text(render.ServiceMap(p.s.Services, render.MapOptions{Window: p.s.To.Sub(p.s.From)}, p.style))
}

func (p *printer) slowest() {
	p.head("The slowest trace through payments", "sidelight traces show slowest")
	if p.s.Slowest != nil {
		p.text(render.Waterfall(p.s.Slowest.Segments, render.WaterfallOptions{Zone: time.Local, MaxRows: 14}, p.style))
	}
}

func (p *printer) alarm() {
	p.head("Alarm", "sidelight alarms list")
	n, reason, ok := p.s.Fired()
	if !ok {
		return
	}
	fmt.Fprintf(p.w, "  %s  went to %s at %s\n", Alarm, p.style.Paint(render.Bad, "ALARM"), n.Time.Local().Format("15:04:05"))
	// The service adds, in parentheses, what everybody knows after the first time.
	reason, _, _ = strings.Cut(reason, " (minimum ")
	fmt.Fprintf(p.w, "  %s\n", reason)
	fmt.Fprintf(p.w, "  notified %s: %s\n", n.Target, n.Subject)
	if p.s.Alarm.Name != "" {
		fmt.Fprintf(p.w, "  now %s\n", p.s.Alarm.State)
	}
}

func (p *printer) agent() {
	a := p.s.Agent
	p.head("The agent's own account", "sidelight status")
	t := &render.Table{Indent: 2, Columns: []render.Column{{Title: "signal"}}}
	for _, title := range []string{"accepted", "delivered", "refused", "dropped", "queued"} {
		t.Columns = append(t.Columns, render.Column{Title: title, Align: render.AlignRight})
	}
	for _, name := range []string{"logs", "traces", "metrics"} {
		s := a.Signals[name]
		t.Row(render.Cells(name, render.Count(int64(s.Accepted)), render.Count(int64(s.Delivered)), total(s.Refused), total(s.Dropped), render.Count(s.Queued))...)
	}
	p.text(t.Draw(p.style))
	up := time.Duration(a.UptimeMS) * time.Millisecond
	fmt.Fprintf(p.w, "  %s of memory, %s CPU in %s (%s of a core)\n", render.Bytes(a.Process.RSSBytes),
		render.Seconds(a.Process.CPUSeconds), render.Duration(up.Round(time.Second)), render.Percent(a.Process.CPUSeconds/up.Seconds()))
}

func total(m map[string]uint64) string {
	n := uint64(0)
	for _, v := range m {
		n += v
	}
	return render.Count(int64(n))
}

func (p *printer) verdict() {
	fmt.Fprintln(p.w)
	if len(p.s.Missing) == 0 {
		fmt.Fprintln(p.w, p.style.Paint(render.Good, "Everything arrived."))
		return
	}
	fmt.Fprintln(p.w, p.style.Paint(render.Bad, "Something did not arrive:"))
	for _, m := range p.s.Missing {
		fmt.Fprintln(p.w, "  - "+m)
	}
}
