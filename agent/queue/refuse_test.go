package queue_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// sulkyDisk is a queue's directory that refuses further files at will. With
// segments of one byte, every write needs one.
type sulkyDisk struct {
	t        *testing.T
	dir      string
	obstacle string
}

func newSulkyDisk(t *testing.T) (*sulkyDisk, *queue.Queue) {
	d := &sulkyDisk{t: t, dir: t.TempDir()}
	q := open(t, queue.Config{Dir: d.dir, Segment: 1})
	t.Cleanup(func() { _ = q.Release() })
	return d, q
}

// refuse puts a directory where the next segment should be.
func (d *sulkyDisk) refuse() {
	d.t.Helper()
	names, err := filepath.Glob(filepath.Join(d.dir, "*.seg"))
	if err != nil {
		d.t.Fatal(err)
	}
	last := 0
	if len(names) > 0 {
		if _, err := fmt.Sscanf(filepath.Base(names[len(names)-1]), "%d.seg", &last); err != nil {
			d.t.Fatal(err)
		}
	}
	d.obstacle = filepath.Join(d.dir, fmt.Sprintf("%08d.seg", last+1))
	if err := os.Mkdir(d.obstacle, 0o700); err != nil {
		d.t.Fatal(err)
	}
}

func (d *sulkyDisk) heal() {
	d.t.Helper()
	if err := os.Remove(d.obstacle); err != nil {
		d.t.Fatal(err)
	}
}

// survives returns what a restart would find now.
func (d *sulkyDisk) survives() []string {
	d.t.Helper()
	dir := d.t.TempDir()
	names, err := filepath.Glob(filepath.Join(d.dir, "*.seg"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // the obstacle
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	q := open(d.t, queue.Config{Dir: dir})
	defer func() { _ = q.Release() }()
	return drain(d.t, q)
}

func (d *sulkyDisk) want(when string, want ...string) {
	d.t.Helper()
	if diff := cmp.Diff(want, d.survives()); diff != "" {
		d.t.Errorf("a restart %s (-want +got):\n%s", when, diff)
	}
}

// torn puts a block of which a1 was written ahead and a2 could not be, and
// returns what a2's ticket was released with.
func torn(t *testing.T, d *sulkyDisk, q *queue.Queue) (released *[]error) {
	t.Helper()
	released = new([]error)
	b := queuetest.Growing("d", "a1")
	if err := q.Write(b); err != nil {
		t.Fatal(err)
	}
	d.refuse()
	queuetest.Grow(b, "a2")
	if err := q.Write(b); err == nil {
		t.Fatal("the disk takes what it should refuse")
	}
	ticket := sidelight.NewTicket(func(err error) { *released = append(*released, err) })
	b.Attach(ticket)
	ticket.Release(nil)
	finish(b)
	if err := q.Put(b); err != nil {
		t.Fatal(err)
	}
	return released
}

// What the disk did not take is not acknowledged before it is delivered, and
// what it took stays there until then.
func TestTornBlock(t *testing.T) {
	d, q := newSulkyDisk(t)
	released := torn(t, d, q)
	if len(*released) > 0 {
		t.Errorf("acknowledged what is in memory alone: %v", *released)
	}
	d.want("while the disk refuses", "[a1]")
	l, err := q.Take(t.Context())
	if err != nil || string(l.Block().Body) != "[a1,a2]" {
		t.Fatalf("Take gives %s, %v", l.Block().Body, err)
	}
	d.heal()
	if err := l.Commit(); err != nil || len(*released) != 1 || (*released)[0] != nil {
		t.Errorf("Commit: %v, released %v", err, *released)
	}
	d.want("after the delivery")
	if s := q.Stats(); s.Events != 0 || s.Bytes != 0 || s.Memory != 0 {
		t.Errorf("empty, but %+v", s)
	}
}

// A disk that is well again when the block is sealed gets it whole, once.
func TestTornBlockIsWrittenWhole(t *testing.T) {
	d, q := newSulkyDisk(t)
	b := queuetest.Growing("d", "a1")
	if err := q.Write(b); err != nil {
		t.Fatal(err)
	}
	d.refuse()
	queuetest.Grow(b, "a2")
	if err := q.Write(b); err == nil {
		t.Fatal("the disk takes what it should refuse")
	}
	d.heal()
	finish(b)
	if err := q.Put(b); err != nil {
		t.Fatal(err)
	}
	d.want("after the seal", "[a1,a2]")
}

// The parts of a block that could not be written themselves rely on the whole.
func TestPartsOnAFullDisk(t *testing.T) {
	d, q := newSulkyDisk(t)
	if err := q.Put(queuetest.Block("d", "a1", "a2", "a3")); err != nil {
		t.Fatal(err)
	}
	d.refuse()
	l, err := q.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var parts []*sidelight.Block
	for i := range 2 {
		part, err := pack.Divide(queuetest.Encoder{}, l.Block(), []int{i + 1})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	if err := l.Commit(parts...); err != nil {
		t.Fatal(err)
	}
	d.want("with both parts", "[a1,a2,a3]")
	for i, when := range []string{"with one part", "with none"} {
		l, err := q.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			d.heal()
		}
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			d.want(when, "[a1,a2,a3]")
		} else {
			d.want(when)
		}
	}
}

// At the stop, what the disk still does not take is given up and said to be.
func TestAbandon(t *testing.T) {
	for name, heals := range map[string]bool{"refused": false, "well again": true} {
		t.Run(name, func(t *testing.T) {
			d, q := newSulkyDisk(t)
			released := torn(t, d, q)
			if heals {
				d.heal()
			}
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			lost, left := q.Abandon()[sidelight.Logs], q.Stats().Events
			if want := map[bool][2]int{false: {1, 1}, true: {0, 2}}[heals]; [2]int{lost, left} != want {
				t.Errorf("lost %d, left %d; want %v", lost, left, want)
			}
			if err := (*released)[0]; (err == nil) != heals || err != nil && !errors.Is(err, sidelight.ErrClosed) {
				t.Errorf("released with %v", err)
			}
			d.want("after the stop", map[bool]string{false: "[a1]", true: "[a1,a2]"}[heals])
		})
	}
}
