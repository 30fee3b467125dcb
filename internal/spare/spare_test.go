package spare_test

import (
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/spare"
)

func block(n int) *sidelight.Block {
	return &sidelight.Block{Body: make([]byte, 1, n), Marks: make([]sidelight.Mark, 1, n/100)}
}

func TestMemoryIsUsedAgain(t *testing.T) {
	m := spare.New(4 << 20)
	b := block(1 << 20)
	body := &b.Body[0]
	m.Keep(b)
	if b.Body != nil || b.Marks != nil {
		t.Error("the block still has its memory")
	}
	if got := m.Body(700_000); len(got) != 0 || cap(got) != 1<<20 || &got[:1][0] != body {
		t.Errorf("a body of %d, %d bytes: not the spare one", len(got), cap(got))
	}
	if got := m.Body(700_000); cap(got) >= 1<<20 {
		t.Error("the spare body was given out twice")
	}
	if got := m.Marks(9000); len(got) != 0 || cap(got) != 1<<20/100 {
		t.Errorf("marks of %d, %d: not the spare ones", len(got), cap(got))
	}
}

// Neither does what is small hold what is large, nor the other way round.
func TestMemoryFits(t *testing.T) {
	m := spare.New(4 << 20)
	m.Keep(block(1 << 20))
	if got := m.Body(16 << 10); cap(got) >= 1<<20 {
		t.Error("16 KB hold a megabyte")
	}
	if got := m.Body(2 << 20); cap(got) < 2<<20 {
		t.Errorf("2 MB asked for, %d given", cap(got))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := spare.New(2500 << 10)
	for range 5 {
		m.KeepBody(make([]byte, 0, 1<<20))
	}
	n := 0
	for cap(m.Body(1_000_000)) == 1<<20 {
		n++
	}
	if n != 2 {
		t.Errorf("%d spares of 1 MB within 2.5 MB, want 2", n)
	}
}

// What is not needed for a while is let go, what is in use stays.
func TestMemoryAges(t *testing.T) {
	m := spare.New(16 << 20)
	for range 4 {
		m.KeepBody(make([]byte, 0, 1<<20))
	}
	m.Age() // all of them are new
	a, b := m.Body(1<<20), m.Body(1<<20)
	m.KeepBody(a)
	m.KeepBody(b)
	m.Age() // two were never touched
	for i, want := range []int{1 << 20, 1 << 20, 1<<20 - 1} {
		if got := m.Body(1<<20 - 1); cap(got) != want && i < 2 || i == 2 && cap(got) == 1<<20 {
			t.Errorf("body %d has room for %d", i, cap(got))
		}
	}
}

func TestNoMemory(t *testing.T) {
	var m *spare.Memory
	b := block(1 << 20)
	m.Keep(b)
	m.Age()
	if b.Body == nil || cap(m.Body(10)) < 10 || cap(m.Marks(10)) < 10 {
		t.Error("a nil Memory must keep nothing and give what is asked for")
	}
}
