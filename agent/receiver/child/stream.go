package child

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
)

const (
	// chunkBytes is what is read from the child at once.
	chunkBytes = 32 << 10
	// grain is how exactly the time of a line is known.
	grain = 10 * time.Millisecond
)

// stream is one output of the child, on its way from copy to Run.
type stream struct {
	name  string
	dest  sidelight.DestHandle
	limit int
	block bool
	wake  func()
	lost  func(cause string, n int)

	mu   sync.Mutex
	room sync.Cond
	// buf is what was written and not taken yet; away is the length of what
	// was taken and is not shipped yet.
	buf   []byte
	away  int
	marks []mark
	last  time.Time // of the last byte
	// dropping: the rest of the line at hand, and all others until there is
	// room, are dropped.
	dropping bool
	over     bool // no more will be written
	deaf     bool // nobody will ship any more
}

// mark says that the text before end had been written at a time.
type mark struct {
	end int
	ms  int64
}

// leftoverBytes is what is read, at most, of an output that others hold open
// once the time for that is over: as much as a pipe can hold.
const leftoverBytes = 1 << 20

// copy passes what the child writes on to out, and to s, until the end. When
// out fails, the lines are shipped all the same.
func (r *Receiver) copy(s *stream, from *os.File, out io.Writer) {
	defer from.Close()
	buf := make([]byte, chunkBytes)
	late, left := false, leftoverBytes
	for left > 0 {
		n, err := from.Read(buf)
		if n > 0 {
			out = r.passOn(s, out, buf[:n])
			s.put(buf[:n])
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && !late:
			// What is in the pipe already may have had to wait for out.
			late = true
			err = from.SetReadDeadline(time.Now().Add(grain))
		case !errors.Is(err, io.EOF) && !late:
			r.log.Error("output of the child cannot be read", slog.String("source", s.name), slog.Any("err", err))
		}
		if err != nil {
			return
		}
		if late {
			left -= n
			if err := from.SetReadDeadline(time.Now().Add(grain)); err != nil {
				return
			}
		}
	}
}

// passOn writes b to out and returns out, or nil if that fails.
func (r *Receiver) passOn(s *stream, out io.Writer, b []byte) io.Writer {
	if out == nil {
		return nil
	}
	if _, err := out.Write(b); err != nil {
		r.log.Error("output of the child cannot be passed through", slog.String("source", s.name), slog.Any("err", err))
		return nil
	}
	return out
}

// put appends b for shipping, or drops lines of it.
func (s *stream) put(b []byte) {
	s.mu.Lock()
	for s.block && !s.deaf && len(s.buf)+s.away+len(b) > s.limit {
		s.room.Wait()
	}
	cause, n := s.takeIn(b)
	s.last = time.Now()
	s.mu.Unlock()
	if n > 0 {
		s.lost(cause, n)
	}
	s.wake()
}

// takeIn returns how many lines ended in b that are not in the buffer whole.
func (s *stream) takeIn(b []byte) (cause string, lines int) {
	cause = "child_buffer_full"
	if s.deaf {
		cause = "shutdown"
	}
	fits := !s.deaf && len(s.buf)+s.away+len(b) <= s.limit
	if s.dropping && fits {
		// Begin again after the line that was begun to be dropped.
		i := bytes.IndexByte(b, '\n') + 1
		if i == 0 {
			return cause, 0
		}
		s.dropping, lines, b = false, 1, b[i:]
	}
	if fits {
		s.buf = append(s.buf, b...)
		s.markLocked()
		return cause, lines
	}
	if !s.dropping {
		s.dropping = true
		s.cutLocked(bytes.LastIndexByte(s.buf, '\n') + 1)
	}
	n := bytes.Count(b, []byte{'\n'})
	if n > 0 && b[len(b)-1] == '\n' {
		s.dropping = false // the next line is whole again
	}
	return cause, n
}

// cutLocked takes the line that is not complete out of the buffer again.
func (s *stream) cutLocked(n int) {
	s.buf = s.buf[:n]
	for len(s.marks) > 0 && s.marks[len(s.marks)-1].end > n {
		s.marks = s.marks[:len(s.marks)-1]
	}
	if n > 0 && (len(s.marks) == 0 || s.marks[len(s.marks)-1].end < n) {
		s.marks = append(s.marks, mark{n, time.Now().UnixMilli()})
	}
}

func (s *stream) markLocked() {
	now := time.Now().UnixMilli()
	if n := len(s.marks); n > 0 && now-s.marks[n-1].ms < grain.Milliseconds() {
		s.marks[n-1].end = len(s.buf)
		return
	}
	s.marks = append(s.marks, mark{len(s.buf), now})
}

// finish says that no more will be written.
func (s *stream) finish() {
	s.mu.Lock()
	unfinished := s.dropping
	s.dropping, s.over = false, true
	s.mu.Unlock()
	if unfinished {
		s.lost("child_buffer_full", 1)
	}
}

// text is what was taken from a stream.
type text struct {
	bytes []byte
	marks []mark
}

// take swaps what is in the buffer against the empty t, but for a line that is
// not complete: with all set, or after quiet, or when there is more of it than
// maxLine, that too. It returns false if there is nothing.
func (s *stream) take(t *text, all bool, quiet time.Duration, maxLine int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.buf) == 0 {
		return false
	}
	n := bytes.LastIndexByte(s.buf, '\n') + 1
	rest := len(s.buf) - n
	if rest > 0 && (all || s.over || time.Since(s.last) >= quiet || rest > maxLine+1) {
		n, rest = len(s.buf), 0
	}
	if n == 0 {
		return false
	}
	s.buf, t.bytes = append(t.bytes[:0], s.buf[n:]...), s.buf[:n]
	s.marks, t.marks = t.marks[:0], s.marks
	if rest > 0 {
		s.marks = append(s.marks, mark{rest, t.marks[len(t.marks)-1].ms})
	}
	s.away = n
	return true
}

// shipped gives the room of what was taken back.
func (s *stream) shipped() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = 0
	s.room.Broadcast()
}

// deafen says whether anybody ships. While nobody does, what is written is
// dropped at once: nobody waits for what will not happen.
func (s *stream) deafen(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = yes
	s.room.Broadcast()
}

// partial reports whether a line that is not complete waits.
func (s *stream) partial() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.buf) > 0
}

// done reports whether everything was taken.
func (s *stream) done() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over && len(s.buf) == 0 && s.away == 0
}
