package agent

import (
	"context"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// ownNamespace is CloudWatch's namespace of what the agent says of itself.
const ownNamespace = "Sidelight/Agent"

// ownScraper measures the agent: its books, its queues and what it costs. What it
// adds to the books by that shows one interval later.
type ownScraper struct {
	agent  *Agent
	before [sidelight.NumSignals]meter.Totals
	cpu    float64
	at     time.Time
}

// Name returns "agent".
func (s *ownScraper) Name() string { return "agent" }

// Scrape records levels, and what happened since the scrape before.
func (s *ownScraper) Scrape(_ context.Context, to sidelight.Recorder) error {
	now, cost := time.Now(), process()
	record := func(name, unit string, kind sidelight.MeasurementKind, value float64, dims ...sidelight.Dimension) {
		to.Record(&sidelight.Measurement{Namespace: ownNamespace, Name: name, Unit: unit, Kind: kind, Value: value, Dimensions: dims})
	}
	for sig := range sidelight.Signal(sidelight.NumSignals) {
		t, old := s.agent.books.Totals(sig), s.before[sig]
		s.before[sig] = t
		signal := sidelight.Dimension{Name: "signal", Value: sig.String()}
		record("queued", "Count", sidelight.Gauge, float64(t.Queued()), signal)
		// Lines that stay in their files at the stop are taken back.
		record("accepted", "Count", sidelight.Sum, max(0, float64(t.Accepted)-float64(old.Accepted)), signal)
		record("delivered", "Count", sidelight.Sum, float64(t.Delivered-old.Delivered), signal)
		for cause, n := range t.Dropped {
			record("dropped", "Count", sidelight.Sum, float64(n-old.Dropped[cause]), sidelight.Dimension{Name: "cause", Value: cause}, signal)
		}
		for reason, n := range t.Refused {
			record("refused", "Count", sidelight.Sum, float64(n-old.Refused[reason]), sidelight.Dimension{Name: "reason", Value: reason}, signal)
		}
	}
	record("memory_rss", "Bytes", sidelight.Gauge, float64(cost.RSSBytes))
	if !s.at.IsZero() && now.After(s.at) {
		record("cpu_usage", "Percent", sidelight.Gauge, 100*(cost.CPUSeconds-s.cpu)/now.Sub(s.at).Seconds())
	}
	s.cpu, s.at = cost.CPUSeconds, now
	return nil
}
