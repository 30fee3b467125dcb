package queue

import "fmt"

// What a file costs is its pages: they have to be found, cleared and given back,
// and are cold when they are written. So files that are done with are kept, under
// another name, and written over. How a reader knows what is of an earlier use is
// in docs/format/queue.md.

const spareSuffix = ".spare"

func spareName(n uint64) string { return fmt.Sprintf("%08d%s", n, spareSuffix) }

// keepLocked keeps the file of s, which is done with, unless it is better
// removed. Near the limit all files are of use; one that was not written by this
// process alone may have frames that do not tell their use; and where each write
// is synced, so would have to be the new name.
func (q *Queue) keepLocked(s *segment) bool {
	if q.cfg.Fsync || !s.own || s.damaged || s.size < q.cfg.Segment || q.disk+q.idle+s.length > q.cfg.Disk/2 {
		return false
	}
	if q.root.Rename(segmentName(s.n), spareName(s.n)) != nil {
		return false
	}
	q.spares = append(q.spares, s)
	q.idle += s.length
	return true
}

// reuseLocked returns segment n in a file that was kept, or nil.
func (q *Queue) reuseLocked(n uint64) *segment {
	for len(q.spares) > 0 {
		old := q.takeSpareLocked()
		s := &segment{n: n, root: q.root, file: old.file, size: int64(len(magic)), length: old.length, own: true}
		if s.use() != old.use() && q.root.Rename(spareName(old.n), segmentName(n)) == nil {
			return s
		}
		q.removeSpare(old)
	}
	return nil
}

// takeSpareLocked takes the spare that was kept last: its pages are the warmest.
func (q *Queue) takeSpareLocked() *segment {
	last := len(q.spares) - 1
	s := q.spares[last]
	q.spares = q.spares[:last]
	q.idle -= s.length
	return s
}

func (q *Queue) removeSpare(s *segment) {
	s.file.Close()
	_ = q.root.Remove(spareName(s.n))
}

// fewerSparesLocked keeps no more spares than are segments, and one. A steady flow
// needs two; where blocks pile up, many files go at once, and others are needed.
func (q *Queue) fewerSparesLocked() { q.dropSparesLocked(len(q.segments) + 1) }

// dropSparesLocked removes all spares but some.
func (q *Queue) dropSparesLocked(but int) {
	for len(q.spares) > but {
		q.removeSpare(q.takeSpareLocked())
	}
}

// removeSpares removes what an earlier process kept.
func (q *Queue) removeSpares() error {
	numbers, err := q.list(spareSuffix)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := q.root.Remove(spareName(n)); err != nil {
			return fmt.Errorf("remove a spare segment: %w", err)
		}
	}
	return nil
}
