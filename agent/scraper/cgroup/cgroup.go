// Package cgroup measures the agent's own control group, version 2 or 1: in a
// container, that container. Formulas are those of the kubelet and the ECS
// agent; the working set is memory in use without the inactive file cache. What
// has no limit of its own is compared with the machine.
//
// A group that was made anew, as a counter that fell tells, has its levels
// recorded and its counters from the next scrape on.
package cgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/internal/procfile"
)

// Namespace is CloudWatch's namespace of the container's metrics.
const Namespace = "Sidelight/Container"

// Scraper implements scraper.Scraper.
type Scraper struct {
	files   *procfile.Reader
	read    func([]float64) error
	v2      v2Files
	v1      v1Files
	machine float64 // bytes of the machine's memory, NaN if not known

	table scraper.Table
	w     scraper.Writer
	clock scraper.Clock
	group *scraper.Thing
}

// Config shapes a Scraper.
type Config struct {
	// Names is the family. Default scraper.Sidelight, also for those that have
	// no names of a container.
	Names scraper.Family
}

// New returns a scraper of the process's own control group. It fails where there
// is none to see.
func New(cfg Config) (*Scraper, error) { return open("/", cfg) }

func open(root string, cfg Config) (*Scraper, error) {
	s := &Scraper{files: procfile.NewReader(root), table: FamilyTable(cfg.Names), group: scraper.NewThing(numNumbers), machine: math.NaN()}
	if b, err := s.files.ReadOnce("proc/meminfo"); err == nil {
		s.machine = 1024 * procfile.Keyed(b, "MemTotal")
	}
	if err := s.find(); err != nil {
		return nil, err
	}
	return s, nil
}

// find looks where the own group's files are.
func (s *Scraper) find() error {
	own, err := os.ReadFile(filepath.Join(s.files.Root(), "proc/self/cgroup"))
	switch {
	case err != nil:
		return fmt.Errorf("find the own control group: %w", err)
	case s.is("sys/fs/cgroup/cgroup.controllers"):
		return s.openV2(string(own))
	case s.is("sys/fs/cgroup/memory"):
		return s.openV1(string(own))
	}
	return errors.New("no control groups under /sys/fs/cgroup")
}

func (s *Scraper) is(name string) bool {
	_, err := os.Stat(filepath.Join(s.files.Root(), name))
	return err == nil
}

// Name returns "cgroup".
func (s *Scraper) Name() string { return "cgroup" }

// Close closes the files that are kept open.
func (s *Scraper) Close() { s.files.Close() }

// MemoryLimit returns the group's memory limit in bytes, 0 for none.
func (s *Scraper) MemoryLimit() int64 {
	x := scraper.NewThing(numNumbers)
	if err := s.read(x.Now); err != nil || !(x.Now[memoryLimit] > 0) {
		return 0
	}
	return int64(x.Now[memoryLimit])
}

// Scrape records levels, and what counters did since the scrape before.
func (s *Scraper) Scrape(_ context.Context, to sidelight.Recorder) error {
	seconds := s.clock.Tick()
	g := s.group
	if err := s.read(g.Now); err != nil {
		// The process may have been moved to another group, whose counters are
		// others.
		g.Keep()
		g.Forget()
		s.files.Close()
		return errors.Join(err, s.find())
	}
	s.derive(seconds)
	// A counter that fell was reset: the interval is skipped.
	if g.Fell(cpuTime) {
		g.Forget()
	}
	s.w.Write(to, &s.table, g, seconds)
	g.Keep()
	return nil
}

// derive computes what the files do not say.
func (s *Scraper) derive(seconds float64) {
	v := s.group.Now
	cores := v[cpuLimit]
	if math.IsNaN(cores) {
		cores = float64(runtime.NumCPU())
	}
	// The time that could have been used.
	if v[cpuWhole] = cores * seconds; seconds > 0 {
		if before := s.group.Before(cpuWhole); !math.IsNaN(before) {
			v[cpuWhole] += before
		}
	}
	// A limit beyond the machine's memory is none.
	if v[memoryWhole] = v[memoryLimit]; !(v[memoryWhole] <= s.machine) {
		if !math.IsNaN(s.machine) {
			v[memoryWhole] = s.machine
		}
	}
	v[workingSet] = max(0, v[memory]-v[inactiveFile])
	v[memoryAvailable] = max(0, v[memoryWhole]-v[workingSet])
}

// v2Files are the files of the unified hierarchy.
type v2Files struct {
	cpuStat, cpuMax, memory, memoryMax, memoryStat, memoryEvents, pids, pidsMax, io string
	stalls                                                                          [3]string
}

func (s *Scraper) openV2(own string) error {
	const mount = "sys/fs/cgroup"
	dir := mount
	for line := range strings.Lines(own) {
		if p, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			dir = path.Join(mount, path.Join("/", p))
		}
	}
	// A container that sees the host's name of its group has the group itself
	// at the mount.
	if !s.is(path.Join(dir, "memory.current")) {
		dir = mount
	}
	// The root group has no memory.current: there is no container.
	if !s.is(path.Join(dir, "memory.current")) {
		return fmt.Errorf("the own control group has no limits to measure: %w", fs.ErrNotExist)
	}
	at := func(name string) string { return path.Join(dir, name) }
	s.v2 = v2Files{
		at("cpu.stat"), at("cpu.max"), at("memory.current"), at("memory.max"), at("memory.stat"), at("memory.events"), at("pids.current"), at("pids.max"), at("io.stat"),
		[3]string{at("cpu.pressure"), at("memory.pressure"), at("io.pressure")},
	}
	s.read = s.readV2
	return nil
}

func (s *Scraper) readV2(to []float64) error {
	b, err := s.files.Read(s.v2.cpuStat)
	if err != nil {
		return err
	}
	to[cpuTime] = procfile.Keyed(b, "usage_usec") / 1e6
	to[cpuUser], to[cpuSystem] = procfile.Keyed(b, "user_usec")/1e6, procfile.Keyed(b, "system_usec")/1e6
	to[periods], to[throttled] = procfile.Keyed(b, "nr_periods"), procfile.Keyed(b, "nr_throttled")
	to[throttledTime] = procfile.Keyed(b, "throttled_usec") / 1e6
	if to[memory], err = s.number(s.v2.memory); err != nil {
		return err
	}
	if b, err = s.files.Read(s.v2.memoryStat); err != nil {
		return err
	}
	to[inactiveFile], to[rss], to[cache] = orZero(procfile.Keyed(b, "inactive_file")), procfile.Keyed(b, "anon"), procfile.Keyed(b, "file")
	// What follows may be missing: a controller that is not enabled.
	if b, err := s.files.Read(s.v2.cpuMax); err == nil {
		var v [2]float64
		if procfile.Numbers(b, v[:]) == 2 && v[0] > 0 && v[1] > 0 {
			to[cpuLimit] = v[0] / v[1]
		}
	}
	to[memoryLimit] = s.maybe(s.v2.memoryMax)
	to[pids], to[pidsLimit] = s.maybe(s.v2.pids), s.maybe(s.v2.pidsMax)
	if b, err := s.files.Read(s.v2.memoryEvents); err == nil {
		to[oomKills] = procfile.Keyed(b, "oom_kill")
	}
	if b, err := s.files.Read(s.v2.io); err == nil {
		readIOStat(b, to)
	}
	// Kernels without pressure stall information, or with it switched off for
	// the group, have none.
	for i, name := range s.v2.stalls {
		if b, err := s.files.Read(name); err == nil {
			to[stallFirst+2*i], to[stallFirst+2*i+1] = procfile.Stalls(b)
		}
	}
	return nil
}

// number reads a file of one number; "max" is none.
func (s *Scraper) number(name string) (float64, error) {
	b, err := s.text(name)
	if err != nil {
		return math.NaN(), err
	}
	return procfile.Whole(b), nil
}

// text reads a file. One without a name is of a controller that does not measure
// the group.
func (s *Scraper) text(name string) ([]byte, error) {
	if name == "" {
		return nil, fs.ErrNotExist
	}
	return s.files.Read(name)
}

func (s *Scraper) maybe(name string) float64 {
	v, _ := s.number(name)
	return v
}

func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// readIOStat adds up io.stat: "8:0 rbytes=1 wbytes=2 …" a device.
func readIOStat(b []byte, to []float64) {
	clear(to[readBytes : writes+1])
	for len(b) > 0 {
		var f []byte
		f, b = procfile.Field(b)
		name, value, _ := bytes.Cut(f, []byte{'='})
		n := procfile.Number(value)
		if math.IsNaN(n) {
			continue
		}
		switch string(name) {
		case "rbytes":
			to[readBytes] += n
		case "wbytes":
			to[writeBytes] += n
		case "rios":
			to[reads] += n
		case "wios":
			to[writes] += n
		}
	}
}
