package line

import (
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Waiting is what a queue holds for one destination.
type Waiting struct {
	Dest   sidelight.Dest
	Signal sidelight.Signal
	Blocks int
	Events int
	Bytes  int64
	// Oldest is when the oldest of the blocks was put.
	Oldest time.Time
}

// Tally sums blocks by destination, in the order in which the destinations came.
// The zero Tally is empty.
type Tally struct {
	at  map[sidelight.DestHandle]int
	sum []Waiting
}

// Add counts one block.
func (t *Tally) Add(d sidelight.DestHandle, s sidelight.Signal, events, bytes int, put time.Time) {
	i, ok := t.at[d]
	if !ok {
		if t.at == nil {
			t.at = map[sidelight.DestHandle]int{}
		}
		i = len(t.sum)
		t.at[d] = i
		t.sum = append(t.sum, Waiting{Dest: d.Value(), Signal: s, Oldest: put})
	}
	w := &t.sum[i]
	w.Blocks++
	w.Events += events
	w.Bytes += int64(bytes)
	if put.Before(w.Oldest) {
		w.Oldest = put
	}
}

// Sum returns what was counted.
func (t *Tally) Sum() []Waiting { return t.sum }
