package host

import (
	"runtime"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

type discard struct{ n int }

func (d *discard) Record(*sidelight.Measurement) { d.n++ }

// BenchmarkScrape measures this machine.
func BenchmarkScrape(b *testing.B) {
	for _, f := range []scraper.Family{scraper.Sidelight, scraper.CWAgent, scraper.OTel} {
		b.Run(string(f), func(b *testing.B) {
			s := New(Config{Names: f})
			defer s.Close()
			var to discard
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Scrape(b.Context(), &to); err != nil {
					b.Fatal(err)
				}
			}
			// Of one core, if it is done every 10 s.
			b.ReportMetric(100*float64(b.Elapsed())/float64(b.N)/float64(10*time.Second), "%core")
			b.ReportMetric(float64(to.n)/float64(b.N), "metrics/op")
		})
	}
}

// live returns the bytes of the heap that are in use.
func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An hour of scrapes, one every 10 s, leaves nothing behind.
func TestHour(t *testing.T) {
	s := New(Config{PerCPU: true, Connections: true})
	defer s.Close()
	scrape := func(n int) {
		for range n {
			if err := s.Scrape(t.Context(), &discard{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	scrape(20)
	before := live()
	scrape(360)
	if after := live(); after > before+64<<10 {
		t.Errorf("%d bytes are in use after an hour, %d before", after, before)
	}
}
