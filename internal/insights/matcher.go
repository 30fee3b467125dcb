package insights

import (
	"bytes"
	"regexp"
	"slices"
)

// matcher is what like compares with. Most patterns in use are plain text or
// consist of some: that is searched for first, as a search for bytes is many
// times faster than an automaton.
type matcher struct {
	re *regexp.Regexp // nil for plain text
	// One of needles must occur in whatever matches, unless there are none.
	needles []needle
	exact   bool // and that is enough
	exotic  bool // unless the text is not ASCII: see foldNeedle
}

// needle is text to search for.
type needle interface{ in(b []byte) bool }

// literalMatcher matches text that contains s. There are no wildcards in it.
func literalMatcher(s string) *matcher {
	return &matcher{needles: []needle{plainNeedle(s)}, exact: true}
}

func newMatcher(pattern string) (*matcher, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	texts, exact, err := implied(pattern)
	if err != nil {
		return nil, err
	}
	m := &matcher{re: re, exact: exact}
	for _, t := range texts.list {
		if texts.fold {
			m.needles = append(m.needles, newFoldNeedle(t))
			m.exotic = m.exotic || hasExotic(t)
		} else {
			m.needles = append(m.needles, plainNeedle(t))
		}
	}
	return m, nil
}

func (m *matcher) match(b []byte) bool {
	if m.mayMatch(b) {
		return m.exact || m.re.Match(b)
	}
	return m.exotic && !isASCII(b) && m.re.Match(b)
}

// mayMatch is false if none of the needles occurs.
func (m *matcher) mayMatch(b []byte) bool {
	for _, n := range m.needles {
		if n.in(b) {
			return true
		}
	}
	return len(m.needles) == 0
}

// literal returns text that is in whatever matches, or nil.
func (m *matcher) literal() []byte {
	if len(m.needles) != 1 {
		return nil
	}
	n, _ := m.needles[0].(plainNeedle)
	return n
}

// plainNeedle is searched for as it stands.
type plainNeedle []byte

func (n plainNeedle) in(b []byte) bool { return bytes.Contains(b, n) }

// foldNeedle is ASCII text to be found in any case. Of its characters the
// rarest is looked for. The letters k and s also equal two characters outside
// ASCII, U+212A and U+017F, which are not found.
type foldNeedle struct {
	lower        []byte
	rarest       int  // index in lower
	first, other byte // that character in both cases
}

// byFrequency are the letters of English text, the most frequent first. Other
// characters count as rare.
const byFrequency = "etaoinsrhldcumfpgwybvkxjqz"

func hasExotic(lower string) bool {
	return slices.ContainsFunc([]byte(lower), func(c byte) bool { return c == 'k' || c == 's' })
}

// newFoldNeedle takes text in lower case.
func newFoldNeedle(lower string) *foldNeedle {
	n := &foldNeedle{lower: []byte(lower)}
	best := -1
	for i, c := range n.lower {
		rank := bytes.IndexByte([]byte(byFrequency), c)
		if rank < 0 {
			rank = len(byFrequency)
		}
		if rank > best {
			best, n.rarest = rank, i
		}
	}
	n.first = n.lower[n.rarest]
	n.other = bytes.ToUpper(n.lower)[n.rarest]
	return n
}

func (n *foldNeedle) in(b []byte) bool {
	size := len(n.lower)
	for from := 0; len(b)-from >= size; {
		// The character lies between these two places if the text fits in.
		i := n.candidate(b[from+n.rarest : len(b)-size+n.rarest+1])
		if i < 0 {
			return false
		}
		if equalFoldASCII(b[from+i:from+i+size], n.lower) {
			return true
		}
		from += i + 1
	}
	return false
}

func (n *foldNeedle) candidate(b []byte) int {
	i := bytes.IndexByte(b, n.first)
	if n.other == n.first {
		return i
	}
	if i >= 0 {
		b = b[:i]
	}
	if j := bytes.IndexByte(b, n.other); j >= 0 {
		return j
	}
	return i
}

func equalFoldASCII(b, lower []byte) bool {
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
