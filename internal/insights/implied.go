package insights

import (
	"regexp/syntax"
	"strings"
)

// texts are the alternatives of which a regular expression matches, or must
// match, one. With fold they are in lower case and stand for any case.
type texts struct {
	list []string
	fold bool
}

// maxTexts bounds the alternatives: searching for many is slower than the
// automaton.
const maxTexts = 16

// implied returns texts of which one is in whatever pattern matches; exact
// means that the pattern matches whatever contains one. There may be none.
func implied(pattern string) (found texts, exact bool, err error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return texts{}, false, err
	}
	if t, ok := spelled(re); ok && t.shortest() > 0 {
		return t, true, nil
	}
	return required(re), false, nil
}

// shortest is the length of the shortest alternative.
func (t texts) shortest() int {
	if len(t.list) == 0 {
		return 0
	}
	n := len(t.list[0])
	for _, s := range t.list {
		n = min(n, len(s))
	}
	return n
}

// required returns the texts of the part of re that is best to search for.
func required(re *syntax.Regexp) texts {
	if t, ok := spelled(re); ok {
		return t.unlessShort()
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpConcat:
		var best texts
		for _, sub := range re.Sub {
			if t := required(sub); t.shortest() > best.shortest() {
				best = t
			}
		}
		return best
	}
	return texts{}
}

// unlessShort is empty if one of the texts is.
func (t texts) unlessShort() texts {
	if t.shortest() == 0 {
		return texts{}
	}
	return t
}

// spelled returns all texts that re matches, if they are few.
func spelled(re *syntax.Regexp) (texts, bool) {
	fold := re.Flags&syntax.FoldCase != 0
	switch re.Op {
	case syntax.OpEmptyMatch:
		return texts{[]string{""}, fold}, true
	case syntax.OpLiteral:
		s := string(re.Rune)
		if !fold {
			return texts{[]string{s}, false}, true
		}
		return texts{[]string{strings.ToLower(s)}, true}, isASCII([]byte(s))
	case syntax.OpCapture:
		return spelled(re.Sub[0])
	case syntax.OpConcat:
		return combined(re.Sub, product)
	case syntax.OpAlternate:
		return combined(re.Sub, union)
	}
	return texts{}, false
}

// combined puts the texts of several parts together.
func combined(parts []*syntax.Regexp, with func(a, b []string) []string) (texts, bool) {
	var all texts
	for i, part := range parts {
		t, ok := spelled(part)
		if !ok || i > 0 && t.fold != all.fold {
			return texts{}, false
		}
		if i == 0 {
			all = t
			continue
		}
		if all.list = with(all.list, t.list); len(all.list) > maxTexts {
			return texts{}, false
		}
	}
	return all, true
}

func union(a, b []string) []string { return append(append([]string(nil), a...), b...) }

func product(a, b []string) []string {
	var out []string
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}
