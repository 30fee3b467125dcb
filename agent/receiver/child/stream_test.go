package child

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// TestStreamKeepsLinesWhole writes lines in pieces of any size into a stream
// that has little room and is emptied now and then. Each line must come out
// whole, or be counted.
func TestStreamKeepsLinesWhole(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		lost := 0
		s := &stream{limit: 50 + rnd.IntN(200), wake: func() {}, lost: func(_ string, n int) { lost += n }}
		s.room.L = &s.mu
		var all, got bytes.Buffer
		count := 50 + rnd.IntN(100)
		for i := range count {
			fmt.Fprintf(&all, "%d:%s:%d\n", i, strings.Repeat("x", rnd.IntN(60)), i)
		}
		if rnd.IntN(2) == 0 {
			all.Truncate(all.Len() - 1) // a last line without its newline
		}
		var load text
		take := func(all bool) {
			if s.take(&load, all, time.Hour, 1000) {
				if last := load.marks[len(load.marks)-1]; last.end < len(load.bytes) {
					t.Fatalf("marks end at %d of %d", last.end, len(load.bytes))
				}
				got.Write(load.bytes)
				s.shipped()
			}
		}
		for b := all.Bytes(); len(b) > 0; {
			n := min(len(b), 1+rnd.IntN(80))
			s.put(b[:n])
			b = b[n:]
			if rnd.IntN(3) == 0 {
				take(false)
			}
		}
		s.finish()
		take(true)
		if !s.done() {
			t.Fatal("the stream is not done")
		}
		seen := check(t, got.String())
		if seen+lost != count {
			t.Fatalf("seed %d: %d lines came out and %d were lost, of %d", seed, seen, lost, count)
		}
	}
}

// check returns how many lines there are in text, none of them torn.
func check(t *testing.T, text string) int {
	t.Helper()
	n, last := 0, -1
	for line := range strings.Lines(text) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		var i int
		if _, err := fmt.Sscan(parts[0], &i); err != nil || len(parts) != 3 || parts[0] != parts[2] || i <= last {
			t.Fatalf("after line %d: %q", last, line)
		}
		last = i
		n++
	}
	return n
}

// noBooks counts nothing.
type noBooks struct{}

func (noBooks) Lose(sidelight.Signal, string, int) {}

func TestLinesHaveTheTimeOfTheirWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := New(Config{Command: []string{"x"}, Dest: func(string) sidelight.DestHandle { return sidelight.DestHandle{} }},
			noBooks{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for _, piece := range []string{"one\ntw", "o\nthree\n", "four"} {
			r.streams[0].put([]byte(piece))
			time.Sleep(time.Second)
		}
		s := r.shipper()
		l := &s.loads[0]
		var got []time.Duration
		for l.stream.take(&l.text, true, 0, 100) {
			s.next(l)
			for _, e := range s.lines.Events {
				got = append(got, time.UnixMilli(e.Time).Sub(begin))
			}
		}
		if want := []time.Duration{0, time.Second, time.Second, 2 * time.Second}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("times %v, want %v", got, want)
		}
	})
}

func BenchmarkStream(b *testing.B) {
	for _, size := range []int{100, 4 << 10, 32 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := &stream{limit: 2 << 20, wake: func() {}, lost: func(string, int) { b.Fatal("lines were lost") }}
			s.room.L = &s.mu
			piece := bytes.Repeat([]byte("a line of a log, of one hundred bytes, which is what many of them are, more or less, on this Earth\n\n"), size/100+1)[:size]
			var load text
			b.SetBytes(int64(size))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				s.put(piece)
				if n += size; n > 1<<20 {
					n = 0
					s.take(&load, false, time.Hour, 1000)
					load.bytes = load.bytes[:0]
					s.shipped()
				}
			}
		})
	}
}
