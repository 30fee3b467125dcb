package disk

import "sync"

// journalSlack is how much a journal may grow beyond twice what it holds.
const journalSlack = 16 << 20

// Journal keeps a store in memory and a log in step. A nil *Journal writes
// nothing. It is safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	log  *Log
	dump func(add func(record []byte) error) error
}

// OpenJournal opens or creates the log in the file of that path and hands each
// record to replay. dump adds records that make the store what it is; by them
// the log is rewritten when it has grown far beyond the store.
func OpenJournal(path string, replay func([]byte) error, dump func(add func([]byte) error) error) (*Journal, error) {
	l, err := Open(path, replay)
	if err != nil {
		return nil, err
	}
	return &Journal{log: l, dump: dump}, nil
}

// Do calls apply, which changes the store, and appends the record of the
// change. When it returns nil, the change outlives the process.
func (j *Journal) Do(apply func(), record func() ([]byte, error)) error {
	if j == nil {
		apply()
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	apply()
	b, err := record()
	if err != nil {
		return err
	}
	if err := j.log.Append(b); err != nil {
		return err
	}
	if j.log.Bloated(journalSlack) {
		return j.log.Rewrite(j.dump)
	}
	return nil
}

// Rewrite calls change, which may change the store in any way, and writes the
// log anew.
func (j *Journal) Rewrite(change func()) error {
	if j == nil {
		change()
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	change()
	return j.log.Rewrite(j.dump)
}

// Close closes the file.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.log.Close()
}
