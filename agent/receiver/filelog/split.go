package filelog

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// batchEvents is the most events of one batch, so that their list stays small
// beside their text.
const batchEvents = 5000

// splitter turns text into events, one a line. The events borrow the text.
type splitter struct {
	max    int
	stamp  string
	events []sidelight.Event
	cuts   int // lines that were too long, since it was last looked at
}

// split makes events of the lines of b and returns the length of what it used.
// What follows the last newline is left for later unless final is set or it is
// too long already. Empty lines are no events. now is in Unix milliseconds.
func (s *splitter) split(b []byte, final bool, now int64) int {
	s.events = s.events[:0]
	used := 0
	for used < len(b) && len(s.events) < batchEvents {
		rest := b[used:]
		end := bytes.IndexByte(rest, '\n')
		skip := 1
		if end < 0 {
			// One byte more than the limit may be a carriage return.
			if !final && len(rest) <= s.max+1 {
				break
			}
			end, skip = len(rest), 0
		}
		line := trimReturn(rest[:end])
		if len(line) > s.max {
			// The next turn goes on with the remainder as if it were a line.
			line = line[:whole(line, s.max)]
			end, skip = len(line), 0
			s.cuts++
		}
		s.add(line, now)
		used += end + skip
	}
	return used
}

func trimReturn(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// whole returns the length of the longest part of b up to n that does not end
// inside a character.
func whole(b []byte, n int) int {
	for i := n; i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			return i
		}
	}
	return n
}

func (s *splitter) add(line []byte, now int64) {
	if len(line) > 0 && line[0] == 0 {
		// A file that was truncated under a writer that does not append has
		// a hole where the old text was.
		line = bytes.TrimLeft(line, "\x00")
	}
	if len(line) == 0 {
		return
	}
	at := now
	if s.stamp != "" {
		at = timeOf(line, s.stamp, now)
	}
	s.events = append(s.events, sidelight.Event{Time: at, Body: line})
}

// timeOf returns the time that the member key of the JSON object line holds, or
// otherwise.
func timeOf(line []byte, key string, otherwise int64) int64 {
	v := jsonscan.Document(line).Member(key)
	switch v.Kind {
	case jsonscan.String:
		var buf [64]byte
		text := v.Text(buf[:0])
		var t time.Time
		if err := t.UnmarshalText(text); err == nil {
			return t.UnixMilli()
		}
		return epoch(text, otherwise)
	case jsonscan.Number:
		return epoch(v.Raw, otherwise)
	}
	return otherwise
}

// A number is taken for milliseconds from this on, which are those of 1973: as
// seconds it would lie beyond the year 5000. One that is ten thousand times
// greater is no time.
const (
	millisFrom = 1e11
	millisTo   = 1e15
)

func epoch(text []byte, otherwise int64) int64 {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(f > 0 && f < millisTo) {
		return otherwise
	}
	if f < millisFrom {
		f *= 1000
	}
	return int64(math.Round(f))
}
