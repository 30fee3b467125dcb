package pack_test

import (
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// unweighed is an encoder whose bodies only the wire bounds.
type unweighed struct{ queuetest.Encoder }

func (unweighed) Limits() sidelight.Limits {
	return sidelight.Limits{Events: 1 << 20, Weight: 1, Wire: 4 << 20}
}

func (unweighed) Weigh(*sidelight.Event) int { return 0 }

// A body that no weight bounds grows by doubling, and is not copied for each
// event.
func TestUnweighedBodiesGrow(t *testing.T) {
	const n, size = 20_000, 100
	q := memq.New(memq.Config{Limit: 1 << 30})
	p := pack.New(pack.Config{Open: 1 << 30}, unweighed{}, q, &meter.Account{}, slog.New(slog.DiscardHandler))
	all := make([]string, n)
	for i := range all {
		all[i] = strings.Repeat("a", size)
	}
	b := batch(events(all...))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := p.Push(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 20*n*size {
		t.Errorf("%d bytes were allocated for a body of %d", got, n*size)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	_ = q.Close()
}
