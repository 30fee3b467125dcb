package cgroup

import (
	"fmt"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
)

type lines []string

func (l *lines) Record(m *sidelight.Measurement) {
	*l = append(*l, fmt.Sprintf("%s %.6g %s", m.Name, m.Value, m.Unit))
}

func files(m map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range m {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func v2Files(usage, throttled string) fstest.MapFS {
	return files(map[string]string{
		"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cgroup.controllers": "cpu io memory pids\n",
		"sys/fs/cgroup/cpu.stat": "usage_usec " + usage + "\nuser_usec 1\nnr_periods 100\nnr_throttled " + throttled + "\nthrottled_usec 5\n",
		"sys/fs/cgroup/cpu.max":  "50000 100000\n", "sys/fs/cgroup/memory.current": "104857600\n", "sys/fs/cgroup/memory.max": "209715200\n",
		"sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 52428800\n", "sys/fs/cgroup/memory.events": "oom 1\noom_kill 1\n",
		"sys/fs/cgroup/pids.current": "7\n", "sys/fs/cgroup/io.stat": "8:0 rbytes=100 wbytes=200 rios=1\n8:1 rbytes=11 wbytes=22\n",
	})
}

// scrapeTwice returns what the second of two scrapes, 10 s apart, records.
func scrapeTwice(t *testing.T, first, second fstest.MapFS) lines {
	t.Helper()
	var l lines
	synctest.Test(t, func(t *testing.T) {
		s, err := open(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Scrape(t.Context(), &lines{}); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Second)
		again, err := open(second)
		if err != nil {
			t.Fatal(err)
		}
		s.fsys = again.fsys
		if err := s.Scrape(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
	})
	return l
}

func TestV2(t *testing.T) {
	a, b := v2Files("1000000", "10"), v2Files("3500000", "35")
	b["sys/fs/cgroup/cpu.stat"].Data = []byte("usage_usec 3500000\nnr_periods 200\nnr_throttled 35\n")
	b["sys/fs/cgroup/io.stat"].Data = []byte("8:0 rbytes=1100 wbytes=200\n8:1 rbytes=11 wbytes=22\n")
	a["sys/fs/cgroup/memory.pressure"] = &fstest.MapFile{Data: []byte("some avg10=0 total=0\nfull avg10=0 total=0\n")}
	b["sys/fs/cgroup/memory.pressure"] = &fstest.MapFile{Data: []byte("some avg10=9 total=4000000\nfull avg10=9 total=1000000\n")}
	// 2.5 s of CPU in 10 s: a quarter of a core, half of the limit.
	want := lines{
		"memory_working_set 5.24288e+07 Bytes", "memory_usage 1.04858e+08 Bytes", "memory_limit 2.09715e+08 Bytes", "memory_utilization 25 Percent",
		"pids 7 Count", "cpu_cores_used 0.25 None", "cpu_utilization 50 Percent", "cpu_throttled_percent 25 Percent",
		"pressure_memory_some 40 Percent", "pressure_memory_full 10 Percent",
		"oom_kills 0 Count", "io_read_bytes 1000 Bytes", "io_write_bytes 0 Bytes",
	}
	if d := cmp.Diff(want, scrapeTwice(t, a, b)); d != "" {
		t.Errorf("v2 (-want +got):\n%s", d)
	}
}

func v1Files(usage string) fstest.MapFS {
	return files(map[string]string{
		"proc/self/cgroup":                           "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:pids:/docker/abc\n",
		"sys/fs/cgroup/cpuacct/cpuacct.usage":        usage,
		"sys/fs/cgroup/memory/docker/abc/x":          "",
		"sys/fs/cgroup/memory/memory.stat":           "total_inactive_file 1000\n",
		"sys/fs/cgroup/memory/memory.usage_in_bytes": "5000\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		"sys/fs/cgroup/pids/pids.current": "3\n",
	})
}

func TestV1(t *testing.T) {
	want := lines{
		"memory_working_set 4000 Bytes", "memory_usage 5000 Bytes", "pids 3 Count",
		"cpu_cores_used 1 None", "cpu_utilization 50 Percent", "oom_kills 0 Count",
	}
	if d := cmp.Diff(want, scrapeTwice(t, v1Files("1000000000"), v1Files("11000000000"))); d != "" {
		t.Errorf("v1 (-want +got):\n%s", d)
	}
}

func TestReset(t *testing.T) {
	got := scrapeTwice(t, v1Files("5000000000"), v1Files("1000000000"))
	if len(got) != 3 {
		t.Errorf("after a reset: %v, want levels only", got)
	}
}

func TestNoContainer(t *testing.T) {
	for name, root := range map[string]fstest.MapFS{
		"root group": files(map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cgroup.controllers": "cpu"}),
		"nothing":    files(map[string]string{"proc/self/cgroup": "0::/\n"}),
	} {
		if _, err := open(root); err == nil {
			t.Errorf("%s: open succeeded", name)
		}
	}
}
