package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/filelog"
)

// copyFile makes a copy, as a rotation does before it truncates.
func (d *dir) copyFile(from, to string) {
	d.t.Helper()
	in, err := os.Open(d.file(from))
	if err != nil {
		d.t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(d.file(to))
	if err != nil {
		d.t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dir) truncate(name string) {
	d.t.Helper()
	if err := os.Truncate(d.file(name), 0); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dir) remove(name string) {
	d.t.Helper()
	if err := os.Remove(d.file(name)); err != nil {
		d.t.Fatal(err)
	}
}

// shift renames app.log.2 to app.log.3, app.log.1 to app.log.2, and so on.
func (d *dir) shift(keep int) {
	for i := keep; i > 0; i-- {
		from := fmt.Sprintf("app.log.%d", i)
		if _, err := os.Stat(d.file(from)); err == nil {
			d.rename(from, fmt.Sprintf("app.log.%d", i+1))
		}
	}
}

// exactly checks that the lines are 0 to n, each once.
func exactly(t *testing.T, got []string, n int) {
	t.Helper()
	slices.Sort(got)
	check(t, got, number(0, n))
}

func TestRotateByRenameUnderLoad(t *testing.T) {
	for name, include := range map[string]string{"one name": "app.log", "all names": "app.log*"} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, d *dir) {
				s := newSink()
				r := d.start(filelog.Config{Include: []string{d.file(include)}}, d.store(), s)
				// What was rotated before the first look is nobody's.
				d.append("app.log", "")
				eventually(t, "the file is open", func() bool { return r.Stats().Files == 1 })
				const rounds, each = 40, 500
				for i := range rounds {
					lines := number(i*each, (i+1)*each)
					d.append("app.log", text(lines[:each/2]))
					d.shift(rounds)
					d.rename("app.log", "app.log.1")
					// The writer has not heard of it yet, as nginx before its signal.
					d.append("app.log.1", text(lines[each/2:]))
				}
				s.wait(t, rounds*each)
				var all []string
				for source := range s.lines {
					all = append(all, s.of(source)...)
				}
				exactly(t, all, rounds*each)
			})
		})
	}
}

func TestRotateByCopyUnderLoad(t *testing.T) {
	for name, include := range map[string]string{"one name": "app.log", "all names": "app.log*"} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, d *dir) {
				s := newSink()
				r := d.start(filelog.Config{Include: []string{d.file(include)}}, d.store(), s)
				const rounds, each = 15, 2000
				for i := range rounds {
					lines := number(i*each, (i+1)*each)
					d.append("app.log", text(lines[:100]))
					s.wait(t, i*each+100) // the file is known by now
					for j := 100; j < each; j += 100 {
						d.append("app.log", text(lines[j:j+100]))
					}
					d.shift(rounds)
					d.copyFile("app.log", "app.log.1")
					d.truncate("app.log")
					eventually(t, "the truncation is seen", func() bool { return r.Stats().Truncations >= uint64(i+1) })
				}
				s.wait(t, rounds*each)
				exactly(t, s.of("app.log"), rounds*each)
			})
		})
	}
}

func TestTruncatedUnderAWriterThatDoesNotAppend(t *testing.T) {
	bothWays(t, testTruncatedUnderAWriterThatDoesNotAppend)
}

func testTruncatedUnderAWriterThatDoesNotAppend(t *testing.T, d *dir) {
	s := newSink()
	d.append("app.log", text(number(0, 10)))
	d.start(filelog.Config{}, nil, s)
	s.wait(t, 10)
	f, err := os.OpenFile(d.file("app.log"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	// A hole, larger than what was there.
	if _, err := f.WriteAt([]byte(text(number(10, 20))), 5000); err != nil {
		t.Fatal(err)
	}
	s.wait(t, 20)
	exactly(t, s.of("app.log"), 20)
}

func TestDeletedFileIsReadToItsEnd(t *testing.T) { bothWays(t, testDeletedFileIsReadToItsEnd) }

func testDeletedFileIsReadToItsEnd(t *testing.T, d *dir) {
	s := newSink()
	f, err := os.Create(d.file("app.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := d.start(filelog.Config{}, nil, s)
	eventually(t, "the file is open", func() bool { return r.Stats().Files == 1 })
	d.remove("app.log")
	for i := range 10 {
		if _, err := f.WriteString(text(number(i*10, i*10+10))); err != nil {
			t.Fatal(err)
		}
		s.wait(t, i*10+10)
	}
	if _, err := f.WriteString("unfinished"); err != nil {
		t.Fatal(err)
	}
	s.wait(t, 101)
	eventually(t, "the file is closed", func() bool { return r.Stats().Files == 0 })
}

func TestRotatedWhileNobodyReads(t *testing.T) {
	for name, rotate := range map[string]func(d *dir){
		"renamed": func(d *dir) { d.rename("app.log", "app.log.1") },
		"copied": func(d *dir) {
			d.copyFile("app.log", "app.log.1")
			d.truncate("app.log")
		},
		"copied elsewhere": func(d *dir) {
			d.copyFile("app.log", "app.log-20260102")
			d.remove("app.log")
		},
		"renamed, and its follower": func(d *dir) {
			d.rename("app.log", "app.log.2")
			d.append("app.log.1", text(number(300, 310)))
		},
		"copied, and its follower": func(d *dir) {
			d.copyFile("app.log", "app.log.2")
			d.truncate("app.log")
			d.append("app.log", text(number(300, 310)))
			d.copyFile("app.log", "app.log.1")
			d.truncate("app.log")
		},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, d *dir) {
				s := newSink()
				d.append("app.log", text(number(0, 100)))
				d.append("app.log.7", "an old one\n")
				old := time.Now().Add(-time.Hour)
				if err := os.Chtimes(d.file("app.log.7"), old, old); err != nil {
					t.Fatal(err)
				}
				store := d.store()
				r := d.start(filelog.Config{}, store, s)
				s.wait(t, 100)
				r.stop()
				d.flush(store)
				d.append("app.log", text(number(100, 200)))
				rotate(d)
				d.append("app.log", text(number(200, 300)))
				want := 300
				if strings.Contains(name, "follower") {
					want = 310
				}
				d.start(filelog.Config{}, d.store(), s)
				s.wait(t, want)
				exactly(t, s.of("app.log"), want)
			})
		})
	}
}

func TestInodeOfAnother(t *testing.T) { bothWays(t, testInodeOfAnother) }

func testInodeOfAnother(t *testing.T, d *dir) {
	s := newSink()
	d.append("app.log", text(number(0, 100)))
	store := d.store()
	r := d.start(filelog.Config{}, store, s)
	s.wait(t, 100)
	r.stop()
	d.flush(store)
	d.truncate("app.log") // what a new file with that inode looks like
	d.append("app.log", text(number(100, 300)))
	d.start(filelog.Config{}, d.store(), s)
	s.wait(t, 300)
	exactly(t, s.of("app.log"), 300)
}

func TestRestartResumesAtWhatWasDelivered(t *testing.T) {
	d, s := newDir(t), newSink()
	s.hold = true
	store := d.store()
	r := d.start(filelog.Config{}, store, s)
	const rounds = 20
	for i := range rounds {
		d.append("app.log", text(number(i*10, i*10+10)))
		s.wait(t, i*10+10)
	}
	r.stop()
	// The first half is delivered after the receiver has stopped; of the second
	// a part, with a hole before it.
	if n := s.release(func(i int) error {
		if i == 10 {
			return errors.New("not now")
		}
		return nil
	}); n != rounds {
		t.Fatalf("%d batches, want %d", n, rounds)
	}
	d.flush(store)
	again := newSink()
	d.start(filelog.Config{}, d.store(), again)
	again.wait(t, 100)
	check(t, again.of("app.log"), number(100, 200))
}

func TestNothingDeliveredNothingSkipped(t *testing.T) {
	d, s := newDir(t), newSink()
	s.hold = true
	d.append("app.log", text(number(0, 100)))
	store := d.store()
	r := d.start(filelog.Config{}, store, s)
	s.wait(t, 100)
	r.stop()
	d.flush(store)
	again := newSink()
	d.start(filelog.Config{}, d.store(), again)
	again.wait(t, 100)
	check(t, again.of("app.log"), number(0, 100))
}

func TestWhatFailedIsOfferedAgain(t *testing.T) { bothWays(t, testWhatFailedIsOfferedAgain) }

func testWhatFailedIsOfferedAgain(t *testing.T, d *dir) {
	s := newSink()
	s.hold = true
	store := d.store()
	r := d.start(filelog.Config{}, store, s)
	for i := range 5 {
		d.append("app.log", text(number(i*10, i*10+10)))
		s.wait(t, i*10+10)
	}
	s.mu.Lock()
	s.hold = false
	s.mu.Unlock()
	s.release(func(i int) error {
		if i%2 == 1 {
			return errors.New("not now")
		}
		return nil
	})
	s.wait(t, 70) // two batches of five, once more
	r.stop()
	d.flush(store)
	want := slices.Concat(number(0, 50), number(10, 20), number(30, 40))
	check(t, s.of("app.log"), want)
	if saved := d.store().Saved(); len(saved) != 1 || saved[0].Offset != int64(len(text(number(0, 50)))) {
		t.Errorf("checkpoints %+v", saved)
	}
}

func TestAnotherReceiverTakesOver(t *testing.T) {
	for name, store := range map[string]func(d *dir) *receiver.Checkpoints{
		"on disk":   (*dir).store,
		"in memory": func(*dir) *receiver.Checkpoints { return receiver.MemoryCheckpoints() },
	} {
		t.Run(name, func(t *testing.T) {
			d, s := newDir(t), newSink()
			d.append("app.log", text(number(0, 10)))
			store, broken := store(d), errors.New("broken")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for i := range 3 {
				r, err := filelog.New(d.config(filelog.Config{Start: filelog.End}), store, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() { done <- r.Run(ctx, s) }()
				eventually(t, "the file is open", func() bool { return r.Stats().Files == 1 })
				d.append("app.log", text(number(10+i*20, 20+i*20)))
				s.wait(t, i*20+10)
				s.setRefuse(broken)
				d.append("app.log", text(number(20+i*20, 30+i*20)))
				if err := <-done; !errors.Is(err, broken) {
					t.Fatalf("Run = %v, want %v", err, broken)
				}
				s.setRefuse(nil)
			}
			check(t, s.of("app.log"), number(10, 60))
		})
	}
}

func TestStopReadsWhatIsThere(t *testing.T) { bothWays(t, testStopReadsWhatIsThere) }

func testStopReadsWhatIsThere(t *testing.T, d *dir) {
	s := newSink()
	r := d.start(filelog.Config{}, nil, s)
	d.append("app.log", "first\n")
	s.wait(t, 1)
	d.append("app.log", "last\nunfinished")
	r.stop()
	check(t, s.of("app.log"), []string{"first", "last", "unfinished"})
}
