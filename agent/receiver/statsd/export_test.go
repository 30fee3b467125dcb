package statsd

import (
	"context"
	"log/slog"

	"github.com/sidelight-dev/sidelight"
)

// Taker is the inside of a receiver, without sockets.
type Taker struct {
	*Receiver
	read *reader
}

// NewTaker returns a Taker that records to rec.
func NewTaker(cfg Config, rec sidelight.Recorder) *Taker {
	cfg = cfg.withDefaults()
	r := &Receiver{
		cfg: cfg, rec: rec, books: noBooks{}, log: slog.New(slog.DiscardHandler),
		levels: newLevels(cfg.MaxGauges), sets: newSets(cfg.MaxSets), complain: complaints{log: slog.New(slog.DiscardHandler)},
	}
	return &Taker{Receiver: r, read: r.reader()}
}

type noBooks struct{}

func (noBooks) Lose(sidelight.Signal, string, int) {}

// Take takes a datagram.
func (t *Taker) Take(out sidelight.Sink, b []byte) {
	t.read.take(context.Background(), out, 1, func(int) []byte { return b })
}

// Remembered is how many bytes of text the cache holds, and in how many places.
func (t *Taker) Remembered() (bytes, series int) {
	if t.read.cache.places == nil {
		return 0, 0
	}
	for _, place := range t.read.cache.places {
		for _, s := range place {
			if s != nil {
				bytes, series = bytes+cap(s.text), series+1
			}
		}
	}
	return bytes, series
}

// Gauges and Sets are how many are remembered.
func (t *Taker) Gauges() int { return len(t.levels.all) }

// Sets is how many are remembered.
func (t *Taker) Sets() int { return len(t.sets.all) }

// Count returns what the distinct count of hashes comes to.
func Count(hashes func(yield func(uint64) bool)) float64 {
	var d distinct
	for h := range hashes {
		d.add(h)
	}
	return d.count()
}

// Rebase forgets gauges and sets and records to rec from here on.
func (t *Taker) Rebase(rec sidelight.Recorder) {
	fresh := NewTaker(t.cfg, rec)
	for _, l := range t.levels.all {
		l.gone = true
	}
	t.rec, t.levels, t.sets = rec, fresh.levels, fresh.sets
}
