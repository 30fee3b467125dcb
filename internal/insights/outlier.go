package insights

import (
	"slices"
	"strings"
)

// outlierParam is the multiple of the interquartile range beyond which a number is
// an outlier if the text does not say (user guide, "outlier").
const outlierParam = 2.5

// outlierStep finds numbers that lie further from the middle half of their field's
// than a multiple of its width: above the third quartile and, if asked for, below
// the first one. Quartiles are those of pct.
type outlierStep struct {
	in     *scope
	fields []outlierField
	param  float64
	lower  bool
	remove bool // rows, instead of moving numbers to the bound
}

// outlierField is a field that is looked at, and its columns.
type outlierField struct {
	input     expr
	col, mark int // mark is -1 if it is not asked for
}

// outlierCommand compiles outlier [action=remove|transform] [param=n]
// [uselower=true|false] [mark=true|false] f [g …]. The column that mark adds is
// called like the field, with _outlier behind it.
func (c *compiler) outlierCommand() error {
	s := &outlierStep{in: c.scope, param: outlierParam}
	mark, err := c.outlierOptions(s)
	if err != nil {
		return err
	}
	for first := true; first || c.atField(); first = false {
		if !c.atField() {
			return c.expected("a field")
		}
		start := c.i
		name, err := c.parser.field()
		if err != nil {
			return err
		}
		x, err := c.expr(&node{op: opField, name: name, start: start, end: c.i})
		if err != nil {
			return err
		}
		f := outlierField{input: x, col: c.outlierColumn(name), mark: -1}
		if mark {
			f.mark = c.outlierColumn(name + "_outlier")
		}
		s.fields = append(s.fields, f)
		c.take(",")
	}
	c.addBarrier(s)
	return nil
}

// outlierColumn makes name a new column that is shown.
func (c *compiler) outlierColumn(name string) int {
	i, col := c.scope.column()
	c.scope.names[name], c.scope.index[name] = col, i
	c.chooseAlso(column{name, col})
	return i
}

// outlierOptions reads what stands before the fields.
func (c *compiler) outlierOptions(s *outlierStep) (mark bool, err error) {
	for {
		c.space()
		word := strings.ToLower(c.word())
		if !slices.Contains([]string{"action", "param", "uselower", "mark"}, word) || !strings.HasPrefix(strings.TrimLeft(c.text[c.i+len(word):], " \t\r\n"), "=") {
			return mark, nil
		}
		c.takeWord(word)
		c.take("=")
		switch word {
		case "action":
			s.remove, err = c.choice("transform", "remove")
		case "param":
			s.param, err = c.multiple()
		case "uselower":
			s.lower, err = c.choice("false", "true")
		case "mark":
			mark, err = c.choice("false", "true")
		}
		if err != nil {
			return false, err
		}
	}
}

// choice reads one of two words and reports whether it was the second.
func (c *compiler) choice(first, second string) (bool, error) {
	switch {
	case c.takeWord(first):
		return false, nil
	case c.takeWord(second):
		return true, nil
	}
	return false, c.expected(first + " or " + second)
}

func (c *compiler) multiple() (float64, error) {
	c.space()
	start := c.i
	n, err := c.number()
	if err != nil || n < 0 {
		return 0, c.errorAt(start, c.i, "expected a number of 0 or more")
	}
	return n, nil
}

func (s *outlierStep) apply(x *Execution, rows []*record) []*record {
	e := newEnv(s.in, &x.opt)
	numbers := make([][]float64, len(s.fields))
	for _, r := range rows {
		e.load(r)
		for i, f := range s.fields {
			if n, ok := f.input(e).number(); ok {
				numbers[i] = append(numbers[i], n)
			}
		}
	}
	bounds := make([][2]float64, len(s.fields))
	for i, n := range numbers {
		bounds[i] = s.bounds(n)
	}
	var out []*record
	for _, r := range rows {
		e.load(r)
		if kept := s.row(e, r, bounds); kept != nil {
			out = append(out, kept)
		}
	}
	return out
}

// bounds returns between which numbers none is an outlier.
func (s *outlierStep) bounds(numbers []float64) [2]float64 {
	slices.Sort(numbers)
	low, high := interpolated(numbers, 25), interpolated(numbers, 75)
	width := s.param * (high - low)
	return [2]float64{low - width, high + width}
}

// row returns r as it goes on, or nil.
func (s *outlierStep) row(e *env, r *record, bounds [][2]float64) *record {
	kept := *r
	kept.cols = slices.Clone(e.cols)
	for i, f := range s.fields {
		v := f.input(e).clone()
		n, ok := v.number()
		above, below := ok && n > bounds[i][1], ok && s.lower && n < bounds[i][0]
		switch {
		case (above || below) && s.remove:
			return nil
		case above:
			v = numberValue(bounds[i][1])
		case below:
			v = numberValue(bounds[i][0])
		}
		kept.cols[f.col] = v
		if f.mark >= 0 {
			kept.cols[f.mark] = boolValue(above || below)
		}
	}
	return &kept
}
