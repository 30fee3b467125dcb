package insights

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// Limits of subqueries and of the right side of join (user guide, "join" and
// "subqueries"). maxSubRows is ours: the service bounds keys, we bound memory.
const (
	subqueryTime = 30 * time.Second
	maxJoinKeys  = 50_000
	maxSubRows   = maxLimit
)

var errSubqueryTime = errors.New("a subquery took longer than 30 s")

// Subqueries returns the queries inside this one, each of which has Groups of
// its own. Options.Subqueries gives their sources.
func (q *Query) Subqueries() []*Query { return q.plan.subs }

// surroundings are what the row steps of one execution find beside the row.
type surroundings struct {
	subs   []atomic.Pointer[subresult] // nil until it has run
	tables []*tableIndex
	before timeSpan // what diff compares with
}

// subresult is the answer of a subquery.
type subresult struct {
	rows  [][]value
	index *valueIndex // of the first column, or of a join's first key
}

// nested compiles the query that comes next, up to the closing parenthesis,
// which it takes.
func (c *compiler) nested() (*Query, error) {
	c.space()
	start := c.i
	switch {
	case c.inner:
		return nil, c.errorAt(start, start+len(c.word()), "subqueries and joins cannot be nested")
	case !strings.EqualFold(c.word(), "source"):
		return nil, c.expected("SOURCE and a log group")
	}
	sub := newCompiler(c.lexer, c.functions, c.aggregates)
	sub.inner = true
	if err := sub.query(); err != nil {
		return nil, err
	}
	sub.last = sub.scope
	q := &Query{text: c.text[start:sub.i], plan: sub.plan}
	c.i = sub.i
	if !c.take(")") {
		return nil, c.expected("| or )")
	}
	c.subs = append(c.subs, q)
	return q, nil
}

// subqueryInSet compiles the subquery of in.
func (c *compiler) subqueryInSet() (int, error) {
	start := c.i
	q, err := c.nested()
	if err != nil {
		return 0, err
	}
	if n := len(q.plan.columns()); n != 1 {
		return 0, c.errorAt(start, c.i-1, "expected a subquery with one column, such as … | fields f, found %d columns", n)
	}
	return len(c.subs) - 1, nil
}

// inQuery compiles x in (SOURCE …).
func (c *compiler) inQuery(n *node) (cond, error) {
	x, err := c.expr(n.args[0])
	if err != nil {
		return nil, err
	}
	sub, negated := n.sub, n.num != 0
	return func(e *env) bool {
		found := e.opt.run.subs[sub].Load()
		v := x(e)
		return found != nil && v.isPlain() && found.index.has(v) != negated
	}, nil
}

// prepareSubqueries makes executions of the queries inside q.
func (x *Execution) prepareSubqueries(q *Query, opt Options) {
	x.opt.run = &surroundings{subs: make([]atomic.Pointer[subresult], len(q.plan.subs))}
	if len(opt.Subqueries) != len(q.plan.subs) {
		x.err = fmt.Errorf("prepare query: %d sources are given for %d subqueries", len(opt.Subqueries), len(q.plan.subs))
		return
	}
	for i, sub := range q.plan.subs {
		own := opt
		own.Subqueries, own.Limit = nil, maxSubRows+1
		x.subs = append(x.subs, sub.Prepare(opt.Subqueries[i], own))
	}
}

// runSubqueries runs the queries inside x, one after the other.
func (x *Execution) runSubqueries(ctx context.Context) error {
	for i, sub := range x.subs {
		found, err := sub.table(ctx)
		if err != nil {
			return fmt.Errorf("run subquery %d: %w", i+1, err)
		}
		x.opt.run.subs[i].Store(found)
	}
	return nil
}

// table runs x within the time of a subquery and returns its rows.
func (x *Execution) table(ctx context.Context) (*subresult, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, subqueryTime, errSubqueryTime)
	defer cancel()
	if err := x.Run(ctx); err != nil {
		return nil, err
	}
	records, _ := x.final()
	if len(records) > maxSubRows {
		return nil, fmt.Errorf("it has more than %d rows", maxSubRows)
	}
	out := &subresult{index: newValueIndex()}
	e := newEnv(x.plan.last, &x.opt)
	columns := x.plan.columns()
	for _, r := range records {
		e.load(r)
		row := make([]value, len(columns))
		for i, c := range columns {
			row[i] = c.x(e).clone()
		}
		out.rows = append(out.rows, row)
		out.index.add(row[x.plan.key])
	}
	if x.plan.keyed && len(out.index.rows) > maxJoinKeys {
		return nil, fmt.Errorf("the right side of join has more than %d keys", maxJoinKeys)
	}
	return out, nil
}
