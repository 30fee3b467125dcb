package insights

import (
	"slices"
	"strings"
)

// addTotalsCommand compiles addtotals [fieldname=Name] [row=bool] [col=bool]
// [f, g]: a column with the sum of a row's numbers and, with col=true, a last
// row with the sums of the columns (user guide, "addtotals"). Without names,
// all columns shown so far take part.
func (c *compiler) addTotalsCommand() error {
	name, rowTotal, colTotal := "Total", true, false
	for {
		set, ok := c.option("fieldname", "row", "col")
		if !ok {
			break
		}
		var err error
		switch set {
		case "fieldname":
			name, err = c.newName()
		case "row":
			rowTotal, err = c.boolWord()
		case "col":
			colTotal, err = c.boolWord()
		}
		if err != nil {
			return err
		}
	}
	columns, err := c.totalled()
	if err != nil {
		return err
	}
	if colTotal && c.scope.events {
		return c.refuse("addtotals col=true is only supported after stats")
	}
	if rowTotal {
		x := sumOf(columns)
		s := &windowStep{in: c.scope}
		c.addWindow(s, name, x, func() func(value) value { return func(v value) value { return v } })
		c.addBarrier(s)
		columns = append(slices.Clone(columns), column{name, c.scope.names[name]})
	}
	if colTotal {
		c.addBarrier(&columnTotals{c.scope, columns})
	}
	return nil
}

// option takes one of the names and the equals sign behind it.
func (c *compiler) option(names ...string) (string, bool) {
	before := c.i
	for _, name := range names {
		if c.takeWord(name) && c.take("=") {
			return name, true
		}
		c.i = before
	}
	return "", false
}

func (c *compiler) boolWord() (bool, error) {
	switch {
	case c.takeWord("true"):
		return true, nil
	case c.takeWord("false"):
		return false, nil
	}
	return false, c.expected("true or false")
}

// totalled reads the names of columns.
func (c *compiler) totalled() ([]column, error) {
	if !c.atField() {
		return c.shownSoFar(), nil
	}
	var columns []column
	for {
		n, err := c.primary()
		if err != nil {
			return nil, err
		}
		x, err := c.expr(n)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSpace(c.text[n.start:n.end])
		if n.op == opField {
			name = n.name
		}
		columns = append(columns, column{name, x})
		if !c.take(",") {
			return columns, nil
		}
	}
}

// addend is the number that v adds to a total. Times add nothing.
func (v value) addend() (float64, bool) {
	if v.kind == instant {
		return 0, false
	}
	return v.number()
}

func sumOf(columns []column) expr {
	return func(e *env) value {
		var sum total
		found := false
		for _, col := range columns {
			if n, ok := col.x(e).addend(); ok {
				sum.plus(n)
				found = true
			}
		}
		if !found {
			return value{}
		}
		return numberValue(sum.value())
	}
}

// columnTotals adds a row with the sums of columns.
type columnTotals struct {
	in      *scope
	columns []column
}

func (s *columnTotals) apply(x *Execution, rows []*record) []*record {
	e := newEnv(s.in, &x.opt)
	sums := make([]total, len(s.columns))
	found := make([]bool, len(s.columns))
	for _, r := range rows {
		e.load(r)
		for i, col := range s.columns {
			if n, ok := col.x(e).addend(); ok {
				sums[i].plus(n)
				found[i] = true
			}
		}
	}
	last := &record{cols: make([]value, len(e.cols))}
	for i, col := range s.columns {
		if at, ok := s.in.index[col.name]; ok && found[i] {
			last.cols[at] = numberValue(sums[i].value())
		}
	}
	return append(slices.Clone(rows), last)
}
