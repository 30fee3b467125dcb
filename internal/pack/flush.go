package pack

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// spareAge is how long memory that nobody needed is kept, in rounds of Run, and
// at most twice as long.
const spareAge = 4

// Run seals blocks by age until Close.
func (p *Packer) Run(ctx context.Context) error {
	for n := 1; ; n++ {
		// Jitter keeps a fleet from flushing in step.
		t := time.NewTimer(p.cfg.Age/4 + rand.N(p.cfg.Age/8+1))
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-p.stop:
			t.Stop()
			return nil
		case <-t.C:
		}
		if err := p.flush(p.cfg.Age * 3 / 4); err != nil {
			return err
		}
		if n%spareAge == 0 {
			p.cfg.Spare.Age()
		}
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
