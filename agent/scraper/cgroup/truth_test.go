package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const helper = "SIDELIGHT_TEST_HOLD"

// heldBytes is how much memory the measured process holds, and burnt how many
// seconds of CPU it uses at a time.
const (
	heldBytes = 64 << 20
	burnt     = 0.25
)

// TestMain is the process that is measured, if it is told so: it waits to be
// moved into its group, holds 64 MiB from the second line on that it reads and,
// for each further one, uses a quarter of a second of CPU. It answers with what it
// has used by the kernel's own account.
func TestMain(m *testing.M) {
	if os.Getenv(helper) == "" {
		os.Exit(m.Run())
	}
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	fmt.Println(used())
	in.Scan()
	// Not of the heap: the race detector would have its own twice as large.
	held, err := syscall.Mmap(-1, 0, heldBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_POPULATE)
	if err != nil {
		panic(err)
	}
	for fmt.Println(used()); in.Scan(); fmt.Println(used()) {
		burn(held)
	}
	os.Exit(0)
}

func burn(held []byte) {
	for end := used() + burnt; used() < end; {
		for i := range 1 << 16 {
			held[i]++
		}
	}
}

// used is this process's CPU time in seconds.
func used() float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// group is a control group and where the kernel tells of it.
type group struct {
	root          string // for open
	usage, memory string
	perSecond     float64 // of usage
	procs         []string
}

// makeGroup makes a group of version 2 or 1. It fails where this process may
// not.
func makeGroup(t *testing.T) (*group, error) {
	t.Helper()
	const mount = "/sys/fs/cgroup"
	name := "sidelight-test-" + strconv.Itoa(os.Getpid())
	root := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(root, "sys/fs"), 0o700), os.Symlink(mount, filepath.Join(root, "sys/fs/cgroup"))); err != nil {
		t.Fatal(err)
	}
	g, own := &group{root: root}, "0::/"+name+"\n"
	dirs := []string{filepath.Join(mount, name)}
	if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err == nil {
		g.usage, g.memory, g.perSecond = filepath.Join(dirs[0], "cpu.stat"), filepath.Join(dirs[0], "memory.current"), 1e6
	} else {
		dirs = []string{filepath.Join(mount, "memory", name), filepath.Join(mount, "cpuacct", name)}
		g.usage, g.memory, g.perSecond = filepath.Join(dirs[1], "cpuacct.usage"), filepath.Join(dirs[0], "memory.usage_in_bytes"), 1e9
		own = "2:memory:/" + name + "\n1:cpuacct:/" + name + "\n"
	}
	files{"proc/self/cgroup": own}.write(t, root)
	for _, d := range dirs {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = os.Remove(d) })
		g.procs = append(g.procs, filepath.Join(d, "cgroup.procs"))
	}
	_, err := os.Stat(g.memory) // not there if the controller is not passed on
	return g, err
}

// read returns a number of the kernel's: the last field of the first line.
func readNumber(t *testing.T, path string) float64 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line)
	v, err := strconv.ParseFloat(f[len(f)-1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A process in a group of its own is reported as the kernel accounts for the
// group, read before and after: within 2 %. Where no group can be made, nothing
// but the machine's own group can be looked at, or that there is none.
func TestTruth(t *testing.T) {
	g, err := makeGroup(t)
	if err != nil {
		t.Logf("no group can be made here: %v", err)
		ownGroup(t)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), helper+"=1")
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	for _, path := range g.procs {
		if err := os.WriteFile(path, []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	step := stepper(t, in, out)
	step()
	s, err := open(g.root, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scrapeBetween(t, s, g)
	memoryBefore, setBefore := s.group.Before(memory), s.group.Before(workingSet)
	usedBefore := step()
	first := scrapeBetween(t, s, g)
	for what, held := range map[string]float64{"memory": s.group.Before(memory) - memoryBefore, "working set": s.group.Before(workingSet) - setBefore} {
		if math.Abs(held-heldBytes) > 0.02*heldBytes {
			t.Errorf("%s grew by %v, held are %d", what, held, heldBytes)
		}
	}
	checkBurnt(t, s, g, first, usedBefore, step)
	now, kernel := s.group.Before(memory), readNumber(t, g.memory)
	if math.Abs(now-kernel) > 0.02*kernel {
		t.Errorf("memory %v, the kernel says %v", now, kernel)
	}
}

// stepper returns what lets the process go on, and what it says that it has used.
func stepper(t *testing.T, in io.Writer, out io.Reader) func() float64 {
	lines := bufio.NewReader(out)
	return func() float64 {
		t.Helper()
		if _, err := in.Write([]byte("go\n")); err != nil {
			t.Fatal(err)
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// checkBurnt lets the process go on and compares what was used since the first
// scrape with the kernel's account of the group and with what the process says.
// That is a little older than the scrape, and in a virtual machine the time that
// the machine was not given counts as used: then it goes on once more.
func checkBurnt(t *testing.T, s *Scraper, g *group, first bounds, before float64, step func() float64) {
	t.Helper()
	for attempt := 1; ; attempt++ {
		after := step()
		second := scrapeBetween(t, s, g)
		grown, least, most := second.got-first.got, second.before-first.after, second.after-first.before
		if grown < 0.98*least || grown > 1.02*most {
			t.Errorf("CPU %v s, the kernel says %v to %v", grown, least, most)
		}
		own := after - before
		if math.Abs(grown-own) <= 0.02*own && own >= burnt {
			return
		}
		if attempt == 10 {
			t.Errorf("CPU %v s, the process has used %v", grown, own)
			return
		}
		first, before = second, after
	}
}

type bounds struct{ before, got, after float64 }

func scrapeBetween(t *testing.T, s *Scraper, g *group) bounds {
	t.Helper()
	b := bounds{before: readNumber(t, g.usage) / g.perSecond}
	if err := s.Scrape(t.Context(), &lines{}); err != nil {
		t.Fatal(err)
	}
	b.got, b.after = s.group.Before(cpuTime), readNumber(t, g.usage)/g.perSecond
	return b
}

// ownGroup looks at the group this process is in: it must not use less than the
// process does.
func ownGroup(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Logf("and there is none: %v", err)
		return
	}
	defer s.Close()
	if err := s.Scrape(t.Context(), &lines{}); err != nil {
		t.Fatal(err)
	}
	first, before := s.group.Before(cpuTime), used()
	burn(make([]byte, 1<<16))
	mine := used() - before
	if err := s.Scrape(t.Context(), &lines{}); err != nil {
		t.Fatal(err)
	}
	if grown := s.group.Before(cpuTime) - first; grown < 0.98*mine-0.01 {
		t.Errorf("the group used %v s, this process alone %v", grown, mine)
	}
}
