package queue

import (
	"slices"
)

// moveStep bounds the bytes that one commit moves.
const moveStep = 1 << 20

// A segment goes when it and all before it hold nothing live. A block that rests
// for long, its destination being denied, would keep its segment and all later
// ones. So when most of the files is dead, the live frames of the oldest segment
// are written anew at the end, under their old ids: in a later frame that begins
// a block, recovery sees the block itself, and forgets what came before.

// compactLocked moves some frames, if that is worth it.
func (q *Queue) compactLocked() {
	for budget := int64(moveStep); budget > 0 && q.wastefulLocked(); {
		n := q.moveSomeLocked(budget)
		if n == 0 {
			return
		}
		budget -= n
	}
}

// wastefulLocked reports whether dead bytes are more than the live ones, or, as
// the files come near their limit, more than half of what the live ones leave of
// it. A few segments, up to a quarter of the limit, are always allowed: they are
// cheaper than moving.
func (q *Queue) wastefulLocked() bool {
	if q.failing || len(q.segments) < 3 || q.segments[0].pinned {
		return false
	}
	few := min(4*q.cfg.Segment, q.cfg.Disk/4)
	return q.disk-q.live > max(few, min(q.live, (q.cfg.Disk-q.live)/2))
}

// moveSomeLocked moves blocks out of the oldest segment until it is empty or
// budget bytes are moved. It returns zero if it could move nothing.
func (q *Queue) moveSomeLocked(budget int64) int64 {
	s := q.segments[0]
	var blocks []*entry
	size := int64(0)
	q.line.Each(func(e *entry, _ bool) bool {
		if slices.ContainsFunc(e.refs, func(r ref) bool { return r.seg == s }) {
			blocks = append(blocks, e)
			size += int64(e.bytes)
		}
		return size < budget && len(blocks) < s.live
	})
	moved := int64(0)
	for _, e := range blocks {
		n, err := q.moveLocked(e)
		if err != nil {
			// What cannot be read is found out when the block is to be sent.
			s.pinned = !q.failing
			return moved
		}
		moved += n
	}
	s.moved = s.moved || moved > 0
	q.trimLocked()
	return moved
}

// moveLocked writes e's frames anew, as one.
func (q *Queue) moveLocked(e *entry) (int64, error) {
	b, err := q.readBack(e, e.refs)
	if err != nil {
		return 0, err
	}
	defer q.cfg.Spare.Keep(b)
	var r ref
	if b.Sealed {
		r, err = q.writeLocked(appendWhole, b)
	} else {
		r, err = q.writeLocked(appendPiece, b)
	}
	if err != nil {
		return 0, err
	}
	q.dropRefsLocked(e)
	q.addRefLocked(e, r)
	if !slices.Contains(q.movedTo, r.seg) {
		q.movedTo = append(q.movedTo, r.seg)
	}
	return int64(r.n), nil
}

// settleLocked has what was moved safe on the disk before the old copy goes: the
// old one may have been there for long, and a loss of power must not cost it.
func (q *Queue) settleLocked() bool {
	for _, s := range q.movedTo {
		if s.live == 0 {
			continue // done meanwhile, the file perhaps removed
		}
		if err := s.file.Sync(); err != nil {
			q.healthLocked(err)
			return false
		}
	}
	q.movedTo = nil
	return true
}

// movedFrom reports whether e's bytes are no longer where refs say.
func (q *Queue) movedFrom(e *entry, refs []ref) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(e.refs) > 0 && len(refs) > 0 && e.refs[0] != refs[0]
}
