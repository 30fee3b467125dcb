package refused

import (
	"errors"
	"fmt"
	"os"

	"github.com/sidelight-dev/sidelight/internal/atomicfile"
)

// fileShare is the part of the limit at which a new file is begun: what is given
// up at a time when the limit is reached.
const fileShare = 8

// appendLocked writes records, giving each its ID. Each is kept or counted lost.
func (s *Store) appendLocked(records []Record) error {
	for len(records) > 0 {
		lines, n, err := s.linesLocked(records)
		if err == nil && n > 0 {
			err = s.writeLocked(lines, n)
		}
		if err != nil {
			s.stats.Lost += uint64(len(records))
			return err
		}
		if n == 0 { // longer than all that may be kept
			s.stats.Lost++
			n = 1
		}
		records = records[n:]
	}
	return nil
}

// linesLocked encodes as many of the records as fit one file.
func (s *Store) linesLocked(records []Record) (lines []byte, n int, err error) {
	for i := range records {
		records[i].ID = s.next + uint64(i)
		longer, err := records[i].appendLine(lines)
		if err != nil {
			return nil, 0, fmt.Errorf("encode a refused event: %w", err)
		}
		if int64(len(longer)) > s.cfg.Limit {
			break
		}
		if lines, n = longer, i+1; int64(len(lines)) >= s.cfg.Limit/fileShare {
			break
		}
	}
	return lines, n, nil
}

// writeLocked appends lines, which hold n records, to the last file.
func (s *Store) writeLocked(lines []byte, n int) error {
	s.makeRoomLocked(int64(len(lines)))
	f, err := s.fileLocked()
	if err != nil {
		return err
	}
	_, err = s.tail.WriteAt(lines, f.size)
	if err == nil && s.cfg.Fsync {
		err = s.tail.Sync()
	}
	if err != nil {
		// A part that stays is cut off when the directory is opened again, and
		// written over before that.
		return errors.Join(fmt.Errorf("write refused events: %w", err), s.tail.Truncate(f.size))
	}
	s.next += uint64(n)
	f.size += int64(len(lines))
	f.events += n
	s.stats.Bytes += int64(len(lines))
	s.stats.Events += n
	return nil
}

// fileLocked returns the file to write to, beginning a new one if need be.
func (s *Store) fileLocked() (*file, error) {
	if n := len(s.files); n > 0 && s.files[n-1].size < max(s.cfg.Limit/fileShare, 1) {
		f := s.files[n-1]
		if s.tail != nil {
			return f, nil
		}
		return f, s.openTailLocked(f, 0)
	}
	if err := s.closeTailLocked(); err != nil {
		return nil, err
	}
	f := &file{first: s.next}
	if err := s.openTailLocked(f, os.O_CREATE|os.O_EXCL); err != nil {
		return nil, err
	}
	s.files = append(s.files, f)
	return f, nil
}

func (s *Store) openTailLocked(f *file, flag int) (err error) {
	if s.tail, err = s.root.OpenFile(fileName(f.first), os.O_RDWR|flag, 0o600); err != nil {
		s.tail = nil
		return fmt.Errorf("open refused events: %w", err)
	}
	return nil
}

func (s *Store) closeTailLocked() error {
	if s.tail == nil {
		return nil
	}
	err := s.tail.Close()
	s.tail = nil
	return err
}

// makeRoomLocked removes the oldest files until n bytes more are within the
// limit.
func (s *Store) makeRoomLocked(n int64) {
	for len(s.files) > 0 && s.stats.Bytes+n > s.cfg.Limit {
		f := s.files[0]
		if len(s.files) == 1 {
			_ = s.closeTailLocked()
		}
		if err := s.root.Remove(fileName(f.first)); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.log.Warn("cannot remove refused events", "file", fileName(f.first), "err", err)
			return
		}
		s.files = s.files[1:]
		s.stats.Bytes -= f.size
		s.stats.Events -= f.events
		s.stats.Displaced += uint64(f.events)
	}
}

// Remove deletes the records that f chooses and returns how many those were.
// Each file is replaced at once: a crash leaves it as it was, or without them.
func (s *Store) Remove(f Filter) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.closeTailLocked(); err != nil {
		return 0, fmt.Errorf("close refused events: %w", err)
	}
	removed := 0
	kept := s.files[:0:0]
	var errs []error
	for i, x := range s.files {
		end := uint64(0)
		if i < len(s.files)-1 {
			end = s.files[i+1].first
		}
		if !f.within(x.first, end) {
			kept = append(kept, x)
			continue
		}
		n, err := s.removeFromLocked(x, &f)
		removed += n
		errs = append(errs, err)
		if x.size == 0 && i < len(s.files)-1 {
			errs = append(errs, s.root.Remove(fileName(x.first)))
			continue
		}
		if x.size == 0 && x.first != s.next {
			errs = append(errs, s.renameLocked(x))
		}
		kept = append(kept, x)
	}
	s.files = kept
	return removed, errors.Join(errs...)
}

func (s *Store) removeFromLocked(x *file, f *Filter) (int, error) {
	data, err := s.root.ReadFile(fileName(x.first))
	if err != nil {
		return 0, fmt.Errorf("read refused events: %w", err)
	}
	var left []byte
	n, events := 0, 0
	each(data, func(r *Record, line []byte) bool {
		if f.Match(r) {
			n++
		} else {
			left = append(left, line...)
			events++
		}
		return true
	})
	if n == 0 {
		return 0, nil
	}
	if err := atomicfile.Write(s.root, fileName(x.first), left, 0o600); err != nil {
		return 0, fmt.Errorf("rewrite refused events: %w", err)
	}
	s.stats.Bytes += int64(len(left)) - x.size
	s.stats.Events += events - x.events
	x.size, x.events = int64(len(left)), events
	return n, nil
}

// renameLocked names the last file, which is empty, by the ID that comes next, so
// that none is used twice.
func (s *Store) renameLocked(x *file) error {
	if err := s.root.Rename(fileName(x.first), fileName(s.next)); err != nil {
		return fmt.Errorf("rename refused events: %w", err)
	}
	x.first = s.next
	return nil
}
