package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/render"
)

// trend is how many intervals the little curves show.
const trend = 20

// top follows what a running agent does.
type top struct {
	*app
	addr     string
	interval time.Duration
	count    int

	last   status.Report
	curves map[string][]float64
	lines  int
}

// topRates is what happened in one interval, by the second.
type topRates struct {
	Format  string             `json:"format"`
	Time    time.Time          `json:"time"`
	Signals map[string]topRate `json:"signals"`
	CPU     float64            `json:"cpu"`
	RSS     int64              `json:"rss_bytes"`
}

// topRate is the rates of one signal, but for Queued, which is a number now.
type topRate struct {
	Accepted  float64 `json:"accepted"`
	Delivered float64 `json:"delivered"`
	Refused   float64 `json:"refused"`
	Dropped   float64 `json:"dropped"`
	Queued    int64   `json:"queued"`
}

func (a *app) topCommand() *cobra.Command {
	t := &top{app: a, curves: map[string][]float64{}}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Follow what a running agent does",
		Long: `Follow what a running agent does, by the second. On a terminal the picture is
drawn anew each interval; elsewhere each interval is a line, or with -o json an
object. Control-C ends it.`,
		Example: `  sidelight top
  sidelight top --interval 10s --count 6 -o json`,
		Args: cobra.NoArgs,
	}
	addr := addressFlag(cmd)
	cmd.Flags().DurationVar(&t.interval, "interval", time.Second, "between two looks")
	cmd.Flags().IntVar(&t.count, "count", 0, "end after this many intervals; 0: never")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if t.interval < 100*time.Millisecond || t.count < 0 {
			return usage("--interval %v --count %d: expected at least 100ms, and no negative count", t.interval, t.count)
		}
		t.addr = *addr
		err := t.run(cmd.Context())
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
	return cmd
}

func (t *top) run(ctx context.Context) error {
	asJSON, err := t.json()
	if err != nil {
		return err
	}
	if t.last, err = agentStatus(ctx, t.addr); err != nil {
		return err
	}
	show, end := t.printLine, func() {}
	switch f, ok := t.out.(*os.File); {
	case asJSON:
		show = func(_ status.Report, r topRates) error { return json.NewEncoder(t.out).Encode(r) }
	case ok && term.IsTerminal(int(f.Fd())):
		// The other screen, without a cursor, so that what was there comes back.
		fmt.Fprint(t.out, "\x1b[?1049h\x1b[?25l")
		show, end = t.draw, func() { fmt.Fprint(t.out, "\x1b[?25h\x1b[?1049l") }
	}
	defer end()
	tick := time.NewTicker(t.interval)
	defer tick.Stop()
	for n := 0; t.count == 0 || n < t.count; n++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now, err := agentStatus(ctx, t.addr)
		if err != nil {
			return err
		}
		rates := t.rates(now)
		t.last = now
		if err := show(now, rates); err != nil {
			return err
		}
	}
	return nil
}

// agentStatus asks a running agent what it does.
func agentStatus(ctx context.Context, addr string) (r status.Report, err error) {
	resp, err := askAgent(ctx, addr, "/status")
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		return r, fmt.Errorf("read the agent's status: %w", err)
	}
	return r, nil
}

// rates compares with the last report. An agent that began anew meanwhile has
// done all that it says since.
func (t *top) rates(now status.Report) topRates {
	old := t.last
	if old.PID != now.PID || !old.Began.Equal(now.Began) {
		old = status.Report{}
	}
	seconds := float64(now.UptimeMS-old.UptimeMS) / 1000
	if seconds <= 0 {
		seconds = t.interval.Seconds()
	}
	r := topRates{
		Format: "sidelight.top/1", Time: now.Began.Add(time.Duration(now.UptimeMS) * time.Millisecond).UTC(),
		Signals: map[string]topRate{}, RSS: now.Process.RSSBytes,
		CPU: max(0, now.Process.CPUSeconds-old.Process.CPUSeconds) / seconds,
	}
	per := func(now, old uint64) float64 { return float64(now-min(now, old)) / seconds }
	for name, b := range now.Signals {
		o := old.Signals[name]
		r.Signals[name] = topRate{
			Accepted: per(b.Accepted, o.Accepted), Delivered: per(b.Delivered, o.Delivered),
			Refused: per(total(b.Refused), total(o.Refused)), Dropped: per(total(b.Dropped), total(o.Dropped)),
			Queued: b.Queued,
		}
	}
	return r
}

func total(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

// headEvery is how many lines stand below one heading.
const headEvery = 20

// printLine prints an interval as a line.
func (t *top) printLine(_ status.Report, r topRates) error {
	if t.lines%headEvery == 0 {
		fmt.Fprintf(t.out, "%-8s %10s %10s %10s %10s %10s %10s %9s %9s %9s %6s %9s\n", "time", "logs in/s", "out/s",
			"traces in", "out/s", "metrics in", "out/s", "queued", "refused/s", "dropped/s", "cpu %", "memory")
	}
	t.lines++
	var sum topRate
	for _, s := range r.Signals {
		sum.Refused, sum.Dropped, sum.Queued = sum.Refused+s.Refused, sum.Dropped+s.Dropped, sum.Queued+s.Queued
	}
	logs, traces, metrics := r.Signals["logs"], r.Signals["traces"], r.Signals["metrics"]
	_, err := fmt.Fprintf(t.out, "%-8s %10.0f %10.0f %10.0f %10.0f %10.0f %10.0f %9d %9.0f %9.0f %6.1f %9s\n", r.Time.Format(time.TimeOnly),
		logs.Accepted, logs.Delivered, traces.Accepted, traces.Delivered, metrics.Accepted, metrics.Delivered,
		sum.Queued, sum.Refused, sum.Dropped, r.CPU*100, render.Bytes(r.RSS))
	return err
}

// draw draws an interval over the last one.
func (t *top) draw(now status.Report, r topRates) error {
	var b strings.Builder
	id := now.Identity
	fmt.Fprintf(&b, "%s on %s in %s, up %s, %s memory, %.1f %% CPU\n\n", id.Service, id.Platform, id.Region,
		(time.Duration(now.UptimeMS) * time.Millisecond).Round(time.Second), render.Bytes(r.RSS), r.CPU*100)
	t.drawSignals(&b, now, r)
	b.WriteByte('\n')
	t.drawQueues(&b, now)
	b.WriteByte('\n')
	b.WriteString(seriesText(now, t.style()) + leftOutText(now))
	drawReceivers(&b, now)
	text := strings.ReplaceAll(b.String(), "\n", "\x1b[K\n")
	_, err := io.WriteString(t.out, "\x1b[H"+text+"\x1b[J")
	return err
}

func (t *top) drawSignals(b *strings.Builder, now status.Report, r topRates) {
	style := t.style()
	tab := table("signal", ">accepted/s", "", ">delivered/s", ">queued", ">refused", ">dropped")
	for _, name := range signalNames(now) {
		s, books := r.Signals[name], now.Signals[name]
		curve := append(t.curves[name], s.Accepted)
		t.curves[name] = curve[max(0, len(curve)-trend):]
		tab.Row(render.Cells(name, render.Count(int64(s.Accepted+0.5)), style.Sparkline(t.curves[name]), render.Count(int64(s.Delivered+0.5)),
			render.Count(s.Queued), causes(books.Refused), causes(books.Dropped))...)
	}
	b.WriteString(tab.Draw(style))
}

// signalNames returns the signals of a report, the common ones first.
func signalNames(r status.Report) []string {
	names := []string{"logs", "traces", "metrics"}
	var more []string
	for name := range r.Signals {
		if !slices.Contains(names, name) {
			more = append(more, name)
		}
	}
	slices.Sort(more)
	return append(names, more...)
}

func (t *top) drawQueues(b *strings.Builder, now status.Report) {
	style := t.style()
	tab := table("queue", ">waiting", ">bytes", "of its bound", ">oldest", "state")
	for _, q := range now.Queues {
		share := 0.0
		if q.LimitBytes > 0 {
			share = float64(q.Bytes) / float64(q.LimitBytes)
		}
		tab.Row(render.Cells(q.Name, render.Count(int64(q.Events)+q.OpenEvents), render.Bytes(q.Bytes), style.Bar(share, 12),
			render.Duration(time.Duration(q.OldestMS)*time.Millisecond), queueState(q))...)
	}
	b.WriteString(tab.Draw(style))
}

// queueState says in a few words how delivery goes.
func queueState(q status.Queue) string {
	switch {
	case q.Failing != nil:
		return fmt.Sprintf("failing for %s: %s", time.Since(*q.Failing).Round(time.Second), q.LastError)
	case q.DiskFailing != nil:
		return fmt.Sprintf("the disk refuses writes for %s: %s", time.Since(*q.DiskFailing).Round(time.Second), q.DiskError)
	case len(q.Denied) > 0:
		return fmt.Sprintf("%s denied, others go on: sidelight queue show", render.Plural(len(q.Denied), "destination"))
	}
	return "ok"
}

// drawReceivers shows the counters that single receivers have.
func drawReceivers(b *strings.Builder, now status.Report) {
	var names []string
	for name := range now.Receivers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if c := causes(now.Receivers[name]); c != "0" {
			fmt.Fprintf(b, "%-12s %s\n", name, c)
		}
	}
}
