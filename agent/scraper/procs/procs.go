// Package procs measures programs by the names of their processes: those of the
// machine or, in a container, of the process namespace it shares with others
// (ECS: pidMode task; Kubernetes: shareProcessNamespace). All processes of a name
// are one series.
//
// CPU, memory and threads can be read by everybody. Open files can be counted of
// processes of the same user alone, unless the agent may ptrace; those that
// cannot be counted are the metric process_unreadable.
package procs

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/internal/procfile"
)

// Namespace is CloudWatch's namespace of programs.
const Namespace = "Sidelight/Process"

// The numbers of a program: sizes in bytes, times in seconds, rates in cores.
const (
	count   = iota
	cpuTime // since the scrape before
	cpuCores
	machineCores
	memoryRSS
	memoryVirtual
	threads
	files
	unreadable
	numNumbers
)

const (
	// nameSize is how much of a process's name the kernel keeps, in bytes.
	nameSize = 15
	// ticks are those of /proc in a second, on every architecture.
	ticks = 100
)

// Config shapes a Scraper.
type Config struct {
	// Programs are names as the kernel has them, such as "nginx". What exceeds
	// 15 bytes does not count. Required.
	Programs []string
	// Names is the family. Default scraper.Sidelight, also for those that have
	// no names of a process.
	Names scraper.Family
	// Proc is where the processes are. Default "/proc".
	Proc string
}

// Scraper implements scraper.Scraper. It measures at most scraper.DefaultMax
// processes; of more, only the number is told.
type Scraper struct {
	pids  *procfile.Processes
	names []string
	named []*scraper.Thing
	each  *scraper.Things // by process and start, with the number 0 for CPU time
	begun bool
	key   []byte
	page  float64

	table scraper.Table
	w     scraper.Writer
	clock scraper.Clock
}

// New returns a scraper. It reads nothing yet.
func New(cfg Config) (*Scraper, error) {
	if len(cfg.Programs) == 0 {
		return nil, fmt.Errorf("no names of programs")
	}
	root := cfg.Proc
	if root == "" {
		root = "/proc"
	}
	s := &Scraper{pids: procfile.NewProcesses(root), each: scraper.NewThings("processes", 1), page: float64(os.Getpagesize()), table: FamilyTable(cfg.Names)}
	for _, name := range cfg.Programs {
		s.names = append(s.names, name[:min(len(name), nameSize)])
		s.named = append(s.named, scraper.NewThing(numNumbers, name))
	}
	return s, nil
}

// Name returns "processes".
func (s *Scraper) Name() string { return "processes" }

// Excess implements scraper.Bounded.
func (s *Scraper) Excess() []scraper.Excess { return []scraper.Excess{s.each.Excess()} }

// Close closes the files that are kept open.
func (s *Scraper) Close() { s.pids.Close() }

// Scrape records levels, and what CPU time was used since the scrape before. A
// process that began meanwhile counts from its start, one that ended up to the
// scrape before.
func (s *Scraper) Scrape(_ context.Context, to sidelight.Recorder) error {
	seconds := s.clock.Tick()
	list, err := s.pids.List()
	if err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	for _, t := range s.named {
		clear(t.Now)
	}
	for _, pid := range list {
		b, err := s.pids.Read(pid, "stat")
		if err != nil {
			continue // ended meanwhile
		}
		if x, ok := procfile.ParseProcess(b); ok {
			s.process(pid, &x)
		}
	}
	for _, t := range s.named {
		t.Now[machineCores] = float64(runtime.NumCPU())
		if t.Now[cpuCores] = t.Now[cpuTime] / seconds; !s.begun || seconds <= 0 {
			t.Now[cpuCores], t.Now[cpuTime] = math.NaN(), math.NaN()
		}
		if t.Now[count] == 0 { // what is not there uses nothing, not zero
			for i := range t.Now[1:] {
				t.Now[1+i] = math.NaN()
			}
		}
		s.w.Write(to, &s.table, t, seconds)
	}
	s.each.Sweep()
	s.begun = true
	return nil
}

func (s *Scraper) process(pid int, x *procfile.Process) {
	for i, name := range s.names {
		if name != string(x.Name) {
			continue
		}
		n := s.named[i].Now
		n[count]++
		s.key = strconv.AppendInt(s.key[:0], int64(pid), 10)
		s.key = strconv.AppendInt(append(s.key, '/'), int64(x.Start), 10)
		t := s.each.Find(s.key)
		if t == nil {
			return
		}
		t.Now[0] = (x.User + x.Sys) / ticks
		before := t.Before(0)
		if math.IsNaN(before) {
			before = 0
		}
		n[cpuTime] += max(0, t.Now[0]-before)
		n[memoryRSS] += x.RSS * s.page
		n[memoryVirtual] += x.Virtual
		n[threads] += x.Threads
		if open, err := s.pids.Count(pid, "fd"); err == nil {
			n[files] += float64(open)
		} else {
			n[unreadable]++
		}
		return
	}
}

// FamilyTable returns the table of a family.
func FamilyTable(f scraper.Family) scraper.Table {
	if f == scraper.OTel {
		return scraper.Table{Namespace: Namespace, Labels: []string{"process.executable.name"}, Rows: []scraper.Row{
			{Name: "process.cpu.time", Unit: "Seconds", From: cpuTime, Form: scraper.Amount},
			{Name: "process.cpu.utilization", Unit: "None", From: cpuCores, Form: scraper.Part, Of: machineCores},
			{Name: "process.memory.usage", Unit: "Bytes", From: memoryRSS},
			{Name: "process.memory.virtual", Unit: "Bytes", From: memoryVirtual},
			{Name: "process.thread.count", Unit: "Count", From: threads},
			{Name: "process.unix.file_descriptor.count", Unit: "Count", From: files},
		}}
	}
	return scraper.Table{Namespace: Namespace, Labels: []string{"process"}, Rows: []scraper.Row{
		{Name: "process_count", Unit: "Count", From: count},
		{Name: "process_cpu_cores_used", Unit: "None", From: cpuCores},
		{Name: "process_memory_rss", Unit: "Bytes", From: memoryRSS},
		{Name: "process_threads", Unit: "Count", From: threads},
		{Name: "process_file_descriptors", Unit: "Count", From: files},
		{Name: "process_unreadable", Unit: "Count", From: unreadable},
	}}
}
