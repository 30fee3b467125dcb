package filelog

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sort"
	"time"
)

// followed is how many files are followed for each that may be open.
const followed = 10

// open begins to read the file at path and returns it, or nil. With an info it
// must be that file, and not another that was given its name meanwhile.
func (r *Receiver) open(path, source string, offset int64, info fs.FileInfo) *tail {
	f, err := openRegular(path)
	if err != nil {
		r.cannotOpen(path, err)
		return nil
	}
	if info != nil {
		if now, err := f.Stat(); err != nil || keyOf(now) != keyOf(info) {
			f.Close()
			return nil
		}
	}
	return r.begin(f, path, source, offset)
}

func (r *Receiver) cannotOpen(path string, err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		r.warn.Warn("cannot open a log file", slog.String("path", path), slog.Any("err", err))
	}
}

// begin begins to read f, unless that file is being read.
func (r *Receiver) begin(f *os.File, path, source string, offset int64) *tail {
	if len(r.tails) >= followed*r.cfg.MaxFiles {
		r.warn.Warn("too many log files; some are not read", slog.Int("max_files", r.cfg.MaxFiles), slog.String("path", path))
		f.Close()
		return nil
	}
	t, err := newTail(f, path, source, offset, r.store)
	if err != nil {
		r.cannotOpen(path, err)
		return nil
	}
	if r.tails[t.key] != nil {
		t.forget()
		f.Close()
		return nil
	}
	r.tails[t.key] = t
	r.order = append(r.order, t)
	r.holds(t)
	r.log.Info("reading a log file", slog.String("path", path), slog.Int64("offset", offset))
	return t
}

// holds counts the open file of t.
func (r *Receiver) holds(t *tail) {
	r.watch.hold(t.key)
	r.opened++
	r.makeRoom(t)
	r.count()
}

// closes closes the file of t, which may be opened again.
func (r *Receiver) closes(t *tail) {
	if t.f == nil {
		return
	}
	// In this order: the number of a file that was deleted may be that of
	// another as soon as it is closed.
	r.watch.release(t.key)
	if err := t.rest(); err != nil {
		r.warn.Warn("cannot close a log file", slog.String("path", t.path), slog.Any("err", err))
	}
	r.opened--
	r.count()
}

func (r *Receiver) count() {
	r.files.Store(int64(len(r.order)))
	r.openFiles.Store(int64(r.opened))
}

// makeRoom closes files if too many are open: those that still have a name, first
// of all those that were silent the longest.
func (r *Receiver) makeRoom(except *tail) {
	if r.opened <= r.cfg.MaxFiles {
		return
	}
	var may []*tail
	for _, t := range r.order {
		if t != except && t != r.current && t.f != nil && t.gone.IsZero() {
			may = append(may, t)
		}
	}
	sort.SliceStable(may, func(i, j int) bool {
		if a, b := may[i].offset >= may[i].size, may[j].offset >= may[j].size; a != b {
			return a
		}
		return may[i].grown.Before(may[j].grown)
	})
	// Some more, so that this is not done for each.
	for _, t := range may[:min(len(may), r.opened-r.cfg.MaxFiles+r.cfg.MaxFiles/10)] {
		r.closes(t)
	}
}

// ready opens t if it is closed and has changed, and reports whether it is open.
func (r *Receiver) ready(t *tail) bool {
	if t.f != nil {
		return true
	}
	info, err := os.Stat(t.path)
	if err != nil || keyOf(info) != t.key {
		if info = r.refind(t); info == nil {
			return false // discover finds that it is gone
		}
	}
	if info.Size() == t.size && t.offset >= t.size && t.ledger.Pending() == 0 {
		return false
	}
	f, err := openRegular(t.path)
	if err != nil {
		r.cannotOpen(t.path, err)
		return false
	}
	if now, err := f.Stat(); err != nil || keyOf(now) != t.key {
		f.Close()
		return false
	}
	t.f = f
	r.holds(t)
	return true
}

// refind looks for t, which is closed, beside where it was.
func (r *Receiver) refind(t *tail) (found fs.FileInfo) {
	siblings(t.source, func(path string, info fs.FileInfo) {
		if found == nil && keyOf(info) == t.key {
			t.path, found = path, info
		}
	})
	return found
}

// drop ends the reading of t.
func (r *Receiver) drop(t *tail) {
	r.watch.forget(t.asleep)
	t.forget()
	delete(r.tails, t.key)
	r.done[t.key] = finished{len(t.head), sum(t.head), t.offset, time.Now()}
	r.order = slices.DeleteFunc(r.order, func(o *tail) bool { return o == t })
	r.rotations.Add(1)
	r.closes(t)
	r.count()
	r.log.Info("a log file is read to its end", slog.String("path", t.path), slog.Int64("offset", t.offset))
}

// take takes up what the watch has seen.
func (r *Receiver) take() {
	n := r.watch.take()
	for _, k := range n.woken {
		if t := r.tails[k]; t != nil {
			t.asleep, t.next = 0, time.Time{}
			t.grown = time.Now()
		}
	}
	for _, a := range n.arrivals {
		r.arrive(a)
	}
	if n.lost {
		r.sweep = time.Time{}
		for _, t := range r.order {
			t.next = time.Time{}
		}
	}
	r.stale = r.stale || n.stale
}

// arrive reads a file that has come, or was renamed.
func (r *Receiver) arrive(a arrival) {
	if t := r.tails[a.key]; t != nil {
		if t.f != nil {
			a.f.Close()
			return
		}
		t.f, t.path, t.next = a.f, a.path, time.Time{}
		r.holds(t)
		return
	}
	info, err := a.f.Stat()
	if err != nil {
		r.let(a)
		return
	}
	offset := r.readBefore(a.f, info)
	if offset > 0 && offset == info.Size() || a.path == a.source && r.isCopy(a.path, info) {
		r.let(a)
		return
	}
	if t := r.begin(a.f, a.path, a.source, offset); t == nil {
		r.watch.release(a.key)
	} else if !r.cfg.matches(a.path) {
		t.gone = time.Now()
	}
}

// let lets go of a file that came and is not to be read.
func (r *Receiver) let(a arrival) {
	r.watch.release(a.key)
	a.f.Close()
}

// finished is a file that was read to its end and closed.
type finished struct {
	head   int
	sum    string
	offset int64
	at     time.Time
}

// readOf returns how much of the file at path was read before it was closed.
func (r *Receiver) readOf(path string, info fs.FileInfo) int64 {
	if _, ok := r.done[keyOf(info)]; !ok {
		return 0
	}
	f, err := openRegular(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	return r.readBefore(f, info)
}

// readBefore is readOf for a file that is open.
func (r *Receiver) readBefore(f *os.File, info fs.FileInfo) int64 {
	d, ok := r.done[keyOf(info)]
	if !ok || info.Size() < d.offset || !hasHead(f, d.head, d.sum) {
		return 0
	}
	return d.offset
}
