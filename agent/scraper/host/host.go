// Package host measures the machine by /proc and statfs, under the names of the
// CloudWatch agent: cpu_usage_*, mem_*, swap_*, disk_*, diskio_*, net_* and processes_*; load, open
// files and stalls (pressure_*) are named alike. CPU
// is that of the whole machine also when the agent runs in a container.
package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/pressure"
)

// Namespace is CloudWatch's namespace of the machine's metrics.
const Namespace = "Sidelight/Host"

// Scraper implements scraper.Scraper.
type Scraper struct {
	proc   fs.FS
	statfs func(path string, st *syscall.Statfs_t) error

	perCPU bool

	cpu   cpuTimes
	cpus  map[string]cpuTimes
	disks map[string]diskCounters
	nets  map[string]netCounters
	begun bool

	pressure   map[string]pressure.Totals // by resource
	pressureAt time.Time
}

// Config shapes a Scraper.
type Config struct {
	// PerCPU measures each CPU too, with the dimension cpu: six series each.
	PerCPU bool
}

// New returns a scraper of this machine.
func New(cfg Config) *Scraper {
	return &Scraper{proc: os.DirFS("/proc"), statfs: syscall.Statfs, perCPU: cfg.PerCPU}
}

// Name returns "host".
func (s *Scraper) Name() string { return "host" }

// Scrape records levels, and what counters did since the scrape before.
func (s *Scraper) Scrape(_ context.Context, to sidelight.Recorder) error {
	r := recorder{to: to}
	err := errors.Join(s.scrapeCPU(&r), s.scrapeMemory(&r), s.scrapeDisks(&r), s.scrapeNet(&r), s.scrapeFiles(&r), s.scrapeLoad(&r),
		s.scrapePressure(&r), s.scrapeFileHandles(&r), s.scrapeProcesses(&r))
	s.begun = true
	return err
}

// recorder writes measurements of one namespace.
type recorder struct{ to sidelight.Recorder }

func (r *recorder) record(k sidelight.MeasurementKind, name, unit string, v float64, dims ...sidelight.Dimension) {
	r.to.Record(&sidelight.Measurement{Namespace: Namespace, Name: name, Unit: unit, Kind: k, Value: v, Dimensions: dims})
}

func (r *recorder) gauge(name, unit string, v float64, dims ...sidelight.Dimension) {
	r.record(sidelight.Gauge, name, unit, v, dims...)
}

// change records how much a counter grew. One that fell was reset: the interval
// is skipped.
func (r *recorder) change(name, unit string, before, now float64, dims ...sidelight.Dimension) {
	if now >= before {
		r.record(sidelight.Sum, name, unit, now-before, dims...)
	}
}

func (s *Scraper) read(name string) ([]byte, error) {
	b, err := fs.ReadFile(s.proc, name)
	if err != nil {
		return nil, fmt.Errorf("read /proc/%s: %w", name, err)
	}
	return b, nil
}

func (s *Scraper) scrapeCPU(r *recorder) error {
	b, err := s.read("stat")
	if err != nil {
		return err
	}
	now, err := parseStat(b)
	if err != nil {
		return err
	}
	if s.begun {
		r.cpu(&now, &s.cpu)
	}
	s.cpu = now
	if s.perCPU {
		s.scrapeEachCPU(r, parseCPUs(b))
	}
	return nil
}

// scrapeEachCPU leaves out a CPU that was not there before.
func (s *Scraper) scrapeEachCPU(r *recorder, cpus map[string]cpuTimes) {
	for name, now := range cpus {
		if before, ok := s.cpus[name]; ok {
			r.cpu(&now, &before, sidelight.Dimension{Name: "cpu", Value: name})
		}
	}
	s.cpus = cpus
}

// cpu records how a CPU, or all of them, spent the time between two readings.
func (r *recorder) cpu(now, before *cpuTimes, dims ...sidelight.Dimension) {
	total := now.total() - before.total()
	if total <= 0 {
		return
	}
	// iowait may decrease; a share is never negative.
	share := func(name string, now, before float64) {
		r.gauge(name, "Percent", max(0, 100*(now-before)/total), dims...)
	}
	share("cpu_usage_active", total-(now.idle-before.idle), 0)
	share("cpu_usage_user", now.user, before.user)
	share("cpu_usage_system", now.system, before.system)
	share("cpu_usage_iowait", now.iowait, before.iowait)
	share("cpu_usage_steal", now.steal, before.steal)
	share("cpu_usage_idle", now.idle, before.idle)
}

func (s *Scraper) scrapeMemory(r *recorder) error {
	b, err := s.read("meminfo")
	if err != nil {
		return err
	}
	m := parseMeminfo(b)
	total := m["MemTotal"]
	if total <= 0 {
		return errors.New("/proc/meminfo: no MemTotal")
	}
	// The kernel's own estimate of what can be had, as it recommends for
	// alarms: page cache is not use.
	available := m["MemAvailable"]
	r.gauge("mem_total", "Bytes", total)
	r.gauge("mem_available", "Bytes", available)
	r.gauge("mem_used", "Bytes", total-available)
	r.gauge("mem_used_percent", "Percent", 100*(total-available)/total)
	if swap := m["SwapTotal"]; swap > 0 {
		r.gauge("swap_used", "Bytes", swap-m["SwapFree"])
		r.gauge("swap_used_percent", "Percent", 100*(swap-m["SwapFree"])/swap)
	}
	return nil
}

func (s *Scraper) scrapeDisks(r *recorder) error {
	b, err := s.read("diskstats")
	if err != nil {
		return err
	}
	before := s.disks
	s.disks = parseDiskstats(b)
	for name, now := range s.disks {
		was, ok := before[name]
		if !ok {
			continue
		}
		d := sidelight.Dimension{Name: "name", Value: name}
		r.change("diskio_reads", "Count", was.reads, now.reads, d)
		r.change("diskio_writes", "Count", was.writes, now.writes, d)
		r.change("diskio_read_bytes", "Bytes", was.readBytes, now.readBytes, d)
		r.change("diskio_write_bytes", "Bytes", was.writeBytes, now.writeBytes, d)
		r.change("diskio_io_time", "Milliseconds", was.ioMillis, now.ioMillis, d)
	}
	return nil
}

func (s *Scraper) scrapeNet(r *recorder) error {
	b, err := s.read("net/dev")
	if err != nil {
		return err
	}
	before := s.nets
	s.nets = parseNetDev(b)
	for name, now := range s.nets {
		was, ok := before[name]
		if !ok {
			continue
		}
		d := sidelight.Dimension{Name: "interface", Value: name}
		r.change("net_bytes_recv", "Bytes", was.rxBytes, now.rxBytes, d)
		r.change("net_bytes_sent", "Bytes", was.txBytes, now.txBytes, d)
		r.change("net_packets_recv", "Count", was.rxPackets, now.rxPackets, d)
		r.change("net_packets_sent", "Count", was.txPackets, now.txPackets, d)
		r.change("net_err_in", "Count", was.rxErrors, now.rxErrors, d)
		r.change("net_err_out", "Count", was.txErrors, now.txErrors, d)
		r.change("net_drop_in", "Count", was.rxDropped, now.rxDropped, d)
		r.change("net_drop_out", "Count", was.txDropped, now.txDropped, d)
	}
	return nil
}

// scrapeFiles records how full file systems are. What root has reserved is not
// in the denominator, as in df.
func (s *Scraper) scrapeFiles(r *recorder) error {
	b, err := s.read("mounts")
	if err != nil {
		return err
	}
	for _, m := range parseMounts(b) {
		var st syscall.Statfs_t
		// A mount that is gone or not ours to see is no reason to fail.
		if s.statfs(m.path, &st) != nil || st.Blocks == 0 {
			continue
		}
		size := float64(st.Frsize)
		used, free := float64(st.Blocks-st.Bfree)*size, float64(st.Bavail)*size
		dims := []sidelight.Dimension{{Name: "device", Value: strings.TrimPrefix(m.device, "/dev/")}, {Name: "fstype", Value: m.fstype}, {Name: "path", Value: m.path}}
		r.gauge("disk_total", "Bytes", float64(st.Blocks)*size, dims...)
		r.gauge("disk_used", "Bytes", used, dims...)
		r.gauge("disk_free", "Bytes", free, dims...)
		if used+free > 0 {
			r.gauge("disk_used_percent", "Percent", 100*used/(used+free), dims...)
		}
		if st.Files > 0 {
			r.gauge("disk_inodes_used", "Count", float64(st.Files-st.Ffree), dims...)
		}
	}
	return nil
}

func (s *Scraper) scrapeLoad(r *recorder) error {
	b, err := s.read("loadavg")
	if err != nil {
		return err
	}
	f := strings.Fields(string(b))
	if len(f) < 3 {
		return errors.New("/proc/loadavg: too few fields")
	}
	for i, name := range []string{"load_1m", "load_5m", "load_15m"} {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return fmt.Errorf("/proc/loadavg: %q is not a number", f[i])
		}
		r.gauge(name, "None", v)
	}
	return nil
}
