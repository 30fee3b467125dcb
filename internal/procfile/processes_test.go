package procfile_test

import (
	"os"
	"slices"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/procfile"
)

func TestProcesses(t *testing.T) {
	p := procfile.NewProcesses("/proc")
	defer p.Close()
	if _, err := p.Read(os.Getpid(), "stat"); err == nil {
		t.Error("read before the first list")
	}
	for range 2 {
		pids, err := p.List()
		if err != nil || !slices.Contains(pids, os.Getpid()) {
			t.Fatalf("List: %v, %v, want %d among them", pids, err, os.Getpid())
		}
	}
	b, err := p.Read(os.Getpid(), "stat")
	if err != nil {
		t.Fatal(err)
	}
	x, ok := procfile.ParseProcess(b)
	if !ok || x.Threads < 1 || x.RSS < 1 || x.Start <= 0 || x.Virtual < x.RSS || len(x.Name) == 0 {
		t.Errorf("this process: %+v, %v", x, ok)
	}
	fds, err := p.Count(os.Getpid(), "fd")
	if err != nil || fds < 3 {
		t.Errorf("%d open files, %v", fds, err)
	}
	f, err := os.Open("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if again, err := p.Count(os.Getpid(), "fd"); err != nil || again != fds+1 {
		t.Errorf("%d open files after one more than %d, %v", again, fds, err)
	}
	if _, err := p.Read(1<<30, "stat"); err == nil {
		t.Error("read a process that is not")
	}
}

func TestParseProcess(t *testing.T) {
	text := "42 (a b) c) S 1 42 42 0 -1 4194304 7 0 3 0 150 50 0 0 20 0 9 0 1234 4096000 77 1 2 3\n"
	x, ok := procfile.ParseProcess([]byte(text))
	if !ok || string(x.Name) != "a b) c" || x.State != 'S' || x.User != 150 || x.Sys != 50 || x.Threads != 9 || x.Start != 1234 ||
		x.Virtual != 4096000 || x.RSS != 77 || x.MinorFault != 7 || x.MajorFault != 3 {
		t.Errorf("%+v, %v", x, ok)
	}
	for _, bad := range []string{"", "42", "42 )(", "42 (x)", "42 (x) S 1 2", "42 (x) SS 1 42 42 0 -1 4194304 7 0 3 0 150 50 0 0 20 0 9 0 1234 4096000 77"} {
		if x, ok := procfile.ParseProcess([]byte(bad)); ok {
			t.Errorf("%q: %+v", bad, x)
		}
	}
}

func FuzzParseProcess(f *testing.F) {
	f.Add([]byte("42 (a b) c) S 1 42 42 0 -1 4194304 7 0 3 0 150 50 0 0 20 0 9 0 1234 4096000 77 1 2 3\n"))
	f.Add([]byte("1 (x) R"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, ok := procfile.ParseProcess(b); ok && x.State == 0 {
			t.Errorf("%q: %+v", b, x)
		}
	})
}
