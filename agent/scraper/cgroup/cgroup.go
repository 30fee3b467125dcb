// Package cgroup measures the agent's own control group, version 2 or 1: in a
// container, that container. Formulas are those of the kubelet and the ECS
// agent; the working set is memory in use without the inactive file cache.
package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/pressure"
)

// Namespace is CloudWatch's namespace of the container's metrics.
const Namespace = "Sidelight/Container"

// Scraper implements scraper.Scraper.
type Scraper struct {
	fsys   source
	before sample
	at     time.Time
}

// sample is what the control group's files say.
type sample struct {
	cpu                 time.Duration // used since the group was made
	cores               float64       // limit; 0 for none
	periods, throttled  float64
	memory, workingSet  float64
	memoryLimit         float64 // 0 for none
	oomKills            float64
	pids                float64
	readBytes, writeOut float64
	hasIO               bool
	pressure            map[string]pressure.Totals // version 2 only; by resource
}

// source reads a version's files.
type source interface{ sample() (sample, error) }

// New returns a scraper of the process's own control group. It fails where there
// is none to see.
func New() (*Scraper, error) { return open(os.DirFS("/")) }

func open(root fs.FS) (*Scraper, error) {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("find the own control group: %w", err)
	}
	if _, err := fs.Stat(root, "sys/fs/cgroup/cgroup.controllers"); err == nil {
		return openV2(root, string(own))
	}
	if _, err := fs.Stat(root, "sys/fs/cgroup/memory"); err == nil {
		return &Scraper{fsys: &v1{root: root, own: ownV1(string(own))}}, nil
	}
	return nil, errors.New("no control groups under /sys/fs/cgroup")
}

func openV2(root fs.FS, own string) (*Scraper, error) {
	dir := "sys/fs/cgroup"
	for line := range strings.Lines(own) {
		if p, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			dir = path.Join(dir, p)
		}
	}
	// The root group has no memory.current: there is no container.
	if _, err := fs.Stat(root, path.Join(dir, "memory.current")); err != nil {
		return nil, fmt.Errorf("the own control group has no limits to measure: %w", err)
	}
	return &Scraper{fsys: &v2{root: root, dir: dir}}, nil
}

// MemoryLimit returns the group's memory limit in bytes, 0 for none.
func (s *Scraper) MemoryLimit() int64 {
	x, err := s.fsys.sample()
	if err != nil {
		return 0
	}
	return int64(x.memoryLimit)
}

// Name returns "cgroup".
func (s *Scraper) Name() string { return "cgroup" }

// Scrape records levels, and what counters did since the scrape before.
func (s *Scraper) Scrape(_ context.Context, to sidelight.Recorder) error {
	now, err := s.fsys.sample()
	if err != nil {
		return err
	}
	at := time.Now()
	before, wall := s.before, at.Sub(s.at)
	first := s.at.IsZero()
	s.before, s.at = now, at
	r := recorder{to: to}
	r.memory(&now)
	r.gauge("pids", "Count", now.pids)
	// A counter that fell was reset: the interval is skipped.
	if first || wall <= 0 || now.cpu < before.cpu {
		return nil
	}
	r.cpu(&now, &before, wall)
	r.stalls(&now, &before, wall)
	r.sum("oom_kills", "Count", now.oomKills-before.oomKills)
	if now.hasIO {
		r.sum("io_read_bytes", "Bytes", now.readBytes-before.readBytes)
		r.sum("io_write_bytes", "Bytes", now.writeOut-before.writeOut)
	}
	return nil
}

type recorder struct{ to sidelight.Recorder }

func (r recorder) gauge(name, unit string, v float64) {
	r.to.Record(&sidelight.Measurement{Namespace: Namespace, Name: name, Unit: unit, Kind: sidelight.Gauge, Value: v})
}

func (r recorder) sum(name, unit string, v float64) {
	if v >= 0 {
		r.to.Record(&sidelight.Measurement{Namespace: Namespace, Name: name, Unit: unit, Kind: sidelight.Sum, Value: v})
	}
}

func (r recorder) memory(x *sample) {
	r.gauge("memory_working_set", "Bytes", x.workingSet)
	r.gauge("memory_usage", "Bytes", x.memory)
	if x.memoryLimit > 0 {
		r.gauge("memory_limit", "Bytes", x.memoryLimit)
		r.gauge("memory_utilization", "Percent", 100*x.workingSet/x.memoryLimit)
	}
}

// cpu records cores used, and their share of the limit or, without one, of the
// machine.
func (r recorder) cpu(now, before *sample, wall time.Duration) {
	cores := float64(now.cpu-before.cpu) / float64(wall)
	r.gauge("cpu_cores_used", "None", cores)
	limit := now.cores
	if limit == 0 {
		limit = float64(runtime.NumCPU())
	}
	r.gauge("cpu_utilization", "Percent", 100*cores/limit)
	if periods := now.periods - before.periods; periods > 0 {
		r.gauge("cpu_throttled_percent", "Percent", 100*math.Max(0, now.throttled-before.throttled)/periods)
	}
}

// stalls records the share of time in which the group's tasks waited for CPU,
// memory or I/O: some of them, or all that had something to do.
func (r recorder) stalls(now, before *sample, wall time.Duration) {
	for _, name := range resources() {
		is, ok := now.pressure[name]
		was, had := before.pressure[name]
		if !ok || !had {
			continue
		}
		if v, ok := pressure.Percent(was.Some, is.Some, wall); ok {
			r.gauge("pressure_"+name+"_some", "Percent", v)
		}
		if v, ok := pressure.Percent(was.Full, is.Full, wall); ok {
			r.gauge("pressure_"+name+"_full", "Percent", v)
		}
	}
}

// resources are those that the kernel tells the pressure of.
func resources() []string { return []string{"cpu", "memory", "io"} }

// keyed reads "name value" lines.
func keyed(fsys fs.FS, name string) (map[string]float64, error) {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	m := map[string]float64{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 2 {
			continue
		}
		if v, err := strconv.ParseFloat(f[1], 64); err == nil {
			m[f[0]] = v
		}
	}
	return m, nil
}

// number reads a file with one number; "max" is none.
func number(fsys fs.FS, name string) (float64, error) {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return 0, err
	}
	text := strings.TrimSpace(string(b))
	if text == "max" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a number", name, text)
	}
	return v, nil
}
