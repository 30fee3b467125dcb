package expr

import (
	"math"
	"strconv"
	"strings"
)

// Formula is a compiled arithmetic expression over names:
//
//	100 * mem_used / mem_limit
//	max(latency) - min("a name with-signs")
//
// It has numbers, + - * / and parentheses, names as words or in quotes, and of a
// name sum, avg, min, max and count. It is safe for concurrent use.
type Formula struct {
	text     string
	operands []Operand
	eval     func([]float64) float64
}

// Operand is a name in a Formula, and what is asked of it: sum, avg, min, max,
// count, or "" where the formula does not say.
type Operand struct{ Func, Name string }

// ParseFormula compiles text. A fault is an *Error.
func ParseFormula(text string) (f *Formula, err error) {
	if len(text) > maxLength {
		return nil, &Error{Width: len(text), Msg: "the formula is longer than 4096 bytes"}
	}
	defer catch(&err)
	p := &formulaParser{}
	p.src, p.arithmetic = text, true
	p.next()
	if p.tok.kind == endToken {
		fail(0, len(text), "expected one such as 100 * used / total", "the formula is empty")
	}
	eval := p.sum()
	if p.tok.kind != endToken {
		fail(p.tok.at, p.tok.end, "expected + - * / or the end", "unexpected %s", p.tok)
	}
	if len(p.operands) == 0 {
		fail(0, len(text), "expected the name of a metric", "the formula is the same for all metrics")
	}
	return &Formula{text: text, operands: p.operands, eval: eval}, nil
}

// String returns what was parsed.
func (f *Formula) String() string { return f.text }

// Operands returns what Eval needs the values of, without repetition.
func (f *Formula) Operands() []Operand { return f.operands }

// Eval computes f. values are those of the operands. It reports false if the
// result is no finite number, such as after a division by zero.
func (f *Formula) Eval(values []float64) (float64, bool) {
	v := f.eval(values)
	return v, !math.IsNaN(v) && !math.IsInf(v, 0)
}

type formulaParser struct {
	parser
	operands []Operand
}

func (p *formulaParser) sum() func([]float64) float64 {
	defer p.nest()()
	a := p.product()
	for {
		op, ok := p.op("+", "-")
		if !ok {
			return a
		}
		x, y := a, p.product()
		if op == "+" {
			a = func(v []float64) float64 { return x(v) + y(v) }
		} else {
			a = func(v []float64) float64 { return x(v) - y(v) }
		}
	}
}

func (p *formulaParser) product() func([]float64) float64 {
	a := p.factor()
	for {
		op, ok := p.op("*", "/")
		if !ok {
			return a
		}
		x, y := a, p.factor()
		if op == "*" {
			a = func(v []float64) float64 { return x(v) * y(v) }
		} else {
			a = func(v []float64) float64 {
				d := y(v)
				if d == 0 {
					return math.NaN() // also where it would be divided by again
				}
				return x(v) / d
			}
		}
	}
}

func (p *formulaParser) factor() func([]float64) float64 {
	t := p.tok
	p.next()
	switch {
	case t.kind == numberToken:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			fail(t.at, t.end, "write a plain number", "%q is not a number; units have no meaning here", t.text)
		}
		return func([]float64) float64 { return f }
	case t.kind == textToken:
		return p.operand("", t)
	case t.kind == wordToken:
		if _, call := p.op("("); !call {
			return p.operand("", t)
		}
		return p.call(t)
	case t.kind == opToken && t.text == "(":
		f := p.sum()
		p.expect(")")
		return f
	case t.kind == opToken && t.text == "-":
		defer p.nest()()
		f := p.factor()
		return func(v []float64) float64 { return -f(v) }
	}
	fail(t.at, t.end, "", "expected a number or a name, found %s", t)
	return nil
}

// call compiles what is asked of a name; the parenthesis is behind.
func (p *formulaParser) call(t token) func([]float64) float64 {
	funcs := []string{"sum", "avg", "min", "max", "count"}
	if !strings.Contains(" sum avg min max count ", " "+t.text+" ") {
		fail(t.at, t.end, near(t.text, funcs), "there is no function %q", t.text)
	}
	name := p.tok
	if name.kind != wordToken && name.kind != textToken {
		fail(name.at, name.end, "expected "+t.text+"(name)", "%s takes the name of a metric", t.text)
	}
	p.next()
	p.expect(")")
	return p.operand(t.text, name)
}

func (p *formulaParser) operand(f string, t token) func([]float64) float64 {
	if t.text == "" {
		fail(t.at, t.end, "", "a name is empty")
	}
	o := Operand{Func: f, Name: t.text}
	at := len(p.operands)
	for i, x := range p.operands {
		if x == o {
			at = i
		}
	}
	if at == len(p.operands) {
		p.operands = append(p.operands, o)
	}
	return func(v []float64) float64 { return v[at] }
}
