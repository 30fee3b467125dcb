package filelog

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/internal/inotify"
)

// watch is told by the kernel what happens in the directories of the patterns,
// and opens each file the moment it comes, on a goroutine of its own: while the
// reader waits for room, a rotation may rename a file and delete it.
//
// A nil *watch is one that sees nothing.
type watch struct {
	cfg  *Config
	in   *inotify.Watcher
	log  *slog.Logger
	warn *receiver.Warner
	wake chan struct{} // has one when there is something to take
	done chan struct{}
	// waiting counts the files that the reader has not taken.
	waiting *atomic.Int64

	mu   sync.Mutex
	dirs map[int32][]string
	wds  map[string]int32
	once map[int32]sleeper
	// held are the files that are open, here or by the reader.
	held map[key]bool
	// names are the sources of files that were renamed, by their paths now.
	names map[string]string
	moved map[uint32]string // from cookies to sources
	news  news
	// partial is set when there is a directory that is not watched, full once
	// it was said that the kernel watches no more files.
	partial, full, remote bool
}

// news is what the watch has to tell the reader.
type news struct {
	arrivals []arrival
	woken    []key
	lost     bool // events were lost: anything may have happened
	stale    bool // names have come or gone
}

// arrival is a file that has come, open.
type arrival struct {
	key          key
	path, source string
	f            *os.File
}

// sleeper is a file that is watched until it is written to.
type sleeper struct {
	key          key
	path, source string
}

// newWatch returns a watch at work, or nil if there can be none, which it says.
func newWatch(cfg *Config, waiting *atomic.Int64, log *slog.Logger, warn *receiver.Warner) *watch {
	if cfg.PollOnly {
		return nil
	}
	in, err := inotify.New()
	if err != nil {
		if !errors.Is(err, errors.ErrUnsupported) {
			log.Warn("log files are looked for from time to time: the kernel does not tell of changes", slog.Any("err", err))
		}
		return nil
	}
	w := &watch{
		cfg: cfg, in: in, waiting: waiting, log: log, warn: warn, wake: make(chan struct{}, 1), done: make(chan struct{}),
		dirs: map[int32][]string{}, wds: map[string]int32{}, once: map[int32]sleeper{},
		held: map[key]bool{}, names: map[string]string{}, moved: map[uint32]string{},
	}
	w.cover()
	return w
}

// run handles events until close.
func (w *watch) run() {
	defer close(w.done)
	for {
		events, err := w.in.Read()
		if err != nil {
			return
		}
		w.mu.Lock()
		for _, e := range events {
			w.handleLocked(e)
		}
		w.mu.Unlock()
		w.signal()
	}
}

func (w *watch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// awake returns the channel that has one when there is something to take.
func (w *watch) awake() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.wake
}

func (w *watch) close() {
	if w == nil {
		return
	}
	w.in.Close()
	<-w.done
	for _, a := range w.news.arrivals {
		a.f.Close()
	}
	w.waiting.Store(0)
}

// take returns what is new since the last call.
func (w *watch) take() news {
	if w == nil {
		return news{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.news
	w.news = news{}
	w.waiting.Store(0)
	return n
}

// complete reports whether no file can come unseen.
func (w *watch) complete() bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.partial
}

// hold notes that the reader has a file open, release that it has not any more.
func (w *watch) hold(k key) {
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.held[k] = true
	}
}

func (w *watch) release(k key) {
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.held, k)
	}
}

// cover watches every directory in which a file may come.
func (w *watch) cover() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.coverLocked()
}

// coverLocked returns the directories that were not watched before.
func (w *watch) coverLocked() (added []string) {
	w.partial = false
	found := w.cfg.dirs(func(dir string) {
		if _, ok := w.wds[dir]; ok {
			return
		}
		if w.addLocked(dir) {
			added = append(added, dir)
		}
	})
	w.partial = w.partial || !found
	return added
}

func (w *watch) addLocked(dir string) bool {
	if inotify.Silent(dir) {
		w.partial = true
		if !w.remote {
			w.remote = true
			w.log.Info("log files in a shared or remote file system are looked for from time to time", slog.String("path", dir))
		}
		return false
	}
	wd, err := w.in.Directory(dir)
	if err != nil {
		w.partial = true
		w.refusedLocked(dir, err)
		return false
	}
	w.wds[dir] = wd
	w.dirs[wd] = append(w.dirs[wd], dir)
	return true
}

// refusedLocked says once that the kernel's limit is reached.
func (w *watch) refusedLocked(path string, err error) {
	if errors.Is(err, syscall.ENOSPC) && !w.full {
		w.full = true
		w.log.Warn("the kernel watches no more files for this user: some are looked at from time to time; raise fs.inotify.max_user_watches",
			slog.String("path", path))
	}
}

// sleep watches a file until it is written to. It returns 0 if that cannot be.
func (w *watch) sleep(t *tail) int32 {
	if w == nil {
		return 0
	}
	path := t.path
	if t.f != nil {
		path = "/proc/self/fd/" + strconv.Itoa(int(t.f.Fd()))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if inotify.Silent(path) {
		return 0
	}
	wd, err := w.in.Once(path)
	if err != nil {
		w.refusedLocked(t.path, err)
		return 0
	}
	w.once[wd] = sleeper{t.key, t.path, t.source}
	return wd
}

// forget ends what sleep began.
func (w *watch) forget(wd int32) {
	if w == nil || wd == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.once[wd]; ok {
		delete(w.once, wd)
		w.in.Remove(wd)
	}
}

func (w *watch) handleLocked(e inotify.Event) {
	if e.Op.Has(inotify.Overflow) {
		w.news.lost, w.news.stale = true, true
		return
	}
	if s, ok := w.once[e.Watch]; ok {
		delete(w.once, e.Watch)
		w.news.woken = append(w.news.woken, s.key)
		if !w.held[s.key] {
			w.openLocked(s.path, s.source)
		}
		return
	}
	for _, dir := range w.dirs[e.Watch] {
		w.changedLocked(dir, e)
	}
	if e.Op.Has(inotify.Ignored | inotify.MoveDir) {
		for _, dir := range w.dirs[e.Watch] {
			delete(w.wds, dir)
		}
		delete(w.dirs, e.Watch)
		w.in.Remove(e.Watch)
	}
}

// changedLocked handles what happened in a directory.
func (w *watch) changedLocked(dir string, e inotify.Event) {
	w.news.stale = true
	path := filepath.Join(dir, e.Name)
	switch {
	case e.Op.Has(inotify.IsDir):
		if e.Op.Has(inotify.Create | inotify.MovedTo) {
			w.enteredLocked()
		}
	case e.Op.Has(inotify.MovedFrom):
		if source := w.sourceLocked(path); source != "" {
			if len(w.moved) > 100 { // they went where nobody watches
				clear(w.moved)
			}
			w.moved[e.Cookie] = source
		}
		delete(w.names, path)
	case e.Op.Has(inotify.MovedTo):
		source, ok := w.moved[e.Cookie]
		delete(w.moved, e.Cookie)
		if ok {
			w.names[path] = source
		} else {
			delete(w.names, path)
		}
		w.openLocked(path, w.sourceLocked(path))
	case e.Op.Has(inotify.Create):
		delete(w.names, path)
		w.openLocked(path, w.sourceLocked(path))
	case e.Op.Has(inotify.Delete):
		delete(w.names, path)
	}
}

// enteredLocked opens what lies in directories that have come.
func (w *watch) enteredLocked() {
	for _, dir := range w.coverLocked() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // it is gone again
		}
		for _, e := range entries {
			if path := filepath.Join(dir, e.Name()); !e.IsDir() {
				w.openLocked(path, w.sourceLocked(path))
			}
		}
	}
}

// sourceLocked returns the source of the events of the file at path, "" if it is
// none to read.
func (w *watch) sourceLocked(path string) string {
	if source, ok := w.names[path]; ok {
		return source
	}
	if w.cfg.matches(path) {
		return path
	}
	return ""
}

// openLocked opens a file for the reader, unless it is open.
func (w *watch) openLocked(path, source string) {
	if source == "" || compressed(path) {
		return
	}
	if len(w.held) >= 2*w.cfg.MaxFiles {
		w.warn.Warn("too many log files at once; those that are deleted before there is room are lost", slog.Int("max_files", w.cfg.MaxFiles))
		return
	}
	f, err := openRegular(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotRegular) {
			w.warn.Warn("cannot open a log file", slog.String("path", path), slog.Any("err", err))
		}
		return
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return
	}
	k := keyOf(info)
	if w.held[k] {
		f.Close()
		return
	}
	w.held[k] = true
	w.news.arrivals = append(w.news.arrivals, arrival{k, path, source, f})
	w.waiting.Add(1)
}
