// Package refused keeps the events that AWS refused for good, readable, in a
// directory of bounded size: one JSON object a line, with the reason, so that a
// person can see what was refused, mend the cause, and send the events anew. The
// oldest make room for the newest. The files are described in
// docs/format/queue.md.
package refused

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/sidelight-dev/sidelight/internal/dirlock"
)

// Config bounds a Store.
type Config struct {
	// Dir is made if it is missing. One process at a time may write to it.
	Dir string
	// Limit is the greatest sum of the files' bytes. Zero sets nothing more
	// aside; what is there stays.
	Limit int64
	// Fsync waits, at each write, until the bytes are on the disk.
	Fsync bool
}

// Store is the directory. Its methods are safe for concurrent use.
type Store struct {
	cfg  Config
	log  *slog.Logger
	root *os.Root
	lock *os.File

	mu      sync.Mutex
	files   []*file // oldest first; the last is written to
	tail    *os.File
	next    uint64
	stats   Stats
	failing bool
	doubts  allowance
}

// file is one file: it is named by the first ID that it may hold.
type file struct {
	first  uint64
	size   int64
	events int
}

// Stats says what a Store holds, and what it could not keep since Open.
type Stats struct {
	Events int   `json:"events"`
	Bytes  int64 `json:"bytes"`
	Limit  int64 `json:"limit_bytes"`
	// Displaced counts events that made room for newer ones.
	Displaced uint64 `json:"displaced"`
	// Lost counts events that could not be written or read, or were too long, and
	// those that the service did not name, unless all that they may be were kept.
	Lost uint64 `json:"lost"`
}

const suffix = ".jsonl"

func fileName(first uint64) string { return fmt.Sprintf("%016d%s", first, suffix) }

// Open opens the directory for writing, cutting off what a crash left half
// written.
func Open(cfg Config, log *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of refused events: %w", err)
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory of refused events: %w", err)
	}
	lock, err := dirlock.Lock(root)
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("lock the directory %q: %w", cfg.Dir, err)
	}
	s := &Store{cfg: cfg, log: log, root: root, lock: lock, next: 1}
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) recover() error {
	firsts, err := list(s.root)
	if err != nil {
		return err
	}
	for i, first := range firsts {
		data, err := s.root.ReadFile(fileName(first))
		if err != nil {
			return fmt.Errorf("read refused events: %w", err)
		}
		if end := bytes.LastIndexByte(data, '\n') + 1; i == len(firsts)-1 && end < len(data) {
			s.log.Warn("cut off a half written refused event", "file", fileName(first), "bytes", len(data)-end)
			if err := s.truncate(first, int64(end)); err != nil {
				return err
			}
			data = data[:end]
		}
		f := &file{first: first, size: int64(len(data))}
		s.next = max(s.next, first)
		for line := range bytes.Lines(data) {
			if id := lineID(line); id > 0 {
				f.events++
				s.next = max(s.next, id+1)
			}
		}
		s.files = append(s.files, f)
		s.stats.Events += f.events
		s.stats.Bytes += f.size
	}
	if s.cfg.Limit > 0 {
		s.makeRoomLocked(0)
	}
	return nil
}

func (s *Store) truncate(first uint64, size int64) error {
	f, err := s.root.OpenFile(fileName(first), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open refused events: %w", err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return fmt.Errorf("cut off a half written event: %w", err)
	}
	return nil
}

// list returns the files' first IDs in order.
func list(root *os.Root) ([]uint64, error) {
	dir, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list refused events: %w", err)
	}
	var firsts []uint64
	for _, d := range dir {
		base, ok := strings.CutSuffix(d.Name(), suffix)
		if n, err := strconv.ParseUint(base, 10, 64); ok && err == nil && fileName(n) == d.Name() {
			firsts = append(firsts, n)
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}

// each calls f for the records of a file and their lines, until f returns false.
// Lines that are no records are passed over.
func each(data []byte, f func(r *Record, line []byte) bool) {
	for line := range bytes.Lines(data) {
		if r, ok := parseLine(line); ok && !f(&r, line) {
			return
		}
	}
}

// Stats returns a copy of the numbers.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Limit = s.cfg.Limit
	return out
}

// Close lets go of the directory.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.closeTailLocked(), s.lock.Close(), s.root.Close())
}
