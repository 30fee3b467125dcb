package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestFilter looks for IDs, and parts of them, in messages that have them in
// longer runs and in other company: none may be missed.
func TestFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	hex := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = "0123456789abcdefABCDEF-"[r.IntN(23)]
		}
		return b
	}
	in := new(gathering)
	var needles [][]byte
	for range 2000 {
		id := hex(24 + r.IntN(40))
		message := bytes.Join([][]byte{[]byte("GET /x?"), hex(r.IntN(30)), id, hex(r.IntN(30)), []byte(" took 3 ms")}, nil)
		tokenRuns(message, func(run []byte) { pieces(run, in.add) })
		from := r.IntN(len(id) - minRun + 1)
		needles = append(needles, id, append([]byte("x"), id...), id[from:])
	}
	b := &Block{sealed: true, ids: in.filter()}
	for _, n := range needles {
		if !b.MayContain(n) {
			t.Fatalf("%s is missed", n)
		}
	}
	hits := 0
	for range 1000 {
		if b.MayContain(hex(32)) {
			hits++
		}
	}
	if hits > 100 {
		t.Errorf("%d of 1000 IDs that are not there may be there", hits)
	}
	for _, short := range []string{"", "error", "0123456789abcdef", "payments-service"} {
		if !b.MayContain([]byte(short)) {
			t.Errorf("%q is no ID, but said to be missing", short)
		}
	}
}

// A filter is as large as its pieces need, with as many bits for each as said.
func TestFilterSize(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n, want := range map[int]int{0: 0, 1: 1, 10: 1, 30: 2, 1000: 64, 4000: 256} {
		g := new(gathering)
		for range n {
			h := r.Uint64()
			g.add(h)
			g.add(h)
		}
		if got := len(g.filter()); got != want {
			t.Errorf("the filter of %d pieces has %d words, want %d", n, got, want)
		}
	}
}

func TestTokenRuns(t *testing.T) {
	run := "1-5759e988-bd862e3fe1be46a994272793"
	for pad := range 60 {
		text := fmt.Sprintf("%*s%s\",\"x\":1", pad, "", run)
		n := 0
		tokenRuns([]byte(text), func(got []byte) {
			n++
			if string(got) != run {
				t.Errorf("after %d bytes the run is %q", pad, got)
			}
		})
		if n != 1 {
			t.Errorf("after %d bytes there are %d runs", pad, n)
		}
	}
}
