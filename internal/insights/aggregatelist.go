package insights

import "math"

// aggregate is an aggregate as the parser knows it. build compiles the argument
// and returns a maker of accumulators.
type aggregate struct {
	least, most int // arguments
	needsTime   bool
	build       func(c *compiler, n *node) (expr, func() accumulator, error)
}

// aggregateTable returns the aggregates by their names in lower case.
func aggregateTable() map[string]aggregate {
	countDistinct := of(func() accumulator { return distinct{} })
	sum := ofMoments(func(_, sum, _ float64) float64 { return sum })
	return map[string]aggregate{
		"count":          {0, 1, false, buildCount},
		"count_distinct": countDistinct,
		"countdistinct":  countDistinct,
		"sum":            sum,
		"avg":            ofMoments(func(n, sum, _ float64) float64 { return sum / n }),
		"variance":       ofMoments(func(n, _, squares float64) float64 { return significant(squares / n) }),
		"stddev":         ofMoments(func(n, _, squares float64) float64 { return significant(math.Sqrt(squares / n)) }),
		"min":            of(func() accumulator { return &extreme{sign: -1} }),
		"max":            of(func() accumulator { return &extreme{sign: 1} }),
		"median":         of(func() accumulator { return &quantile{p: 50} }),
		"pct":            {2, 2, false, buildPct},
		"earliest":       ofTimed(-1),
		"latest":         ofTimed(1),
		"sortsfirst":     of(func() accumulator { return &sorted{sign: -1} }),
		"values":         of(func() accumulator { return &tally{counts: map[string]int{}} }),
		"topk":           {2, 2, false, buildTopK},
		"sortslast":      of(func() accumulator { return &sorted{sign: 1} }),

		"count_over_time": {1, 1, false, buildCount},
		"countovertime":   {1, 1, false, buildCount},
		"sum_over_time":   sum,
		"sumovertime":     sum,
		"rate":            {2, 2, true, buildRate},
		"histogram":       {2, 2, false, buildHistogram},
	}
}

// of makes an aggregate of one argument.
func of(maker func() accumulator) aggregate {
	return aggregate{1, 1, false, func(c *compiler, n *node) (expr, func() accumulator, error) {
		x, err := c.expr(n.args[0])
		return x, maker, err
	}}
}

func ofMoments(finish func(n, sum, squares float64) float64) aggregate {
	return of(func() accumulator { return &moments{finish: finish} })
}

func ofTimed(sign int) aggregate {
	a := of(func() accumulator { return &timed{sign: sign} })
	a.needsTime = true
	return a
}

func buildCount(c *compiler, n *node) (expr, func() accumulator, error) {
	if len(n.args) == 0 || n.args[0].op == opStar {
		return constant(value{}), func() accumulator { return &counter{rows: true} }, nil
	}
	x, err := c.expr(n.args[0])
	return x, func() accumulator { return &counter{} }, err
}

func buildPct(c *compiler, n *node) (expr, func() accumulator, error) {
	p := n.args[1]
	if p.op != opNumber || p.num < 0 || p.num > 100 {
		return nil, nil, c.errorAt(p.start, p.end, "expected a percentile from 0 to 100")
	}
	x, err := c.expr(n.args[0])
	return x, func() accumulator { return &quantile{p: p.num} }, err
}
