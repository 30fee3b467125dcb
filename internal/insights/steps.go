package insights

import (
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// runRows passes the row that e stands at through the steps; yield is called
// for each row that comes out.
func runRows(steps []rowStep, e *env, yield func(*env)) {
	for i := range steps {
		if steps[i].test == nil {
			expandRows(steps[i:], e, yield)
			return
		}
		if !steps[i].test(e) {
			return
		}
	}
	yield(e)
}

// expandRows is apart from runRows so that rows cost no closure unless they
// are multiplied.
func expandRows(steps []rowStep, e *env, yield func(*env)) {
	steps[0].expand(e, func() { runRows(steps[1:], e, yield) })
}

// unnest returns an expand for every element of a list, put in a column;
// whatever else there is counts as a list of itself.
func unnest(x expr, into int) func(e *env, each func()) {
	return func(e *env, each func()) {
		v := x(e)
		defer func() { e.cols[into] = value{} }()
		doc := jsonscan.Value{}
		if v.kind == structure {
			doc = jsonscan.Document(v.b)
		}
		if doc.Kind != jsonscan.Array {
			e.cols[into] = v
			each()
			return
		}
		for scan := doc.Scan(); scan.Next(); {
			e.cols[into] = e.jsonValue(scan.Value)
			e.gen++
			each()
		}
	}
}

// rowsStep is a rowStep on rows that have been collected.
type rowsStep struct {
	in   *scope
	step rowStep
}

func (s *rowsStep) apply(x *Execution, rows []*record) []*record {
	e := newEnv(s.in, &x.opt)
	var out []*record
	for _, r := range rows {
		e.load(r)
		if s.step.test != nil {
			if s.step.test(e) {
				out = append(out, r)
			}
			continue
		}
		s.step.expand(e, func() {
			kept := &record{}
			e.keep(kept)
			out = append(out, kept)
		})
	}
	return out
}

// orderKey is one key of sort.
type orderKey struct {
	x          expr
	descending bool
}

type sortStep struct {
	in   *scope
	keys []orderKey
}

func (s *sortStep) apply(x *Execution, rows []*record) []*record {
	e := newEnv(s.in, &x.opt)
	type keyed struct {
		keys []sortKey
		r    *record
	}
	list := make([]keyed, len(rows))
	for i, r := range rows {
		e.load(r)
		list[i].r = r
		for _, k := range s.keys {
			list[i].keys = append(list[i].keys, newSortKey(k.x(e)))
		}
	}
	order.Stable(list, func(a, b keyed) int {
		for i, k := range s.keys {
			if c := compareOrdered(a.keys[i], b.keys[i], k.descending); c != 0 {
				return c
			}
		}
		return 0
	})
	out := make([]*record, len(list))
	for i, k := range list {
		out[i] = k.r
	}
	return out
}

type limitStep struct {
	n   int
	any bool
}

func (s *limitStep) apply(_ *Execution, rows []*record) []*record {
	return rows[:min(s.n, len(rows))]
}

// dedupStep keeps the first row of every combination of values, and all rows
// in which one is missing.
type dedupStep struct {
	in   *scope
	keys []expr
}

func (s *dedupStep) apply(x *Execution, rows []*record) []*record {
	e := newEnv(s.in, &x.opt)
	seen := map[string]bool{}
	var out []*record
	var key []byte
	for _, r := range rows {
		e.load(r)
		var complete bool
		if key, complete = e.appendKey(key[:0], s.keys); complete {
			if seen[string(key)] {
				continue
			}
			seen[string(key)] = true
		}
		out = append(out, r)
	}
	return out
}
