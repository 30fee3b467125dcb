package filelog_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/filelog"
)

// sink keeps lines by source. With hold it keeps their tickets too.
type sink struct {
	mu      sync.Mutex
	lines   map[string][]string
	times   []int64
	count   int
	hold    bool
	refuse  error
	parked  string // a source that is not taken, if its batches can wait
	offers  int    // batches of it
	tickets []*sidelight.Ticket
	changed chan struct{}
}

func newSink() *sink { return &sink{lines: map[string][]string{}, changed: make(chan struct{})} }

func (s *sink) Push(ctx context.Context, b *sidelight.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	source := filepath.Base(b.Dest.Value().Group)
	if source == s.parked && b.Waits {
		s.offers++
		return sidelight.ErrParked
	}
	for _, e := range b.Events {
		s.lines[source] = append(s.lines[source], string(e.Body))
		s.times = append(s.times, e.Time)
		s.count++
	}
	if s.hold {
		b.Ticket.Hold()
		s.tickets = append(s.tickets, b.Ticket)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *sink) setRefuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = err
}

// wait blocks until n lines have arrived.
func (s *sink) wait(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		s.mu.Lock()
		count, changed := s.count, s.changed
		s.mu.Unlock()
		if count >= n {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%d lines arrived, want %d", count, n)
		}
	}
}

// of returns the lines of a source.
func (s *sink) of(source string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines[source]...)
}

// release lets go of the tickets in the order that pick gives.
func (s *sink) release(err func(i int) error) int {
	s.mu.Lock()
	tickets := s.tickets
	s.tickets = nil
	s.mu.Unlock()
	for i := len(tickets) - 1; i >= 0; i-- {
		tickets[i].Release(err(i))
	}
	return len(tickets)
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: it did not happen", what)
		}
	}
}

// dir is a directory of logs and the state of a receiver that reads it.
type dir struct {
	t    *testing.T
	path string
	root *os.Root
	poll bool // without what the kernel tells
}

// bothWays runs a test with what the kernel tells of changes, and without.
func bothWays(t *testing.T, test func(t *testing.T, d *dir)) {
	t.Helper()
	for name, poll := range map[string]bool{"told": false, "polled": true} {
		t.Run(name, func(t *testing.T) {
			d := newDir(t)
			d.poll = poll
			test(t, d)
		})
	}
}

func newDir(t *testing.T) *dir {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return &dir{t: t, path: t.TempDir(), root: root}
}

func (d *dir) file(name string) string { return filepath.Join(d.path, name) }

func (d *dir) append(name, text string) {
	d.t.Helper()
	f, err := os.OpenFile(d.file(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dir) rename(from, to string) {
	d.t.Helper()
	if err := os.Rename(d.file(from), d.file(to)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dir) store() *receiver.Checkpoints {
	d.t.Helper()
	store, err := receiver.OpenCheckpoints(d.root, "files.json", slog.New(slog.NewTextHandler(d.t.Output(), nil)))
	if err != nil {
		d.t.Fatal(err)
	}
	return store
}

// running is a receiver at work.
type running struct {
	*filelog.Receiver
	stop func()
}

func (d *dir) config(cfg filelog.Config) filelog.Config {
	if cfg.Include == nil {
		cfg.Include = []string{d.file("*.log")}
	}
	cfg.Dest = func(path string) sidelight.DestHandle { return sidelight.Dest{Group: path}.Handle() }
	cfg.Discover, cfg.Poll = 5*time.Millisecond, time.Millisecond
	cfg.PollOnly = d.poll
	if cfg.Quiet == 0 {
		cfg.Quiet = 100 * time.Millisecond
	}
	if cfg.RotateWait == 0 {
		cfg.RotateWait = 200 * time.Millisecond
	}
	return cfg
}

func (d *dir) start(cfg filelog.Config, store *receiver.Checkpoints, s *sink) *running {
	d.t.Helper()
	return d.startWith(cfg, store, s)
}

func (d *dir) startWith(cfg filelog.Config, store *receiver.Checkpoints, s sidelight.Sink) *running {
	d.t.Helper()
	r, err := filelog.New(d.config(cfg), store, slog.New(slog.NewTextHandler(d.t.Output(), nil)))
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, s) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			d.t.Errorf("Run = %v", err)
		}
	})
	d.t.Cleanup(stop)
	return &running{r, stop}
}

func (d *dir) flush(store *receiver.Checkpoints) {
	d.t.Helper()
	if err := store.Flush(); err != nil {
		d.t.Fatal(err)
	}
}

func number(from, to int) []string {
	var lines []string
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf("line %06d of a log that grows", i))
	}
	return lines
}

func text(lines []string) string { return strings.Join(lines, "\n") + "\n" }

func check(t *testing.T, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines differ (-want +got):\n%.2000s", diff)
	}
}

func TestFollow(t *testing.T) { bothWays(t, testFollow) }

func testFollow(t *testing.T, d *dir) {
	s := newSink()
	d.append("a.log", "one\r\n\n  two\nthr")
	d.append("b.log.gz", "rubbish\n")
	d.append("c.txt", "not ours\n")
	d.start(filelog.Config{}, nil, s)
	s.wait(t, 2)
	d.append("a.log", "ee\nfour\n")
	d.append("new.log", "five\n")
	s.wait(t, 5)
	check(t, s.of("a.log"), []string{"one", "  two", "three", "four"})
	check(t, s.of("new.log"), []string{"five"})
	// A last line without its newline is taken after a while.
	d.append("a.log", "six")
	s.wait(t, 6)
	d.append("a.log", " and more\n")
	s.wait(t, 7)
	check(t, s.of("a.log")[4:], []string{"six", " and more"})
}

func TestStartAtEnd(t *testing.T) { bothWays(t, testStartAtEnd) }

func testStartAtEnd(t *testing.T, d *dir) {
	s := newSink()
	d.append("a.log", text(number(0, 100)))
	store := d.store()
	r := d.start(filelog.Config{Start: filelog.End}, store, s)
	eventually(t, "the file is open", func() bool { return r.Stats().Files == 1 })
	d.append("a.log", "after\n")
	d.append("b.log", "new files are read whole\n")
	s.wait(t, 2)
	r.stop()
	d.flush(store)
	// What appears while nobody reads is read whole, too.
	d.append("c.log", "meanwhile\n")
	d.append("a.log", "meanwhile too\n")
	d.start(filelog.Config{Start: filelog.End}, d.store(), s)
	s.wait(t, 4)
	check(t, s.of("a.log"), []string{"after", "meanwhile too"})
	check(t, s.of("c.log"), []string{"meanwhile"})
}

func TestLongLines(t *testing.T) {
	d, s := newDir(t), newSink()
	long := strings.Repeat("x", 99) + "é" + strings.Repeat("y", 150)
	d.append("a.log", long+"\nshort\n"+strings.Repeat("z", 100)+"\r\n"+strings.Repeat("w", 250))
	r := d.start(filelog.Config{MaxLine: 100}, nil, s)
	s.wait(t, 8)
	check(t, s.of("a.log"), []string{
		long[:99], long[99:199], long[199:], "short", strings.Repeat("z", 100),
		strings.Repeat("w", 100), strings.Repeat("w", 100), strings.Repeat("w", 50),
	})
	if n := r.Stats().Cuts; n != 4 {
		t.Errorf("%d cuts, want 4", n)
	}
}

func TestGlobs(t *testing.T) { bothWays(t, testGlobs) }

func testGlobs(t *testing.T, d *dir) {
	s := newSink()
	for _, name := range []string{"a.log", "x/a.log", "x/y/a.log", "x/y/b.txt", "x/skip/a.log", "x/y/a.log.zst"} {
		if err := os.MkdirAll(filepath.Dir(d.file(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		d.append(name, name+"\n")
	}
	d.append("x/y/noise.log", "noise\n")
	if err := os.Symlink(d.file("x"), d.file("link")); err != nil {
		t.Fatal(err)
	}
	r := d.start(filelog.Config{
		Include: []string{d.file("**/*.log"), d.file("x/**"), d.file("link/a.*")},
		Exclude: []string{"noise*", d.file("**/skip/*")},
	}, nil, s)
	s.wait(t, 4)
	r.stop()
	check(t, s.of("a.log"), []string{"a.log", "x/a.log", "x/y/a.log"})
	check(t, s.of("b.txt"), []string{"x/y/b.txt"})
	check(t, s.of("noise.log"), nil)
}

func TestTimestamps(t *testing.T) {
	d, s := newDir(t), newSink()
	d.append("a.log", text([]string{
		`{"ts":"2020-09-13T12:26:40.123Z"}`, `{"ts":1600000000}`, `{"ts":1600000000.5}`, `{"ts":1600000000123}`, `{"ts":"1600000000"}`,
	}))
	before := time.Now().UnixMilli()
	d.append("b.log", text([]string{`{"ts":null}`, `{"ts":"soon"}`, `{"ts":-1}`, `{"ts":1e300}`, `plain`}))
	d.start(filelog.Config{Timestamp: "ts"}, nil, s)
	s.wait(t, 10)
	want := []int64{1600000000123, 1600000000000, 1600000000500, 1600000000123, 1600000000000}
	if diff := cmp.Diff(want, s.times[:5]); diff != "" {
		t.Error(diff)
	}
	for i, at := range s.times[5:] {
		if at < before || at > time.Now().UnixMilli() {
			t.Errorf("line %d of b.log has time %d", i, at)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	dest := func(string) sidelight.DestHandle { return sidelight.DestHandle{} }
	for want, cfg := range map[string]filelog.Config{
		"include":    {Dest: dest},
		"include[1]": {Include: []string{"/a", "/b/[x"}, Dest: dest},
		"absolute":   {Include: []string{"a/*.log"}, Dest: dest},
		"exclude[0]": {Include: []string{"/a"}, Exclude: []string{"["}, Dest: dest},
		"start":      {Include: []string{"/a"}, Start: "middle", Dest: dest},
		"encoding":   {Include: []string{"/a"}, Encoding: "utf-7", Dest: dest},
		"negative":   {Include: []string{"/a"}, Poll: -1, Dest: dest},
		"max_line":   {Include: []string{"/a"}, MaxLine: 1, Dest: dest},
		"dest":       {Include: []string{"/a"}},
	} {
		if _, err := filelog.New(cfg, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want an error that names %q", err, want)
		}
	}
}
