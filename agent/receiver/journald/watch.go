package journald

import (
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/sidelight-dev/sidelight/internal/inotify"
)

// watch is told by the kernel what is written in the directories of journals. A
// nil *watch is one that sees nothing.
type watch struct {
	in      *inotify.Watcher
	wake    chan struct{} // has one when something has happened
	done    chan struct{}
	names   atomic.Bool // names have come or gone
	watched map[string]int32
	all     bool
}

// newWatch returns a watch at work, or nil if there can be none.
func newWatch(log *slog.Logger) *watch {
	in, err := inotify.New()
	if err != nil {
		if !errors.Is(err, errors.ErrUnsupported) {
			log.Warn("journals are looked at from time to time: the kernel does not tell of changes", slog.Any("err", err))
		}
		return nil
	}
	w := &watch{in: in, wake: make(chan struct{}, 1), done: make(chan struct{}), watched: map[string]int32{}}
	go w.run()
	return w
}

func (w *watch) run() {
	defer close(w.done)
	for {
		events, err := w.in.Read()
		if err != nil {
			return
		}
		for _, e := range events {
			if e.Op&^inotify.Modify != 0 {
				w.names.Store(true)
			}
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// cover watches the directories; those that are watched already stay so.
func (w *watch) cover(dirs []string) {
	if w == nil {
		return
	}
	w.all = len(dirs) > 0
	watched := map[string]int32{}
	for _, dir := range dirs {
		// One that was removed and made again has a new number.
		wd, err := w.in.Writes(dir)
		if err != nil || inotify.Silent(dir) {
			w.all = false
			continue
		}
		watched[dir] = wd
	}
	for dir, wd := range w.watched {
		if _, ok := watched[dir]; !ok {
			w.in.Remove(wd)
		}
	}
	w.watched = watched
}

// complete reports whether nothing can happen unseen.
func (w *watch) complete() bool { return w != nil && w.all }

func (w *watch) awake() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.wake
}

// renamed reports whether names have come or gone since the last call.
func (w *watch) renamed() bool { return w != nil && w.names.Swap(false) }

func (w *watch) close() {
	if w != nil {
		w.in.Close()
		<-w.done
	}
}
