package agent

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// Report is everything the agent says of itself.
func (a *Agent) Report() status.Report {
	r := status.Report{
		Format: status.Format, Version: a.version, PID: os.Getpid(), Began: a.began,
		UptimeMS: time.Since(a.began).Milliseconds(), Identity: a.id,
		Signals: map[string]status.Signal{}, Process: process(), Listeners: a.listeners(), Receivers: a.readerNotes(),
	}
	for s := range sidelight.Signal(sidelight.NumSignals) {
		t := a.books.Totals(s)
		r.Signals[s.String()] = status.Signal{Totals: t, Queued: t.Queued()}
	}
	for _, l := range a.lanes {
		r.Queues = append(r.Queues, l.report())
	}
	r.SetAside = a.refusedStats()
	r.Routes = a.routes.Totals()
	r.SpanMetrics = a.spanStats()
	r.Destinations = a.Destinations()
	a.samplingReport(&r)
	a.metricReport(&r)
	return r
}

// Destinations returns the accounts of the further destinations.
func (a *Agent) Destinations() []status.Destination {
	out := slices.Clone(a.ended)
	for _, l := range a.lanes {
		if l.first {
			continue
		}
		t := l.books.Totals(l.signal)
		out = append(out, status.Destination{Name: l.name, Signal: l.signal.String(), Totals: t, Queued: t.Queued()})
	}
	return out
}

func (l *lane) report() status.Queue {
	s, d := l.queue.Stats(), l.delivery.Stats()
	_, open := l.packer.Stats()
	q := status.Queue{
		Name: l.name, Durable: l.disk != nil, Spill: l.spill, Blocks: s.Blocks, Events: s.Events, OpenEvents: open,
		Bytes: s.Bytes, MemoryBytes: s.Memory, DiskBytes: s.Disk, LimitBytes: s.Limit,
		Attempts: d.Attempts, Succeeded: d.Succeeded, Throttled: d.Throttled, Failed: d.Transient + d.Denied + d.Rejected,
		LastError: d.LastErr,
	}
	if !s.Oldest.IsZero() {
		q.OldestMS = time.Since(s.Oldest).Milliseconds()
	}
	if !d.Failing.IsZero() {
		q.Failing = &d.Failing
	}
	if l.disk != nil {
		if t := l.disk.Trouble(); t.Err != nil {
			q.DiskFailing, q.DiskError = &t.Since, t.Err.Error()
		}
	}
	for _, f := range l.delivery.Failing() {
		if f.Denied {
			q.Denied = append(q.Denied, status.Denied{Destination: destination(f.Dest), Since: f.Since, Again: f.Until, Attempts: f.Attempts, Error: f.Err})
		}
	}
	if len(q.Denied) > 0 {
		q.DeniedBytes, q.DeniedLimitBytes = l.delivery.Parked()
	}
	return q
}

// process reads what the agent costs from the kernel.
func process() status.Process {
	p := status.Process{Goroutines: runtime.NumGoroutine()}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			pages, _ := strconv.ParseInt(f[1], 10, 64)
			p.RSSBytes = pages * int64(os.Getpagesize())
		}
	}
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) == nil {
		p.CPUSeconds = float64(ru.Utime.Nano()+ru.Stime.Nano()) / 1e9
	}
	return p
}

// registerMeters makes the report's numbers readable for Prometheus.
func (a *Agent) registerMeters() *meter.Set {
	m := &a.meters
	for s := range sidelight.Signal(sidelight.NumSignals) {
		read := func(f func(meter.Totals) float64) func() float64 {
			return func() float64 { return f(a.books.Totals(s)) }
		}
		name := s.String()
		m.Func("sidelight_accepted_total", "items taken in", read(func(t meter.Totals) float64 { return float64(t.Accepted) }), "signal", name)
		m.Func("sidelight_recovered_total", "items found on disk at start", read(func(t meter.Totals) float64 { return float64(t.Recovered) }), "signal", name)
		m.Func("sidelight_delivered_total", "items that AWS took", read(func(t meter.Totals) float64 { return float64(t.Delivered) }), "signal", name)
		m.Func("sidelight_lost_total", "items refused by AWS or dropped, for whatever cause", read(func(t meter.Totals) float64 { return float64(t.Lost()) }), "signal", name)
		m.Func("sidelight_queued", "items on the way", read(func(t meter.Totals) float64 { return float64(t.Queued()) }), "signal", name)
	}
	a.registerCauses(m)
	a.registerOTLP(m)
	a.registerSeries(m)
	a.registerStatsD(m)
	a.registerPrometheus(m)
	a.registerReaders(m)
	for _, l := range a.lanes {
		if !l.first {
			l.registerBooks(m)
		}
		m.Func("sidelight_queue_bytes", "bytes of queued bodies", func() float64 { return float64(l.queue.Stats().Bytes) }, "queue", l.name)
		m.Func("sidelight_queue_disk_bytes", "bytes of the queue's files", func() float64 { return float64(l.queue.Stats().Disk) }, "queue", l.name)
		if l.disk != nil {
			m.Func("sidelight_queue_disk_failures_total", "times that the disk began to refuse writes", func() float64 { return float64(l.disk.Trouble().Times) }, "queue", l.name)
		}
		m.Func("sidelight_export_attempts_total", "requests to AWS", func() float64 { return float64(l.delivery.Stats().Attempts) }, "queue", l.name)
		m.Func("sidelight_denied_destinations", "destinations that rest because AWS denies them", func() float64 {
			n := 0
			for _, f := range l.delivery.Failing() {
				if f.Denied {
					n++
				}
			}
			return float64(n)
		}, "queue", l.name)
		m.Func("sidelight_denied_bytes", "bytes of the queue that belong to destinations that are denied", func() float64 {
			held, _ := l.delivery.Parked()
			return float64(held)
		}, "queue", l.name)
		m.Func("sidelight_export_throttled_total", "requests that AWS throttled", func() float64 { return float64(l.delivery.Stats().Throttled) }, "queue", l.name)
	}
	if x := a.refused; x != nil {
		m.Func("sidelight_set_aside_events", "refused events that are kept", func() float64 { return float64(x.Stats().Events) })
		m.Func("sidelight_set_aside_bytes", "bytes of the files of refused events", func() float64 { return float64(x.Stats().Bytes) })
		m.Func("sidelight_set_aside_displaced_total", "refused events that made room for newer ones", func() float64 { return float64(x.Stats().Displaced) })
		m.Func("sidelight_set_aside_lost_total", "refused events that could not be kept", func() float64 { return float64(x.Stats().Lost) })
	}
	if x := a.spans; x != nil {
		const help = "requests that were counted under another name than their own, as there are too many names"
		for name, read := range map[string]func(spanmetrics.Overflow) uint64{
			"service": func(o spanmetrics.Overflow) uint64 { return o.Services },
			"route":   func(o spanmetrics.Overflow) uint64 { return o.Routes },
			"remote":  func(o spanmetrics.Overflow) uint64 { return o.Remotes },
		} {
			m.Func("sidelight_span_metrics_overflow_total", help, func() float64 { return float64(read(x.Stats().Overflow)) }, "of", name)
		}
	}
	if x := a.sampling; x != nil {
		m.Func("sidelight_traces_waiting", "traces that are not decided", func() float64 { return float64(x.sampler.Stats().Waiting) })
		m.Func("sidelight_traces_waiting_bytes", "memory of traces that are not decided", func() float64 { return float64(x.sampler.Stats().Bytes) })
		m.Func("sidelight_traces_early_total", "traces that were decided before their time, as memory ran short", func() float64 { return float64(x.sampler.Stats().Early["memory"]) })
		m.Func("sidelight_traces_kept_total", "traces that were kept", func() float64 { return float64(total(x.sampler.Stats().Kept)) })
		m.Func("sidelight_traces_left_out_total", "traces that were left out", func() float64 { return float64(total(x.sampler.Stats().LeftOut)) })
	}
	m.Func("sidelight_lines_unparsed_total", "log lines that were not in the format they should be in", func() float64 { return float64(a.unparsed()) })
	m.Func("sidelight_process_rss_bytes", "resident memory of the agent", func() float64 { return float64(process().RSSBytes) })
	m.Func("sidelight_process_cpu_seconds_total", "CPU time of the agent", func() float64 { return process().CPUSeconds })
	return m
}

// registerCauses makes what depends on the data readable: causes and routes.
func (a *Agent) registerCauses(m *meter.Set) {
	byCause := func(name, help, label string, of func(meter.Totals) map[string]uint64) {
		m.Collect(name, help, "counter", func(emit func(float64, ...string)) {
			for s := range sidelight.Signal(sidelight.NumSignals) {
				for cause, n := range of(a.books.Totals(s)) {
					emit(float64(n), "signal", s.String(), label, cause)
				}
			}
		})
	}
	byCause("sidelight_refused_total", "items that AWS will never take", "reason", func(t meter.Totals) map[string]uint64 { return t.Refused })
	byCause("sidelight_dropped_total", "items that the agent gave up", "cause", func(t meter.Totals) map[string]uint64 { return t.Dropped })
	byRoute := func(name, help string, of func(meter.RouteTotals) uint64) {
		m.Collect(name, help, "counter", func(emit func(float64, ...string)) {
			for _, t := range a.routes.Totals() {
				emit(float64(of(t)), "exporter", t.Exporter, "group", t.Group)
			}
		})
	}
	byRoute("sidelight_route_delivered_total", "items delivered, by log group or namespace", func(t meter.RouteTotals) uint64 { return t.Delivered })
	byRoute("sidelight_route_bytes_total", "bytes of the bodies that were delivered", func(t meter.RouteTotals) uint64 { return t.Bytes })
	m.Collect("sidelight_route_refused_total", "items refused, by log group or namespace", "counter", func(emit func(float64, ...string)) {
		for _, t := range a.routes.Totals() {
			for reason, n := range t.Refused {
				emit(float64(n), "exporter", t.Exporter, "group", t.Group, "reason", reason)
			}
		}
	})
}

// registerBooks makes the account of a further destination readable.
func (l *lane) registerBooks(m *meter.Set) {
	for name, x := range map[string]struct {
		help string
		read func(meter.Totals) float64
	}{
		"accepted":  {"items that a further destination was given", func(t meter.Totals) float64 { return float64(t.Accepted) }},
		"recovered": {"items found on disk at start for a further destination", func(t meter.Totals) float64 { return float64(t.Recovered) }},
		"delivered": {"items that a further destination took", func(t meter.Totals) float64 { return float64(t.Delivered) }},
		"lost":      {"items that a further destination refused or missed; /status has the causes", func(t meter.Totals) float64 { return float64(t.Lost()) }},
	} {
		m.Func("sidelight_destination_"+name+"_total", x.help, func() float64 { return x.read(l.books.Totals(l.signal)) }, "destination", l.name)
	}
	m.Func("sidelight_destination_queued", "items on the way to a further destination", func() float64 { return float64(l.books.Totals(l.signal).Queued()) }, "destination", l.name)
}

func total(counts map[string]uint64) (n uint64) {
	for _, v := range counts {
		n += v
	}
	return n
}
