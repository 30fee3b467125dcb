package pack

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// spareAge is how long memory that nobody needed is kept, in rounds of Run, and
// at most twice as long.
const spareAge = 4

// restful is how much longer a round takes while no block is open, and quietRounds
// is how many without one come before: what is spare by then has been let go.
const (
	restful     = 60
	quietRounds = 2 * spareAge
)

// errStopped says that the Packer was closed.
var errStopped = errors.New("packer is closed")

// Run seals blocks by age until Close. While no block is open it sleeps, but for a
// few times a minute.
func (p *Packer) Run(ctx context.Context) error {
	quiet := 0
	for n := 1; ; n++ {
		if p.events.Load() > 0 {
			quiet = 0
		}
		quiet++
		rest := quiet > quietRounds
		woken, err := p.round(ctx, rest)
		if errors.Is(err, errStopped) {
			return nil
		}
		if err != nil {
			return err
		}
		if woken {
			quiet = 0
		}
		if err := p.flush(p.cfg.Age * 3 / 4); err != nil {
			return err
		}
		if n%spareAge == 0 || rest {
			p.cfg.Spare.Age()
		}
	}
}

// round waits until blocks are to be looked at. At rest that is late, unless one
// is begun, which it reports.
func (p *Packer) round(ctx context.Context, rest bool) (woken bool, err error) {
	// Jitter keeps a fleet from flushing in step.
	wait := p.cfg.Age/4 + rand.N(p.cfg.Age/8+1)
	var begun <-chan struct{}
	if rest {
		// What was begun before is still in the channel.
		wait, begun = restful*wait, p.begun
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-p.stop:
		return false, errStopped
	case <-begun:
		return true, nil
	case <-t.C:
		return false, nil
	}
}

// flush seals every block that has been open for age, and forgets destinations
// that have been idle for a minute.
func (p *Packer) flush(age time.Duration) error {
	p.mu.Lock()
	slots := make([]*slot, 0, len(p.slots))
	for _, s := range p.slots {
		slots = append(slots, s)
	}
	p.mu.Unlock()
	var full []*sidelight.Block
	for _, s := range slots {
		s.mu.Lock()
		if b := p.seal(s, time.Since(s.opened) >= age); b != nil {
			full = append(full, b)
		}
		idle := s.block == nil && time.Since(s.used) > time.Minute
		s.gone = s.gone || idle
		s.mu.Unlock()
		if idle {
			p.forget(s)
		}
	}
	return p.putAll(full)
}

func (p *Packer) forget(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slots[s.dest] == s {
		delete(p.slots, s.dest)
	}
}

// Flush seals and puts every open block now.
func (p *Packer) Flush() error { return p.flush(0) }

// Close refuses further pushes, seals every open block and puts it, and makes
// Run return. The queue must still be open.
func (p *Packer) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.stop)
	p.mu.Unlock()
	return p.flush(0)
}
