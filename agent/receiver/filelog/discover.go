package filelog

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// keepLast is how long a path is remembered after its file has gone.
const keepLast = 10 * time.Minute

// minHead is how much of a file must be known before another is taken for its
// copy.
const minHead = 64

// copyTime is how long a file that begins like another may stay shorter than
// that file's head before it is no longer taken for a copy that is being made.
const copyTime = 10 * time.Second

// coarse is how far the times that file systems note may lie behind the clock.
const coarse = 50 * time.Millisecond

// restore opens the files that the store knows of, wherever
// a rotation has taken them since.
func (r *Receiver) restore() {
	present := map[key]string{}
	note := func(path string) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			present[keyOf(info)] = path
		}
	}
	r.cfg.find(note)
	var later []quarry
	dirs := map[string]bool{}
	for _, cp := range r.store.Saved() {
		if !r.cfg.matches(cp.Path) {
			continue
		}
		if dir := filepath.Dir(cp.Path); !dirs[dir] {
			dirs[dir] = true
			siblings(cp.Path, func(path string, info fs.FileInfo) {
				if _, ok := present[keyOf(info)]; !ok {
					present[keyOf(info)] = path
				}
			})
		}
		if at := r.resume(cp, present); !at.IsZero() {
			later = append(later, quarry{path: cp.Path, since: at})
		}
	}
	for _, h := range later {
		// These times come from one clock, and may be the same.
		r.openBetween(h.path, h.since.Add(coarse-1))
	}
	r.store.Settle()
}

// resume opens the file of cp, or the copy that was made of it before it was
// truncated. If it is not where it was it returns the time after which what came
// in its place was written, if that is known: it may have been rotated as well.
func (r *Receiver) resume(cp receiver.Checkpoint, present map[key]string) time.Time {
	path, ok := present[key{cp.Device, cp.Inode}]
	if !ok || !holds(path, cp) {
		if path, ok = findCopy(cp, time.Time{}); !ok {
			return r.store.Written()
		}
	}
	t := r.open(path, cp.Path, cp.Offset, nil)
	if t == nil || path == cp.Path {
		return time.Time{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// holds reports whether the file at path is the one that cp speaks of.
func holds(path string, cp receiver.Checkpoint) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() >= cp.Offset && sameHead(path, cp.Head, cp.Sum)
}

// findCopy looks beside cp's path for a copy of the file as it was, which was
// written to after since.
func findCopy(cp receiver.Checkpoint, since time.Time) (string, bool) {
	found := ""
	siblings(cp.Path, func(path string, info fs.FileInfo) {
		if found == "" && cp.Head > 0 && !info.ModTime().Before(since) && holds(path, cp) {
			found = path
		}
	})
	return found, found != ""
}

// discover opens new files and notes which are no longer where they were. first
// is set at the first look of the first start.
func (r *Receiver) discover(first bool) {
	now := time.Now()
	seen := map[key]bool{}
	r.watch.cover()
	r.cfg.find(func(path string) {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || seen[keyOf(info)] {
			return
		}
		k := keyOf(info)
		seen[k] = true
		if was, ok := r.last[path]; ok && was.key != k {
			r.hunt(path, was.at, now)
		}
		r.last[path] = sighting{key: k, at: now}
		if t := r.tails[k]; t != nil {
			t.path, t.gone = path, time.Time{}
		} else if !r.isCopy(path, info) {
			r.appeared(path, info, first)
		}
	})
	for _, t := range r.order {
		if !seen[t.key] && t.gone.IsZero() {
			t.gone, t.next = now, time.Time{}
		}
	}
	r.followUp(now, seen)
}

// appeared begins to read a new file.
func (r *Receiver) appeared(path string, info fs.FileInfo, first bool) {
	// A file that moved while the names were listed seemed to be gone.
	offset := r.readOf(path, info)
	if first && r.cfg.Start == End {
		offset = info.Size()
	}
	r.open(path, path, offset, info)
}

// sighting is when a path was found last, and which file it named.
type sighting struct {
	key  key
	at   time.Time
	gone bool // it was looked for since, in vain
}

// quarry are the files that had a name, and lost it again, since it was found
// last: rotations may follow each other faster than they are looked for.
type quarry struct {
	path         string
	since, until time.Time
	looks        int
}

// minLooks is how often a hunt looks at least, however long a look takes: names
// may move while they are listed.
const minLooks = 4

// hunt looks for what has come between the file that path named at since and
// what it names now, at once and for a while.
func (r *Receiver) hunt(path string, since, now time.Time) {
	h, ok := r.hunts[path]
	if !ok {
		h.path, h.since = path, since
	}
	h.until, h.looks = now.Add(r.cfg.RotateWait), 0
	r.hunts[path] = h
	r.openBetween(path, h.since)
}

// followUp goes on with hunts, begins one for each path that names nothing any
// more, and forgets what is old.
func (r *Receiver) followUp(now time.Time, seen map[key]bool) {
	for path, was := range r.last {
		if was.at.Equal(now) {
			continue
		}
		if !was.gone {
			was.gone = true
			r.last[path] = was
			r.hunt(path, was.at, now)
		}
		if now.Sub(was.at) > keepLast {
			delete(r.last, path)
		}
	}
	for path, h := range r.hunts {
		r.openBetween(path, h.since)
		h.looks++
		r.hunts[path] = h
		if now.After(h.until) && h.looks >= minLooks {
			delete(r.hunts, path)
		}
	}
	for k, d := range r.done {
		if now.Sub(d.at) > keepLast {
			delete(r.done, k)
		}
	}
	for k := range r.copies {
		if !seen[k] {
			delete(r.copies, k)
		}
	}
}

// openBetween reads the files beside path that were written to after since, so
// far as they were not read.
func (r *Receiver) openBetween(path string, since time.Time) {
	type sibling struct {
		path string
		info fs.FileInfo
	}
	var missed []sibling
	siblings(path, func(p string, info fs.FileInfo) {
		if r.tails[keyOf(info)] == nil && info.ModTime().After(since.Add(-coarse)) && r.readOf(p, info) < info.Size() && !r.isCopy(p, info) {
			missed = append(missed, sibling{p, info})
		}
	})
	order.By(missed, func(a, b sibling) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, m := range missed {
		if t := r.open(m.path, path, r.readOf(m.path, m.info), m.info); t != nil {
			t.gone = time.Now()
		}
	}
}

// isCopy reports whether the file at path is the copy that a rotation makes
// before it truncates a file that is being read. It is left alone until that
// happens.
func (r *Receiver) isCopy(path string, info fs.FileInfo) bool {
	if r.copies[keyOf(info)] {
		return true
	}
	for _, t := range r.order {
		if len(t.head) < minHead || !rotated(filepath.Base(t.path), filepath.Base(path)) || filepath.Dir(t.path) != filepath.Dir(path) {
			continue
		}
		n := int(min(int64(len(t.head)), info.Size()))
		if !sameHead(path, n, sum(t.head[:n])) {
			continue
		}
		if n == len(t.head) {
			r.copies[keyOf(info)] = true
			return true
		}
		// It may be being copied at this moment.
		if time.Since(info.ModTime()) < copyTime {
			r.stale = true // to be looked at again
			return true
		}
	}
	return false
}

// truncated goes on with the copy that was made of t, if there is one, and
// begins t again.
func (r *Receiver) truncated(t *tail) {
	cp := t.checkpoint()
	cp.Path, cp.Offset = t.path, t.offset
	// A copy is made after the last line was written; clocks of file systems
	// are coarse.
	if path, ok := findCopy(cp, t.grown.Add(-time.Hour)); ok {
		if info, err := os.Stat(path); err == nil {
			delete(r.copies, keyOf(info))
		}
		if c := r.open(path, t.source, t.offset, nil); c != nil && !r.cfg.matches(path) {
			c.gone = time.Now()
		}
	}
	r.truncations.Add(1)
	t.restart()
}
