package filterexpr

import "strings"

// flag reads what follows a boolean keyword: nothing, or = or != and true or
// false.
func (p *parser) flag(get func(*Item) bool) (cond, error) {
	want, err := p.truth()
	if err != nil {
		return nil, err
	}
	return func(i *Item, _ *Trace) bool { return get(i) == want }, nil
}

// truth reads an optional comparison with true or false and returns the value
// that makes it hold.
func (p *parser) truth() (bool, error) {
	if p.tok.kind != kindOp {
		return true, nil
	}
	op := p.tok
	if op.text != "=" && op.text != "!=" {
		return false, p.fail(op.at, "operator %q does not apply to a boolean", op.text)
	}
	if err := p.advance(); err != nil {
		return false, err
	}
	v := p.isWord("true")
	if !v && !p.isWord("false") {
		return false, p.fail(p.tok.at, "expected true or false, found %s", p.tok)
	}
	return v == (op.text == "="), p.advance()
}

func (p *parser) number(key token, get func(*Item) (float64, bool)) (cond, error) {
	op := p.tok
	if op.kind != kindOp {
		return nil, p.fail(op.at, "%s needs an operator and a number, found %s", key.text, op)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind != kindNumber {
		return nil, p.fail(p.tok.at, "%s is compared with a number, found %s", key.text, p.tok)
	}
	want, test := p.tok.number, numberTest(op.text)
	return func(i *Item, _ *Trace) bool {
		v, ok := get(i)
		return ok && test(v, want)
	}, p.advance()
}

func numberTest(op string) func(a, b float64) bool {
	switch op {
	case "=":
		return func(a, b float64) bool { return a == b }
	case "!=":
		return func(a, b float64) bool { return a != b }
	case "<":
		return func(a, b float64) bool { return a < b }
	case "<=":
		return func(a, b float64) bool { return a <= b }
	case ">":
		return func(a, b float64) bool { return a > b }
	default:
		return func(a, b float64) bool { return a >= b }
	}
}

func (p *parser) text(key token, get func(*Item) []string) (cond, error) {
	op := p.tok
	test := textTest(op)
	switch {
	case test == nil && op.kind == kindOp:
		return nil, p.fail(op.at, "%s needs =, !=, CONTAINS, BEGINSWITH or ENDSWITH, found %s", key.text, op)
	case test == nil: // by itself: it is set
		return func(i *Item, _ *Trace) bool { return len(get(i)) > 0 }, nil
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind != kindText {
		return nil, p.fail(p.tok.at, "%s is compared with a string in double quotes, found %s", key.text, p.tok)
	}
	want := p.tok.text
	return func(i *Item, _ *Trace) bool {
		for _, v := range get(i) {
			if test(v, want) {
				return true
			}
		}
		return false
	}, p.advance()
}

// textTest returns the comparison of strings that t names, or nil.
func textTest(t token) func(a, b string) bool {
	switch {
	case t.kind == kindOp && t.text == "=":
		return func(a, b string) bool { return a == b }
	case t.kind == kindOp && t.text == "!=":
		return func(a, b string) bool { return a != b }
	case t.kind != kindWord:
		return nil
	case strings.EqualFold(t.text, "CONTAINS"):
		return strings.Contains
	case strings.EqualFold(t.text, "BEGINSWITH"):
		return strings.HasPrefix
	case strings.EqualFold(t.text, "ENDSWITH"):
		return strings.HasSuffix
	}
	return nil
}

// annotation reads what follows annotation[key]: nothing (it is set, and not to
// false), or a comparison with a boolean, number or string, which decides the values asked.
func (p *parser) annotation(key string) (cond, error) {
	op := p.tok
	if op.kind != kindOp && textTest(op) == nil {
		return anyAnnotation(key, func(v any) bool { return v != false }), nil
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	test, err := p.annotationTest(op)
	if err != nil {
		return nil, err
	}
	return anyAnnotation(key, test), p.advance()
}

// annotationTest makes the test of operator op with the literal that comes next.
func (p *parser) annotationTest(op token) (func(any) bool, error) {
	lit := p.tok
	switch {
	case lit.kind == kindNumber && op.kind == kindOp:
		test := numberTest(op.text)
		return func(v any) bool { n, ok := v.(float64); return ok && test(n, lit.number) }, nil
	case lit.kind == kindText && textTest(op) != nil:
		test := textTest(op)
		return func(v any) bool { s, ok := v.(string); return ok && test(s, lit.text) }, nil
	case (p.isWord("true") || p.isWord("false")) && (op.text == "=" || op.text == "!="):
		want := p.isWord("true") == (op.text == "=")
		return func(v any) bool { b, ok := v.(bool); return ok && b == want }, nil
	}
	return nil, p.fail(lit.at, "operator %s does not apply to %s", op, lit)
}

func anyAnnotation(key string, test func(any) bool) cond {
	return func(i *Item, _ *Trace) bool {
		for _, v := range i.Annotations[key] {
			if test(v) {
				return true
			}
		}
		return false
	}
}
