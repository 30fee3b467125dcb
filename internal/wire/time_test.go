package wire_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/wire"
)

func TestAppendTime(t *testing.T) {
	const layout = "2006-01-02T15:04:05.000Z"
	times := []time.Time{{}, time.Unix(0, 0), time.Unix(0, -1), time.Unix(253402300800, 0), time.Unix(-62167219201, 0), time.Date(2026, 2, 28, 23, 59, 59, 999_999_999, time.FixedZone("x", -3600))}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		times = append(times, time.Unix(random.Int64N(1<<39)-1<<38, random.Int64N(1e9)))
	}
	for _, at := range times {
		if got, want := string(wire.AppendTime([]byte("x"), at)), "x"+at.UTC().Format(layout); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

func BenchmarkAppendTime(b *testing.B) {
	at := time.Date(2026, 2, 28, 23, 59, 59, 999_999_999, time.UTC)
	var buf [32]byte
	b.ReportAllocs()
	for b.Loop() {
		wire.AppendTime(buf[:0], at)
	}
}
