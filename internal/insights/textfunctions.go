package insights

import (
	"bytes"
	"regexp"
	"unicode"
	"unicode/utf8"
)

// ofText makes a function of texts only; it is missing if one of them is.
func ofText(n int, f func(e *env, args [][]byte) value) function {
	return function{n, n, func(e *env, args []expr) value {
		var texts [3][]byte
		for i, arg := range args {
			b, ok := e.text(arg(e))
			if !ok {
				return value{}
			}
			texts[i] = b
		}
		return f(e, texts[:len(args)])
	}, nil}
}

func textFunctions() map[string]function {
	return map[string]function{
		"isempty":      {1, 1, func(e *env, args []expr) value { return isEmpty(e, args, func(b []byte) []byte { return b }) }, nil},
		"isblank":      {1, 1, func(e *env, args []expr) value { return isEmpty(e, args, bytes.TrimSpace) }, nil},
		"concat":       {1, -1, concat, nil},
		"trim":         {1, 2, func(e *env, args []expr) value { return trim(e, args, true, true) }, nil},
		"ltrim":        {1, 2, func(e *env, args []expr) value { return trim(e, args, true, false) }, nil},
		"rtrim":        {1, 2, func(e *env, args []expr) value { return trim(e, args, false, true) }, nil},
		"strlen":       ofText(1, func(_ *env, a [][]byte) value { return numberValue(float64(utf8.RuneCount(a[0]))) }),
		"toupper":      ofText(1, func(e *env, a [][]byte) value { return mapped(e, a[0], unicode.ToUpper) }),
		"tolower":      ofText(1, func(e *env, a [][]byte) value { return mapped(e, a[0], unicode.ToLower) }),
		"substr":       {2, 3, substr, nil},
		"replace":      ofText(3, func(_ *env, a [][]byte) value { return replace(a[0], a[1], a[2]) }),
		"regexreplace": {3, 3, nil, buildRegexReplace},
		"strcontains":  {2, 3, strContains, nil},
		"startswith":   ofText(2, func(_ *env, a [][]byte) value { return boolValue(bytes.HasPrefix(a[0], a[1])) }),
		"endswith":     ofText(2, func(_ *env, a [][]byte) value { return boolValue(bytes.HasSuffix(a[0], a[1])) }),
	}
}

// isEmpty answers 1 also for what is missing (user guide, "isempty").
func isEmpty(e *env, args []expr, strip func([]byte) []byte) value {
	v := args[0](e)
	if v.kind == structure {
		return numberValue(0)
	}
	b, _ := e.text(v)
	return numberValue(boolValue(len(strip(b)) == 0).num)
}

// concat leaves out what is missing.
func concat(e *env, args []expr) value {
	var out []byte
	for _, arg := range args {
		b, _ := e.text(arg(e))
		out = append(out, b...)
	}
	return textValue(out)
}

// trim removes white space or, if they are given, any of the characters of a
// set.
func trim(e *env, args []expr, left, right bool) value {
	b, ok := e.text(args[0](e))
	if !ok {
		return value{}
	}
	drop := unicode.IsSpace
	if len(args) == 2 {
		set, ok := e.text(args[1](e))
		if !ok {
			return value{}
		}
		drop = func(r rune) bool { return bytes.ContainsRune(set, r) }
	}
	if left {
		b = bytes.TrimLeftFunc(b, drop)
	}
	if right {
		b = bytes.TrimRightFunc(b, drop)
	}
	return textValue(b)
}

func mapped(e *env, b []byte, f func(rune) rune) value {
	start := len(e.arena)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			e.arena = append(e.arena, b[0])
		} else {
			e.arena = utf8.AppendRune(e.arena, f(r))
		}
		b = b[n:]
	}
	return textValue(e.since(start))
}

// substr counts characters from 0.
func substr(e *env, args []expr) value {
	b, ok := e.text(args[0](e))
	start, okStart := args[1](e).number()
	if !ok || !okStart {
		return value{}
	}
	length := float64(len(b))
	if len(args) == 3 {
		if length, ok = args[2](e).number(); !ok {
			return value{}
		}
	}
	b = b[runeOffset(b, start):]
	return textValue(b[:runeOffset(b, length)])
}

// runeOffset returns where character n of b begins, or b's length.
func runeOffset(b []byte, n float64) int {
	i := 0
	for ; n >= 1 && i < len(b); n-- {
		_, size := utf8.DecodeRune(b[i:])
		i += size
	}
	return i
}

func replace(s, find, with []byte) value {
	if len(find) == 0 {
		return textValue(s)
	}
	return textValue(bytes.ReplaceAll(s, find, with))
}

// buildRegexReplace compiles the regular expression, a literal or text that
// does not depend on rows.
func buildRegexReplace(c *compiler, n *node) (expr, error) {
	re, err := c.regexArgument(n.args[1])
	if err != nil {
		return nil, err
	}
	args, err := c.exprs([]*node{n.args[0], n.args[2]})
	if err != nil {
		return nil, err
	}
	f := ofText(2, func(_ *env, a [][]byte) value { return textValue(re.ReplaceAll(a[0], a[1])) })
	return func(e *env) value { return f.eval(e, args) }, nil
}

func (c *compiler) regexArgument(n *node) (*regexp.Regexp, error) {
	pattern := n.name
	switch n.op {
	case opString:
	case opRegex:
		pattern = c.text[n.start+1 : n.end-1]
	default:
		return nil, c.errorAt(n.start, n.end, "expected a /regular expression/ or one in quotes")
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, c.errorAt(n.start, n.end, "expected a regular expression without look-around and back-references: %v", err)
	}
	return re, nil
}

// strContains answers 1 or 0.
func strContains(e *env, args []expr) value {
	s, ok := e.text(args[0](e))
	part, okPart := e.text(args[1](e))
	if !ok || !okPart {
		return numberValue(0)
	}
	if len(args) == 3 && args[2](e).truth() {
		s, part = bytes.ToLower(s), bytes.ToLower(part)
	}
	return numberValue(boolValue(bytes.Contains(s, part)).num)
}
