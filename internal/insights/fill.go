package insights

import (
	"slices"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// fillStep is fillmissing: after stats … by bin(…) it adds the rows of periods
// in which nothing happened, for every combination of the other keys, between
// the first and the last period there is.
type fillStep struct {
	agg  *aggregation
	with []fillValue
}

// fillValue is what a column of an added row holds.
type fillValue struct {
	col int
	x   expr
}

// fillMissingCommand compiles fillmissing [with v for f, g, w for h].
func (c *compiler) fillMissingCommand() error {
	agg := c.lastStats
	if agg == nil || agg.bin == nil || c.commandCount != c.lastStatsAt+1 {
		return c.refuse("fillmissing must follow stats … by bin(…)")
	}
	s := &fillStep{agg: agg}
	if c.takeWord("with") {
		if err := c.fillValues(s); err != nil {
			return err
		}
	}
	c.after = append(c.after, s)
	return nil
}

func (c *compiler) fillValues(s *fillStep) error {
	var x expr
	for {
		n, err := c.expression()
		if err != nil {
			return err
		}
		if c.takeWord("for") {
			if n.op != opNumber && n.op != opString && n.op != opNegate {
				return c.errorAt(n.start, n.end, "expected a number or text to fill in")
			}
			if x, err = c.expr(n); err != nil {
				return err
			}
			if n, err = c.expression(); err != nil {
				return err
			}
		}
		if x == nil {
			return c.expected("for and the name of a column")
		}
		col, ok := s.agg.out.index[n.name]
		if n.op != opField && n.op != opCall {
			ok = false
		}
		if n.op == opCall {
			col, ok = s.agg.out.index[c.text[n.start:n.end]]
		}
		if !ok {
			return c.errorAt(n.start, n.end, "no column %q after stats%s", c.text[n.start:n.end], suggestion(n.name, c.scope.known()))
		}
		s.with = append(s.with, fillValue{col, x})
		if !c.take(",") {
			return nil
		}
		c.takeWord("with")
	}
}

func (s *fillStep) apply(x *Execution, rows []*record) []*record {
	b := s.agg.bin
	first, last, ok := span(rows, b.key)
	if !ok {
		return rows
	}
	byOthers := map[string]map[int64]bool{}
	var examples []*record
	for _, r := range rows {
		key := s.others(r)
		if byOthers[key] == nil {
			byOthers[key] = map[int64]bool{}
			examples = append(examples, r)
		}
		byOthers[key][int64(r.cols[b.key].num)] = true
	}
	out := slices.Clone(rows)
	e := newEnv(s.agg.out, &x.opt)
	for _, r := range examples {
		present := byOthers[s.others(r)]
		// A result never shows more than maxLimit rows.
		for at := first; at <= last && len(out) < maxLimit; at = b.period.next(at-b.offset) + b.offset {
			if !present[at] {
				out = append(out, s.fill(e, r, at))
			}
		}
	}
	order.Stable(out, compareGroups)
	return out
}

// span returns the first and the last time in a column.
func span(rows []*record, col int) (first, last int64, ok bool) {
	for _, r := range rows {
		if r.cols[col].kind != instant {
			continue
		}
		at := int64(r.cols[col].num)
		if !ok || at < first {
			first = at
		}
		if !ok || at > last {
			last = at
		}
		ok = true
	}
	return first, last, ok
}

// others tells rows apart by the keys that are not the bin.
func (s *fillStep) others(r *record) string {
	var key []byte
	for i := range s.agg.keys {
		if i != s.agg.bin.key {
			key = append(r.cols[i].appendTo(append(key, byte(r.cols[i].kind))), 0xFF)
		}
	}
	return string(key)
}

// fill makes a row like r for a period without rows.
func (s *fillStep) fill(e *env, r *record, at int64) *record {
	kept := &record{cols: make([]value, len(r.cols)), keys: slices.Clone(r.keys)}
	for i := range s.agg.keys {
		kept.cols[i] = r.cols[i]
	}
	kept.cols[s.agg.bin.key] = instantValue(float64(at))
	kept.keys[s.agg.bin.key] = newSortKey(kept.cols[s.agg.bin.key])
	e.load(kept)
	for _, w := range s.with {
		kept.cols[w.col] = w.x(e).clone()
	}
	return kept
}
