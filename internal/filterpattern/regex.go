package filterpattern

import (
	"regexp"
	"strings"
)

// regexChars are the characters besides ASCII letters and digits that a
// regular expression may consist of: literals, then operators (user guide,
// "Using regular expressions in filter pattern syntax"). Parentheses are
// absent on purpose; so are spaces, which are written \s.
const regexChars = `:_#=@/;,-` + `^$?[]{}|\*+.`

// regex reads %…%. The opening percent sign is next.
func (p *parser) regex() (*regexp.Regexp, error) {
	start := p.i
	n := strings.IndexByte(p.text[start+1:], '%')
	if n < 0 {
		return nil, p.errorAt(start, "expected a closing %% for the regular expression that opens here")
	}
	text := p.text[start+1 : start+1+n]
	if text == "" {
		return nil, p.errorAt(start+1, "expected a regular expression between the percent signs")
	}
	for i, r := range text {
		if !isRegexRune(r) {
			return nil, p.errorAt(start+1+i, "expected a letter, a digit or one of %s in a regular expression, found %q", regexChars, r)
		}
	}
	if p.regexes++; p.regexes > maxRegexes {
		return nil, p.errorAt(start, "expected at most %d regular expressions in a pattern", maxRegexes)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, p.errorAt(start+1, "expected a valid regular expression: %v", err)
	}
	p.i = start + n + 2
	return re, nil
}

func isRegexRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune(regexChars, r)
}
