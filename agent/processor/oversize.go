package processor

import (
	"context"
	"strconv"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// cutter makes events fit that are too large. A part of a line is a line that
// begins with "[part 1/3] ". A part of a document is no document: it becomes
// the text of one, {"part":1,"parts":3,"text":"…"}.
type cutter struct {
	way   Oversize
	max   int
	tally *tally

	events []sidelight.Event
	arena  []byte
	ends   []int
}

// frame is room for what stands around a part.
const frame = 80

// Process cuts the events of b. It never fails.
func (c *cutter) Process(_ context.Context, b *sidelight.Batch) error {
	first := 0
	for first < len(b.Events) && len(b.Events[first].Body) <= c.max {
		first++
	}
	if first == len(b.Events) {
		return nil
	}
	c.arena = c.arena[:0]
	c.events = append(c.events[:0], b.Events[:first]...)
	for _, e := range b.Events[first:] {
		switch {
		case len(e.Body) <= c.max:
			c.events = append(c.events, e)
		case c.way == Drop:
			c.tally.oversize++
		default:
			c.cut(e)
		}
	}
	b.Events = c.events
	return nil
}

// cut adds the parts of e, or the first one.
func (c *cutter) cut(e sidelight.Event) {
	doc := jsonscan.Document(e.Body).Kind == jsonscan.Object
	c.divide(e.Body, doc)
	from := 0
	for i, end := range c.ends {
		n := len(c.arena)
		if c.way == Truncate {
			c.truncated(e.Body, end, doc)
		} else {
			c.part(e.Body[from:end], i+1, doc)
		}
		c.events = append(c.events, sidelight.Event{Time: e.Time, Body: c.arena[n:len(c.arena):len(c.arena)]})
		if c.way == Truncate {
			return
		}
		from = end
	}
}

// divide finds where the parts of body end. No character is divided, and what
// is written as JSON fits as it is written.
func (c *cutter) divide(body []byte, doc bool) {
	c.ends = c.ends[:0]
	room, used := max(c.max-frame, 8), 0
	for i := 0; i < len(body); {
		r, n := utf8.DecodeRune(body[i:])
		cost := n
		if doc {
			cost = escapedLen(r, n)
		}
		if used+cost > room {
			c.ends = append(c.ends, i)
			used = 0
		}
		used += cost
		i += n
	}
	c.ends = append(c.ends, len(body))
}

// escapedLen returns how long r, of n bytes, is in a JSON string.
func escapedLen(r rune, n int) int {
	switch {
	case r == '"' || r == '\\':
		return 2
	case r < 0x20:
		return 6
	case r == utf8.RuneError:
		return 3
	}
	return n
}

func (c *cutter) part(text []byte, number int, doc bool) {
	open, middle, end := "[part ", "/", "] "
	if doc {
		open, middle, end = `{"part":`, `,"parts":`, `,"text":`
	}
	c.arena = strconv.AppendInt(append(c.arena, open...), int64(number), 10)
	c.arena = strconv.AppendInt(append(c.arena, middle...), int64(len(c.ends)), 10)
	c.arena = append(c.arena, end...)
	if !doc {
		c.arena = append(c.arena, text...)
		return
	}
	c.arena = append(wire.AppendString(c.arena, text), '}')
}

// truncated writes the first end bytes of body and how many there were.
func (c *cutter) truncated(body []byte, end int, doc bool) {
	if doc {
		c.arena = strconv.AppendInt(append(c.arena, `{"truncated":true,"bytes":`...), int64(len(body)), 10)
		c.arena = append(c.arena, `,"text":`...)
		c.arena = append(wire.AppendString(c.arena, body[:end]), '}')
		return
	}
	c.arena = append(append(c.arena, body[:end]...), " [truncated: "...)
	c.arena = append(strconv.AppendInt(c.arena, int64(len(body)), 10), " bytes]"...)
}
