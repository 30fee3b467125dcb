package procs_test

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/agent/scraper/procs"
)

const helper = "SIDELIGHT_TEST_BURN"

// TestMain is the process that is measured, if it is told so: for each line it
// reads it uses a quarter of a second of CPU, by the kernel's own account. It
// holds 64 MiB.
func TestMain(m *testing.M) {
	if os.Getenv(helper) == "" {
		os.Exit(m.Run())
	}
	held := make([]byte, 64<<20)
	for i := 0; i < len(held); i += 1024 {
		held[i] = byte(i)
	}
	in := bufio.NewScanner(os.Stdin)
	for fmt.Println("ready"); in.Scan(); fmt.Println("ready") {
		for end := own() + 25; own() < end; {
			for i := range 1 << 16 {
				held[i]++
			}
		}
	}
	os.Exit(0)
}

// own is this process's CPU time in ticks.
func own() float64 { return ticks(os.Getpid()) }

func fields(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		panic(err)
	}
	return strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
}

func ticks(pid int) float64 {
	f := fields(pid)
	user, _ := strconv.ParseFloat(f[11], 64)
	sys, _ := strconv.ParseFloat(f[12], 64)
	return user + sys
}

type values map[string]float64

func (v values) Record(m *sidelight.Measurement) { v[m.Name] = m.Value }

// A process that burns CPU and holds memory is reported as the kernel accounts
// for it, read before and after: within 2 %.
func TestTruth(t *testing.T) {
	// Its own name: no other process is measured.
	path := filepath.Join(t.TempDir(), "sl-burn-"+strconv.Itoa(os.Getpid()%100000))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = append(os.Environ(), helper+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	lines := bufio.NewReader(out)
	ready := func() {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	ready()
	s, err := procs.New(procs.Config{Programs: []string{filepath.Base(path)}, Names: scraper.OTel})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scrape := func() values {
		v := values{}
		if err := s.Scrape(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	scrape()
	before := ticks(cmd.Process.Pid)
	if _, err := io.WriteString(in, "go\n"); err != nil {
		t.Fatal(err)
	}
	ready()
	// It waits for the next line: nothing changes while it is looked at.
	got := scrape()
	used := (ticks(cmd.Process.Pid) - before) / 100
	if used < 0.25 || math.Abs(got["process.cpu.time"]-used) > max(0.02*used, 0.011) {
		t.Errorf("CPU %v s, the kernel says %v", got["process.cpu.time"], used)
	}
	pages, _ := strconv.ParseFloat(fields(cmd.Process.Pid)[21], 64)
	rss := pages * float64(os.Getpagesize())
	if rss < 64<<20 || math.Abs(got["process.memory.usage"]-rss) > 0.02*rss {
		t.Errorf("memory %v, the kernel says %v", got["process.memory.usage"], rss)
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid))
	if err != nil || got["process.unix.file_descriptor.count"] != float64(len(open)) {
		t.Errorf("%v open files, the kernel lists %d, %v", got["process.unix.file_descriptor.count"], len(open), err)
	}
}

type lines []string

func (l *lines) Record(m *sidelight.Measurement) {
	*l = append(*l, fmt.Sprintf("%s{%s} %.6g", m.Name, m.Dimensions[0].Value, m.Value))
}

func stat(t *testing.T, dir string, pid int, name string, start, user int) {
	t.Helper()
	text := fmt.Sprintf("%d (%s) S 1 1 1 0 -1 0 0 0 0 0 %d 50 0 0 20 0 3 0 %d 4096 2\n", pid, name, user, start)
	if err := os.MkdirAll(filepath.Join(dir, strconv.Itoa(pid)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(pid), "stat"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// 10 s apart: process 1 used 1 s more, process 2 is another one under the old
// number and used 0.7 s since its start, process 3 has another name. No open
// files can be seen.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	s, err := procs.New(procs.Config{Programs: []string{"a-name-of-more-than-15-bytes", "none"}, Proc: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var first, second lines
	synctest.Test(t, func(t *testing.T) {
		stat(t, dir, 1, "a-name-of-more-", 10, 100)
		stat(t, dir, 2, "a-name-of-more-", 10, 900)
		stat(t, dir, 3, "a-name", 10, 900)
		if err := s.Scrape(t.Context(), &first); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Second)
		stat(t, dir, 1, "a-name-of-more-", 10, 200)
		stat(t, dir, 2, "a-name-of-more-", 99, 20)
		if err := s.Scrape(t.Context(), &second); err != nil {
			t.Fatal(err)
		}
	})
	if strings.Contains(strings.Join(first, " "), "cpu") {
		t.Errorf("the first scrape tells of CPU: %v", first)
	}
	long, page := "{a-name-of-more-than-15-bytes} ", os.Getpagesize()
	want := lines{
		"process_count" + long + "2", "process_cpu_cores_used" + long + "0.17", fmt.Sprintf("process_memory_rss%s%d", long, 4*page),
		"process_threads" + long + "6", "process_file_descriptors" + long + "0", "process_unreadable" + long + "2",
		"process_count{none} 0",
	}
	if d := cmp.Diff(want, second); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Of too many processes the number is told, and how many were not measured.
func TestVeryMany(t *testing.T) {
	dir := t.TempDir()
	for pid := range scraper.DefaultMax + 3 {
		stat(t, dir, pid+1, "php-fpm", 10, 100)
	}
	s, err := procs.New(procs.Config{Programs: []string{"php-fpm"}, Proc: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got lines
	if err := s.Scrape(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	want := lines{
		"process_count{php-fpm} 10003", fmt.Sprintf("process_memory_rss{php-fpm} %.6g", float64(2*page*scraper.DefaultMax)),
		"process_threads{php-fpm} 30000", "process_file_descriptors{php-fpm} 0", "process_unreadable{php-fpm} 10000",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff([]scraper.Excess{{Kind: "processes", Count: 3, Bound: scraper.DefaultMax}}, s.Excess()); d != "" {
		t.Errorf("left out (-want +got):\n%s", d)
	}
}

func TestNoNames(t *testing.T) {
	if _, err := procs.New(procs.Config{}); err == nil {
		t.Error("New succeeded")
	}
}
