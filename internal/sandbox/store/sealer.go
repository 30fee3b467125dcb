package store

import "sync"

// maxUnsealed bounds the full blocks that wait to be sealed, in a store of the
// usual size: what two calls of PutLogEvents fill. One that is much smaller than
// they are has none.
const (
	maxUnsealed  = 8
	unsealedPart = 64
)

// sealer compresses and writes full blocks behind their writers' backs, which it
// holds up when too many wait. Its goroutine ends when none is left.
type sealer struct {
	store *Store
	most  int

	mu      sync.Mutex
	done    sync.Cond // a block was sealed
	waiting []*Block  // with the one at hand
	err     error     // that nobody was told yet
}

func newSealer(s *Store) *sealer {
	w := &sealer{store: s, most: int(min(s.max/(unsealedPart*blockSize), maxUnsealed))}
	w.done.L = &w.mu
	return w
}

// take seals blocks, or sees to it that they will be. It returns what went wrong
// since the last call.
func (w *sealer) take(full []*Block) error {
	for _, b := range full {
		if w.most == 0 {
			w.seal(b)
			continue
		}
		w.mu.Lock()
		for len(w.waiting) >= w.most {
			w.done.Wait()
		}
		w.waiting = append(w.waiting, b)
		if len(w.waiting) == 1 {
			go w.run()
		}
		w.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.err
	w.err = nil
	return err
}

// run seals what waits, in order.
func (w *sealer) run() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > 0 {
		b := w.waiting[0]
		w.mu.Unlock()
		w.seal(b)
		w.mu.Lock()
		w.waiting[0] = nil
		w.waiting = w.waiting[1:]
		w.done.Broadcast()
	}
}

// wait waits until no block waits.
func (w *sealer) wait() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > 0 {
		w.done.Wait()
	}
}

// seal seals a block.
func (w *sealer) seal(b *Block) {
	sealed, err := b.group.seal(b)
	if sealed != nil {
		w.store.account(0, 0, sealed)
	}
	if err != nil {
		w.mu.Lock()
		w.err = err
		w.mu.Unlock()
	}
}
