package insights

// plan is what a query does: steps row by row on any number of goroutines, a
// sink that takes in what they let through, and steps on the whole afterwards.
type plan struct {
	first  *scope
	rows   []rowStep
	sink   gatherer   // nil: rows are collected
	order  *sortStep  // of the collected rows; nil: newest first
	unique *dedupStep // of the collected rows; nil: all count
	most   int        // rows to collect; 0: all
	any    bool       // any rows will do
	after  []tableStep
	last   *scope
	limits bool // the text says how many rows

	chosen    []column // by fields
	displayed []column // by display
	defaults  []column // by stats
	pointer   bool     // rows are events and carry @ptr

	needles [][]byte
	groups  *GroupSelection
	// standard is the first command that only log groups of the Standard class
	// have.
	standard *SyntaxError

	subs    []*Query
	joined  bool
	keyed   bool // it is the right side of a join
	key     int  // its column of the first equality
	lookups []*lookup
	diff    *comparison

	// Of the compilation only.
	commandStart, commandEnd int
	commandCount             int
	deduped                  bool
	statsCount               int
	patterned                bool
	inner                    bool // it is a subquery
	lastStats                *aggregation
	lastStatsAt              int  // its place among the commands
	ended                    bool // a sort or limit was met: no stats any more
}

// rowStep filters rows, or multiplies them.
type rowStep struct {
	test cond // nil: expand
	// expand calls each for every row that comes out, having set columns.
	expand func(e *env, each func())
}

// gatherer is a command that turns rows into other rows: stats and pattern. As
// the first command that needs all rows it does so while they are read.
type gatherer interface {
	tableStep
	newSink() sink
}

// tableStep works on all rows that are left.
type tableStep interface {
	apply(x *Execution, rows []*record) []*record
}

// addRowStep puts a filter or unnest where it belongs: before the sink as long
// as no step on the whole has been met.
func (c *compiler) addRowStep(s rowStep) {
	if c.barrier() && !(c.onlySorted() && s.test != nil) {
		c.after = append(c.after, &rowsStep{c.scope, s})
		return
	}
	c.rows = append(c.rows, s)
}

// onlySorted reports whether sort is the one command so far that needs all
// rows. A filter behind it may as well come before.
func (c *compiler) onlySorted() bool {
	return c.order != nil && c.collects()
}

// collects reports whether no more than sort is known of what is to be
// collected.
func (c *compiler) collects() bool {
	return c.sink == nil && c.unique == nil && c.most == 0 && len(c.after) == 0
}

// addGatherer adds a command whose rows consist of columns only.
func (c *compiler) addGatherer(g gatherer, out *scope, shown []column) {
	if c.barrier() {
		c.after = append(c.after, g)
	} else {
		c.sink = g
	}
	c.scope, c.pointer = out, false
	c.chosen, c.displayed, c.defaults = nil, nil, shown
}

// barrier reports whether a command that needs all rows has been met.
func (c *compiler) barrier() bool {
	return c.order != nil || !c.collects()
}

// addBarrier adds a command that needs all rows. The first sort and the limit or
// dedup right after it become part of collecting the rows.
func (c *compiler) addBarrier(s tableStep) {
	limit, isLimit := s.(*limitStep)
	dedup, isDedup := s.(*dedupStep)
	c.deduped = c.deduped || isDedup
	switch s.(type) {
	case *sortStep, *limitStep, *dedupStep:
		c.ended = true
	}
	first := !c.barrier()
	if isLimit {
		c.limits = true
	}
	switch {
	case isDedup && c.collects():
		c.unique = dedup
		return
	case isLimit && c.collects():
		c.most, c.any = limit.n, limit.any && c.order == nil
		return
	case first:
		if order, ok := s.(*sortStep); ok {
			c.order = order
			return
		}
	}
	c.after = append(c.after, s)
}

// columns are what the result shows of every row.
func (p *plan) columns() []column {
	switch {
	case p.displayed != nil:
		return p.displayed
	case p.chosen != nil:
		return p.chosen
	}
	return p.defaults
}
