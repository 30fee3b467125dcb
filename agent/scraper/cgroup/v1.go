package cgroup

import (
	"fmt"
	"io/fs"
	"math"
	"path"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/procfile"
)

// v1Files are the files of version 1, which has one hierarchy for each
// controller.
type v1Files struct {
	usage, split, memory, memoryLimit, memoryStat, oom, cpuStat, quota, period, pids, pidsMax, bytes, operations string
}

// unlimited is what version 1 says for no limit, give or take a page.
const unlimited = 1 << 62

// openV1 finds the files. Those of a hierarchy in which the process is in the
// root group, which only that one has release_agent, tell of the whole machine and
// are not read.
func (s *Scraper) openV1(own string) error {
	groups := ownV1(own)
	// A file lies where the process says its group is or, in a container that
	// sees only its own group, at the mount.
	at := func(controller, name string) string {
		mount := path.Join("sys/fs/cgroup", controller)
		dir := path.Join(mount, path.Join("/", groups[controller]))
		if !s.is(path.Join(dir, name)) {
			dir = mount
		}
		if s.is(path.Join(dir, "release_agent")) {
			return ""
		}
		return path.Join(dir, name)
	}
	s.v1 = v1Files{
		usage: at("cpuacct", "cpuacct.usage"), split: at("cpuacct", "cpuacct.stat"),
		memory: at("memory", "memory.usage_in_bytes"), memoryLimit: at("memory", "memory.limit_in_bytes"),
		memoryStat: at("memory", "memory.stat"), oom: at("memory", "memory.oom_control"),
		cpuStat: at("cpu", "cpu.stat"), quota: at("cpu", "cpu.cfs_quota_us"), period: at("cpu", "cpu.cfs_period_us"),
		pids: at("pids", "pids.current"), pidsMax: at("pids", "pids.max"),
		bytes: at("blkio", "blkio.throttle.io_service_bytes"), operations: at("blkio", "blkio.throttle.io_serviced"),
	}
	if s.v1.usage == "" && s.v1.memory == "" {
		return fmt.Errorf("the own control group has no limits to measure: %w", fs.ErrNotExist)
	}
	s.read = s.readV1
	return nil
}

// ownV1 reads "4:memory:/docker/abc" lines: the path of the own group by
// controller.
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

func (s *Scraper) readV1(to []float64) error {
	if s.v1.usage != "" {
		used, err := s.number(s.v1.usage)
		if err != nil {
			return err
		}
		to[cpuTime] = used / 1e9
	}
	if err := s.readMemoryV1(to); err != nil {
		return err
	}
	if limit := s.maybe(s.v1.memoryLimit); limit < unlimited {
		to[memoryLimit] = limit
	}
	// What follows may be missing.
	if b, err := s.text(s.v1.split); err == nil { // ticks of 10 ms
		to[cpuUser], to[cpuSystem] = procfile.Keyed(b, "user")/100, procfile.Keyed(b, "system")/100
	}
	if b, err := s.text(s.v1.cpuStat); err == nil {
		to[periods], to[throttled] = procfile.Keyed(b, "nr_periods"), procfile.Keyed(b, "nr_throttled")
		to[throttledTime] = procfile.Keyed(b, "throttled_time") / 1e9
	}
	if q, p := s.maybe(s.v1.quota), s.maybe(s.v1.period); q > 0 && p > 0 {
		to[cpuLimit] = q / p
	}
	to[pids], to[pidsLimit] = s.maybe(s.v1.pids), s.maybe(s.v1.pidsMax)
	if b, err := s.text(s.v1.oom); err == nil {
		to[oomKills] = procfile.Keyed(b, "oom_kill")
	}
	if b, err := s.text(s.v1.bytes); err == nil {
		to[readBytes], to[writeBytes] = readBlkio(b)
	}
	if b, err := s.text(s.v1.operations); err == nil {
		to[reads], to[writes] = readBlkio(b)
	}
	return nil
}

func (s *Scraper) readMemoryV1(to []float64) error {
	if s.v1.memory == "" {
		return nil
	}
	var err error
	if to[memory], err = s.number(s.v1.memory); err != nil {
		return err
	}
	b, err := s.text(s.v1.memoryStat)
	if err != nil {
		return err
	}
	to[inactiveFile], to[rss], to[cache] = orZero(procfile.Keyed(b, "total_inactive_file")), procfile.Keyed(b, "total_rss"), procfile.Keyed(b, "total_cache")
	return nil
}

// readBlkio adds up "8:0 Read 5" lines. A group that did nothing yet has none.
func readBlkio(b []byte) (read, write float64) {
	for len(b) > 0 {
		var line []byte
		line, b = procfile.Line(b)
		_, rest := procfile.Field(line)
		op, rest := procfile.Field(rest)
		n := procfile.Whole(rest)
		if math.IsNaN(n) {
			continue
		}
		switch string(op) {
		case "Read":
			read += n
		case "Write":
			write += n
		}
	}
	return read, write
}
