package host

import (
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
