package pack_test

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// A packer that had nothing for long seals what comes then no later than others.
func TestSealedAfterRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memq.New(memq.Config{})
		p := pack.New(pack.Config{}, queuetest.Encoder{}, q, &meter.Account{}, slog.New(slog.DiscardHandler))
		ended := make(chan error, 1)
		go func() { ended <- p.Run(t.Context()) }()
		for _, rest := range []time.Duration{0, time.Second, 2500 * time.Millisecond, 10 * time.Minute, 0, time.Hour} {
			<-time.After(rest)
			start := time.Now()
			if err := p.Push(t.Context(), batch(events("a"))); err != nil {
				t.Fatal(err)
			}
			l, err := q.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Commit(); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(start); d < 750*time.Millisecond || d > 1300*time.Millisecond {
				t.Errorf("sealed %v after a rest of %v, want about 1s", d, rest)
			}
		}
		if err := errors.Join(p.Close(), <-ended); err != nil {
			t.Error(err)
		}
	})
}

// At rest a round takes many seconds, but for the one in which a block is begun.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pack.New(pack.Config{}, queuetest.Encoder{}, memq.New(memq.Config{}), &meter.Account{}, slog.New(slog.DiscardHandler))
		for _, begun := range []bool{false, true, false} {
			if begun {
				if err := p.Push(t.Context(), batch(events("a"))); err != nil {
					t.Fatal(err)
				}
			}
			start := time.Now()
			woken, err := p.RestOnce(t.Context())
			if err != nil || woken != begun {
				t.Errorf("woken %t, %v; want %t", woken, err, begun)
			}
			if d := time.Since(start); begun && d != 0 || !begun && d < 10*time.Second {
				t.Errorf("a round at rest took %v, with a block begun: %t", d, begun)
			}
		}
	})
}
