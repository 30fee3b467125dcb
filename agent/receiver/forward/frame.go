package forward

import (
	"errors"
	"fmt"
)

// maxElems is the most parts that a message has: tag, time, record, option.
const maxElems = 4

var (
	errJSON    = errors.New("JSON text instead of MessagePack")
	errNoArray = errors.New("message is not an array")
	errTooBig  = errors.New("message is larger than the limit")
)

// frame finds the end of a message that arrives in pieces, and the ends of its
// parts. It never looks at a byte twice, however small the pieces.
type frame struct {
	pos  int    // bytes understood so far
	left uint64 // values still to come in the part that was begun
	// parts is how many the message has, ends where each that is complete
	// ends. A lone nil, a heartbeat of some clients, has none.
	parts, done int
	ends        [maxElems]int
	first       int // where the first part begins
}

// scan goes on in b, the message from its start as far as it has arrived. It
// returns true when the message is complete: it is then b[:f.pos].
func (f *frame) scan(b []byte, limit int) (bool, error) {
	if f.first == 0 {
		if err := f.begin(b); err != nil {
			return false, short(err)
		}
	}
	for f.done < f.parts {
		if f.left == 0 {
			f.left = 1
		}
		if err := f.part(b, uint64(limit)); err != nil {
			return false, short(err)
		}
		f.ends[f.done] = f.pos
		f.done++
	}
	return true, nil
}

// short makes of the end of what has arrived no error.
func short(err error) error {
	if errors.Is(err, errShort) {
		return nil
	}
	return err
}

func (f *frame) begin(b []byte) error {
	t, next, err := read(b, 0)
	if err != nil {
		return err
	}
	switch {
	case b[0] == '[' || b[0] == '{':
		return errJSON
	case t.kind == nilKind:
	case t.kind != arrayKind:
		return errNoArray
	case t.size < 2 || t.size > maxElems:
		return fmt.Errorf("message of %d parts", t.size)
	}
	f.parts, f.pos, f.first = int(t.size), next, next
	return nil
}

// part goes over the values of the part that was begun.
func (f *frame) part(b []byte, limit uint64) error {
	for f.left > 0 {
		t, next, err := read(b, f.pos)
		if err != nil {
			return err
		}
		if t.nested() {
			f.left += t.size
			f.pos = next
			f.left--
			if f.left > limit { // every value takes a byte at least
				return errTooBig
			}
			continue
		}
		if uint64(next)+t.size > limit {
			return errTooBig
		}
		if t.size > uint64(len(b)-next) {
			return errShort
		}
		f.pos = next + int(t.size)
		f.left--
	}
	return nil
}

// elem returns part i of the complete message b, nil if there is none.
func (f *frame) elem(b []byte, i int) []byte {
	if i >= f.done {
		return nil
	}
	start := f.first
	if i > 0 {
		start = f.ends[i-1]
	}
	return b[start:f.ends[i]]
}
