package insights

func timeFunctions() map[string]function {
	return map[string]function{
		"bin": {1, 1, nil, func(c *compiler, n *node) (expr, error) {
			x, _, err := c.bin(n, 0)
			return x, err
		}},
		"datefloor":  {2, 2, nil, func(c *compiler, n *node) (expr, error) { return buildDate(c, n, period.floor) }},
		"dateceil":   {2, 2, nil, func(c *compiler, n *node) (expr, error) { return buildDate(c, n, period.ceil) }},
		"frommillis": {1, 1, fromMillis, nil},
		"tomillis":   ofNumber(func(ms float64) float64 { return ms }),
		"now":        {0, 0, func(e *env, _ []expr) value { return numberValue(float64(e.opt.Now.Unix())) }, nil},
	}
}

func fromMillis(e *env, args []expr) value {
	ms, ok := args[0](e).number()
	if !ok {
		return value{}
	}
	return instantValue(ms)
}

// bin compiles bin(period): @timestamp, cut to the beginning of its period,
// the periods being shifted by offset milliseconds.
func (c *compiler) bin(n *node, offset int64) (expr, period, error) {
	if err := c.check(n, 1, 1); err != nil {
		return nil, period{}, err
	}
	p, err := c.asPeriod(n.args[0])
	if err != nil {
		return nil, period{}, err
	}
	if !c.scope.events {
		return nil, period{}, c.errorAt(n.start, n.end, "bin goes by @timestamp, which is gone after stats; datefloor takes a column")
	}
	return func(e *env) value {
		return instantValue(float64(p.floor(e.row.Time-offset) + offset))
	}, p, nil
}

func (c *compiler) asPeriod(n *node) (period, error) {
	if n.op != opPeriod {
		return period{}, c.errorAt(n.start, n.end, "expected a period such as 5m, found %q", c.text[n.start:n.end])
	}
	return n.period, nil
}

// periodNode reads a period that stands by itself.
func (c *compiler) periodNode() (period, error) {
	n, err := c.expression()
	if err != nil {
		return period{}, err
	}
	return c.asPeriod(n)
}

func buildDate(c *compiler, n *node, cut func(period, int64) int64) (expr, error) {
	x, err := c.expr(n.args[0])
	if err != nil {
		return nil, err
	}
	p, err := c.asPeriod(n.args[1])
	if err != nil {
		return nil, err
	}
	return func(e *env) value {
		v := instantOf(x(e))
		if v.kind == missing {
			return value{}
		}
		return instantValue(float64(cut(p, int64(v.num))))
	}, nil
}

// instantOf takes numbers for Unix milliseconds.
func instantOf(v value) value {
	ms, ok := v.number()
	if !ok {
		return value{}
	}
	return instantValue(ms)
}
