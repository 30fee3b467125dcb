package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

func TestLedgerAdvancesOverWhatIsWhole(t *testing.T) {
	l := receiver.NewLedger(100)
	a, b, c := l.Open(110), l.Open(120), l.Open(130)
	step := func(ticket *sidelight.Ticket, err error, safe int64, pending int) {
		t.Helper()
		ticket.Release(err)
		if l.Safe() != safe || l.Pending() != pending {
			t.Fatalf("safe %d, pending %d; want %d, %d", l.Safe(), l.Pending(), safe, pending)
		}
	}
	step(c, nil, 100, 3)
	step(a, nil, 110, 2)
	step(b, errors.New("not now"), 110, 2)
	r, again, ok := l.Again()
	if !ok || r != (receiver.Range{Start: 110, End: 120}) {
		t.Fatalf("Again = %v, %v", r, ok)
	}
	if _, _, ok := l.Again(); ok {
		t.Fatal("a range that is open was offered again")
	}
	step(again, nil, 130, 0)
	step(l.Open(130), nil, 130, 0) // an empty range
}

func TestLedgerInAnyOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		l := receiver.NewLedger(0)
		var tickets []*sidelight.Ticket
		for i := range 20 {
			tickets = append(tickets, l.Open(int64(i+1)))
		}
		ended := make([]bool, 21)
		for _, i := range rnd.Perm(20) {
			tickets[i].Release(nil)
			ended[i] = true
			want := int64(0)
			for ended[want] {
				want++
			}
			if l.Safe() != want {
				t.Fatalf("safe %d, want %d", l.Safe(), want)
			}
		}
	}
}

func TestDestsAsksOnce(t *testing.T) {
	asked := 0
	d := receiver.NewDests(func(source string) sidelight.DestHandle {
		asked++
		return sidelight.Dest{Group: source}.Handle()
	})
	for range 3 {
		if got := d.Get([]byte("a\xff")).Value().Group; got != "a\ufffd" {
			t.Errorf("Get = %q", got)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	for i := range 5000 {
		d.Get(fmt.Append(nil, i))
	}
	d.Get([]byte("4999"))
	if asked != 5001 {
		t.Errorf("asked %d times", asked)
	}
	source := []byte("4999")
	if n := testing.AllocsPerRun(100, func() { d.Get(source) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWarnerRepeatsOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w := receiver.NewWarner(slog.New(slog.NewTextHandler(&out, nil)))
		for range 120 {
			w.Warn("trouble", slog.String("peer", "x"))
			time.Sleep(time.Second)
		}
		w.Warn("trouble")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[1], "repeated=59") {
			t.Errorf("logged:\n%s", &out)
		}
	})
}

func checkpoints(t *testing.T, dir string, log *slog.Logger) *receiver.Checkpoints {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	c, err := receiver.OpenCheckpoints(root, "files.json", log)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCheckpointsSurvive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		log := slog.New(slog.DiscardHandler)
		c := checkpoints(t, dir, log)
		if !c.Fresh() {
			t.Error("a first run is not fresh")
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		offset := int64(1)
		state := func() receiver.Checkpoint {
			return receiver.Checkpoint{Path: "/a", FileID: receiver.FileID{Device: 1, Inode: 2, Head: 3, Sum: "ab"}, Offset: offset}
		}
		c.Track(state)
		forget := c.Track(func() receiver.Checkpoint { return receiver.Checkpoint{Path: "/b"} })
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if n := len(checkpoints(t, dir, log).Saved()); n != 2 {
			t.Errorf("%d were saved, want 2", n)
		}
		offset = 2
		forget()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		again := checkpoints(t, dir, log)
		if diff := cmp.Diff([]receiver.Checkpoint{state()}, again.Saved()); diff != "" || again.Fresh() {
			t.Error(diff)
		}
		// What nobody has looked at yet is not lost by a write.
		again.Track(func() receiver.Checkpoint { return receiver.Checkpoint{Path: "/c"} })
		if err := again.Flush(); err != nil {
			t.Error(err)
		}
		if n := len(checkpoints(t, dir, log).Saved()); n != 2 {
			t.Errorf("%d were saved, want 2", n)
		}
		again.Settle()
		if err := again.Flush(); err != nil {
			t.Error(err)
		}
		if n := len(checkpoints(t, dir, log).Saved()); n != 1 {
			t.Errorf("%d were saved, want 1", n)
		}
	})
}

func TestDamagedCheckpointsAreMovedAside(t *testing.T) {
	whole := `{"version":1,"files":[{"path":"/a","device":1,"inode":2,"head":3,"sum":"ab","offset":4}]}`
	for name, text := range map[string]string{
		"empty": "", "cut": whole[:40], "version": `{"version":9}`, "rubbish": "\x00\x00",
		"negative": strings.Replace(whole, `:4}`, `:-4}`, 1), "no path": strings.Replace(whole, "/a", "", 1),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "files.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			c := checkpoints(t, dir, slog.New(slog.NewTextHandler(&out, nil)))
			if len(c.Saved()) != 0 || c.Fresh() {
				t.Errorf("Saved = %v, Fresh = %v", c.Saved(), c.Fresh())
			}
			if !strings.Contains(out.String(), "damaged") {
				t.Errorf("logged %q", &out)
			}
			aside, err := filepath.Glob(filepath.Join(dir, "files.json.damaged-*"))
			if err != nil || len(aside) != 1 {
				t.Fatalf("aside: %v, %v", aside, err)
			}
			if kept, err := os.ReadFile(aside[0]); err != nil || string(kept) != text {
				t.Errorf("kept %q, %v", kept, err)
			}
		})
	}
}

func TestCheckpointsPassFromOneReceiverToTheNext(t *testing.T) {
	for name, c := range map[string]*receiver.Checkpoints{
		"on disk":   checkpoints(t, t.TempDir(), slog.New(slog.DiscardHandler)),
		"in memory": receiver.MemoryCheckpoints(),
	} {
		t.Run(name, func(t *testing.T) {
			state := func(path string, offset int64) func() receiver.Checkpoint {
				return func() receiver.Checkpoint { return receiver.Checkpoint{Path: path, Offset: offset} }
			}
			if !c.Fresh() || len(c.Saved()) != 0 {
				t.Error("a new store is not empty")
			}
			c.Settle()
			c.Track(state("/a", 1))
			c.Track(state("/b", 2))
			if want := []receiver.Checkpoint{state("/a", 1)(), state("/b", 2)()}; c.Fresh() || !cmp.Equal(c.Saved(), want) {
				t.Errorf("Saved = %v, want %v", c.Saved(), want)
			}
			c.Track(state("/a", 3)) // the next receiver finds only this one
			c.Settle()
			if want := []receiver.Checkpoint{state("/a", 3)()}; !cmp.Equal(c.Saved(), want) {
				t.Errorf("Saved = %v, want %v", c.Saved(), want)
			}
			if err := c.Flush(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNilCheckpoints(t *testing.T) {
	var c *receiver.Checkpoints
	c.Track(nil)()
	c.Settle()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if !c.Fresh() || c.Saved() != nil || c.Flush() != nil || c.Run(ctx) != nil {
		t.Error("a nil store is not empty")
	}
}

// A file that is new is written at once, not a second later, and many of them
// together.
func TestNewFilesAreWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
		c := checkpoints(t, dir, log)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		saved := func() int {
			synctest.Wait()
			return len(checkpoints(t, dir, log).Saved())
		}
		track := func(path string) { c.Track(func() receiver.Checkpoint { return receiver.Checkpoint{Path: path} }) }
		track("/a")
		if n := saved(); n != 1 {
			t.Errorf("%d were saved, want 1", n)
		}
		track("/b")
		track("/c")
		if n := saved(); n != 1 {
			t.Errorf("%d were saved, want 1: the next write is due later", n)
		}
		time.Sleep(200 * time.Millisecond)
		if n := saved(); n != 3 {
			t.Errorf("%d were saved, want 3", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
