package insights

import (
	"fmt"
	"slices"
)

// windowStep computes columns from the rows before a row: accum, autoregress
// and filldown. The order is that of the rows at this place of the query.
type windowStep struct {
	in      *scope
	columns []windowColumn
}

// windowColumn is one new column. next is called for the rows in order and
// starts anew for every result.
type windowColumn struct {
	input expr
	col   int
	start func() (next func(v value) value)
}

func (s *windowStep) apply(x *Execution, rows []*record) []*record {
	e := newEnv(s.in, &x.opt)
	next := make([]func(value) value, len(s.columns))
	for i, c := range s.columns {
		next[i] = c.start()
	}
	out := make([]*record, len(rows))
	for i, r := range rows {
		e.load(r)
		// The record belongs to the sink, which goes on working with it.
		kept := *r
		kept.cols = slices.Clone(e.cols)
		for j, c := range s.columns {
			kept.cols[c.col] = next[j](c.input(e)).clone()
		}
		out[i] = &kept
	}
	return out
}

// addWindow makes name a new column; if the result already shows a column of
// that name, it shows the new one in its place.
func (c *compiler) addWindow(s *windowStep, name string, input expr, start func() func(value) value) {
	i, col := c.scope.column()
	s.columns = append(s.columns, windowColumn{input, i, start})
	c.scope.names[name] = col
	c.scope.index[name] = i
	c.chooseAlso(column{name, col})
}

// chooseAlso adds columns to those shown so far, chosen or not.
func (c *compiler) chooseAlso(list ...column) {
	if c.chosen == nil {
		c.chosen = c.defaults
	}
	c.choose(list...)
}

// accumCommand compiles accum f [as out]: a running sum of the numbers.
func (c *compiler) accumCommand() error {
	n, x, name, err := c.windowInput()
	if err != nil {
		return err
	}
	if name == "" {
		name = fmt.Sprintf("accum(%s)", c.text[n.start:n.end])
	}
	s := &windowStep{in: c.scope}
	c.addWindow(s, name, x, func() func(value) value {
		var sum total
		return func(v value) value {
			if n, ok := v.number(); ok {
				sum.plus(n)
			}
			return numberValue(sum.value())
		}
	})
	c.addBarrier(s)
	return nil
}

// windowInput reads an expression and the name that may follow it.
func (c *compiler) windowInput() (*node, expr, string, error) {
	n, err := c.expression()
	if err != nil {
		return nil, nil, "", err
	}
	x, err := c.expr(n)
	if err != nil || !c.takeWord("as") {
		return n, x, "", err
	}
	name, err := c.newName()
	return n, x, name, err
}

// maxLag bounds autoregress.
const maxLag = 100

// autoregressCommand compiles autoregress f [as a] [p=N|N-M]: the values of f in
// the Nth to the Mth row before.
func (c *compiler) autoregressCommand() error {
	n, x, name, err := c.windowInput()
	if err != nil {
		return err
	}
	if name == "" {
		name = c.text[n.start:n.end]
		if n.op == opField {
			name = n.name
		}
	}
	low, high, err := c.lags()
	if err != nil {
		return err
	}
	s := &windowStep{in: c.scope}
	for lag := low; lag <= high; lag++ {
		c.addWindow(s, fmt.Sprintf("%s_p%d", name, lag), x, func() func(value) value {
			var past []value
			return func(v value) value {
				past = append(past, v.clone())
				if len(past) <= lag {
					return value{}
				}
				return past[len(past)-1-lag]
			}
		})
	}
	c.addBarrier(s)
	return nil
}

func (c *compiler) lags() (low, high int, err error) {
	if !c.takeWord("p") {
		return 1, 1, nil
	}
	if !c.take("=") {
		return 0, 0, c.expected("=")
	}
	if low, err = c.lag(); err != nil {
		return 0, 0, err
	}
	if !c.take("-") {
		return low, low, nil
	}
	if high, err = c.lag(); err != nil {
		return 0, 0, err
	}
	if high < low {
		return 0, 0, c.refuse("expected lags from a smaller to a greater number, found %d-%d", low, high)
	}
	return low, high, nil
}

func (c *compiler) lag() (int, error) {
	c.space()
	start := c.i
	n, err := c.number()
	if err != nil || n != float64(int(n)) || n < 1 || n > maxLag {
		return 0, c.errorAt(start, c.i, "expected a whole number from 1 to %d", maxLag)
	}
	return int(n), nil
}
