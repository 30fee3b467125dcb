package host

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
)

type lines []string

func (l *lines) Record(m *sidelight.Measurement) {
	var dims []string
	for _, d := range m.Dimensions {
		dims = append(dims, d.Value)
	}
	*l = append(*l, fmt.Sprintf("%s{%s} %.6g %s", m.Name, strings.Join(dims, ","), m.Value, m.Unit))
}

func proc(stat, meminfo, disk, net string) fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"stat": file(stat), "meminfo": file(meminfo), "diskstats": file(disk), "net/dev": file(net),
		"loadavg": file("0.50 0.25 0.10 1/200 4242\n"),
		"mounts":  file("/dev/vda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/vda1 /again ext4 rw 0 0\n/dev/loop1 /snap squashfs ro 0 0\n/dev/vdb /data\\040dir xfs rw 0 0\n"),
	}
}

// Pressure, open files and processes; the scrapes are 10 s apart.
func TestPressureFilesProcesses(t *testing.T) {
	root := func(some, full int) fstest.MapFS {
		m := proc("cpu 1 0 1 1 1 0 0 0 0 0\nctxt 5\nprocs_running 3\nprocs_blocked 1\n", "MemTotal: 1000 kB\n", "", "")
		text := fmt.Sprintf("some avg10=1.00 avg60=1.00 avg300=1.00 total=%d\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=%d\n", some, full)
		for _, name := range []string{"cpu", "memory", "io"} {
			m["pressure/"+name] = &fstest.MapFile{Data: []byte(text)}
		}
		m["sys/fs/file-nr"] = &fstest.MapFile{Data: []byte("2176\t176\t9223372036854775807\n")}
		m["1/stat"], m["42/stat"] = &fstest.MapFile{}, &fstest.MapFile{}
		return m
	}
	var l lines
	synctest.Test(t, func(t *testing.T) {
		s := &Scraper{proc: root(1_000_000, 9_000_000), statfs: func(string, *syscall.Statfs_t) error { return syscall.EACCES }}
		if err := s.Scrape(t.Context(), &lines{}); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Second)
		s.proc = root(3_500_000, 10_000_000)
		if err := s.Scrape(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
	})
	l = slices.DeleteFunc(l, func(s string) bool {
		return !strings.HasPrefix(s, "pressure") && !strings.HasPrefix(s, "file_") && !strings.HasPrefix(s, "processes")
	})
	want := lines{
		"pressure_cpu_some{} 25 Percent", "pressure_memory_some{} 25 Percent", "pressure_memory_full{} 10 Percent",
		"pressure_io_some{} 25 Percent", "pressure_io_full{} 10 Percent",
		"file_descriptors_used{} 2000 Count", "processes_total{} 2 Count", "processes_running{} 3 Count", "processes_blocked{} 1 Count",
	}
	if d := cmp.Diff(want, l); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Each CPU has its own line; cpu1 came later and has no share yet.
func TestEachCPU(t *testing.T) {
	s := &Scraper{perCPU: true, statfs: func(string, *syscall.Statfs_t) error { return syscall.EACCES }}
	var l lines
	for _, stat := range []string{
		"cpu 100 0 0 100 0 0 0 0 0 0\ncpu0 100 0 0 100 0 0 0 0 0 0\n",
		"cpu 130 0 0 170 0 0 0 0 0 0\ncpu0 125 0 0 175 0 0 0 0 0 0\ncpu1 5 0 0 5 0 0 0 0 0 0\n",
	} {
		s.proc, l = proc(stat, "MemTotal: 1000 kB\n", "", ""), nil
		if err := s.Scrape(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
	}
	l = slices.DeleteFunc(l, func(s string) bool { return !strings.HasPrefix(s, "cpu_usage_active") })
	if d := cmp.Diff(lines{"cpu_usage_active{} 30 Percent", "cpu_usage_active{cpu0} 25 Percent"}, l); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

type discard struct{}

func (discard) Record(*sidelight.Measurement) {}

// BenchmarkScrape measures this machine.
func BenchmarkScrape(b *testing.B) {
	s := New(Config{})
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Scrape(b.Context(), discard{}); err != nil {
			b.Fatal(err)
		}
	}
	// Of one core, if it is done every 10 s.
	b.ReportMetric(100*float64(b.Elapsed())/float64(b.N)/float64(10*time.Second), "%core")
}

// The expected values are worked by hand from the two snapshots.
func TestScrape(t *testing.T) {
	mem := "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\nSwapTotal: 0 kB\n"
	net := func(rx, tx int) string {
		return fmt.Sprintf("Inter-| Receive\n face |bytes\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: %d 10 1 2 0 0 0 0 %d 20 3 4 0 0 0 0\n", rx, tx)
	}
	disk := func(reads, sectors int) string {
		return fmt.Sprintf(" 253 0 vda %d 0 %d 0 5 0 16 0 0 70 0 0 0 0 0\n 253 1 vda1 1 0 1 0 1 0 1 0 0 1 0\n 7 0 loop0 1 0 1 0 1 0 1 0 0 1 0\n", reads, sectors)
	}
	s := &Scraper{statfs: func(path string, st *syscall.Statfs_t) error {
		if path != "/" {
			return syscall.EACCES
		}
		*st = syscall.Statfs_t{Frsize: 1024, Blocks: 1000, Bfree: 400, Bavail: 300, Files: 50, Ffree: 20}
		return nil
	}}
	var first, second lines
	s.proc = proc("cpu  100 0 50 800 50 0 0 0 10 0\ncpu0 1 1 1 1\n", mem, disk(10, 100), net(1000, 500))
	if err := s.Scrape(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	// 100 ticks later: 30 user, 10 system, 50 idle, 10 stolen; iowait went back.
	s.proc = proc("cpu  130 0 60 850 49 0 0 11 10 0\n", mem, disk(15, 300), net(400, 700))
	if err := s.Scrape(t.Context(), &second); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(first, func(l string) bool { return strings.HasPrefix(l, "cpu_") || strings.HasPrefix(l, "net_") }) {
		t.Errorf("the first scrape reports changes: %v", first)
	}
	want := lines{
		"cpu_usage_active{} 50 Percent", "cpu_usage_user{} 30 Percent", "cpu_usage_system{} 10 Percent",
		"cpu_usage_iowait{} 0 Percent", "cpu_usage_steal{} 11 Percent", "cpu_usage_idle{} 50 Percent",
		"mem_total{} 1.024e+06 Bytes", "mem_available{} 256000 Bytes", "mem_used{} 768000 Bytes", "mem_used_percent{} 75 Percent",
		"diskio_reads{vda} 5 Count", "diskio_writes{vda} 0 Count", "diskio_read_bytes{vda} 102400 Bytes", "diskio_write_bytes{vda} 0 Bytes", "diskio_io_time{vda} 0 Milliseconds",
		// The interface was reset: received bytes are skipped.
		"net_bytes_sent{eth0} 200 Bytes", "net_packets_recv{eth0} 0 Count", "net_packets_sent{eth0} 0 Count",
		"net_err_in{eth0} 0 Count", "net_err_out{eth0} 0 Count", "net_drop_in{eth0} 0 Count", "net_drop_out{eth0} 0 Count",
		"disk_total{vda1,ext4,/} 1.024e+06 Bytes", "disk_used{vda1,ext4,/} 614400 Bytes", "disk_free{vda1,ext4,/} 307200 Bytes",
		"disk_used_percent{vda1,ext4,/} 66.6667 Percent", "disk_inodes_used{vda1,ext4,/} 30 Count",
		"load_1m{} 0.5 None", "load_5m{} 0.25 None", "load_15m{} 0.1 None",
		"processes_total{} 0 Count",
	}
	if d := cmp.Diff(want, second); d != "" {
		t.Errorf("second scrape (-want +got):\n%s", d)
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	s := &Scraper{proc: fstest.MapFS{}}
	err := s.Scrape(t.Context(), &lines{})
	if err == nil || !strings.Contains(err.Error(), "/proc/meminfo") || !strings.Contains(err.Error(), "/proc/stat") {
		t.Errorf("err = %v, want every missing file named", err)
	}
}

// This machine's own /proc can be read.
func TestThisMachine(t *testing.T) {
	var l lines
	if err := New(Config{PerCPU: true}).Scrape(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(l, func(s string) bool { return strings.HasPrefix(s, "mem_used_percent") }) {
		t.Errorf("measured %v", l)
	}
}

func FuzzProc(f *testing.F) {
	f.Add([]byte("cpu 1 2 3 4 5 6 7 8\n a b vda 1 2 3 4 5 6 7 8 9 10 11\neth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n/dev/x /y z\nMemTotal: 5 kB"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseStat(b)
		parseCPUs(b)
		parseMeminfo(b)
		parseDiskstats(b)
		parseNetDev(b)
		parseMounts(b)
	})
}
