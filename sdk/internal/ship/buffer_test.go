package ship

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
)

func newBuffer(limit, classes int) *buffer {
	b := &buffer{limit: limit, classes: make([][]*chunk, classes), index: make(map[instrumentation.Scope]int)}
	b.scope(instrumentation.Scope{Name: "test"})
	return b
}

func bodies(refs []ref) []string {
	var out []string
	for _, r := range refs {
		out = append(out, string(r.body))
	}
	return out
}

func TestBufferMakesRoomByClass(t *testing.T) {
	type added struct {
		class int
		body  string
	}
	tests := map[string]struct {
		in      []added
		dropped int
		want    []string
	}{
		"fits":                      {[]added{{0, "a"}, {1, "b"}}, 0, []string{"b", "a"}},
		"oldest of its class":       {[]added{{0, "a"}, {0, "b"}, {0, "c"}, {0, "d"}}, 1, []string{"b", "c", "d"}},
		"debug before error":        {[]added{{1, "err"}, {0, "dbg"}, {0, "dbh"}, {1, "erq"}}, 1, []string{"err", "erq", "dbh"}},
		"errors before new errors":  {[]added{{1, "a"}, {1, "b"}, {1, "c"}, {1, "d"}}, 1, []string{"b", "c", "d"}},
		"never errors before debug": {[]added{{1, "a"}, {1, "b"}, {1, "c"}, {0, "d"}}, 1, []string{"a", "b", "c"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBuffer(3*(itemOverhead+3), 2)
			dropped := 0
			for _, a := range tc.in {
				dropped += b.add(0, a.class, 1, []byte(a.body))
			}
			if dropped != tc.dropped {
				t.Errorf("dropped %d, want %d", dropped, tc.dropped)
			}
			if d := cmp.Diff(tc.want, bodies(b.take(1<<20))); d != "" {
				t.Errorf("kept (-want +got):\n%s", d)
			}
		})
	}
}

// TestBufferAccounts does random things and holds that bytes and counts are
// exact, bounded, and zero when everything is settled.
func TestBufferAccounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const limit = 100_000
	b := newBuffer(limit, 3)
	accepted, dropped, settled := 0, 0, 0
	var out []ref
	for i := range 20_000 {
		switch rng.IntN(40) {
		case 0:
			out = append(out, b.take(rng.IntN(50_000))...)
		case 1:
			b.settle(out)
			settled += countOf(out)
			out = nil
		case 2:
			b.restore(out)
			out = nil
		default:
			n := 1 + rng.IntN(3)
			accepted += n
			dropped += b.add(0, rng.IntN(3), n, fmt.Appendf(nil, "%0*d", 1+rng.IntN(400), i))
		}
		if b.used > limit || b.used < 0 {
			t.Fatalf("step %d: %d bytes used of %d", i, b.used, limit)
		}
		if accepted != dropped+settled+b.queued {
			t.Fatalf("step %d: accepted %d, dropped %d, settled %d, queued %d", i, accepted, dropped, settled, b.queued)
		}
	}
	b.settle(out)
	b.settle(b.take(limit))
	if b.used != 0 || b.queued != 0 {
		t.Errorf("at the end %d bytes and %d items are left", b.used, b.queued)
	}
	if dropped == 0 || settled == 0 {
		t.Errorf("dropped %d and settled %d: the test did not exercise both", dropped, settled)
	}
}

func TestAddAllocatesOnlyChunks(t *testing.T) {
	b := newBuffer(1<<20, 1)
	body := make([]byte, 200)
	n := testing.AllocsPerRun(5000, func() { b.add(0, 0, 1, body) })
	if n > 0.5 {
		t.Errorf("add allocates %.2f times an item, want only a chunk now and then", n)
	}
}
