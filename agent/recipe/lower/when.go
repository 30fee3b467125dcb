package lower

import (
	"fmt"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/expr"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// Condition is a parsed `when`: stat(selector) cmp quantity.
type Condition struct {
	// Stat is the statistic as it was written, in lower case but for nothing
	// else; "" if the operand is the bare id of a metric.
	Stat   string
	StatAt Span
	Selector
	// Cmp is > >= < or <=.
	Cmp        string
	Quantity   expr.Value
	QuantityAt Span
}

// Span is a stretch of the text that was parsed, in bytes.
type Span struct{ Offset, Width int }

// Selector names one series, or by Ident a metric of the recipe.
type Selector struct {
	Ident      string
	Namespace  string
	Name       string
	Dims       []Dim
	SelectorAt Span
	NameAt     Span
	DimsAt     Span
}

// Dim is one dimension of a selector.
type Dim struct {
	Name  string
	Value string
	At    Span
}

// cell is one byte of the text, or the value of one expression in it.
type cell struct {
	c  byte
	v  *expr.Value
	at int
	w  int
}

type whenParser struct {
	cells []cell
	pos   int
	end   int // offset of the text's end
}

// ParseWhen parses the condition of an alarm. Expressions in it are handed to
// eval. Errors are of type *expr.Error, with offsets into text.
func ParseWhen(text string, eval func(*expr.Expr) (expr.Value, error)) (*Condition, error) {
	p, err := newWhenParser(text, eval)
	if err != nil {
		return nil, err
	}
	c := &Condition{}
	if err := p.operand(c); err != nil {
		return nil, err
	}
	if err := p.comparison(c); err != nil {
		return nil, err
	}
	if err := p.quantity(c); err != nil {
		return nil, err
	}
	return c, nil
}

func newWhenParser(text string, eval func(*expr.Expr) (expr.Value, error)) (*whenParser, error) {
	t, err := expr.Parse(text)
	if err != nil {
		return nil, err
	}
	p := &whenParser{end: len(text)}
	for _, part := range t.Parts {
		if part.Expr == nil {
			for i := range len(part.Text) {
				p.cells = append(p.cells, cell{c: part.Text[i], at: part.Offset + min(i, part.Width-1), w: 1})
			}
			continue
		}
		v, err := eval(part.Expr)
		if err != nil {
			return nil, err
		}
		p.cells = append(p.cells, cell{v: &v, at: part.Offset, w: part.Width})
	}
	return p, nil
}

func (p *whenParser) fail(at Span, format string, args ...any) error {
	return &expr.Error{Offset: at.Offset, Width: max(1, at.Width), Msg: fmt.Sprintf(format, args...)}
}

// peek returns the next byte, or 0 at the end and before an expression.
func (p *whenParser) peek() byte {
	if p.pos < len(p.cells) && p.cells[p.pos].v == nil {
		return p.cells[p.pos].c
	}
	return 0
}

func (p *whenParser) done() bool { return p.pos >= len(p.cells) }

func (p *whenParser) offset(pos int) int {
	if pos < len(p.cells) {
		return p.cells[pos].at
	}
	return p.end
}

// span returns the text between two positions, the second exclusive.
func (p *whenParser) span(from, to int) Span {
	if from >= to {
		return Span{p.offset(from), 1}
	}
	last := p.cells[to-1]
	return Span{p.cells[from].at, last.at + last.w - p.cells[from].at}
}

func (p *whenParser) space() {
	for p.peek() == ' ' || p.peek() == '\t' || p.peek() == '\n' || p.peek() == '\r' {
		p.pos++
	}
}

// until reads text up to one of the stop bytes, which it leaves. Quoted parts
// may hold them. It returns the text without surrounding space.
func (p *whenParser) until(stops string) (string, Span, error) {
	p.space()
	var b strings.Builder
	from, to := p.pos, p.pos
	keep := 0 // length up to the last byte that is not space
	for !p.done() {
		cl := p.cells[p.pos]
		if cl.v != nil {
			if cl.v.Kind == expr.List || cl.v.Kind == expr.Map {
				return "", Span{}, p.fail(p.span(p.pos, p.pos+1), "a %s cannot stand here", cl.v.Kind)
			}
			b.WriteString(cl.v.String())
			p.pos++
			keep, to = b.Len(), p.pos
			continue
		}
		if strings.IndexByte(stops, cl.c) >= 0 {
			break
		}
		if cl.c == '"' {
			if err := p.quoted(&b); err != nil {
				return "", Span{}, err
			}
			keep, to = b.Len(), p.pos
			continue
		}
		b.WriteByte(cl.c)
		p.pos++
		if cl.c != ' ' && cl.c != '\t' {
			keep, to = b.Len(), p.pos
		}
	}
	return b.String()[:keep], p.span(from, to), nil
}

func (p *whenParser) quoted(b *strings.Builder) error {
	from := p.pos
	for p.pos++; !p.done(); p.pos++ {
		cl := p.cells[p.pos]
		switch {
		case cl.v != nil:
			b.WriteString(cl.v.String())
		case cl.c == '"':
			p.pos++
			return nil
		case cl.c == '\\' && p.pos+1 < len(p.cells) && p.cells[p.pos+1].v == nil:
			p.pos++
			b.WriteByte(p.cells[p.pos].c)
		default:
			b.WriteByte(cl.c)
		}
	}
	return p.fail(p.span(from, p.pos), "the quote is not closed")
}

func (p *whenParser) expect(c byte, what string) error {
	p.space()
	if p.peek() != c {
		return p.fail(p.span(p.pos, min(p.pos+1, len(p.cells))), "expected %q %s", string(c), what)
	}
	p.pos++
	return nil
}

func (p *whenParser) operand(c *Condition) error {
	p.space()
	from := p.pos
	for ch := p.peek(); ch == '_' || ch == '.' || ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z'; ch = p.peek() {
		p.pos++
	}
	at := p.span(from, p.pos)
	name := p.raw(from, p.pos)
	if name == "" {
		return p.fail(at, "a condition begins with a statistic, as in avg(AWS/ECS:CPUUtilization{...}) > 80, or with the id of a metric")
	}
	p.space()
	if p.peek() != '(' {
		c.Ident, c.SelectorAt = name, at
		return nil
	}
	p.pos++
	c.Stat, c.StatAt = name, at
	if rangeStat.MatchString(name) {
		args, argsAt, err := p.until(")")
		if err != nil {
			return err
		}
		if err := p.expect(')', "after the range of "+name); err != nil {
			return err
		}
		if p.space(); p.peek() != '(' {
			return p.fail(argsAt, "%s needs a range and a metric, as in %s(10%%:90%%)(Namespace:Metric)", name, name)
		}
		p.pos++
		c.Stat = name + "(" + strings.ReplaceAll(args, " ", "") + ")"
	}
	return p.selector(c)
}

var rangeStat = lazyregexp.New(`^(?i:pr|tm|tc|ts|wm)$`)

func (p *whenParser) raw(from, to int) string {
	var b strings.Builder
	for _, cl := range p.cells[from:to] {
		b.WriteByte(cl.c)
	}
	return b.String()
}

func (p *whenParser) selector(c *Condition) error {
	text, at, err := p.until("{)")
	if err != nil {
		return err
	}
	c.SelectorAt, c.NameAt = at, at
	namespace, name, full := strings.Cut(text, ":")
	if full {
		c.Namespace, c.Name = strings.TrimSpace(namespace), strings.TrimSpace(name)
		if c.Namespace == "" || c.Name == "" {
			return p.fail(at, "a metric is written Namespace:Name, as in AWS/ECS:CPUUtilization")
		}
	} else if c.Ident = text; text == "" {
		return p.fail(at, "%s of what? Write Namespace:Name{Dimension=value} or the id of a metric", c.Stat)
	}
	if p.peek() == '{' {
		if !full {
			return p.fail(at, "%q is the id of a metric, which has its own dimensions; a metric is written Namespace:Name", text)
		}
		if err := p.dims(c); err != nil {
			return err
		}
	}
	return p.expect(')', "after the metric")
}

func (p *whenParser) dims(c *Condition) error {
	from := p.pos
	p.pos++
	if p.space(); p.peek() == '}' {
		p.pos++
		c.DimsAt = p.span(from, p.pos)
		return nil
	}
	for {
		p.space()
		start := p.pos
		name, at, err := p.until("=,})")
		if err != nil {
			return err
		}
		if name == "" || p.peek() != '=' {
			return p.fail(at, "a dimension is written Name=value")
		}
		p.pos++
		value, valueAt, err := p.until(",}")
		if err != nil {
			return err
		}
		if value == "" {
			return p.fail(valueAt, "the dimension %q has no value", name)
		}
		c.Dims = append(c.Dims, Dim{name, value, p.span(start, p.pos)})
		if p.peek() == ',' {
			p.pos++
			continue
		}
		if err := p.expect('}', "after the dimensions"); err != nil {
			return err
		}
		c.DimsAt = p.span(from, p.pos)
		return nil
	}
}

func (p *whenParser) comparison(c *Condition) error {
	p.space()
	from := p.pos
	switch ch := p.peek(); ch {
	case '>', '<':
		p.pos++
		c.Cmp = string(ch)
		if p.peek() == '=' {
			p.pos++
			c.Cmp += "="
		}
		return nil
	}
	for ch := p.peek(); ch != 0 && ch != ' '; ch = p.peek() {
		p.pos++
	}
	at := p.span(from, p.pos)
	switch word := p.raw(from, p.pos); word {
	case "above", "below", "outside":
		return &expr.Error{Offset: at.Offset, Width: at.Width, Code: "R2103", Msg: "anomaly bands are not supported; the comparisons are > >= < <="}
	case "":
		return p.fail(at, "the condition has no comparison: one of > >= < <=")
	default:
		return p.fail(at, "%q is not a comparison; they are > >= < <=", word)
	}
}

func (p *whenParser) quantity(c *Condition) error {
	p.space()
	if from := p.pos; p.pos == len(p.cells)-1 && p.cells[p.pos].v != nil {
		c.Quantity, c.QuantityAt = *p.cells[p.pos].v, p.span(from, from+1)
		if c.Quantity.Kind == expr.String {
			if q, ok := expr.Quantity(c.Quantity.Str); ok {
				c.Quantity = q
			}
		}
	} else {
		text, at, err := p.until("")
		if err != nil {
			return err
		}
		q, ok := expr.Quantity(strings.ReplaceAll(text, " ", ""))
		if text == "" {
			return p.fail(at, "the condition has no quantity to compare with")
		}
		if !ok {
			return &expr.Error{
				Offset: at.Offset, Width: at.Width, Msg: fmt.Sprintf("%q is not a quantity", text),
				Hint: "a number with or without one of " + strings.Join(expr.UnitNames(), " "),
			}
		}
		c.Quantity, c.QuantityAt = q, at
	}
	if c.Quantity.Rat == nil {
		return &expr.Error{
			Offset: c.QuantityAt.Offset, Width: c.QuantityAt.Width, Type: true,
			Msg: fmt.Sprintf("the quantity is a %s, not a number", c.Quantity.Kind),
		}
	}
	return nil
}
