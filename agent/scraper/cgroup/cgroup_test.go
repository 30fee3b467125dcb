package cgroup

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

type lines []string

func (l *lines) Record(m *sidelight.Measurement) {
	plus, dims := "", ""
	if m.Kind == sidelight.Sum {
		plus = "+"
	}
	for _, d := range m.Dimensions {
		dims += " " + d.Value
	}
	*l = append(*l, fmt.Sprintf("%s%s %s%.6g %s", m.Name, dims, plus, m.Value, m.Unit))
}

type files map[string]string

func (f files) with(more files) files {
	out := maps.Clone(f)
	maps.Copy(out, more)
	return out
}

func (f files) write(t *testing.T, dir string) {
	t.Helper()
	for name, text := range f {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// scrapes returns what each of several scrapes records, 10 s apart.
func scrapes(t *testing.T, f scraper.Family, states ...files) []lines {
	t.Helper()
	dir, out := t.TempDir(), make([]lines, len(states))
	states[0].write(t, dir)
	s, err := open(dir, Config{Names: f})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	synctest.Test(t, func(t *testing.T) {
		for i, state := range states {
			state.write(t, dir)
			if err := s.Scrape(t.Context(), &out[i]); err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * time.Second)
		}
	})
	return out
}

// unified is a group of half a core and 200 MiB, 100 of which are used, 50 of
// them for inactive files.
func unified() files {
	const dir = "sys/fs/cgroup/"
	return files{
		"proc/self/cgroup": "0::/\n", "proc/meminfo": "MemTotal: 1048576 kB\n", dir + "cgroup.controllers": "cpu io memory pids\n",
		dir + "cpu.stat": "usage_usec 1000000\nuser_usec 600000\nsystem_usec 400000\nnr_periods 100\nnr_throttled 10\nthrottled_usec 5\n",
		dir + "cpu.max":  "50000 100000\n", dir + "memory.current": "104857600\n", dir + "memory.max": "209715200\n",
		dir + "memory.stat": "anon 40000000\nfile 60000000\ninactive_file 52428800\n", dir + "memory.events": "oom 1\noom_kill 1\n",
		dir + "pids.current": "7\n", dir + "pids.max": "max\n", dir + "io.stat": "8:0 rbytes=100 wbytes=200 rios=1\n8:1 rbytes=11 wbytes=22\n",
		dir + "memory.pressure": "some avg10=0 total=0\nfull avg10=0 total=0\n",
	}
}

// unifiedLater is 10 s later: 2.5 s of CPU were used, a quarter of a core, half
// of the limit; 25 of 100 periods were throttled, and one process was killed.
func unifiedLater() files {
	const dir = "sys/fs/cgroup/"
	return unified().with(files{
		dir + "cpu.stat":        "usage_usec 3500000\nuser_usec 2600000\nsystem_usec 900000\nnr_periods 200\nnr_throttled 35\n",
		dir + "io.stat":         "8:0 rbytes=1100 wbytes=200\n8:1 rbytes=11 wbytes=22\n",
		dir + "memory.pressure": "some avg10=9 total=4000000\nfull avg10=9 total=1000000\n",
		dir + "memory.events":   "oom 2\noom_kill 2\n",
	})
}

func TestV2(t *testing.T) {
	want := lines{
		"memory_working_set 5.24288e+07 Bytes", "memory_usage 1.04858e+08 Bytes", "memory_limit 2.09715e+08 Bytes", "memory_utilization 25 Percent",
		"pids 7 Count", "cpu_cores_used 0.25 None", "cpu_cores_limit 0.5 None", "cpu_utilization 50 Percent", "cpu_throttled_percent 25 Percent",
		"oom_kills +1 Count", "io_read_bytes +1000 Bytes", "io_write_bytes +0 Bytes",
		"pressure_memory_some 40 Percent", "pressure_memory_full 10 Percent",
	}
	if d := cmp.Diff(want, scrapes(t, scraper.Sidelight, unified(), unifiedLater())[1]); d != "" {
		t.Errorf("v2 (-want +got):\n%s", d)
	}
}

// Available is the limit without the working set: 200 − 50 MiB. What has no name
// there has ours.
func TestOTel(t *testing.T) {
	want := lines{
		"container.cpu.time user +2 Seconds", "container.cpu.time system +0.5 Seconds", "container.cpu.usage 0.25 None",
		"container.memory.usage 1.04858e+08 Bytes", "container.memory.available 1.57286e+08 Bytes", "container.memory.rss 4e+07 Bytes",
		"container.memory.working_set 5.24288e+07 Bytes", "container.disk.io read +1000 Bytes", "container.disk.io write +0 Bytes",
		"memory_limit 2.09715e+08 Bytes", "memory_utilization 25 Percent", "pids 7 Count", "cpu_cores_limit 0.5 None", "cpu_utilization 50 Percent",
		"cpu_throttled_percent 25 Percent", "oom_kills +1 Count", "pressure_memory_some 40 Percent", "pressure_memory_full 10 Percent",
	}
	if d := cmp.Diff(want, scrapes(t, scraper.OTel, unified(), unifiedLater())[1]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Without a limit, or with one beyond the machine's memory, the machine's is
// the whole: 50 MiB of 1 GiB.
func TestNoLimit(t *testing.T) {
	for _, limit := range []string{"max\n", "1099511627776\n"} {
		got := scrapes(t, scraper.Sidelight, unified().with(files{"sys/fs/cgroup/memory.max": limit, "sys/fs/cgroup/cpu.max": "max 100000\n"}))[0]
		if !strings.Contains(strings.Join(got, ";"), "memory_utilization 4.88281 Percent") || strings.Contains(strings.Join(got, ";"), "cpu_cores_limit") {
			t.Errorf("limit %q: %v", limit, got)
		}
	}
}

// A group that lies elsewhere in the tree than the process is told.
func TestOtherName(t *testing.T) {
	if got := scrapes(t, scraper.Sidelight, unified().with(files{"proc/self/cgroup": "0::/../kubepods/x\n"}))[0]; len(got) == 0 {
		t.Error("nothing measured")
	}
}

func v1(usage, throttled, blkio string) files {
	const dir = "sys/fs/cgroup/"
	return files{
		"proc/self/cgroup":                   "5:blkio:/docker/abc\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:pids:/docker/abc\n",
		dir + "cpuacct/cpuacct.usage":        usage + "\n",
		dir + "cpuacct/cpuacct.stat":         "user 10\nsystem 20\n",
		dir + "memory/docker/abc/x":          "",
		dir + "memory/memory.stat":           "inactive_file 7\ntotal_inactive_file 1000\ntotal_rss 3000\n",
		dir + "memory/memory.oom_control":    "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
		dir + "memory/memory.limit_in_bytes": "9223372036854771712\n", dir + "memory/memory.usage_in_bytes": "5000\n",
		dir + "cpu/cpu.cfs_quota_us": "200000\n", dir + "cpu/cpu.cfs_period_us": "100000\n",
		dir + "cpu/cpu.stat":                          "nr_periods 40\nnr_throttled " + throttled + "\nthrottled_time 9\n",
		dir + "pids/pids.current":                     "3\n",
		dir + "blkio/blkio.throttle.io_service_bytes": blkio,
	}
}

// A hierarchy in which the process is in the root group tells of the machine,
// wherever the group's path leads: here that of CPU, and that of I/O, whose own
// group lacks the file.
func TestV1Root(t *testing.T) {
	const dir = "sys/fs/cgroup/"
	root := files{
		"proc/self/cgroup": "3:cpu,cpuacct:/\n4:memory:/m\n5:blkio:/m\n2:pids:/m\n", dir + "cpuacct/release_agent": "\n", dir + "cpu/release_agent": "\n", dir + "blkio/release_agent": "\n",
		dir + "memory/release_agent": "\n", dir + "memory/m/memory.usage_in_bytes": "500\n", dir + "memory/m/memory.stat": "total_inactive_file 100\n", dir + "pids/m/pids.current": "2\n",
	}
	got := scrapes(t, scraper.Sidelight, v1("1", "0", "8:0 Read 1\n").with(root), v1("1000", "0", "8:0 Read 4096\n").with(root))[1]
	if d := cmp.Diff(lines{"memory_working_set 400 Bytes", "memory_usage 500 Bytes", "pids 2 Count"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// 10 s of CPU in 10 s: one core, half of the limit. total_inactive_file counts.
func TestV1(t *testing.T) {
	want := lines{
		"memory_working_set 4000 Bytes", "memory_usage 5000 Bytes", "pids 3 Count",
		"cpu_cores_used 1 None", "cpu_cores_limit 2 None", "cpu_utilization 50 Percent",
		"oom_kills +0 Count", "io_read_bytes +4096 Bytes", "io_write_bytes +512 Bytes",
	}
	got := scrapes(
		t, scraper.Sidelight, v1("1000000000", "0", ""),
		v1("11000000000", "0", "8:0 Read 4096\n8:0 Write 512\n8:0 Sync 4608\n8:0 Total 4608\nTotal 4608\n"),
	)[1]
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("v1 (-want +got):\n%s", d)
	}
}

// A process that is moved to another group, when its own is gone, is measured
// there from the scrape after the next.
func TestMoved(t *testing.T) {
	const dir = "sys/fs/cgroup/"
	at := func(group, usage string) files {
		return files{
			"proc/self/cgroup": "0::/" + group + "\n", dir + "cgroup.controllers": "cpu\n", dir + group + "/cpu.stat": "usage_usec " + usage + "\n",
			dir + group + "/memory.current": "5000\n", dir + group + "/memory.stat": "inactive_file 1000\n",
		}
	}
	root := t.TempDir()
	at("a", "9000000").write(t, root)
	s, err := open(root, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scrape := func() (string, error) {
		var l lines
		err := s.Scrape(t.Context(), &l)
		return strings.Join(l, ";"), err
	}
	if got, err := scrape(); err != nil || !strings.Contains(got, "memory_usage 5000") {
		t.Fatalf("in its first group: %s, %v", got, err)
	}
	s.files.Close() // the kernel's files fail once the group is gone, these do not
	if err := os.RemoveAll(filepath.Join(root, dir, "a")); err != nil {
		t.Fatal(err)
	}
	if got, err := scrape(); err == nil || got != "" {
		t.Errorf("of a group that is gone: %s, %v", got, err)
	}
	at("b", "1000000").write(t, root)
	if got, err := scrape(); err == nil || got != "" {
		t.Errorf("not found yet: %s, %v", got, err)
	}
	if got, err := scrape(); err != nil || !strings.Contains(got, "memory_usage 5000") || strings.Contains(got, "cpu_cores_used") {
		t.Errorf("in the other: %s, %v", got, err)
	}
	at("b", "2000000").write(t, root)
	if got, err := scrape(); err != nil || !strings.Contains(got, "cpu_cores_used") {
		t.Errorf("a scrape later: %s, %v", got, err)
	}
}

// Version 1's own: 30 of 60 further periods were throttled. A group whose inactive
// files are more than what it uses, as two files that are read one after the other
// may say, has a working set of nothing.
func TestV1Formulas(t *testing.T) {
	const dir = "sys/fs/cgroup/"
	got := strings.Join(scrapes(
		t, scraper.Sidelight, v1("1", "0", ""),
		v1("2", "0", "").with(files{dir + "cpu/cpu.stat": "nr_periods 100\nnr_throttled 30\nthrottled_time 9\n", dir + "memory/memory.usage_in_bytes": "900\n", dir + "memory/memory.oom_control": "oom_kill 7\n"}),
	)[1], ";")
	for _, want := range []string{"cpu_throttled_percent 50 Percent", "memory_working_set 0 Bytes", "oom_kills +3 Count"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

// Nobody who sees 5 s and then 1 s knows how much was used in between.
func TestReset(t *testing.T) {
	got := scrapes(t, scraper.Sidelight, v1("5000000000", "0", ""), v1("1000000000", "0", ""), v1("2000000000", "0", ""))
	for _, l := range got[1] {
		if strings.Contains(l, "+") || strings.HasPrefix(l, "cpu_cores_used") || strings.HasPrefix(l, "cpu_utilization") {
			t.Errorf("after a reset: %s, want levels only", l)
		}
	}
	if !strings.Contains(strings.Join(got[2], ";"), "cpu_cores_used 0.1 None") {
		t.Errorf("a scrape later: %v", got[2])
	}
}

func TestNoContainer(t *testing.T) {
	for name, root := range map[string]files{
		"root group": {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cgroup.controllers": "cpu"},
		"root of version 1": v1("1", "0", "").with(files{
			"proc/self/cgroup": "4:memory:/\n3:cpu,cpuacct:/\n", "sys/fs/cgroup/memory/release_agent": "\n", "sys/fs/cgroup/cpuacct/release_agent": "\n",
		}),
		"nothing": {"proc/self/cgroup": "0::/\n"},
		"no proc": {},
	} {
		dir := t.TempDir()
		root.write(t, dir)
		if _, err := open(dir, Config{}); err == nil {
			t.Errorf("%s: open succeeded", name)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	for want, state := range map[int64]files{209715200: unified(), 0: v1("1", "0", "")} {
		dir := t.TempDir()
		state.write(t, dir)
		s, err := open(dir, Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := s.MemoryLimit(); got != want {
			t.Errorf("limit %d, want %d", got, want)
		}
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte("8:0 rbytes=100 wbytes=200 rios=1\n"), "3:cpu,cpuacct:/docker/abc\n")
	f.Add([]byte("8:0 Read 4096\nTotal 1\n"), "0::/x\n")
	f.Fuzz(func(t *testing.T, b []byte, own string) {
		to := make([]float64, numNumbers)
		readIOStat(b, to)
		to[0], to[1] = readBlkio(b)
		for i, v := range append(to[:2], to[readBytes:writes+1]...) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%q: number %d is %v", b, i, v)
			}
		}
		ownV1(own)
	})
}
