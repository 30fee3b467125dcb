package receiver

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

// Splitter turns text into events, one a line. The events borrow the text, and
// the Splitter's lists are used again by the next call.
type Splitter struct {
	// Max is the most bytes an event may have, at least 16. A line that is
	// longer becomes several events.
	Max int
	// Stamp names the member of a JSON line that holds the event's time: RFC
	// 3339 text, or seconds or milliseconds since 1970, as a number or text.
	// Empty, or without such a member: the time that Split is given.
	Stamp string
	// Events are those of the last Split.
	Events []sidelight.Event
	// Ends are where in the text of the last Split what became Events[i] ends.
	Ends []int
	// Cuts counts the pieces that were cut off lines that were too long.
	Cuts int
}

// Split makes events of the lines of b and returns the length of what it used:
// at most 5,000 events' worth. What follows the last newline is left for later
// unless final is set or it is too long already. Empty lines are no events, and
// a carriage return before a newline is no part of one. now is in Unix
// milliseconds.
func (s *Splitter) Split(b []byte, final bool, now int64) int {
	s.Events, s.Ends = s.Events[:0], s.Ends[:0]
	used := 0
	for used < len(b) && len(s.Events) < batchEvents {
		rest := b[used:]
		end := bytes.IndexByte(rest, '\n')
		skip := 1
		if end < 0 {
			// One byte more than the limit may be a carriage return.
			if !final && len(rest) <= s.Max+1 {
				break
			}
			end, skip = len(rest), 0
		}
		line := trimReturn(rest[:end])
		if len(line) > s.Max {
			// The next turn goes on with the remainder as if it were a line.
			line = line[:whole(line, s.Max)]
			end, skip = len(line), 0
			s.Cuts++
		}
		used += end + skip
		s.add(line, used, now)
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

func (s *Splitter) add(line []byte, end int, now int64) {
	if len(line) > 0 && line[0] == 0 {
		// A file that was truncated under a writer that does not append has
		// a hole where the old text was.
		line = bytes.TrimLeft(line, "\x00")
	}
	if len(line) == 0 {
		return
	}
	at := now
	if s.Stamp != "" {
		at = timeOf(line, s.Stamp, now)
	}
	s.Events = append(s.Events, sidelight.Event{Time: at, Body: line})
	s.Ends = append(s.Ends, end)
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
