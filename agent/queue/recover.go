package queue

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// recover reads every segment and lines up the blocks that are not done.
func (q *Queue) recover() error {
	if err := q.removeSpares(); err != nil {
		return err
	}
	numbers, err := q.list(segmentSuffix)
	if err != nil {
		return err
	}
	blocks := map[uint64]*entry{}
	for i, n := range numbers {
		if err := q.readSegment(n, i == len(numbers)-1, blocks); err != nil {
			return err
		}
	}
	for _, e := range inOrder(blocks) {
		if e.events == 0 || e.bytes == 0 {
			// No writer makes such a block, and no encoder could finish it.
			q.dropRefsLocked(e)
			continue
		}
		q.bytes += int64(e.bytes)
		q.events += e.events
		q.line.Put(e)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.trimLocked()
	return nil
}

// inOrder returns blocks in the order in which they were begun.
func inOrder(blocks map[uint64]*entry) []*entry {
	out := make([]*entry, 0, len(blocks))
	for _, e := range blocks {
		out = append(out, e)
	}
	order.By(out, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	return out
}

// list returns the numbers of the files with a suffix, in order.
func (q *Queue) list(suffix string) ([]uint64, error) {
	dir, err := fs.ReadDir(q.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list the queue's directory: %w", err)
	}
	var numbers []uint64
	for _, d := range dir {
		base, ok := strings.CutSuffix(d.Name(), suffix)
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(base, 10, 64); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// readSegment adds what segment n says to blocks. A torn tail of the last
// segment is cut off; damage elsewhere is set aside later and logged now.
func (q *Queue) readSegment(n uint64, last bool, blocks map[uint64]*entry) error {
	data, err := q.root.ReadFile(segmentName(n))
	if err != nil {
		return fmt.Errorf("read segment: %w", err)
	}
	f, err := q.cfg.open(q.root, segmentName(n), 0)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	s := &segment{n: n, root: q.root, file: f, length: int64(len(data))}
	q.segments = append(q.segments, s)
	end, err := q.readFrames(s, data, blocks)
	s.size = int64(end)
	switch {
	case err != nil && last:
		q.log.Warn("cut off the torn end of the queue", "segment", segmentName(n), "at", end, "bytes", len(data)-end, "err", err)
	case err != nil:
		q.log.Error("a queue segment is damaged; the rest of it is set aside", "segment", segmentName(n), "at", end, "bytes", len(data)-end, "err", err)
		s.size, s.damaged = s.length, true
	}
	q.disk += s.size
	if err := s.end(); err != nil {
		return err
	}
	// A file without even its magic cannot be written to.
	s.damaged = s.damaged || end < len(magic)
	return nil
}

// readFrames returns how far the segment was read, and why not further if that is
// not where it ends.
func (q *Queue) readFrames(s *segment, data []byte, blocks map[uint64]*entry) (int, error) {
	if !strings.HasPrefix(string(data[:min(len(data), len(magic))]), magic) {
		return 0, errors.New("not a segment of this format")
	}
	off := len(magic)
	for off < len(data) {
		if bytes.HasPrefix(data[off:], []byte(endMark)) {
			return off, nil
		}
		f, err := parseFrame(data[off:])
		if err == nil && f.use != 0 && f.use != s.use() {
			err = errors.New("frame is of an earlier use of the file")
		}
		if err != nil {
			return off, err
		}
		q.apply(s, int64(off), &f, blocks)
		off += f.size
	}
	return off, nil
}

func (q *Queue) apply(s *segment, off int64, f *frame, blocks map[uint64]*entry) {
	q.nextID = max(q.nextID, f.id+1)
	e := blocks[f.id]
	switch f.kind {
	case done:
		if e != nil {
			q.dropRefsLocked(e)
			delete(blocks, f.id)
		}
	case piece, whole:
		if e == nil {
			if !f.first {
				return // its beginning went with an earlier segment: it was done
			}
			e = &entry{id: f.id, dest: f.dest.Handle(), signal: f.signal, put: putTime(f.marks, time.Now())}
			blocks[f.id] = e
		} else if f.first {
			// The block was moved here: what came before is a copy of it.
			q.dropRefsLocked(e)
			e.events, e.bytes = 0, 0
		}
		q.addRefLocked(e, ref{seg: s, off: off, n: f.size})
		e.events += len(f.marks)
		e.bytes += len(f.body)
	}
}

// finish completes a block that was read back.
func (q *Queue) finish(b *sidelight.Block, e *entry) {
	if !b.Sealed {
		grown := b.Body
		q.cfg.Finish(b)
		if len(grown) > 0 && &grown[0] != &b.Body[0] {
			q.cfg.Spare.KeepBody(grown)
		}
	}
	b.Sealed = true
	if b.Sum = e.sum; !e.hashed {
		b.Rehash()
	}
}

// Recovered returns how many events of each signal were found at Open. It is
// meaningful until the first Take.
func (q *Queue) Recovered() map[sidelight.Signal]int {
	out := map[sidelight.Signal]int{}
	q.line.Each(func(e *entry, _ bool) bool {
		out[e.signal] += e.events
		return true
	})
	return out
}
