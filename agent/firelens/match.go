package firelens

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// pattern says which tags a section is for.
type pattern struct {
	text string
	re   *regexp.Regexp // nil: text, where * stands for anything
}

// newPattern reads Match or Match_Regex of s.
func newPattern(s *Section) (pattern, error) {
	if text, ok := s.get("match_regex"); ok {
		re, err := regexp.Compile(text)
		if err != nil {
			return pattern{}, fmt.Errorf("Match_Regex %s: %w", clip(text), err)
		}
		return pattern{text: text, re: re}, nil
	}
	text, ok := s.get("match")
	if !ok || text == "" {
		return pattern{}, errors.New("there is no Match")
	}
	return pattern{text: text}, nil
}

func (p pattern) matches(tag string) bool {
	if p.re != nil {
		return p.re.MatchString(tag)
	}
	return glob(p.text, tag)
}

// glob reports whether s matches p, in which * stands for any text.
func glob(p, s string) bool {
	first, rest, star := strings.Cut(p, "*")
	if !star {
		return p == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(part):], more
	}
}
