// Package host measures the machine by /proc and statfs: CPU, memory, swap,
// load, stalls, disks, file systems, network, open files and processes, under
// the names of a family (see scraper.Family). Names of Sidelight's own family
// are those of the CloudWatch agent where it has one. CPU is that of the whole
// machine also when the agent runs in a container.
//
// # What is left out
//
// Pseudo file systems, and a device's second mount. Loop and RAM disks,
// partitions of a disk that is there, and devices that never did anything.
// The loopback interface, the host's ends of containers' interfaces, and those
// that never carried a packet.
//
// A file system that does not answer, such as NFS whose server is gone, is given
// up after a second and asked again only once the kernel has answered; how many
// there are is the metric disk_unanswered.
//
// # Another root
//
// In a DaemonSet the host's file system is mounted somewhere, such as /host, and
// Config.Root says where. Then the host's processes, mounts and network are those
// of its first process. HOST_PROC, as other agents know it, replaces the directory
// proc below the root.
package host

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/internal/procfile"
)

// Scraper implements scraper.Scraper.
type Scraper struct {
	proc   *procfile.Reader
	root   string // before paths of mounts; "" for none
	self   string // before files that belong to a process: "", or "1/"
	statfs func(path string, st *syscall.Statfs_t) error
	wait   time.Duration // for statfs

	virtual func(link []byte) bool // interfaces that are not measured

	perCPU bool
	states bool // of connections
	census bool // the family needs every process's state
	faults bool // the family needs /proc/vmstat

	tables  Tables
	w       scraper.Writer
	clock   scraper.Clock
	machine *scraper.Thing
	cpu     *scraper.Thing
	cpus    *scraper.Things
	disks   *scraper.Things
	nets    *scraper.Things
	files   []*filesystem
	unasked scraper.Over // file systems
	tallied bool         // the states of processes were counted
	pids    *procfile.Processes
	in      *bufio.Reader // of connections
}

// Config shapes a Scraper.
type Config struct {
	// Names is the family. Default scraper.Sidelight; one without names for a
	// machine counts as that too.
	Names scraper.Family
	// Root is where the host's file system is mounted. Default "/".
	Root string
	// Proc replaces Root's directory proc.
	Proc string
	// Hostname is the dimension host of the CloudWatch agent's family.
	Hostname string
	// PerCPU measures each CPU too, with the dimension cpu: six series each.
	PerCPU bool
	// Connections counts TCP connections by state, and UDP sockets. It reads the
	// kernel's list of them, which takes long where there are very many.
	Connections bool
}

// New returns a scraper of this machine.
func New(cfg Config) *Scraper {
	s := &Scraper{
		statfs: syscall.Statfs, wait: time.Second, virtual: scraper.Virtual, perCPU: cfg.PerCPU, states: cfg.Connections,
		tables:  FamilyTables(cfg.Names, cfg.Hostname),
		machine: scraper.NewThing(numMachine), cpu: scraper.NewThing(numCPU),
		cpus: scraper.NewThings("CPUs", numCPU), disks: scraper.NewThings("disks", numDisk), nets: scraper.NewThings("network interfaces", numNet),
	}
	if root := filepath.Clean("/" + cfg.Root); root != "/" {
		s.root, s.self = root, "1/"
	}
	proc := filepath.Join("/", s.root, "proc")
	if cfg.Proc != "" && cfg.Proc != "/proc" {
		proc, s.self = cfg.Proc, "1/"
	}
	s.proc, s.pids = procfile.NewReader(proc), procfile.NewProcesses(proc)
	for i := range s.tables.Machine.Rows {
		switch s.tables.Machine.Rows[i].From {
		case stateZombie, stateRunning, threads:
			s.census = true
		case faultsMajor:
			s.faults = true
		}
	}
	return s
}

// Name returns "host".
func (s *Scraper) Name() string { return "host" }

// Scrape records levels, and what counters did since the scrape before. With an
// error, what could be measured was recorded all the same. It takes at most some
// 2 s, spent only on file systems that do not answer.
func (s *Scraper) Scrape(_ context.Context, to sidelight.Recorder) error {
	seconds := s.clock.Tick()
	err := errors.Join(
		s.readStat(), s.readMemory(), s.readDisks(), s.readNet(), s.readFiles(), s.readLoad(), s.readPressure(),
		s.readHandles(), s.readProcesses(), s.readFaults(), s.readConnections(),
	)
	if s.cpu.Fell(cpuTotal) {
		s.cpu.Forget()
	}
	s.w.Write(to, &s.tables.CPU, s.cpu, seconds)
	s.w.Write(to, &s.tables.Machine, s.machine, seconds)
	s.w.Write(to, &s.tables.Rest, s.machine, seconds)
	s.cpus.Write(&s.w, to, &s.tables.EachCPU, seconds)
	s.disks.Write(&s.w, to, &s.tables.Disk, seconds)
	s.nets.Write(&s.w, to, &s.tables.Net, seconds)
	for _, f := range s.files {
		s.w.Write(to, &s.tables.Files, f.thing, seconds)
	}
	s.keep()
	return err
}

func (s *Scraper) keep() {
	s.cpu.Keep()
	s.machine.Keep()
	s.cpus.Sweep()
	s.disks.Sweep()
	s.nets.Sweep()
	for _, f := range s.files {
		f.thing.Keep()
	}
}

// Excess implements scraper.Bounded.
func (s *Scraper) Excess() []scraper.Excess {
	out := []scraper.Excess{
		s.cpus.Excess(), s.disks.Excess(), s.nets.Excess(), {Kind: "file systems", Count: s.unasked.Count(), Bound: maxFiles},
	}
	if s.census {
		x := scraper.Excess{Kind: "states of processes", Bound: maxCensus}
		if !s.tallied {
			x.Count = int(s.machine.Before(procsTotal))
		}
		out = append(out, x)
	}
	return out
}

// Close closes the files that are kept open.
func (s *Scraper) Close() { s.proc.Close(); s.pids.Close() }

// hidden reports errors that are no reason to fail: files that some kernels and
// containers do not have.
func hidden(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, os.ErrPermission)
}

// cpuColumns are the numbers in the order of /proc/stat.
func cpuColumns() [10]int {
	return [10]int{cpuUser, cpuNice, cpuSystem, cpuIdle, cpuIOWait, cpuIRQ, cpuSoftIRQ, cpuSteal, cpuGuest, cpuGuestNice}
}

// readStat reads CPU times and what else is in /proc/stat.
func (s *Scraper) readStat() error {
	b, err := s.proc.Read("stat")
	if err != nil {
		return err
	}
	return s.stat(b)
}

func (s *Scraper) stat(b []byte) error {
	m, cpus := s.machine.Now, 0.0
	for first := true; len(b) > 0; first = false {
		var line []byte
		line, b = procfile.Line(b)
		key, rest := procfile.Field(line)
		switch {
		case first:
			if string(key) != "cpu" || !readCPU(rest, s.cpu.Now) {
				return errors.New("/proc/stat: the first line is not the cpu line")
			}
		case len(key) > 3 && string(key[:3]) == "cpu":
			cpus++
			s.eachCPU(key, rest)
		case string(key) == "processes":
			m[procsCreated] = procfile.Whole(rest)
		case string(key) == "procs_running":
			m[procsRunning] = procfile.Whole(rest)
		case string(key) == "procs_blocked":
			m[procsBlocked] = procfile.Whole(rest)
		}
	}
	m[cpuCount] = cpus
	return nil
}

func (s *Scraper) eachCPU(key, rest []byte) {
	if !s.perCPU {
		return
	}
	t := s.cpus.Find(key)
	if t == nil {
		return
	}
	if len(t.IDs) == 1 {
		t.IDs = append(t.IDs, string(key[3:]))
	}
	if !readCPU(rest, t.Now) || t.Fell(cpuTotal) {
		t.Forget()
	}
}

// readCPU reads the columns of a cpu line, at least eight: the guest's came
// later. Guest time is part of user and nice; it is told apart.
func readCPU(b []byte, to []float64) bool {
	var v [10]float64
	if procfile.Numbers(b, v[:]) < 8 {
		return false
	}
	for i, x := range v[:8] {
		if math.IsNaN(x) {
			return false
		}
		to[cpuColumns()[i]] = x
	}
	total := v[0] + v[1] + v[2] + v[3] + v[4] + v[5] + v[6] + v[7]
	to[cpuGuest], to[cpuGuestNice] = v[8], v[9]
	to[cpuUser], to[cpuNice] = max(0, v[0]-v[8]), max(0, v[1]-v[9])
	to[cpuInterrupt], to[cpuActive], to[cpuTotal] = v[5]+v[6], total-v[3], total
	to[cpuOther] = total - to[cpuUser] - v[2] - v[3] - v[4] - v[7]
	return true
}
