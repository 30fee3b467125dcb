package insights

// appendStep is appendcols: to each row it adds the columns of the row at the
// same place of a subquery (user guide, "appendcols"). Rows of the subquery that
// have no partner are left out.
type appendStep struct {
	in   *scope
	sub  int
	most int
	cols []int
}

// appendRows is how many rows appendcols takes without max (user guide,
// "appendcols").
const appendRows = 10_000

// appendColsCommand compiles appendcols [override=bool] [max=n] (SOURCE … | …).
// With override=false, a column that a row has already stays.
func (c *compiler) appendColsCommand() error {
	s := &appendStep{in: c.scope, most: appendRows}
	override := false
	if c.inner {
		return c.refuse("subqueries and appendcols cannot be nested")
	}
	for {
		set, ok := c.option("override", "max")
		if !ok {
			break
		}
		var err error
		switch set {
		case "override":
			override, err = c.boolWord()
		case "max":
			s.most, err = c.wholeNumber(maxLimit, "after max=")
		}
		if err != nil {
			return err
		}
	}
	if !c.take("(") {
		return c.expected("a subquery in parentheses")
	}
	q, err := c.nested()
	if err != nil {
		return err
	}
	s.sub = len(c.subs) - 1
	var shown []column
	for _, col := range q.plan.columns() {
		i, x := c.scope.column()
		s.cols = append(s.cols, i)
		if old := c.scope.resolve(col.name); old != nil && !override {
			x = either(old, x)
		} else if old != nil {
			x = either(x, old)
		}
		shown = append(shown, column{col.name, x})
	}
	c.addBarrier(s)
	for i, col := range shown {
		c.scope.names[col.name], c.scope.index[col.name] = col.x, s.cols[i]
	}
	c.chooseAlso(shown...)
	return nil
}

// wholeNumber reads a number from 1 to most.
func (c *compiler) wholeNumber(most int, where string) (int, error) {
	c.space()
	start := c.i
	n, err := c.number()
	if err != nil || n != float64(int(n)) || n < 1 || n > float64(most) {
		return 0, c.errorAt(start, c.i, "expected a whole number from 1 to %d %s", most, where)
	}
	return int(n), nil
}

func (s *appendStep) apply(x *Execution, rows []*record) []*record {
	found := x.opt.run.subs[s.sub].Load()
	if found == nil {
		return rows
	}
	e := newEnv(s.in, &x.opt)
	out := make([]*record, len(rows))
	for i, r := range rows {
		if i >= min(s.most, len(found.rows)) {
			out[i] = r
			continue
		}
		e.load(r)
		out[i] = r.widened(e)
		for j, col := range s.cols {
			out[i].cols[col] = found.rows[i][j]
		}
	}
	return out
}
