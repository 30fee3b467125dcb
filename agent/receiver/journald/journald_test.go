package journald_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/journald"
)

// entries is how many each journal of testdata has.
const entries = 40

// Where the header says how many entries there are, and what state it is in.
const (
	atEntries = 152
	atState   = 16
	online    = 1
	archived  = 2
)

// limited returns a copy of journal that has n entries so far.
func limited(journal []byte, n int, state byte) []byte {
	b := bytes.Clone(journal)
	binary.LittleEndian.PutUint64(b[atEntries:], uint64(n))
	b[atState] = state
	return b
}

// sink keeps documents. With hold it keeps their tickets too.
type sink struct {
	mu      sync.Mutex
	docs    []string
	times   []int64
	hold    bool
	tickets []*sidelight.Ticket
	changed chan struct{}
}

func newSink() *sink { return &sink{changed: make(chan struct{})} }

func (s *sink) Push(_ context.Context, b *sidelight.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range b.Events {
		s.docs = append(s.docs, string(e.Body))
		s.times = append(s.times, e.Time)
	}
	if s.hold {
		b.Ticket.Hold()
		s.tickets = append(s.tickets, b.Ticket)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// wait blocks until n documents have arrived and returns all.
func (s *sink) wait(t *testing.T, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		s.mu.Lock()
		docs, changed := slices.Clone(s.docs), s.changed
		s.mu.Unlock()
		if len(docs) >= n {
			return docs
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%d documents arrived, want %d", len(docs), n)
		}
	}
}

func (s *sink) release(err error) {
	s.mu.Lock()
	tickets := s.tickets
	s.tickets = nil
	s.mu.Unlock()
	for _, t := range tickets {
		t.Release(err)
	}
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

type books struct {
	mu   sync.Mutex
	lost int
}

func (b *books) Lose(_ sidelight.Signal, _ string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost += n
}

// dir is a directory of journals and the state of a receiver that reads it.
type dir struct {
	t     *testing.T
	path  string
	root  *os.Root
	books books
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

func (d *dir) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// write makes a file, or what one holds, at once.
func (d *dir) write(name string, b []byte) {
	d.t.Helper()
	d.must(os.MkdirAll(filepath.Dir(d.file(name)), 0o700))
	d.must(os.WriteFile(d.file(name)+".new", b, 0o600))
	d.must(os.Rename(d.file(name)+".new", d.file(name)))
}

// grow makes the journal have n entries, as a writer does.
func (d *dir) grow(name string, n int, state byte) {
	d.t.Helper()
	f, err := os.OpenFile(d.file(name), os.O_RDWR, 0)
	d.must(err)
	defer f.Close()
	_, err = f.WriteAt([]byte{state}, atState)
	d.must(err)
	_, err = f.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(n)), atEntries)
	d.must(err)
}

func (d *dir) store() *receiver.Checkpoints {
	d.t.Helper()
	store, err := receiver.OpenCheckpoints(d.root, "journald.json", slog.New(slog.NewTextHandler(d.t.Output(), nil)))
	d.must(err)
	return store
}

type running struct {
	*journald.Receiver
	stop func()
}

func (d *dir) start(cfg journald.Config, store *receiver.Checkpoints, s *sink) *running {
	d.t.Helper()
	cfg.Directories = []string{d.path}
	cfg.Poll = 5 * time.Millisecond
	r, err := journald.New(cfg, store, &d.books, slog.New(slog.NewTextHandler(d.t.Output(), nil)))
	d.must(err)
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

// expected is what journalctl reads, an object for each entry.
func expected(t *testing.T) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "entries.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	for line := range strings.Lines(string(text)) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if len(all) != entries {
		t.Fatalf("journalctl read %d entries, want %d", len(all), entries)
	}
	return all
}

// text is the value of a field as journalctl prints it: bytes that are no text
// are numbers, and a field that is there twice is a list.
func text(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	if _, ok := list[0].(float64); !ok {
		return list
	}
	var b []byte
	for _, n := range list {
		b = append(b, byte(n.(float64)))
	}
	return string([]rune(string(b))) // U+FFFD for each wrong byte
}

// document is what should become of an entry.
func document(t *testing.T, e map[string]any) map[string]any {
	t.Helper()
	us, err := strconv.ParseInt(e["__REALTIME_TIMESTAMP"].(string), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	d := map[string]any{"time": time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z"), "msg": ""}
	for field, name := range map[string]string{
		"MESSAGE": "msg", "_SYSTEMD_UNIT": "unit", "SYSLOG_IDENTIFIER": "app", "_PID": "pid", "_HOSTNAME": "host",
	} {
		if v, ok := e[field]; ok {
			d[name] = text(v)
		}
	}
	if v, ok := e["PRIORITY"]; ok {
		p, _ := strconv.Atoi(v.(string))
		d["level"] = []string{"FATAL", "CRITICAL", "CRITICAL", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG"}[p]
		if p < 2 {
			d["severity_text"] = []string{"emerg", "alert"}[p]
		}
	}
	return d
}

func decode(t *testing.T, doc string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(doc), &m); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return m
}

// What is read is what journalctl reads.
func TestAgainstJournalctl(t *testing.T) {
	for _, name := range []string{"regular", "compact"} {
		t.Run(name, func(t *testing.T) {
			d, s := newDir(t), newSink()
			d.write("machine/system.journal", journald.Load(t, name))
			r := d.start(journald.Config{Fields: []string{"*"}}, nil, s)
			got := s.wait(t, entries)
			for i, e := range expected(t) {
				want := document(t, e)
				for field, v := range e {
					if !strings.HasPrefix(field, "__") {
						want[field] = text(v)
					}
				}
				doc := decode(t, got[i])
				if diff := cmp.Diff(want, doc); diff != "" {
					t.Errorf("entry %d differs (-journalctl +document):\n%s", i, diff)
				}
				if at := time.UnixMilli(s.times[i]).UTC().Format("2006-01-02T15:04:05.000"); !strings.HasPrefix(want["time"].(string), at) {
					t.Errorf("entry %d has the time %s, want %s", i, at, want["time"])
				}
			}
			st := r.Stats()
			st.Lag = 0 // of the pass before
			if st != (journald.Stats{Files: 1, Entries: int64(len(got))}) {
				t.Errorf("stats %+v", st)
			}
		})
	}
}

func TestDocument(t *testing.T) {
	d, s := newDir(t), newSink()
	d.write("system.journal", journald.Load(t, "compact"))
	d.start(journald.Config{Fields: []string{"EXTRA", "CODE_*"}}, nil, s)
	got := s.wait(t, entries)
	want := `{"time":"2026-01-02T03:00:09.999992Z","level":"FATAL","severity_text":"emerg","host":"ip-10-0-1-7","unit":"nginx.service","app":"nginx","pid":"808","msg":"two of a kind","EXTRA":["one","two"],"CODE_LINE":"8"}`
	if got[8] != want {
		t.Errorf("document\n%s\nwant\n%s", got[8], want)
	}
}

func TestFilters(t *testing.T) {
	priority := func(n int) *int { return &n }
	for name, tc := range map[string]struct {
		cfg  journald.Config
		want func(d map[string]any) bool
	}{
		"unit":     {journald.Config{Units: []string{"nginx"}}, func(d map[string]any) bool { return d["unit"] == "nginx.service" }},
		"patterns": {journald.Config{Units: []string{"*.scope", "x"}}, func(d map[string]any) bool { return d["unit"] == "init.scope" }},
		"priority": {journald.Config{Priority: priority(3)}, func(d map[string]any) bool {
			return slices.Contains([]any{"FATAL", "CRITICAL", "ERROR"}, d["level"])
		}},
		"both": {journald.Config{Priority: priority(0), Units: []string{"nginx.service"}}, func(d map[string]any) bool {
			return d["level"] == "FATAL" && d["unit"] == "nginx.service"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var want []map[string]any
			for _, e := range expected(t) {
				if doc := document(t, e); tc.want(doc) {
					want = append(want, doc)
				}
			}
			if len(want) == 0 || len(want) == entries {
				t.Fatalf("%d entries are wanted: the case shows nothing", len(want))
			}
			d, s := newDir(t), newSink()
			d.write("system.journal", journald.Load(t, "regular"))
			r := d.start(tc.cfg, nil, s)
			s.wait(t, len(want))
			r.stop()
			var got []map[string]any
			for _, doc := range s.wait(t, len(want)) {
				got = append(got, decode(t, doc))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("documents differ (-want +got):\n%s", diff)
			}
		})
	}
}

// numbers returns which entries the documents are.
func numbers(t *testing.T, docs []string) []int {
	t.Helper()
	at := map[string]int{}
	for i, e := range expected(t) {
		at[document(t, e)["time"].(string)] = i
	}
	var list []int
	for _, doc := range docs {
		list = append(list, at[decode(t, doc)["time"].(string)])
	}
	return list
}

func sequence(from, to int) []int {
	var list []int
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}

func equal(t *testing.T, got, want []int) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries differ (-want +got):\n%s", diff)
	}
}

func TestFollowThroughRotation(t *testing.T) {
	for _, name := range []string{"regular", "compact"} {
		t.Run(name, func(t *testing.T) {
			d, s := newDir(t), newSink()
			whole := journald.Load(t, name)
			d.write("machine/system.journal", limited(whole, 3, online))
			r := d.start(journald.Config{}, nil, s)
			s.wait(t, 3)
			for n := 4; n <= 20; n++ { // through several arrays
				d.grow("machine/system.journal", n, online)
				s.wait(t, n)
			}
			d.must(os.Rename(d.file("machine/system.journal"), d.file("machine/system@1.journal")))
			d.grow("machine/system@1.journal", 30, archived)
			next := limited(whole, 5, online)
			next[24]++ // another id
			d.write("machine/system.journal", next)
			s.wait(t, 35)
			d.must(os.Remove(d.file("machine/system@1.journal")))
			eventually(t, "what is gone is let go", func() bool { return r.Stats().Files == 1 })
			r.stop()
			got := numbers(t, s.wait(t, 35))
			slices.Sort(got)
			want := append(sequence(0, 30), sequence(0, 5)...)
			slices.Sort(want)
			equal(t, got, want)
		})
	}
}

func TestSinceNow(t *testing.T) {
	d, s := newDir(t), newSink()
	whole := journald.Load(t, "regular")
	d.write("system.journal", limited(whole, 10, online))
	store := d.store()
	r := d.start(journald.Config{Start: journald.Now}, store, s)
	eventually(t, "the file is open", func() bool { return r.Stats().Files == 1 })
	d.grow("system.journal", 12, online)
	s.wait(t, 2)
	r.stop()
	d.must(store.Flush())
	// What is new while nobody reads is read whole.
	d.grow("system.journal", 14, online)
	other := limited(whole, 3, online)
	other[24]++
	d.write("user-1000.journal", other)
	d.start(journald.Config{Start: journald.Now}, d.store(), s)
	got := numbers(t, s.wait(t, 7))
	slices.Sort(got)
	equal(t, got, []int{0, 1, 2, 10, 11, 12, 13})
}

// The checkpoint moves on delivery only, and holds through a rename.
func TestCheckpoint(t *testing.T) {
	d, s := newDir(t), newSink()
	d.write("system.journal", limited(journald.Load(t, "compact"), 10, online))
	store := d.store()
	r := d.start(journald.Config{}, store, s)
	s.wait(t, 10)
	s.mu.Lock()
	s.hold = true
	s.mu.Unlock()
	d.grow("system.journal", 20, online)
	s.wait(t, 20)
	r.stop()
	d.must(store.Flush())
	s.release(errors.New("not now"))
	d.must(os.Rename(d.file("system.journal"), d.file("system@1.journal")))

	again, store := newSink(), d.store()
	again.hold = true
	r = d.start(journald.Config{}, store, again)
	equal(t, numbers(t, again.wait(t, 10)), sequence(10, 20))
	again.release(nil)
	r.stop()
	d.must(store.Flush())

	last := newSink()
	d.grow("system@1.journal", 22, archived)
	d.start(journald.Config{}, d.store(), last)
	equal(t, numbers(t, last.wait(t, 2)), sequence(20, 22))
}

func TestWhatFailedIsOfferedAgain(t *testing.T) {
	d, s := newDir(t), newSink()
	s.hold = true
	d.write("system.journal", journald.Load(t, "regular"))
	r := d.start(journald.Config{}, nil, s)
	s.wait(t, entries)
	s.mu.Lock()
	s.hold = false
	s.mu.Unlock()
	s.release(errors.New("not now"))
	equal(t, numbers(t, s.wait(t, 2*entries)), append(sequence(0, entries), sequence(0, entries)...))
	r.stop()
}

// A directory that comes later, and files that are no journals.
func TestLateDirectory(t *testing.T) {
	d, s := newDir(t), newSink()
	store := d.store()
	r := d.start(journald.Config{}, store, s)
	d.write("notes.journal", []byte("not a journal"))
	d.write("machine/system.journal.tmp", []byte("nor this"))
	d.write("machine/system.journal~", journald.Load(t, "regular"))
	s.wait(t, entries)
	r.stop()
	d.must(store.Flush())
	if saved := d.store().Saved(); len(saved) != 1 || saved[0].Offset != entries {
		t.Errorf("checkpoints %+v", saved)
	}
}

func TestConfigRefused(t *testing.T) {
	eight := 8
	for want, cfg := range map[string]journald.Config{
		"directories[0]": {Directories: []string{"var/log"}},
		"units[1]":       {Units: []string{"a", "[b"}},
		"fields[0]":      {Fields: []string{""}},
		"priority":       {Priority: &eight},
		"since":          {Start: "yesterday"},
		"poll":           {Poll: -1},
	} {
		if _, err := journald.New(cfg, nil, &books{}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want an error that names %q", err, want)
		}
	}
}
