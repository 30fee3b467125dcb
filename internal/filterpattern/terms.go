package filterpattern

import "bytes"

// terms is a pattern of the first family, sorted by what each term demands.
type terms struct {
	all, none, any [][]byte
}

// termPattern reads words, quoted phrases, -exclusions and ?alternatives.
func (p *parser) termPattern() (*Pattern, error) {
	if p.peek('%') {
		return p.regexPattern()
	}
	var t terms
	for p.space(); !p.end(); p.space() {
		list := &t.all
		switch {
		case p.peek('-'):
			list = &t.none
			p.i++
		case p.peek('?'):
			list = &t.any
			p.i++
		}
		text, err := p.term()
		if err != nil {
			return nil, err
		}
		*list = append(*list, []byte(text))
	}
	if len(t.all)+len(t.none) > 0 {
		t.any = nil
	}
	return &Pattern{family: termFamily, match: t.match}, nil
}

func (p *parser) term() (string, error) {
	start := p.i
	if p.peek('"') {
		return p.quoted()
	}
	if p.peek('%') {
		return "", p.errorAt(start, "a regular expression must be the whole pattern: expected a term, found %q", '%')
	}
	text := p.while(isWordRune)
	if text == "" {
		return "", p.expected("a term of letters, digits and _, or text in double quotes")
	}
	before := p.i
	if p.space(); !p.end() && p.i == before {
		return "", p.expected("a space: a term with other characters than letters, digits and _ must be in double quotes")
	}
	return text, nil
}

func (p *parser) regexPattern() (*Pattern, error) {
	re, err := p.regex()
	if err != nil {
		return nil, err
	}
	p.space()
	if !p.end() {
		return nil, p.expected("the end of the pattern after a regular expression that stands alone")
	}
	return &Pattern{family: termFamily, match: re.Match}, nil
}

func (t *terms) match(message []byte) bool {
	for _, term := range t.all {
		if !bytes.Contains(message, term) {
			return false
		}
	}
	for _, term := range t.none {
		if bytes.Contains(message, term) {
			return false
		}
	}
	for _, term := range t.any {
		if bytes.Contains(message, term) {
			return true
		}
	}
	return len(t.any) == 0
}
