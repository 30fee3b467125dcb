package host

import (
	"errors"
	"fmt"
	"math"

	"github.com/sidelight-dev/sidelight/internal/procfile"
)

// memoryPlace is where a line of /proc/meminfo goes that is used as it is, -1
// for the others.
func memoryPlace(key string) int {
	switch key {
	case "MemTotal:":
		return memTotal
	case "MemFree:":
		return memFree
	case "MemAvailable:":
		return memAvailable
	case "Buffers:":
		return memBuffers
	case "Cached:":
		return memCached
	case "Active:":
		return memActive
	case "Inactive:":
		return memInactive
	case "Shmem:":
		return memShared
	case "Slab:":
		return memSlab
	case "SwapTotal:":
		return swapTotal
	case "SwapFree:":
		return swapFree
	}
	return -1
}

func (s *Scraper) readMemory() error {
	b, err := s.proc.Read("meminfo")
	if err != nil {
		return err
	}
	return s.memory(b)
}

func (s *Scraper) memory(b []byte) error {
	m, reclaimable := s.machine.Now, 0.0
	for len(b) > 0 {
		var line []byte
		line, b = procfile.Line(b)
		key, rest := procfile.Field(line)
		if string(key) == "SReclaimable:" {
			reclaimable = kibibytes(rest)
			continue
		}
		if i := memoryPlace(string(key)); i >= 0 {
			m[i] = kibibytes(rest)
		}
	}
	if !(m[memTotal] > 0) {
		return errors.New("/proc/meminfo: no MemTotal")
	}
	m[memCached] += reclaimable
	m[memUsed] = m[memTotal] - m[memAvailable]
	m[memUsedPlain] = max(0, m[memTotal]-m[memFree]-m[memBuffers]-m[memCached])
	if m[swapTotal] == 0 { // there is none: nothing to tell
		m[swapTotal], m[swapFree] = math.NaN(), math.NaN()
	}
	m[swapUsed] = m[swapTotal] - m[swapFree]
	return nil
}

// kibibytes reads "12 kB".
func kibibytes(b []byte) float64 { return 1024 * procfile.Whole(b) }

func (s *Scraper) readLoad() error {
	b, err := s.proc.Read("loadavg")
	if err != nil {
		return err
	}
	m := s.machine.Now
	if procfile.Numbers(b, m[load1:load15+1]) < 3 || math.IsNaN(m[load1]) {
		return errors.New("/proc/loadavg: expected three numbers")
	}
	if b, err = s.proc.Read("uptime"); err != nil {
		if hidden(err) {
			return nil
		}
		return err
	}
	m[uptime] = procfile.Whole(b)
	return nil
}

// readHandles reads open files of the whole machine. The kernel says how many
// handles it has, how many of them are free, and the limit.
func (s *Scraper) readHandles() error {
	b, err := s.proc.Read("sys/fs/file-nr")
	if err != nil {
		if hidden(err) {
			return nil
		}
		return err
	}
	var v [3]float64
	if procfile.Numbers(b, v[:]) < 3 {
		return errors.New("/proc/sys/fs/file-nr: expected three numbers")
	}
	s.machine.Now[filesUsed] = v[0] - v[1]
	// The greatest number there is stands for no limit.
	if v[2] < math.MaxInt64 {
		s.machine.Now[filesLimit] = v[2]
	}
	return nil
}

// readFaults reads page faults and swapped pages, for families that have them.
func (s *Scraper) readFaults() error {
	if !s.faults {
		return nil
	}
	b, err := s.proc.Read("vmstat")
	if err != nil {
		if hidden(err) {
			return nil
		}
		return err
	}
	m := s.machine.Now
	m[faultsAll], m[faultsMajor] = procfile.Keyed(b, "pgfault"), procfile.Keyed(b, "pgmajfault")
	m[faultsMinor] = m[faultsAll] - m[faultsMajor]
	m[swapIn], m[swapOut] = procfile.Keyed(b, "pswpin"), procfile.Keyed(b, "pswpout")
	return nil
}

// readPressure reads for how long tasks waited for CPU, memory or I/O. Kernels
// before 4.20, and those started with psi=0, do not know. For the machine's CPU
// the full line is always zero.
func (s *Scraper) readPressure() error {
	m := s.machine.Now
	for _, r := range [...]struct {
		file       string
		some, full int
	}{{"pressure/cpu", stallCPU, -1}, {"pressure/memory", stallMemory, stallMemoryFull}, {"pressure/io", stallIO, stallIOFull}} {
		b, err := s.proc.Read(r.file)
		if err != nil {
			if hidden(err) {
				return nil
			}
			return err
		}
		some, full := procfile.Stalls(b)
		if math.IsNaN(some) {
			return fmt.Errorf("/proc/%s: no totals", r.file)
		}
		m[r.some] = some
		if r.full >= 0 {
			m[r.full] = full
		}
	}
	return nil
}
