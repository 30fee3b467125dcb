package host

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight/internal/pressure"
)

// scrapePressure records the share of time in which tasks waited for CPU,
// memory or I/O, since the scrape before. Kernels before 4.20, and those started
// with psi=0, do not know.
func (s *Scraper) scrapePressure(r *recorder) error {
	at := time.Now()
	wall := at.Sub(s.pressureAt)
	before := s.pressure
	s.pressure, s.pressureAt = map[string]pressure.Totals{}, at
	for _, resource := range []string{"cpu", "memory", "io"} {
		b, err := s.read("pressure/" + resource)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EOPNOTSUPP) {
			return nil
		}
		if err != nil {
			return err
		}
		now, ok := pressure.Parse(b)
		if !ok {
			return fmt.Errorf("/proc/pressure/%s: no totals", resource)
		}
		s.pressure[resource] = now
		was, ok := before[resource]
		if !ok {
			continue
		}
		if v, ok := pressure.Percent(was.Some, now.Some, wall); ok {
			r.gauge("pressure_"+resource+"_some", "Percent", v)
		}
		// For the machine's CPU the full line is always zero.
		if v, ok := pressure.Percent(was.Full, now.Full, wall); ok && resource != "cpu" {
			r.gauge("pressure_"+resource+"_full", "Percent", v)
		}
	}
	return nil
}

// scrapeFileHandles records open files of the whole machine. The kernel says
// how many handles it has, how many of them are free, and the limit.
func (s *Scraper) scrapeFileHandles(r *recorder) error {
	b, err := s.read("sys/fs/file-nr")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // hidden from a container
	}
	if err != nil {
		return err
	}
	f := strings.Fields(string(b))
	if len(f) != 3 {
		return errors.New("/proc/sys/fs/file-nr: expected three numbers")
	}
	v, err := floats(f)
	if err != nil {
		return fmt.Errorf("/proc/sys/fs/file-nr: %w", err)
	}
	r.gauge("file_descriptors_used", "Count", v[0]-v[1])
	// The greatest number there is stands for no limit.
	if v[2] < math.MaxInt64 {
		r.gauge("file_descriptors_limit", "Count", v[2])
	}
	return nil
}

// scrapeProcesses counts the processes that can be seen: in a container without
// the host's pid namespace, the container's.
func (s *Scraper) scrapeProcesses(r *recorder) error {
	entries, err := fs.ReadDir(s.proc, ".")
	if err != nil {
		return fmt.Errorf("list /proc: %w", err)
	}
	total := 0
	for _, e := range entries {
		if _, err := strconv.ParseUint(e.Name(), 10, 32); err == nil {
			total++
		}
	}
	r.gauge("processes_total", "Count", float64(total))
	b, err := s.read("stat")
	if err != nil {
		return nil // named by scrapeCPU already
	}
	for line := range strings.Lines(string(b)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "procs_running" && name != "procs_blocked" {
			continue
		}
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			r.gauge("processes_"+strings.TrimPrefix(name, "procs_"), "Count", v)
		}
	}
	return nil
}
