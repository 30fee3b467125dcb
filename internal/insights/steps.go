package insights

import (
	"slices"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// run passes the row that e stands at through the steps from i on; yield is
// called for each row that comes out.
func runRows(steps []rowStep, i int, e *env, yield func(*env)) {
	for ; i < len(steps); i++ {
		s := &steps[i]
		if s.test == nil {
			s.unnest(e, func() { runRows(steps, i+1, e, yield) })
			return
		}
		if !s.test(e) {
			return
		}
	}
	yield(e)
}

// unnest calls each for every element of a list; whatever else there is counts
// as a list of itself.
func (s *rowStep) unnest(e *env, each func()) {
	v := s.list(e)
	if v.kind == structure {
		if doc := jsonscan.Document(v.b); doc.Kind == jsonscan.Array {
			scan := doc.Scan()
			for scan.Next() {
				e.cols[s.into] = e.jsonValue(scan.Value)
				e.gen++
				each()
			}
			e.cols[s.into] = value{}
			return
		}
	}
	e.cols[s.into] = v
	each()
	e.cols[s.into] = value{}
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
		s.step.unnest(e, func() {
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
	slices.SortStableFunc(list, func(a, b keyed) int {
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
	for _, r := range rows {
		e.load(r)
		var key []byte
		complete := true
		for _, k := range s.keys {
			b, ok := e.text(k(e))
			complete = complete && ok
			key = append(append(key, b...), 0xFF)
		}
		if complete && seen[string(key)] {
			continue
		}
		seen[string(key)] = complete
		out = append(out, r)
	}
	return out
}
