package filterpattern

import (
	"strconv"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// jsonPattern reads { condition … }.
func (p *parser) jsonPattern() (*Pattern, error) {
	p.i++
	holds, err := disjunction(p, p.jsonCondition)
	if err != nil {
		return nil, err
	}
	if !p.take("}") {
		return nil, p.expected("&&, || or }")
	}
	p.space()
	if !p.end() {
		return nil, p.expected("the end of the pattern after }")
	}
	match := func(message []byte) bool {
		doc := jsonscan.Document(message)
		return (doc.Kind == jsonscan.Object || doc.Kind == jsonscan.Array) && holds(doc)
	}
	return &Pattern{family: jsonFamily, match: match, paths: p.paths}, nil
}

// jsonCondition reads one condition on a selector.
func (p *parser) jsonCondition() (node[jsonscan.Value], error) {
	p.space()
	path, err := p.selector()
	if err != nil {
		return nil, err
	}
	p.paths = append(p.paths, path)
	if op, ok := p.operator(); ok {
		o, err := p.operand(op, `()&|{}=!<>"%`)
		if err != nil {
			return nil, err
		}
		if !o.quoted && o.matches != nil && !o.isNum {
			if err := p.bare(o.text); err != nil {
				return nil, err
			}
		}
		test := jsonTest(op, o)
		return func(doc jsonscan.Value) bool { return path.anyValue(doc, test) }, nil
	}
	return p.jsonState(path)
}

// bare checks a JSON pattern's value outside quotes: letters, digits and _ are
// promised; * is the wildcard, and . + - : occur in numbers and addresses with
// wildcards.
func (p *parser) bare(text string) error {
	for i, r := range text {
		if !isWordRune(r) && r != '*' && r != '.' && r != '+' && r != '-' && r != ':' {
			return p.errorAt(p.i-len(text)+i, "expected a value of letters, digits and _, or text in double quotes, found %q", r)
		}
	}
	return nil
}

// jsonState reads IS NULL, IS TRUE, IS FALSE or NOT EXISTS.
func (p *parser) jsonState(path path) (node[jsonscan.Value], error) {
	p.space()
	start := p.i
	first := p.while(isWordRune)
	p.space()
	second := p.while(isWordRune)
	want := jsonscan.Missing
	switch first + " " + second {
	case "NOT EXISTS":
		return func(doc jsonscan.Value) bool {
			return !path.anyValue(doc, func(jsonscan.Value) bool { return true })
		}, nil
	case "IS NULL":
		want = jsonscan.Null
	case "IS TRUE":
		want = jsonscan.True
	case "IS FALSE":
		want = jsonscan.False
	default:
		p.i = start
		return nil, p.expected("=, !=, <, <=, >, >=, IS NULL, IS TRUE, IS FALSE or NOT EXISTS")
	}
	return func(doc jsonscan.Value) bool {
		return path.anyValue(doc, func(v jsonscan.Value) bool { return v.Kind == want })
	}, nil
}

// jsonTest returns the test that one selected value has to pass.
func jsonTest(op operator, o operand) func(jsonscan.Value) bool {
	if op != "=" && op != "!=" {
		return func(v jsonscan.Value) bool {
			n, ok := number(v)
			return ok && ordered(op, n, o.num)
		}
	}
	return func(v jsonscan.Value) bool {
		if !v.IsScalar() || v.Kind == jsonscan.Null {
			return false
		}
		return o.equals(v) == (op == "=")
	}
}

// equals compares a scalar with o.
func (o *operand) equals(v jsonscan.Value) bool {
	if o.quoted && v.Kind != jsonscan.String {
		return false
	}
	if n, ok := number(v); ok && o.isNum {
		return n == o.num
	}
	return o.matches(v.Text(nil))
}

func number(v jsonscan.Value) (float64, bool) {
	if v.Kind != jsonscan.Number {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(v.Raw), 64)
	return n, err == nil
}
