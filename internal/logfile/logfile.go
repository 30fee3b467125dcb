// Package logfile writes the agent's own log to a file that does not grow without
// end: when it is full it is renamed, in place of the one that was renamed before.
package logfile

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// File is a log file. It is safe for concurrent use.
type File struct {
	path  string
	limit int64 // 0: none

	mu   sync.Mutex
	f    *os.File
	size int64
}

// Open opens the file at path to append to it, and makes it, for its owner and
// group to read, if there is none. At limit bytes it becomes path.1 and a new one
// begins; with a limit of 0 it never does.
func Open(path string, limit int64) (*File, error) {
	l := &File{path: path, limit: limit}
	if err := l.openLocked(); err != nil {
		return nil, fmt.Errorf("open the log file: %w", err)
	}
	return l, nil
}

func (l *File) openLocked() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size = f, st.Size()
	return nil
}

// Write implements io.Writer: b is one or more whole lines, which stay together.
func (l *File) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return 0, os.ErrClosed
	}
	if l.limit > 0 && l.size > 0 && l.size+int64(len(b)) > l.limit {
		l.rotateLocked()
	}
	n, err := l.f.Write(b)
	l.size += int64(n)
	return n, err
}

// rotateLocked begins a new file. If that cannot be, the old one goes on: a log
// that is too long is better than none.
func (l *File) rotateLocked() {
	old := l.f
	if os.Rename(l.path, l.path+".1") != nil {
		l.size = 0 // try again after as much as fits a file
		return
	}
	if l.openLocked() != nil {
		l.size = 0
		return
	}
	_ = old.Close() // every line of it was written
}

// Close closes the file. What is written after it is lost.
func (l *File) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
