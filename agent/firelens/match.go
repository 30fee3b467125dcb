package firelens

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/sidelight-dev/sidelight/agent/fluentconf"
)

// pattern says which tags a section is for.
type pattern struct {
	text string
	re   *regexp.Regexp // nil: text, where * stands for anything
}

// newPattern reads Match or Match_Regex of s.
func newPattern(s *fluentconf.Section) (pattern, error) {
	if text, ok := s.Get("match_regex"); ok {
		re, err := regexp.Compile(text)
		if err != nil {
			return pattern{}, fmt.Errorf("Match_Regex %s: %w", fluentconf.Clip(text), err)
		}
		return pattern{text: text, re: re}, nil
	}
	text, ok := s.Get("match")
	if !ok || text == "" {
		return pattern{}, errors.New("there is no Match")
	}
	return pattern{text: text}, nil
}

func (p pattern) matches(tag string) bool {
	if p.re != nil {
		return p.re.MatchString(tag)
	}
	return fluentconf.Glob(p.text, tag)
}
