package cgroup

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/internal/pressure"
)

// v2 reads the unified hierarchy.
type v2 struct {
	root fs.FS
	dir  string
}

func (v *v2) sample() (sample, error) {
	var s sample
	cpu, err := keyed(v.root, path.Join(v.dir, "cpu.stat"))
	if err != nil {
		return s, err
	}
	s.cpu = time.Duration(cpu["usage_usec"]) * time.Microsecond
	s.periods, s.throttled = cpu["nr_periods"], cpu["nr_throttled"]
	if s.memory, err = number(v.root, path.Join(v.dir, "memory.current")); err != nil {
		return s, err
	}
	stat, err := keyed(v.root, path.Join(v.dir, "memory.stat"))
	if err != nil {
		return s, err
	}
	s.workingSet = max(0, s.memory-stat["inactive_file"])
	// What follows may be missing: a controller that is not enabled.
	s.cores = v.cores()
	s.memoryLimit, _ = number(v.root, path.Join(v.dir, "memory.max"))
	s.pids, _ = number(v.root, path.Join(v.dir, "pids.current"))
	if events, err := keyed(v.root, path.Join(v.dir, "memory.events")); err == nil {
		s.oomKills = events["oom_kill"]
	}
	v.io(&s)
	v.stalls(&s)
	return s, nil
}

// stalls reads cpu.pressure and its like. Kernels without pressure stall
// information, or with it switched off for the group, have none.
func (v *v2) stalls(s *sample) {
	for _, name := range resources() {
		b, err := fs.ReadFile(v.root, path.Join(v.dir, name+".pressure"))
		if err != nil {
			continue
		}
		if t, ok := pressure.Parse(b); ok {
			if s.pressure == nil {
				s.pressure = map[string]pressure.Totals{}
			}
			s.pressure[name] = t
		}
	}
}

// cores reads cpu.max: "<quota|max> <period>".
func (v *v2) cores() float64 {
	b, err := fs.ReadFile(v.root, path.Join(v.dir, "cpu.max"))
	if err != nil {
		return 0
	}
	return quota(strings.Fields(string(b)))
}

func quota(f []string) float64 {
	if len(f) != 2 {
		return 0
	}
	q, qerr := strconv.ParseFloat(f[0], 64)
	p, perr := strconv.ParseFloat(f[1], 64)
	if qerr != nil || perr != nil || q <= 0 || p <= 0 {
		return 0
	}
	return q / p
}

// io adds up io.stat: "8:0 rbytes=1 wbytes=2 …" a device.
func (v *v2) io(s *sample) {
	b, err := fs.ReadFile(v.root, path.Join(v.dir, "io.stat"))
	if err != nil {
		return
	}
	s.hasIO = true
	for field := range strings.FieldsSeq(string(b)) {
		name, value, _ := strings.Cut(field, "=")
		n, _ := strconv.ParseFloat(value, 64)
		switch name {
		case "rbytes":
			s.readBytes += n
		case "wbytes":
			s.writeOut += n
		}
	}
}

// v1 reads one hierarchy for each controller.
type v1 struct {
	root fs.FS
	own  map[string]string // path of the own group, by controller
}

// ownV1 reads "4:memory:/docker/abc" lines.
func ownV1(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		for c := range strings.SplitSeq(f[1], ",") {
			m[c] = f[2]
		}
	}
	return m
}

// file finds a controller's file: where the process says its group is or, in a
// container that sees only its own group, at the mount's root.
func (v *v1) file(controller, name string) string {
	mount := path.Join("sys/fs/cgroup", controller)
	full := path.Join(mount, v.own[controller], name)
	if _, err := fs.Stat(v.root, full); errors.Is(err, fs.ErrNotExist) {
		return path.Join(mount, name)
	}
	return full
}

// unlimited is what version 1 says for no limit, give or take a page.
const unlimited = 1 << 62

func (v *v1) sample() (sample, error) {
	var s sample
	used, err := number(v.root, v.file("cpuacct", "cpuacct.usage"))
	if err != nil {
		return s, err
	}
	s.cpu = time.Duration(used)
	if s.memory, err = number(v.root, v.file("memory", "memory.usage_in_bytes")); err != nil {
		return s, err
	}
	stat, err := keyed(v.root, v.file("memory", "memory.stat"))
	if err != nil {
		return s, err
	}
	s.workingSet = max(0, s.memory-stat["total_inactive_file"])
	if limit, err := number(v.root, v.file("memory", "memory.limit_in_bytes")); err == nil && limit < unlimited {
		s.memoryLimit = limit
	}
	if cpu, err := keyed(v.root, v.file("cpu", "cpu.stat")); err == nil {
		s.periods, s.throttled = cpu["nr_periods"], cpu["nr_throttled"]
	}
	q, qerr := number(v.root, v.file("cpu", "cpu.cfs_quota_us"))
	p, perr := number(v.root, v.file("cpu", "cpu.cfs_period_us"))
	if qerr == nil && perr == nil && q > 0 && p > 0 {
		s.cores = q / p
	}
	s.pids, _ = number(v.root, v.file("pids", "pids.current"))
	if oom, err := keyed(v.root, v.file("memory", "memory.oom_control")); err == nil {
		s.oomKills = oom["oom_kill"]
	}
	return s, nil
}
