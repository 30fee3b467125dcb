package receiver

import (
	"bytes"
	"errors"
)

// errFraming is a connection that counted bytes and then did not.
var errFraming = errors.New("a message does not begin with its length")

// mode is how the messages of a connection are told apart.
type mode uint8

const (
	unknown mode = iota
	byLine
	byZero
	byCount // RFC 6587, 3.4.1
)

// framing finds the messages of one connection. It looks at no byte of an
// unfinished message twice.
type framing struct {
	max            int
	octets, refuse bool

	mode mode
	seen int // bytes of the unfinished message that hold no end
	left int // bytes still to come of a message whose length was said
	skip bool
	lost bool // what next used was the beginning of a message that is too long
}

func newFraming(cfg *SocketsConfig) framing {
	f := framing{max: cfg.MaxMessage, octets: cfg.Octets, refuse: cfg.Refuse}
	if !cfg.Octets {
		f.mode = byLine
	}
	return f
}

// next returns the message that b begins with and how much of b it took; none
// of it if there is no whole message yet. A message may be empty. With final
// nothing comes after b. f.lost tells of a message that is refused.
func (f *framing) next(b []byte, final bool) (msg []byte, used int, err error) {
	f.lost = false
	if len(b) == 0 {
		return nil, 0, nil
	}
	if f.mode == unknown && !f.guess(b, final) {
		return nil, 0, nil
	}
	if f.mode != byCount {
		msg, used = f.line(b, final)
		return msg, used, nil
	}
	head := 0
	if f.left == 0 {
		if head, err = f.count(b); err != nil || head == 0 {
			return nil, f.rest(b, final), err
		}
		b = b[head:]
	}
	msg, used = f.counted(b, final)
	if head > 0 && used == 0 && !f.skip {
		f.left = 0 // the length is read again
		return nil, 0, nil
	}
	return msg, head + used, nil
}

// rest is what the end of a connection leaves: a length without a message.
func (f *framing) rest(b []byte, final bool) int {
	if final {
		return len(b)
	}
	return 0
}

// longestCount is how many digits a length may have.
const longestCount = 9

// guess finds out what the peer does, by its first bytes: a length and a space
// before the < of a priority, or the first end of a message. It reports false if
// that is too early to tell.
func (f *framing) guess(b []byte, final bool) bool {
	n := digits(b)
	if n > 0 && n <= longestCount && b[0] != '0' {
		if n+1 >= len(b) && !final {
			return false
		}
		if n+1 < len(b) && b[n] == ' ' && b[n+1] == '<' {
			f.mode = byCount
			return true
		}
	}
	// Only as far as a message may go, so that it does not matter in which pieces
	// it comes.
	window := b[:min(len(b), f.max+1)]
	end := bytes.IndexAny(window[f.seen:], "\n\x00")
	if end < 0 {
		f.seen = len(window)
		if final || len(b) > f.max {
			f.mode = byLine
		}
		return f.mode != unknown
	}
	f.seen += end
	f.mode = byLine
	if b[f.seen] == 0 {
		f.mode = byZero
	}
	return true
}

func digits(b []byte) int {
	n := 0
	for n < len(b) && n <= longestCount && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

// line finds the message up to the next end of line or zero byte.
func (f *framing) line(b []byte, final bool) ([]byte, int) {
	end := byte('\n')
	if f.mode == byZero {
		end = 0
	}
	at := bytes.IndexByte(b[f.seen:], end)
	used := f.seen + at + 1
	if at < 0 {
		used = len(b)
	}
	switch {
	case f.skip: // to the end of what was refused
		f.skip, f.seen = at < 0, 0
		return nil, used
	case at >= 0 && used-1 <= f.max+1 || at < 0 && final && len(b) <= f.max+1:
		f.seen = 0
		msg := b[:used]
		if at >= 0 {
			msg = b[:used-1]
		}
		if msg = trimReturn(msg); len(msg) <= f.max {
			return msg, used
		}
		return f.long(b, used, at >= 0)
	case len(b) > f.max+1:
		return f.long(b, used, at >= 0)
	}
	f.seen = len(b)
	return nil, 0
}

// long cuts a piece off a line that is too long, or begins to skip it. used is
// how far it goes in b, whole whether its end is there.
func (f *framing) long(b []byte, used int, complete bool) ([]byte, int) {
	f.seen = 0
	if f.refuse {
		f.lost, f.skip = true, !complete
		return nil, used
	}
	n := whole(b, f.max)
	return b[:n], n
}

// count reads the length that b begins with, after line ends that some senders
// add. It returns where the message begins, 0 if that is not there yet.
func (f *framing) count(b []byte) (int, error) {
	i := 0
	for i < len(b) && (b[i] == '\n' || b[i] == '\r' || b[i] == 0) {
		i++
	}
	n := digits(b[i:])
	switch {
	case n > longestCount, i+n < len(b) && (n == 0 || b[i+n] != ' '):
		return 0, errFraming
	case i+n >= len(b):
		return 0, nil
	}
	size := 0
	for _, c := range b[i : i+n] {
		size = 10*size + int(c-'0')
	}
	if size == 0 {
		return 0, errFraming
	}
	f.left = size
	return i + n + 1, nil
}

// counted takes the message of f.left bytes that b begins with, or a piece of it
// if it is too long.
func (f *framing) counted(b []byte, final bool) ([]byte, int) {
	n := min(f.left, f.max)
	if f.skip || f.refuse && f.left > f.max {
		f.lost = !f.skip
		used := min(f.left, len(b))
		f.left -= used
		f.skip = f.left > 0
		return nil, used
	}
	switch {
	case len(b) > n && n < f.left:
		n = whole(b, n)
	case len(b) >= n && n == f.left:
	case !final:
		return nil, 0
	default:
		n = len(b)
	}
	f.left -= n
	return b[:n], n
}
