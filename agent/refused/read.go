package refused

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sidelight-dev/sidelight/internal/dirlock"
)

// Next is the ID that the next record will have.
func (s *Store) Next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// Each calls f for every record that filter chooses, oldest first, until f
// returns false. f may call the Store.
func (s *Store) Each(filter Filter, f func(*Record) bool) error {
	s.mu.Lock()
	firsts := make([]uint64, len(s.files))
	for i, x := range s.files {
		firsts[i] = x.first
	}
	s.mu.Unlock()
	return eachOf(s.root, firsts, &filter, f)
}

// eachOf reads files. One that has gone meanwhile is no error: its events made
// room for others or were removed.
func eachOf(root *os.Root, firsts []uint64, filter *Filter, f func(*Record) bool) error {
	for _, first := range firsts {
		data, err := root.ReadFile(fileName(first))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read refused events: %w", err)
		}
		more := true
		each(data, func(r *Record, _ []byte) bool {
			if filter.Match(r) {
				more = f(r)
			}
			return more
		})
		if !more {
			return nil
		}
	}
	return nil
}

// View reads a directory without writing to it and without its lock.
type View struct{ root *os.Root }

// Look opens a directory for reading. A directory that is not there holds
// nothing: it is reported as os.ErrNotExist.
func Look(dir string) (*View, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory of refused events: %w", err)
	}
	return &View{root: root}, nil
}

// Each is as Store.Each.
func (v *View) Each(filter Filter, f func(*Record) bool) error {
	firsts, err := list(v.root)
	if err != nil {
		return err
	}
	return eachOf(v.root, firsts, &filter, f)
}

// Held reports whether a process writes to the directory.
func (v *View) Held() (bool, error) { return dirlock.Held(v.root) }

// Close closes the directory.
func (v *View) Close() error { return v.root.Close() }

// Group sums the records of one destination that were refused for one reason.
type Group struct {
	Queue       string    `json:"queue"`
	Signal      string    `json:"signal"`
	Destination string    `json:"destination"`
	Reason      string    `json:"reason"`
	Events      int       `json:"events"`
	Bytes       int64     `json:"bytes"` // of the events
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	// Error is what the service said last, if it said more than the reason.
	Error string `json:"error,omitempty"`
}

// Reader is a Store or a View.
type Reader interface {
	Each(filter Filter, f func(*Record) bool) error
}

// Summarize sums what filter chooses, in the order of first appearance.
func Summarize(from Reader, filter Filter) ([]Group, error) {
	type key struct{ queue, signal, dest, reason string }
	at := map[key]int{}
	var out []Group
	err := from.Each(filter, func(r *Record) bool {
		k := key{r.Queue, r.Signal, r.Destination(), r.Reason}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, Group{Queue: k.queue, Signal: k.signal, Destination: k.dest, Reason: k.reason, First: r.Time})
		}
		g := &out[i]
		g.Events++
		g.Bytes += int64(len(r.Event) + len(r.Data))
		g.Last = r.Time
		if r.Error != "" {
			g.Error = r.Error
		}
		return true
	})
	return out, err
}
