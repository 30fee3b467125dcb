package insights

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"strings"
)

// matcher is what like compares with. Most patterns in use are plain text or
// contain some: that is searched for first, as a search for bytes is many times
// faster than an automaton.
type matcher struct {
	re      *regexp.Regexp // nil: literal decides
	literal []byte         // must occur, unless empty
	fold    *folded        // decides instead of literal if there is any
}

// literalMatcher matches text that contains s. There are no wildcards in it.
func literalMatcher(s string) *matcher { return &matcher{literal: []byte(s)} }

func newMatcher(pattern string) (*matcher, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	tree = tree.Simplify()
	if tree.Op == syntax.OpLiteral {
		if tree.Flags&syntax.FoldCase == 0 {
			return literalMatcher(string(tree.Rune)), nil
		}
		if f := newFolded(string(tree.Rune), re); f != nil {
			return &matcher{re: re, fold: f}, nil
		}
	}
	return &matcher{re: re, literal: []byte(required(tree))}, nil
}

// required returns the longest text that whatever re matches must contain.
func required(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpConcat:
		best := ""
		for _, sub := range re.Sub {
			if s := required(sub); len(s) > len(best) {
				best = s
			}
		}
		return best
	}
	return ""
}

func (m *matcher) match(b []byte) bool {
	if m.fold != nil {
		return m.fold.match(b)
	}
	if len(m.literal) > 0 && !bytes.Contains(b, m.literal) {
		return false
	}
	return m.re == nil || m.re.Match(b)
}

// folded searches for ASCII text in any case.
type folded struct {
	lower        []byte
	rarest       int  // the place in lower of the character to look for
	first, other byte // that character in both cases
	re           *regexp.Regexp
	exotic       bool // k and s have relatives outside ASCII, K and ſ
}

// byFrequency are the letters of English text, the most frequent first. Other
// characters count as rare.
const byFrequency = "etaoinsrhldcumfpgwybvkxjqz"

// newFolded returns nil if s is not made for it.
func newFolded(s string, re *regexp.Regexp) *folded {
	if s == "" || !isASCII([]byte(s)) {
		return nil
	}
	lower := strings.ToLower(s)
	f := &folded{lower: []byte(lower), re: re, exotic: strings.ContainsAny(lower, "ks")}
	best := -1
	for i := range len(lower) {
		rank := strings.IndexByte(byFrequency, lower[i])
		if rank < 0 {
			rank = len(byFrequency)
		}
		if rank > best {
			best, f.rarest = rank, i
		}
	}
	f.first = lower[f.rarest]
	f.other = strings.ToUpper(lower)[f.rarest]
	return f
}

func (f *folded) match(b []byte) bool {
	n := len(f.lower)
	for from := 0; len(b)-from >= n; {
		// The character lies between these two places if the text fits in.
		i := f.candidate(b[from+f.rarest : len(b)-n+f.rarest+1])
		if i < 0 {
			break
		}
		if equalFoldASCII(b[from+i:from+i+n], f.lower) {
			return true
		}
		from += i + 1
	}
	return f.exotic && !isASCII(b) && f.re.Match(b)
}

func (f *folded) candidate(b []byte) int {
	i := bytes.IndexByte(b, f.first)
	if f.other == f.first {
		return i
	}
	if i >= 0 {
		b = b[:i]
	}
	if j := bytes.IndexByte(b, f.other); j >= 0 {
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
