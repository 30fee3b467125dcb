package insights

import (
	"github.com/sidelight-dev/sidelight/internal/order"
)

// sink takes in rows. Each goroutine has its own; they are merged.
type sink interface {
	add(e *env)
	// merge takes over what other has, which is not used afterwards.
	merge(other sink)
	// records returns what there is so far, in order, and leaves it in place.
	records(opt *Options) []*record
	// full reports whether further rows make no difference.
	full() bool
}

// grouper is the sink of a stats command.
type grouper struct {
	agg    *aggregation
	groups map[string]*group
	key    []byte
	vals   []value
}

// group is the rows with the same keys.
type group struct {
	keys []value
	accs []accumulator
}

func newGrouper(agg *aggregation) *grouper {
	return &grouper{agg: agg, groups: map[string]*group{}, vals: make([]value, len(agg.keys))}
}

func (g *grouper) full() bool { return false }

func (g *grouper) add(e *env) {
	g.key = g.key[:0]
	for i, key := range g.agg.keys {
		v := key(e)
		g.vals[i] = v
		if !v.isPlain() {
			g.key = append(g.key, 0)
			continue
		}
		// Groups are told apart by what they show: 200 and "200" are one.
		at := len(g.key)
		g.key = append(g.key, 1, 0, 0, 0, 0)
		g.key = v.appendTo(g.key)
		n := len(g.key) - at - 5
		g.key[at+1], g.key[at+2], g.key[at+3], g.key[at+4] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	}
	found, ok := g.groups[string(g.key)]
	if !ok {
		found = g.open()
		g.groups[string(g.key)] = found
	}
	for i, input := range g.agg.inputs {
		found.accs[i].add(e, input(e))
	}
}

func (g *grouper) open() *group {
	n := &group{accs: make([]accumulator, len(g.agg.makers))}
	for i, maker := range g.agg.makers {
		n.accs[i] = maker()
	}
	for _, v := range g.vals {
		if !v.isPlain() {
			v = value{}
		}
		n.keys = append(n.keys, v.clone())
	}
	return n
}

func (g *grouper) merge(other sink) {
	o := other.(*grouper)
	for key, theirs := range o.groups {
		ours, ok := g.groups[key]
		if !ok {
			g.groups[key] = theirs
			continue
		}
		for i, acc := range ours.accs {
			acc.merge(theirs.accs[i])
		}
	}
}

func (g *grouper) records(opt *Options) []*record {
	if len(g.groups) == 0 && len(g.agg.keys) == 0 {
		g.groups[""] = g.open()
	}
	records := make([]*record, 0, len(g.groups))
	e := newEnv(g.agg.out, opt)
	for _, group := range g.groups {
		records = append(records, g.agg.record(e, group))
	}
	order.By(records, compareGroups)
	for i, r := range records {
		r.seq = uint64(i)
	}
	return records
}

// compareGroups orders groups by their keys.
func compareGroups(a, b *record) int {
	for i := range a.keys {
		if c := compareOrdered(a.keys[i], b.keys[i], false); c != 0 {
			return c
		}
	}
	return 0
}

// record computes the columns of one group.
func (agg *aggregation) record(e *env, g *group) *record {
	e.reset(nil, 0)
	clear(e.cols)
	r := &record{}
	for i, v := range g.keys {
		e.cols[i] = v
		r.keys = append(r.keys, newSortKey(v))
	}
	for i, acc := range g.accs {
		e.cols[agg.inputCols[i]] = acc.result(e)
	}
	for _, out := range agg.outputs {
		e.cols[out.col] = out.x(e)
	}
	e.keep(r)
	return r
}

func (agg *aggregation) newSink() sink { return newGrouper(agg) }

// apply groups rows that have already been collected: a stats command after
// another.
func (agg *aggregation) apply(x *Execution, rows []*record) []*record {
	return x.gather(agg, agg.in, rows)
}

// gather passes rows that have been collected to a sink.
func (x *Execution) gather(g gatherer, in *scope, rows []*record) []*record {
	s := g.newSink()
	e := newEnv(in, &x.opt)
	for _, r := range rows {
		e.load(r)
		s.add(e)
	}
	return s.records(&x.opt)
}
