package host

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// lines are measurements: "name{dimension values} value unit", with a plus for
// what is summed.
type lines []string

func (l *lines) Record(m *sidelight.Measurement) {
	var dims []string
	for _, d := range m.Dimensions {
		dims = append(dims, d.Value)
	}
	plus := ""
	if m.Kind == sidelight.Sum {
		plus = "+"
	}
	*l = append(*l, fmt.Sprintf("%s{%s} %s%.6g %s", m.Name, strings.Join(dims, ","), plus, m.Value, m.Unit))
}

// only keeps lines that begin with one of the prefixes.
func (l lines) only(prefixes ...string) lines {
	return slices.DeleteFunc(slices.Clone(l), func(s string) bool {
		return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
	})
}

type files map[string]string

// proc is a machine with one CPU of 10 ms ticks.
func proc() files {
	return files{
		"stat": "cpu  100 0 50 800 50 0 0 0 10 0\ncpu0 100 0 50 800 50 0 0 0 10 0\nctxt 5\nprocesses 40\nprocs_running 3\nprocs_blocked 1\n",
		"meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\nBuffers: 20 kB\nCached: 130 kB\n" +
			"Active: 300 kB\nInactive: 200 kB\nShmem: 5 kB\nSlab: 40 kB\nSReclaimable: 30 kB\nSwapTotal: 400 kB\nSwapFree: 300 kB\n",
		"diskstats": disk(10, 100), "net/dev": net(1000, 500),
		"loadavg": "0.50 0.25 0.10 1/200 4242\n", "uptime": "1234.5 99.0\n",
		"mounts": "/dev/vda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/vda1 /again ext4 rw 0 0\n" +
			"/dev/loop1 /snap squashfs ro 0 0\n/dev/vdb /data\\040dir xfs ro,noatime 0 0\ntmpfs /run tmpfs rw 0 0\n",
	}
}

func disk(reads, sectors int) string {
	return fmt.Sprintf(" 253 0 vda %d 2 %d 30 5 3 16 40 1 70 90 0 0 0 0\n 253 1 vda1 1 0 1 0 1 0 1 0 0 1 0\n 7 0 loop0 1 0 1 0 1 0 1 0 0 1 0\n 11 0 sr0 0 0 0 0 0 0 0 0 0 0 0\n", reads, sectors)
}

func net(rx, tx int) string {
	return fmt.Sprintf("Inter-| Receive\n face |bytes\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: %d 10 1 2 0 0 0 0 %d 20 3 4 0 0 0 0\n veth12: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n  ifb0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", rx, tx)
}

func (f files) with(name, text string) files {
	out := maps.Clone(f)
	out[name] = text
	return out
}

// write replaces what is below dir.
func (f files) write(t *testing.T, dir string) {
	t.Helper()
	for name, text := range f {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func rootOnly(path string, st *syscall.Statfs_t) error {
	if path != "/" {
		return syscall.EACCES
	}
	*st = syscall.Statfs_t{Frsize: 1024, Blocks: 1000, Bfree: 400, Bavail: 300, Files: 50, Ffree: 20}
	return nil
}

// scrapes returns what each of several scrapes records, 10 s apart.
func scrapes(t *testing.T, cfg Config, states ...files) []lines {
	t.Helper()
	cfg.Proc = t.TempDir()
	s := New(cfg)
	s.self = ""
	defer s.Close()
	out := make([]lines, len(states))
	synctest.Test(t, func(t *testing.T) {
		s.statfs = rootOnly
		for i, state := range states {
			state.write(t, cfg.Proc)
			if err := s.Scrape(t.Context(), &out[i]); err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * time.Second)
		}
	})
	return out
}

// later is the machine of proc a second of CPU later: 30 ticks user, 10 system,
// 50 idle, 11 stolen; iowait went back by 1. The interface was reset.
func later() files {
	return proc().with("stat", "cpu  130 0 60 850 49 0 0 11 20 0\ncpu0 130 0 60 850 49 0 0 11 20 0\nprocesses 47\nprocs_running 3\nprocs_blocked 1\n").
		with("diskstats", disk(15, 300)).with("net/dev", net(400, 700))
}

// The expected values are worked by hand from the two states: of 100 ticks, 10
// of the 30 user ones are a guest's. What is used of memory is 1000 − 250 KiB.
// 1000 blocks of 1 KiB, 400 free, 300 for those who are not root: 600 used,
// 600/900 is two thirds.
func TestSidelight(t *testing.T) {
	got := scrapes(t, Config{}, proc(), later())
	if c := got[0].only("cpu_", "net_", "diskio_"); len(c) > 0 {
		t.Errorf("the first scrape reports changes: %v", c)
	}
	want := lines{
		"cpu_usage_active{} 50 Percent", "cpu_usage_user{} 20 Percent", "cpu_usage_system{} 10 Percent",
		"cpu_usage_iowait{} 0 Percent", "cpu_usage_steal{} 11 Percent", "cpu_usage_idle{} 50 Percent", "cpu_usage_other{} 10 Percent",
		"mem_total{} 1.024e+06 Bytes", "mem_available{} 256000 Bytes", "mem_used{} 768000 Bytes", "mem_used_percent{} 75 Percent",
		"swap_used{} 102400 Bytes", "swap_used_percent{} 25 Percent",
		"load_1m{} 0.5 None", "load_5m{} 0.25 None", "load_15m{} 0.1 None",
		"processes_total{} 0 Count", "processes_running{} 3 Count", "processes_blocked{} 1 Count", "processes_zombies{} 0 Count", "threads_total{} 0 Count",
		"uptime{} 1234.5 Seconds", "disk_unanswered{} 0 Count",
		"diskio_reads{vda} +5 Count", "diskio_writes{vda} +0 Count", "diskio_read_bytes{vda} +102400 Bytes", "diskio_write_bytes{vda} +0 Bytes", "diskio_io_time{vda} +0 Milliseconds",
		"net_bytes_sent{eth0} +200 Bytes", "net_packets_recv{eth0} +0 Count", "net_packets_sent{eth0} +0 Count",
		"net_err_in{eth0} +0 Count", "net_err_out{eth0} +0 Count", "net_drop_in{eth0} +0 Count", "net_drop_out{eth0} +0 Count",
		"disk_total{vda1,ext4,/} 1.024e+06 Bytes", "disk_used{vda1,ext4,/} 614400 Bytes", "disk_free{vda1,ext4,/} 307200 Bytes",
		"disk_used_percent{vda1,ext4,/} 66.6667 Percent", "disk_inodes_used{vda1,ext4,/} 30 Count",
	}
	if d := cmp.Diff(want, got[1]); d != "" {
		t.Errorf("second scrape (-want +got):\n%s", d)
	}
}

// The CloudWatch agent's formulas: iowait is active, used is what is neither
// free, buffers nor cached (with what of the slab can be reclaimed):
// 1000 − 100 − 20 − 160 = 720 KiB.
func TestCWAgent(t *testing.T) {
	got := scrapes(t, Config{Names: scraper.CWAgent, Hostname: "h"}, proc(), later())
	want := lines{
		"cpu_usage_active{cpu-total,h} 50 Percent", "cpu_usage_guest{cpu-total,h} 10 Percent", "cpu_usage_guest_nice{cpu-total,h} 0 Percent",
		"cpu_usage_idle{cpu-total,h} 50 Percent", "cpu_usage_iowait{cpu-total,h} 0 Percent", "cpu_usage_irq{cpu-total,h} 0 Percent",
		"cpu_usage_nice{cpu-total,h} 0 Percent", "cpu_usage_softirq{cpu-total,h} 0 Percent", "cpu_usage_steal{cpu-total,h} 11 Percent",
		"cpu_usage_system{cpu-total,h} 10 Percent", "cpu_usage_user{cpu-total,h} 20 Percent",
		"mem_active{h} 307200 Bytes", "mem_available{h} 256000 Bytes", "mem_buffered{h} 20480 Bytes", "mem_cached{h} 163840 Bytes",
		"mem_free{h} 102400 Bytes", "mem_inactive{h} 204800 Bytes", "mem_total{h} 1.024e+06 Bytes", "mem_used{h} 737280 Bytes",
		"mem_used_percent{h} 72 Percent", "mem_available_percent{h} 25 Percent",
		"swap_free{h} 307200 Bytes", "swap_used{h} 102400 Bytes", "swap_used_percent{h} 25 Percent",
		"processes_blocked{h} 0 Count", "processes_dead{h} 0 Count", "processes_paging{h} 0 Count", "processes_running{h} 0 Count",
		"processes_sleeping{h} 0 Count", "processes_stopped{h} 0 Count", "processes_total{h} 0 Count", "processes_total_threads{h} 0 Count", "processes_zombies{h} 0 Count",
		"load_1m{} 0.5 None", "load_5m{} 0.25 None", "load_15m{} 0.1 None", "uptime{} 1234.5 Seconds", "disk_unanswered{} 0 Count",
		"diskio_reads{h,vda} +5 Count", "diskio_writes{h,vda} +0 Count", "diskio_iops_in_progress{h,vda} 1 Count", "diskio_read_bytes{h,vda} +102400 Bytes",
		"diskio_write_bytes{h,vda} +0 Bytes", "diskio_read_time{h,vda} +0 Milliseconds", "diskio_write_time{h,vda} +0 Milliseconds", "diskio_io_time{h,vda} +0 Milliseconds",
		"net_bytes_sent{h,eth0} +200 Bytes", "net_packets_recv{h,eth0} +0 Count", "net_packets_sent{h,eth0} +0 Count",
		"net_err_in{h,eth0} +0 Count", "net_err_out{h,eth0} +0 Count", "net_drop_in{h,eth0} +0 Count", "net_drop_out{h,eth0} +0 Count",
		"disk_free{vda1,ext4,h,/} 307200 Bytes", "disk_total{vda1,ext4,h,/} 1.024e+06 Bytes", "disk_used{vda1,ext4,h,/} 614400 Bytes",
		"disk_used_percent{vda1,ext4,h,/} 66.6667 Percent", "disk_inodes_free{vda1,ext4,h,/} 20 Count", "disk_inodes_total{vda1,ext4,h,/} 50 Count",
		"disk_inodes_used{vda1,ext4,h,/} 30 Count",
	}
	if d := cmp.Diff(want, got[1]); d != "" {
		t.Errorf("second scrape (-want +got):\n%s", d)
	}
}

// Each column of the CPU's line on its own, of 200 ticks: waiting for I/O is active,
// a guest's time is not the user's, and that of a nice guest not nice.
func TestCPUColumns(t *testing.T) {
	got := scrapes(
		t, Config{Names: scraper.CWAgent},
		proc().with("stat", "cpu 0 0 0 0 0 0 0 0 0 0\n"), proc().with("stat", "cpu 30 20 10 100 18 4 6 12 8 14\n"),
	)[1].only("cpu_usage")
	want := lines{
		"cpu_usage_active{cpu-total} 50 Percent", "cpu_usage_guest{cpu-total} 4 Percent", "cpu_usage_guest_nice{cpu-total} 7 Percent", "cpu_usage_idle{cpu-total} 50 Percent",
		"cpu_usage_iowait{cpu-total} 9 Percent", "cpu_usage_irq{cpu-total} 2 Percent", "cpu_usage_nice{cpu-total} 3 Percent", "cpu_usage_softirq{cpu-total} 3 Percent",
		"cpu_usage_steal{cpu-total} 6 Percent", "cpu_usage_system{cpu-total} 5 Percent", "cpu_usage_user{cpu-total} 11 Percent",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// OpenTelemetry's: seconds for ticks, ratios for percentages.
func TestOTel(t *testing.T) {
	first := proc().with("vmstat", "pgfault 100\npgmajfault 10\npswpin 1\npswpout 2\n")
	second := later().with("vmstat", "pgfault 150\npgmajfault 15\npswpin 4\npswpout 2\n")
	got := scrapes(t, Config{Names: scraper.OTel}, first, second)[1]
	for _, want := range []string{
		"system.cpu.time{user} +0.2 Seconds", "system.cpu.utilization{user} 0.2 None", "system.cpu.time{idle} +0.5 Seconds", "system.cpu.utilization{steal} 0.11 None",
		"system.cpu.logical.count{} 1 Count", "system.memory.usage{used} 737280 Bytes", "system.memory.utilization{cached} 0.16 None", "system.memory.limit{} 1.024e+06 Bytes",
		"system.memory.linux.available{} 256000 Bytes", "system.memory.linux.shared{} 5120 Bytes", "system.memory.linux.slab.usage{} 40960 Bytes",
		"system.paging.usage{used} 102400 Bytes", "system.paging.utilization{free} 0.75 None",
		"system.paging.faults{major} +5 Count", "system.paging.faults{minor} +45 Count", "system.paging.operations{in,major} +3 Count", "system.paging.operations{out,major} +0 Count",
		"system.process.created{} +7 Count", "system.uptime{} 1234.5 Seconds",
		"system.disk.io{read,vda} +102400 Bytes", "system.disk.operations{read,vda} +5 Count", "system.disk.operation_time{write,vda} +0 Seconds", "system.disk.io_time{vda} +0 Seconds",
		"system.network.io{eth0,transmit} +200 Bytes", "system.network.packet.count{eth0,receive} +0 Count",
		"system.filesystem.usage{vda1,rw,/,used,ext4} 614400 Bytes", "system.filesystem.usage{vda1,rw,/,reserved,ext4} 102400 Bytes",
		"system.filesystem.utilization{vda1,rw,/,free,ext4} 0.3 None", "system.filesystem.limit{vda1,rw,/,ext4} 1.024e+06 Bytes",
		"load_1m{} 0.5 None", "processes_blocked{} 1 Count", "disk_unanswered{} 0 Count",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Logf("got %s", strings.Join(got, "\n"))
	}
}

// Pressure, open files, processes by state and connections; 10 s apart.
func TestPressureFilesProcesses(t *testing.T) {
	state := func(some, full int) files {
		f := proc()
		text := fmt.Sprintf("some avg10=1.00 avg60=1.00 avg300=1.00 total=%d\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=%d\n", some, full)
		for _, name := range []string{"cpu", "memory", "io"} {
			f["pressure/"+name] = text
		}
		f["sys/fs/file-nr"] = "2176\t176\t9223372036854775807\n"
		for pid, state := range map[string]string{"1": "S", "42": "Z", "43": "R"} {
			f[pid+"/stat"] = pid + " (x (y) z) " + state + " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 1 0 0\n"
		}
		f["net/tcp"] = "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 0\n   1: 0100007F:1F90 00000000:0000 01 0\n"
		f["net/tcp6"] = "  sl\n   0: 0:1 0:0 01 0\n   1: 0:1 0:0 0C 0\n   2: 0:1 0:0 FF 0\n"
		f["net/udp"] = "  sl\n   0: 0:1 0:0 07 0\n"
		return f
	}
	got := scrapes(t, Config{Connections: true}, state(1_000_000, 9_000_000), state(3_500_000, 10_000_000))[1]
	want := lines{
		"pressure_cpu_some{} 25 Percent", "pressure_memory_some{} 25 Percent", "pressure_memory_full{} 10 Percent",
		"pressure_io_some{} 25 Percent", "pressure_io_full{} 10 Percent",
		"file_descriptors_used{} 2000 Count", "processes_total{} 3 Count", "processes_running{} 3 Count", "processes_blocked{} 1 Count",
		"processes_zombies{} 1 Count", "threads_total{} 9 Count",
		"netstat_tcp_none{} 0 Count", "netstat_tcp_established{} 2 Count", "netstat_tcp_syn_sent{} 0 Count", "netstat_tcp_syn_recv{} 1 Count",
		"netstat_tcp_fin_wait1{} 0 Count", "netstat_tcp_fin_wait2{} 0 Count", "netstat_tcp_time_wait{} 0 Count", "netstat_tcp_close{} 0 Count",
		"netstat_tcp_close_wait{} 0 Count", "netstat_tcp_last_ack{} 0 Count", "netstat_tcp_listen{} 1 Count", "netstat_tcp_closing{} 0 Count",
		"netstat_udp_socket{} 1 Count",
	}
	if d := cmp.Diff(want, got.only("pressure", "file_", "processes", "threads", "netstat")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Each CPU has its own line; cpu1 came later and has no share yet.
func TestEachCPU(t *testing.T) {
	got := scrapes(
		t, Config{PerCPU: true},
		proc().with("stat", "cpu 100 0 0 100 0 0 0 0 0 0\ncpu0 100 0 0 100 0 0 0 0 0 0\n"),
		proc().with("stat", "cpu 130 0 0 170 0 0 0 0 0 0\ncpu0 125 0 0 175 0 0 0 0 0 0\ncpu1 5 0 0 5 0 0 0 0 0 0\n"),
	)[1]
	if d := cmp.Diff(lines{"cpu_usage_active{} 30 Percent", "cpu_usage_active{cpu0} 25 Percent"}, got.only("cpu_usage_active")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Partitions are left out if their disk is there.
func TestWanted(t *testing.T) {
	all := "8 0 sda 1\n8 1 sda1 1\n259 0 nvme0n1 1\n259 1 nvme0n1p1 1\n202 1 xvda1 1\n7 0 loop0 1\n1 0 ram0 1\n252 0 zram0 1\n253 0 dm-0 1\n9 0 md0 1\n179 0 mmcblk0 1\n179 1 mmcblk0p1 1\n"
	var got []string
	for line := range strings.Lines(all) {
		if name := strings.Fields(line)[2]; wanted([]byte(name), []byte(all)) {
			got = append(got, name)
		}
	}
	if d := cmp.Diff([]string{"sda", "nvme0n1", "xvda1", "dm-0", "md0", "mmcblk0"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A file system whose server is gone does not hold up the others, is asked once
// until the kernel answers, and is measured again then.
func TestDeadMount(t *testing.T) {
	dir := t.TempDir()
	proc().with("mounts", "server:/export /dead nfs4 rw 0 0\n/dev/vda1 / ext4 rw 0 0\n").write(t, dir)
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		back := make(chan struct{})
		s := New(Config{Proc: dir})
		s.self = ""
		defer s.Close()
		s.statfs = func(path string, st *syscall.Statfs_t) error {
			if path == "/dead" {
				asked.Add(1)
				<-back
			}
			*st = syscall.Statfs_t{Frsize: 1024, Blocks: 1000, Bfree: 400, Bavail: 300}
			return nil
		}
		began := time.Now()
		for range 3 {
			var l lines
			if err := s.Scrape(t.Context(), &l); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(lines{"disk_unanswered{} 1 Count", "disk_total{vda1,ext4,/} 1.024e+06 Bytes"}, l.only("disk_unanswered", "disk_total")); d != "" {
				t.Errorf("while it is gone (-want +got):\n%s", d)
			}
		}
		if d := time.Since(began); d != time.Second || asked.Load() != 1 {
			t.Errorf("waited %s, asked %d times, want 1 s and once", d, asked.Load())
		}
		close(back)
		synctest.Wait()
		var l lines
		if err := s.Scrape(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(lines{"disk_unanswered{} 0 Count", "disk_total{server:/export,nfs4,/dead} 1.024e+06 Bytes"}, l.only("disk_unanswered", "disk_total{server")); d != "" {
			t.Errorf("after it is back (-want +got):\n%s", d)
		}
	})
}

// In a DaemonSet the host's first process stands for the host.
func TestRoot(t *testing.T) {
	root := t.TempDir()
	f := files{}
	for name, text := range proc() {
		if name == "mounts" || name == "net/dev" {
			name = "1/" + name
		}
		f["proc/"+name] = text
	}
	f.write(t, root)
	s := New(Config{Root: root})
	defer s.Close()
	var asked []string
	s.statfs = func(path string, st *syscall.Statfs_t) error {
		asked = append(asked, path)
		*st = syscall.Statfs_t{Frsize: 1, Blocks: 1}
		return nil
	}
	var l lines
	if err := s.Scrape(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{root, filepath.Join(root, "data dir")}, asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	if d := cmp.Diff(lines{"disk_total{vda1,ext4,/} 1 Bytes", "disk_total{vdb,xfs,/data dir} 1 Bytes"}, l.only("disk_total")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	s := New(Config{Proc: t.TempDir()})
	err := s.Scrape(t.Context(), &lines{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/meminfo") || !strings.Contains(err.Error(), "/stat") {
		t.Errorf("err = %v, want every missing file named", err)
	}
}

// This machine's own /proc can be read, under every family's names.
func TestThisMachine(t *testing.T) {
	for _, f := range scraper.Families() {
		t.Run(string(f), func(t *testing.T) {
			s := New(Config{Names: f, PerCPU: true, Connections: true})
			defer s.Close()
			var l lines
			if err := s.Scrape(t.Context(), &l); err != nil {
				t.Fatal(err)
			}
			if len(l.only("mem_used_percent", "system.memory.utilization")) == 0 {
				t.Errorf("measured %v", l)
			}
		})
	}
}
