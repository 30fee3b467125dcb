package insights

// maxStats is how many stats commands a query may have (user guide, "stats",
// Standard log class), maxStatsInfrequent how many over groups of the
// Infrequent Access class.
const (
	maxStats           = 10
	maxStatsInfrequent = 2
)

// aggregation is one stats command: how rows are grouped and what is computed
// of each group. A group's columns are its keys, then the aggregates, then the
// columns that are expressions of both.
type aggregation struct {
	in, out   *scope
	keys      []expr
	makers    []func() accumulator
	inputs    []expr
	outputs   []output
	shown     []column
	inputCols []int   // of each aggregate
	bin       *binKey // how the time axis is cut, if it is
}

// output is a column computed of others when a group is complete.
type output struct {
	col int
	x   expr
}

// binKey is a bin among the keys.
type binKey struct {
	key    int
	period period
	offset int64
}

func (c *compiler) statsCommand() error {
	if err := c.checkStatsPlace(); err != nil {
		return err
	}
	agg := &aggregation{in: c.scope, out: newScope(false)}
	// The names of the groups' keys come last in the text but may be used
	// before: the keys are compiled first.
	items, err := c.statsItems()
	if err != nil {
		return err
	}
	if c.takeWord("by") {
		if err := c.statsKeys(agg); err != nil {
			return err
		}
	}
	for _, item := range items {
		if err := c.statsColumn(agg, item); err != nil {
			return err
		}
	}
	c.addGatherer(agg, agg.out, agg.shown)
	c.lastStats, c.lastStatsAt = agg, c.commandCount
	return nil
}

func (c *compiler) checkStatsPlace() error {
	if err := c.checkOrder("stats"); err != nil {
		return err
	}
	if c.statsCount++; c.statsCount > maxStats {
		return c.refuse("a query may have at most %d stats commands", maxStats)
	}
	if c.statsCount > maxStatsInfrequent {
		c.standardOnly("more than %d stats commands are", maxStatsInfrequent)
	}
	return nil
}

// checkOrder refuses a command that groups rows behind sort or limit.
func (c *compiler) checkOrder(command string) error {
	if c.ended {
		return c.refuse("%s must come before sort and limit", command)
	}
	return nil
}

// statsItem is an expression of stats before it is compiled.
type statsItem struct {
	n    *node
	name string
}

func (c *compiler) statsItems() ([]statsItem, error) {
	var items []statsItem
	for {
		n, err := c.expression()
		if err != nil {
			return nil, err
		}
		item := statsItem{n, c.text[n.start:n.end]}
		if c.takeWord("as") {
			if item.name, err = c.newName(); err != nil {
				return nil, err
			}
		}
		items = append(items, item)
		if !c.take(",") {
			return items, nil
		}
	}
}

func (c *compiler) statsKeys(agg *aggregation) error {
	for {
		n, err := c.expression()
		if err != nil {
			return err
		}
		x, err := c.key(agg, n)
		if err != nil {
			return err
		}
		name := c.text[n.start:n.end]
		if n.op == opField {
			name = n.name
		}
		if c.takeWord("as") {
			if name, err = c.newName(); err != nil {
				return err
			}
		}
		agg.keys = append(agg.keys, x)
		i, col := agg.out.column()
		agg.add(name, i, col)
		if !c.take(",") {
			return nil
		}
	}
}

func (agg *aggregation) add(name string, i int, x expr) {
	agg.out.index[name] = i
	agg.out.names[name] = x
	agg.shown = append(agg.shown, column{name, x})
}

// key compiles a key of by. A bin may be followed by offset and a period.
func (c *compiler) key(agg *aggregation, n *node) (expr, error) {
	if n.op != opCall || n.name != "bin" {
		return c.expr(n)
	}
	b := &binKey{key: len(agg.keys)}
	if c.takeWord("offset") {
		p, err := c.periodNode()
		if err != nil {
			return nil, err
		}
		b.offset = p.ms
	}
	x, per, err := c.bin(n, b.offset)
	b.period = per
	if agg.bin == nil {
		agg.bin = b
	}
	return x, err
}

// statsColumn compiles one column: an aggregate, or an expression of
// aggregates, keys and columns before it.
func (c *compiler) statsColumn(agg *aggregation, item statsItem) error {
	if !c.hasAggregate(item.n) && !agg.usesColumn(item.n) {
		return c.errorAt(item.n.start, item.n.end, "expected an aggregate such as count(*), found %q", c.text[item.n.start:item.n.end])
	}
	outer := c.scope
	c.scope, c.agg = agg.out, agg
	x, err := c.expr(item.n)
	c.scope, c.agg = outer, nil
	if err != nil {
		return err
	}
	i, col := agg.out.column()
	agg.outputs = append(agg.outputs, output{i, x})
	agg.add(item.name, i, col)
	return nil
}

func (c *compiler) hasAggregate(n *node) bool {
	if n.op == opCall {
		if _, ok := c.aggregates[n.name]; ok {
			return true
		}
	}
	for _, arg := range n.args {
		if c.hasAggregate(arg) {
			return true
		}
	}
	return false
}

// usesColumn reports whether n speaks of columns of this stats command.
func (agg *aggregation) usesColumn(n *node) bool {
	if n.op == opField {
		return agg.out.resolve(n.name) != nil
	}
	for _, arg := range n.args {
		if agg.usesColumn(arg) {
			return true
		}
	}
	return false
}

// aggregate compiles a call of an aggregate to a reference to its column.
func (c *compiler) aggregate(n *node) (expr, error) {
	agg := c.agg
	if agg == nil {
		return nil, c.errorAt(n.start, n.end, "the aggregate %s is only allowed in stats, and not inside another aggregate", n.name)
	}
	def := c.aggregates[n.name]
	if err := c.check(n, def.least, def.most); err != nil {
		return nil, err
	}
	if def.needsTime && !agg.in.events {
		return nil, c.errorAt(n.start, n.end, "%s goes by @timestamp, which is gone after stats", n.name)
	}
	// The argument is an expression of the rows that come in.
	outer := c.scope
	c.scope, c.agg = agg.in, nil
	input, maker, err := def.build(c, n)
	c.scope, c.agg = outer, agg
	if err != nil {
		return nil, err
	}
	_, col := agg.out.column()
	agg.inputs = append(agg.inputs, input)
	agg.makers = append(agg.makers, maker)
	agg.inputCols = append(agg.inputCols, agg.out.cols-1)
	return col, nil
}
