package aggregate

import (
	"encoding/binary"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/expr"
)

// Derived is a metric that is computed at each interval's end, for each set of
// dimensions that all its operands have. Operands are metrics as rules left them,
// and derived metrics that stand before; rules apply to the result. An operand is
// the average of what its series saw, of a sum the sum, unless it says otherwise.
// Where an operand is missing, or the result is not a number, there is no point,
// and that is counted. Overflow series take no part.
type Derived struct {
	Name, Unit string
	// Namespace is that of the result. Empty: the default.
	Namespace string
	// From is the namespace of the operands. Empty: Namespace.
	From  string
	Value *expr.Formula
}

// operands are those of one set of dimensions and one interval.
type operands struct {
	point  *sidelight.Point // the first
	values []float64
	have   int
	known  []bool
}

// derive appends the points of d. a.mu is held.
func (a *Aggregate) derive(d *Derived, points []sidelight.Point, u until) []sidelight.Point {
	m := sidelight.Measurement{Namespace: d.Namespace, Name: d.Name, Unit: d.Unit, Kind: sidelight.Gauge}
	if m.Namespace == "" {
		m.Namespace = a.cfg.Namespace
	}
	from := d.From
	if from == "" {
		from = m.Namespace
	}
	var touched []*series
	for _, g := range gather(d.Value.Operands(), from, points) {
		if g.have < len(g.values) {
			a.lose(causeMissing)
			continue
		}
		v, ok := d.Value.Eval(g.values)
		if !ok {
			a.lose(causeUndefined)
			continue
		}
		m.Value, m.Time, m.Dimensions, m.Resolution = v, g.point.Time, g.point.Dimensions, g.point.Resolution
		touched = append(touched, a.place(&m, 0, true)...)
	}
	for _, x := range touched {
		points = x.take(a, u.of(a, x), points)
	}
	return points
}

// gather finds the operands of a namespace among points.
func gather(ops []expr.Operand, namespace string, points []sidelight.Point) []*operands {
	groups := map[string]*operands{}
	var list []*operands
	var key []byte
	for i := range points {
		p := &points[i]
		if p.Namespace != namespace || find(p.Dimensions, OverflowDimension) >= 0 {
			continue
		}
		for n, op := range ops {
			if op.Name != p.Name {
				continue
			}
			key = appendGroup(key[:0], p)
			g := groups[string(key)]
			if g == nil {
				g = &operands{point: p, values: make([]float64, len(ops)), known: make([]bool, len(ops))}
				groups[string(key)] = g
				list = append(list, g)
			}
			if !g.known[n] {
				g.known[n] = true
				g.have++
			}
			g.values[n] = statistic(op.Func, p)
		}
	}
	return list
}

// appendGroup appends what tells groups of operands apart.
func appendGroup(key []byte, p *sidelight.Point) []byte {
	key = binary.AppendVarint(key, p.Time)
	key = append(key, byte(p.Resolution))
	for _, d := range p.Dimensions {
		for _, s := range [...]string{d.Name, d.Value} {
			key = binary.AppendUvarint(key, uint64(len(s)))
			key = append(key, s...)
		}
	}
	return key
}

// statistic returns what f makes of p's values, which are at least one.
func statistic(f string, p *sidelight.Point) float64 {
	switch f {
	case "min":
		return p.Values[0]
	case "max":
		return p.Values[len(p.Values)-1]
	}
	count, sum := 0.0, 0.0
	for i, v := range p.Values {
		count += p.Counts[i]
		sum += v * p.Counts[i]
	}
	switch f {
	case "count":
		return count
	case "sum":
		return sum
	}
	return sum / count
}
