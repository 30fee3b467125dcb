package insights

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// accumulator computes one aggregate of one group. merge is called with an
// accumulator of the same aggregate that saw other rows of the group.
type accumulator interface {
	add(e *env, v value)
	merge(other accumulator)
	result(e *env) value
}

// counter is count(*) and count(f).
type counter struct {
	rows bool // count rows, not values
	n    int
}

func (c *counter) add(_ *env, v value) {
	if c.rows || v.kind != missing {
		c.n++
	}
}
func (c *counter) merge(other accumulator) { c.n += other.(*counter).n }
func (c *counter) result(*env) value       { return numberValue(float64(c.n)) }

// distinct is count_distinct.
type distinct map[string]struct{}

func (d distinct) add(e *env, v value) {
	b, ok := e.text(v)
	if !ok {
		return
	}
	if _, seen := d[string(b)]; !seen {
		d[string(b)] = struct{}{}
	}
}

func (d distinct) merge(other accumulator) {
	for s := range other.(distinct) {
		d[s] = struct{}{}
	}
}
func (d distinct) result(*env) value { return numberValue(float64(len(d))) }

// total adds numbers with the rounding errors carried along (Neumaier), so that
// the order in which goroutines deliver does not show in the result.
type total struct{ sum, carry float64 }

func (t *total) plus(x float64) {
	s := t.sum + x
	if math.Abs(t.sum) >= math.Abs(x) {
		t.carry += (t.sum - s) + x
	} else {
		t.carry += (x - s) + t.sum
	}
	t.sum = s
}

func (t *total) take(o total) {
	t.plus(o.sum)
	t.carry += o.carry
}

func (t *total) value() float64 { return t.sum + t.carry }

// moments is sum, avg, variance and stddev.
type moments struct {
	finish func(n, sum, squares float64) float64
	n      float64
	sum    total
	// Squares are taken of the distance to the first value, which keeps them
	// small where values are large and close together.
	origin       float64
	near, square total
}

func (m *moments) add(_ *env, v value) {
	x, ok := v.number()
	if !ok {
		return
	}
	if m.n == 0 {
		m.origin = x
	}
	m.n++
	m.sum.plus(x)
	d := x - m.origin
	m.near.plus(d)
	m.square.plus(d * d)
}

func (m *moments) merge(other accumulator) {
	o := other.(*moments)
	if o.n == 0 {
		return
	}
	if m.n == 0 {
		*m = *o
		return
	}
	// (x-a)² = (x-b)² + 2(b-a)(x-b) + (b-a)², summed.
	shift := o.origin - m.origin
	m.square.take(o.square)
	m.square.plus(2 * shift * o.near.value())
	m.square.plus(o.n * shift * shift)
	m.near.take(o.near)
	m.near.plus(o.n * shift)
	m.sum.take(o.sum)
	m.n += o.n
}

func (m *moments) result(*env) value {
	if m.n == 0 {
		return value{}
	}
	mean := m.near.value() / m.n
	squares := max(0, m.square.value()-m.n*mean*mean)
	return numberValue(m.finish(m.n, m.sum.value(), squares))
}

// significant rounds to 12 digits: those behind depend on which row each
// goroutine saw first.
func significant(x float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	if err != nil {
		return x
	}
	return rounded
}

// quantile is pct and median: it keeps every number.
type quantile struct {
	p      float64 // 0 to 100
	values []float64
}

func (q *quantile) add(_ *env, v value) {
	if x, ok := v.number(); ok {
		q.values = append(q.values, x)
	}
}

func (q *quantile) merge(other accumulator) {
	q.values = append(q.values, other.(*quantile).values...)
}

func (q *quantile) result(*env) value {
	if len(q.values) == 0 {
		return value{}
	}
	return numberValue(interpolated(slices.Sorted(slices.Values(q.values)), q.p))
}

// interpolated returns percentile p of numbers in order, between the two nearest
// to its rank; 0 of none.
func interpolated(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := p / 100 * float64(len(sorted)-1)
	low := int(rank)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(rank-float64(low))
}

// extreme is min and max: of the numbers, if there are any, else of the texts.
type extreme struct {
	sign int // 1 for max
	num  value
	text value
}

func (x *extreme) add(_ *env, v value) {
	n, ok := v.number()
	switch {
	case ok && (x.num.kind == missing || cmp.Compare(n, x.num.num) == x.sign):
		k := v.kind
		if k != instant {
			k = number
		}
		x.num = value{kind: k, num: n}
	case !ok && v.isPlain() && (x.text.kind == missing || compareText(v, x.text) == x.sign):
		x.text = v.clone()
	}
}

func compareText(a, b value) int { return cmp.Compare(string(a.b), string(b.b)) }

func (x *extreme) merge(other accumulator) {
	o := other.(*extreme)
	x.add(nil, o.num)
	x.add(nil, o.text)
}

func (x *extreme) result(*env) value {
	if x.num.kind != missing {
		return x.num
	}
	return x.text
}

// timed is earliest and latest: the value of the row with the least or greatest
// @timestamp among those that have it.
type timed struct {
	sign  int // 1 for latest
	found bool
	at    int64
	seq   uint64
	value value
}

func (t *timed) add(e *env, v value) {
	if v.isPlain() {
		t.offer(timed{at: e.row.Time, seq: e.seq, value: v})
	}
}

func (t *timed) offer(o timed) {
	later := cmp.Or(cmp.Compare(o.at, t.at), cmp.Compare(o.seq, t.seq))
	if !t.found || later == t.sign {
		t.found, t.at, t.seq, t.value = true, o.at, o.seq, o.value.clone()
	}
}

func (t *timed) merge(other accumulator) {
	if o := other.(*timed); o.found {
		t.offer(*o)
	}
}
func (t *timed) result(*env) value { return t.value }

// sorted is sortsFirst and sortsLast.
type sorted struct {
	sign  int // 1 for sortsLast
	key   sortKey
	value value
}

func (s *sorted) add(_ *env, v value) {
	key := newSortKey(v)
	if key.present && (!s.key.present || compareKeys(key, s.key) == s.sign) {
		s.key, s.value = key, v.clone()
	}
}

func (s *sorted) merge(other accumulator) {
	if o := other.(*sorted); o.key.present {
		s.add(nil, o.value)
	}
}
func (s *sorted) result(*env) value { return s.value }
