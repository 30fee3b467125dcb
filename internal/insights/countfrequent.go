package insights

// countFrequentCommand compiles countFrequent f[, g]: how often each
// combination of values occurs, the most frequent first (user guide,
// "countFrequent"). The service's counts are approximate, these are exact. As
// with stats, rows without a field are a combination of their own.
func (c *compiler) countFrequentCommand() error {
	if err := c.checkOrder("countFrequent"); err != nil {
		return err
	}
	agg := &aggregation{in: c.scope, out: newScope(false)}
	for {
		n, x, err := c.operand()
		if err != nil {
			return err
		}
		name := c.text[n.start:n.end]
		if n.op == opField {
			name = n.name
		}
		agg.keys = append(agg.keys, x)
		i, col := agg.out.column()
		agg.add(name, i, col)
		if !c.take(",") {
			break
		}
	}
	i, count := agg.out.column()
	agg.inputs = append(agg.inputs, constant(value{}))
	agg.makers = append(agg.makers, func() accumulator { return &counter{rows: true} })
	agg.inputCols = append(agg.inputCols, i)
	agg.add("_approxcount", i, count)
	c.addGatherer(agg, agg.out, agg.shown)
	c.after = append(c.after, &sortStep{agg.out, []orderKey{{count, true}}})
	return nil
}
