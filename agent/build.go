package agent

import (
	"context"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/scraper/cgroup"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// The names of the lanes: of queues, exporters' destinations and log lines.
const (
	logsLane    = "logs"
	filesLane   = "files"
	tracesLane  = "traces"
	metricsLane = "metrics"
)

// defaultDir is where the queue lies unless the configuration says otherwise.
const defaultDir = "/var/lib/sidelight"

// buildLanes makes a lane for each destination of each kind of data, and the ways
// to them.
func (a *Agent) buildLanes(ctx context.Context, ac aws.Config) error {
	dir := a.queueDir()
	a.limitMemory()
	if err := a.openRefused(dir); err != nil {
		return err
	}
	plan, err := a.planLanes(ctx, ac)
	if err != nil {
		return err
	}
	parts := int64(0)
	for _, p := range plan {
		parts += p.part
	}
	parts = max(parts, defaultParts)
	for _, p := range plan {
		if p.durable {
			p.cfg.dir = dir
		}
		p.cfg.memory = int64(a.cfg.Queue.Memory) * p.part / parts
		p.cfg.fsync = a.cfg.Queue.Fsync
		p.cfg.deliver.Routes = &a.routes
		p.cfg.spill = a.cfg.Queue.Durable == "spill"
		if p.cfg.disk == 0 {
			p.cfg.disk = int64(a.cfg.Queue.Disk)
		}
		// Figures are refused in their hundreds and say little one by one.
		if _, rearranged := p.exp.(sidelight.Picker); a.refused != nil && (!rearranged || p.cfg.signal != sidelight.Metrics) {
			p.cfg.deliver.Aside = a.refused.Shelf(p.cfg.name, p.exp)
		}
		p.cfg.pack.Open = max(p.cfg.memory/2, 1<<20)
		books := &a.books
		if !p.first {
			books = new(meter.Account)
		}
		l, err := newLane(p.cfg, p.exp, books, a.log)
		if err != nil {
			return wrap(p.cfg.name, err)
		}
		l.first = p.first
		a.lanes = append(a.lanes, l)
		p.lane = l
	}
	a.connect(plan)
	a.warnStranded(dir)
	return nil
}

// queueDir returns where the durable queue may write, or "".
func (a *Agent) queueDir() string {
	if a.dir == nil {
		dir := a.findQueueDir()
		a.dir = &dir
	}
	return *a.dir
}

func (a *Agent) findQueueDir() string {
	q := a.cfg.Queue
	if q.Durable == "memory" {
		return ""
	}
	dir := q.Dir
	if dir == "auto" || dir == "" {
		dir = defaultDir
	}
	if err := writable(dir); err != nil {
		level := slog.LevelWarn
		if q.Dir != "auto" && q.Dir != "" {
			level = slog.LevelError
		}
		a.log.Log(context.Background(), level,
			"no writable queue directory: running from memory, what is not delivered is lost with the process", "dir", dir, "err", err)
		return ""
	}
	return dir
}

func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// gcPercent is how far the heap may grow between collections. The heap is mostly
// bodies, which cost nothing to scan: to collect twice as often as Go does by
// itself costs some hundredths of the CPU under full load, and saves a fifth of
// the memory.
const gcPercent = 50

// limitMemory makes the garbage collector work harder, and harder still before
// the kernel kills the container. Someone who set GOGC or GOMEMLIMIT knows
// better.
func (a *Agent) limitMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := int64(a.cfg.Queue.Memory) + 64<<20
	if a.cfg.Traces.Sample.On() {
		limit += int64(a.cfg.Traces.Sample.Memory)
	}
	if s, err := cgroup.New(cgroup.Config{}); err == nil {
		defer s.Close()
		if group := s.MemoryLimit(); group > 0 {
			limit = min(limit, group*9/10)
		}
	}
	debug.SetMemoryLimit(min(limit, math.MaxInt64))
}

// on returns the address of a listener, or "" if it is off.
func on(addr config.Address) string {
	if addr.On() {
		return string(addr)
	}
	return ""
}

// scrapeEvery is at most half the metrics' interval, so that each interval has a
// value.
func (a *Agent) scrapeEvery() time.Duration {
	return min(a.cfg.Scrape.Interval, max(a.cfg.Metrics.Interval/2, time.Second))
}
