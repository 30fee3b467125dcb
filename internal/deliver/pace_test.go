package deliver_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/deliver"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

func blocks(n int) []*sidelight.Block {
	all := make([]*sidelight.Block, n)
	for i := range all {
		all[i] = queuetest.Block("d", fmt.Sprint(i))
	}
	return all
}

// A service that takes ten requests a second gets not many more, and what waits
// goes out about as fast as it may.
func TestPaceUnderAQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		taken := 0
		x := &exporter{answer: func(_ int, b *sidelight.Block) (sidelight.Receipt, error) {
			if float64(taken) > 10*time.Since(start).Seconds() {
				return sidelight.Receipt{}, fault(sidelight.Throttled)
			}
			taken++
			return all(b)
		}}
		_, d := run(t, deliver.Config{Workers: 1}, x, blocks(300)...)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("300 blocks took %v at 10 a second", took)
		}
		if s := d.Stats(); s.Throttled > 150 {
			t.Errorf("%d of %d attempts were throttled", s.Throttled, s.Attempts)
		}
	})
}

// However long the service throttled, once it does not, what waits goes out.
func TestPaceRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		x := &exporter{answer: func(_ int, b *sidelight.Block) (sidelight.Receipt, error) {
			if time.Since(start) < 10*time.Minute {
				return sidelight.Receipt{}, fault(sidelight.Throttled)
			}
			return all(b)
		}}
		_, d := run(t, deliver.Config{}, x, blocks(500)...)
		if took := time.Since(start); took > 10*time.Minute+20*time.Second {
			t.Errorf("500 blocks took %v after 10 minutes of throttling", took-10*time.Minute)
		}
		if s := d.Stats(); s.Throttled > 700 {
			t.Errorf("%d attempts in 10 minutes of throttling", s.Throttled)
		}
	})
}

// After a short outage delivery goes on soon: the pause grows with the outage,
// not with the number of attempts that fail at the same time.
func TestPauseOfAShortOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		x := &exporter{answer: func(_ int, b *sidelight.Block) (sidelight.Receipt, error) {
			if time.Since(start) < 2*time.Second {
				time.Sleep(10 * time.Millisecond) // so that attempts overlap
				return sidelight.Receipt{}, fault(sidelight.Transient)
			}
			return all(b)
		}}
		run(t, deliver.Config{Workers: 8}, x, blocks(50)...)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("delivered %v after an outage of 2 s", took-2*time.Second)
		}
	})
}
