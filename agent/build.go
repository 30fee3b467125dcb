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
	"github.com/sidelight-dev/sidelight/exporters/cloudwatch"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatchlogs"
	"github.com/sidelight-dev/sidelight/exporters/xray"
	"github.com/sidelight-dev/sidelight/internal/deliver"
	"github.com/sidelight-dev/sidelight/internal/pack"
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

// buildLanes makes a lane for each kind of data. Files get their own, in
// memory: what was not delivered is still in the file.
func (a *Agent) buildLanes(ctx context.Context, ac aws.Config) error {
	dir := a.queueDir()
	a.limitMemory()
	if err := a.openRefused(dir); err != nil {
		return err
	}
	logs, err := cloudwatchlogs.New(ctx, cloudwatchlogs.Config{
		RetentionDays: int32(a.cfg.Logs.Retention), Retention: a.fireLensRetention,
	}, ac, a.log)
	if err != nil {
		return wrap("logs", err)
	}
	traces, err := xray.New(ctx, ac)
	if err != nil {
		return wrap("traces", err)
	}
	metrics, err := cloudwatch.New(ctx, ac)
	if err != nil {
		return wrap("metrics", err)
	}
	logPack := pack.Config{Gzip: a.cfg.Logs.Gzip}
	for _, x := range []struct {
		lane **lane
		exp  sidelight.Exporter
		cfg  laneConfig
		part int64 // of the memory, in eighths
		want bool
	}{
		{&a.logs, logs, laneConfig{name: logsLane, signal: sidelight.Logs, dir: dir, pack: logPack}, 3, true},
		{&a.files, logs, laneConfig{name: filesLane, signal: sidelight.Logs, pack: logPack}, 3, len(a.cfg.Receivers.Files) > 0 || a.cfg.Receivers.Journald.On()},
		{&a.traces, traces, laneConfig{name: tracesLane, signal: sidelight.Traces, dir: dir}, 1, true},
		{&a.metrics, metrics, laneConfig{name: metricsLane, signal: sidelight.Metrics, dir: dir, pack: pack.Config{Gzip: true}, deliver: deliver.Config{Workers: 2}}, 1, true},
	} {
		if !x.want {
			continue
		}
		x.cfg.memory = int64(a.cfg.Queue.Memory) * x.part / 8
		x.cfg.disk, x.cfg.fsync = int64(a.cfg.Queue.Disk), a.cfg.Queue.Fsync
		x.cfg.deliver.Routes = &a.routes
		x.cfg.spill = a.cfg.Queue.Durable == "spill"
		if a.refused != nil {
			x.cfg.deliver.Aside = a.refused.Shelf(x.cfg.name, x.exp)
		}
		x.cfg.pack.Open = max(x.cfg.memory/2, 1<<20)
		l, err := newLane(x.cfg, x.exp, &a.books, a.log)
		if err != nil {
			return wrap(x.cfg.name, err)
		}
		*x.lane = l
		a.lanes = append(a.lanes, l)
	}
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
	if s, err := cgroup.New(); err == nil {
		if group := s.MemoryLimit(); group > 0 {
			limit = min(limit, group*9/10)
		}
	}
	debug.SetMemoryLimit(min(limit, math.MaxInt64))
}

func (a *Agent) pusher() *metricPusher {
	return &metricPusher{lane: a.metrics, encode: cloudwatch.AppendDatum}
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
