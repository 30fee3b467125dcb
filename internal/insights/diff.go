package insights

import (
	"errors"
	"time"
)

// timeSpan is a range of Unix milliseconds, both ends inclusive.
type timeSpan struct{ from, to int64 }

func (s timeSpan) has(ms int64) bool { return ms >= s.from && ms <= s.to }

// comparison says with what diff compares a range of time.
type comparison struct {
	days, months int   // earlier
	ms           int64 // earlier; with the others 0: the range right before
}

// diffCommand compiles diff [previousDay|previousWeek|previousMonth], which
// counts the patterns of an earlier range of the same length too. Behind a
// filter it makes the patterns of @message itself.
func (c *compiler) diffCommand() error {
	kind := comparison{}
	switch {
	case c.takeWord("previousday"):
		kind.days = 1
	case c.takeWord("previousweek"):
		kind.days = 7
	case c.takeWord("previousmonth"):
		kind.months = 1
	}
	return c.compareWith("diff", kind)
}

// logcompareCommand compiles logcompare timeshift 7d: diff with a range that
// lies a period earlier (user guide, "logcompare"). The guide does not name the
// columns of its answer; they are those of diff.
func (c *compiler) logcompareCommand() error {
	if !c.takeWord("timeshift") {
		return c.expected("timeshift and a period such as 7d")
	}
	p, err := c.periodNode()
	if err != nil {
		return err
	}
	return c.compareWith("logcompare", comparison{ms: p.ms, months: p.months})
}

// compareWith makes the patterns so far count what lies earlier too.
func (c *compiler) compareWith(command string, kind comparison) error {
	if c.inner {
		return c.refuse("%s is not allowed in a subquery", command)
	}
	if !c.barrier() {
		c.addPatterns(systemField("@message"))
	}
	p, ok := c.sink.(*patternStep)
	if !ok || c.diff != nil || c.scope != p.out || len(c.after) > 0 || c.ended || c.chosen != nil || c.displayed != nil {
		return c.refuse("%s must come right after filter or pattern, and once", command)
	}
	c.diff, p.diff = &kind, true
	for _, name := range [...]string{"@comparisonCount", "@difference"} {
		i, col := p.out.column()
		p.out.names[name], p.out.index[name] = col, i
		c.defaults = append(c.defaults, column{name, col})
	}
	return nil
}

// Compared returns the range of time that the query reads beside the one asked
// for, for diff to compare with; false if it reads none.
func (q *Query) Compared(start, end int64) (from, to int64, ok bool) {
	d := q.plan.diff
	switch {
	case d == nil:
		return 0, 0, false
	case *d == comparison{}:
		return start - (end - start) - 1, start - 1, true
	}
	from = time.UnixMilli(start).UTC().AddDate(0, -d.months, -d.days).UnixMilli() - d.ms
	return from, from + end - start, true
}

// prepareDiff finds what the query compares with.
func (x *Execution) prepareDiff(q *Query) {
	x.opt.run.before = timeSpan{1, 0}
	if q.plan.diff == nil {
		return
	}
	if x.opt.Start == 0 && x.opt.End == 0 {
		x.err = errors.New("prepare query: diff needs a range of time")
		return
	}
	x.opt.run.before.from, x.opt.run.before.to, _ = q.Compared(x.opt.Start, x.opt.End)
}
