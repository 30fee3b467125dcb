package queue

import "time"

// Trouble is why the disk refuses writes.
type Trouble struct {
	// Since is when the first write in a row was refused; zero while all is well.
	Since time.Time
	Err   error
	// Times counts how often writing began to fail.
	Times uint64
}

// Trouble tells whether the disk refuses writes.
func (q *Queue) Trouble() Trouble {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.trouble
}

// markDoneLocked marks a block as done on disk, and those that could not be
// marked while the disk refused writes. A block that is not marked is sent again
// after a crash.
func (q *Queue) markDoneLocked(id uint64) {
	q.owed = append(q.owed, id)
	q.markOwedLocked()
}

func (q *Queue) markOwedLocked() {
	if len(q.owed) == 0 {
		return
	}
	if q.markLocked(done, q.owed...) == nil {
		q.owed = q.owed[:0]
	}
}
