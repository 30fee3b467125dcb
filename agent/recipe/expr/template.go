package expr

import "strings"

// Template is a scalar of a recipe: text with expressions in it.
type Template struct {
	Parts []Part
}

// Part is literal text, or an expression.
type Part struct {
	// Text is the literal text; it is "" where Expr is set.
	Text string
	Expr *Expr
	// Offset is the part's first byte in the template's text, Width its length
	// there.
	Offset int
	Width  int
}

// Parse reads a template: $(...) is an expression, $$( is a literal $(.
func Parse(text string) (*Template, error) {
	t := &Template{}
	if len(text) > maxLength && strings.Contains(text, "$(") {
		return nil, &Error{Width: len(text), Msg: "a text with an expression is longer than 4096 bytes"}
	}
	for i := 0; i < len(text); {
		j := strings.Index(text[i:], "$(")
		switch {
		case j < 0:
			t.literal(text[i:], i, len(text)-i)
			return t, nil
		case j > 0 && text[i+j-1] == '$':
			t.literal(text[i:i+j-1]+"$(", i, j+2)
			i += j + 2
			continue
		}
		t.literal(text[i:i+j], i, j)
		start := i + j
		x, end, err := parse(text, start+2)
		if err != nil {
			return nil, err
		}
		t.Parts = append(t.Parts, Part{Expr: x, Offset: start, Width: end + 1 - start})
		i = end + 1
	}
	return t, nil
}

func (t *Template) literal(text string, offset, width int) {
	if text != "" {
		t.Parts = append(t.Parts, Part{Text: text, Offset: offset, Width: width})
	}
}

// Eval returns the value of the template: that of the expression if it is
// exactly one, else text.
func (t *Template) Eval(sc Scope) (Value, error) {
	if len(t.Parts) == 1 && t.Parts[0].Expr != nil {
		return t.Parts[0].Expr.Eval(sc)
	}
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Expr == nil {
			b.WriteString(p.Text)
			continue
		}
		v, err := p.Expr.Eval(sc)
		if err != nil {
			return Value{}, err
		}
		if v.Kind == List || v.Kind == Map {
			return Value{}, &Error{
				Offset: p.Offset, Width: p.Width, Type: true, Msg: "a " + v.Kind.String() + " cannot stand inside a text",
				Hint: "use join(list, separator)",
			}
		}
		b.WriteString(v.String())
	}
	return Text(b.String()), nil
}

// Refers reports whether an expression in the template uses the root name, such
// as "ctx".
func (t *Template) Refers(root string) bool {
	for _, p := range t.Parts {
		if p.Expr != nil && p.Expr.refers(root) {
			return true
		}
	}
	return false
}

func (x *Expr) refers(root string) bool {
	if x.op == "ref" && x.name == root {
		return true
	}
	for _, a := range x.args {
		if a.refers(root) {
			return true
		}
	}
	return false
}
