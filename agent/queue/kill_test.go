package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// The environment of a process that writes until it is killed in a write.
const (
	killDir  = "SIDELIGHT_TEST_KILL_DIR"
	killAt   = "SIDELIGHT_TEST_KILL_AT"   // the number of the body's write
	killPart = "SIDELIGHT_TEST_KILL_PART" // percent of it that is written
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// largeEvent is too long to be written together with its frame's head.
func largeEvent(i int) string { return fmt.Sprint(i, strings.Repeat("x", 200<<10)) }

func writeUntilKilled(dir string) error {
	at, err := strconv.Atoi(os.Getenv(killAt))
	if err != nil {
		return err
	}
	part, err := strconv.Atoi(os.Getenv(killPart))
	if err != nil {
		return err
	}
	cfg := queue.Config{Dir: dir, Finish: finish, Segment: 700 << 10}
	bodies := 0
	queue.OpenThrough(&cfg, func(_ string, open func() (queue.File, error)) (queue.File, error) {
		f, err := open()
		return &deadly{File: f, bodies: &bodies, at: at, part: part}, err
	})
	q, err := queue.Open(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	b := queuetest.Growing("d")
	for i := range 100 {
		queuetest.Grow(b, largeEvent(i))
		if err := q.Write(b); err != nil {
			return err
		}
		fmt.Println(i) // the acknowledgement
	}
	return errors.New("nobody killed the process")
}

// deadly kills the process in the middle of a write.
type deadly struct {
	queue.File
	bodies   *int
	at, part int
}

func (f *deadly) WriteAt(p []byte, off int64) (int, error) {
	if len(p) < 100<<10 {
		return f.File.WriteAt(p, off)
	}
	if *f.bodies++; *f.bodies < f.at {
		return f.File.WriteAt(p, off)
	}
	_, _ = f.File.WriteAt(p[:len(p)*f.part/100], off)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// A large piece is two writes: the frame's head and the body. A process that is
// killed between them, or in the second, loses nothing that it acknowledged.
func TestKilledBetweenTheWritesOfAPiece(t *testing.T) {
	for _, at := range []int{1, 2, 5} {
		for _, part := range []int{0, 50} {
			t.Run(fmt.Sprintf("write %d, %d percent", at, part), func(t *testing.T) {
				dir := t.TempDir()
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), killDir+"="+dir, fmt.Sprintf("%s=%d", killAt, at), fmt.Sprintf("%s=%d", killPart, part))
				var talk bytes.Buffer
				cmd.Stderr = &talk
				out, err := cmd.Output()
				ended, ok := errors.AsType[*exec.ExitError](err)
				if !ok || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the process ended with %v: %s", err, talk.String())
				}
				acked := bytes.Count(out, []byte("\n"))
				if acked != at-1 {
					t.Fatalf("%d pieces acknowledged, want %d", acked, at-1)
				}
				var want []string
				for i := range acked {
					want = append(want, largeEvent(i))
				}
				q := open(t, queue.Config{Dir: dir})
				defer func() { _ = q.Release() }()
				found := drain(t, q)
				if acked == 0 && len(found) == 0 {
					return
				}
				if len(found) != 1 || found[0] != "["+strings.Join(want, ",")+"]" {
					t.Errorf("found %d blocks, %.40q…, want one of %d pieces", len(found), found, acked)
				}
			})
		}
	}
}

// A frame that was written by two writes, cut at every byte of its head and
// index, and at many of its body.
func TestLargePieceIsCut(t *testing.T) {
	dir := t.TempDir()
	q := open(t, queue.Config{Dir: dir})
	b := queuetest.Growing("d", "small")
	for _, text := range []string{"", largeEvent(1)} {
		if text != "" {
			queuetest.Grow(b, text)
		}
		if err := q.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	_ = q.Release()
	name := filepath.Join(dir, "00000001.seg")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	// Each restart cuts the torn tail off, so the file is laid down anew.
	check := func(cut int, want string) {
		t.Helper()
		if err := os.WriteFile(name, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		q := open(t, queue.Config{Dir: dir})
		defer func() { _ = q.Release() }()
		if found := drain(t, q); len(found) != 1 || found[0] != want {
			t.Fatalf("cut at %d of %d: found %.40q", cut, len(data), found)
		}
	}
	body := len(data) - len(largeEvent(1))
	for cut := len(data) - 1; cut >= body-60; {
		check(cut, "[small]")
		if cut > body {
			cut -= 997
		} else {
			cut--
		}
	}
	check(len(data), "[small,"+largeEvent(1)+"]")
}
