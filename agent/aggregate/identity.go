package aggregate

import (
	"hash/maphash"
	"strings"

	"github.com/sidelight-dev/sidelight"
)

// identity is what tells one series from another.
type identity struct {
	namespace, name, unit string
	dims                  []sidelight.Dimension
	kind                  sidelight.MeasurementKind
	resolution            int
}

func identityOf(m *sidelight.Measurement) identity {
	return identity{m.Namespace, m.Name, m.Unit, m.Dimensions, m.Kind, m.Resolution}
}

// is reports whether i is the identity of m.
func (i *identity) is(m *sidelight.Measurement) bool {
	return i.name == m.Name && i.namespace == m.Namespace && i.unit == m.Unit && i.kind == m.Kind &&
		i.resolution == m.Resolution && equalDims(i.dims, m.Dimensions)
}

// same reports whether i and o are equal.
func (i *identity) same(o *identity) bool {
	return i.name == o.name && i.namespace == o.namespace && i.unit == o.unit && i.kind == o.kind &&
		i.resolution == o.resolution && equalDims(i.dims, o.dims)
}

func equalDims(a, b []sidelight.Dimension) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Value != b[i].Value || a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

// clone returns a copy that shares no memory with i.
func (i *identity) clone() identity {
	out := *i
	out.namespace, out.name, out.unit = strings.Clone(i.namespace), strings.Clone(i.name), strings.Clone(i.unit)
	out.dims = make([]sidelight.Dimension, len(i.dims))
	for n, d := range i.dims {
		out.dims[n] = sidelight.Dimension{Name: strings.Clone(d.Name), Value: strings.Clone(d.Value)}
	}
	return out
}

// hashOf hashes what differs between most measurements: the name and the
// dimensions. What else differs is compared.
func hashOf(seed maphash.Seed, m *sidelight.Measurement) uint64 {
	return hashParts(seed, m.Name, m.Dimensions)
}

func hashParts(seed maphash.Seed, name string, dims []sidelight.Dimension) uint64 {
	h := maphash.String(seed, name)
	for i := range dims {
		h = (h ^ maphash.String(seed, dims[i].Value)) * 0x9e3779b97f4a7c15
		h = (h>>29 ^ h ^ maphash.String(seed, dims[i].Name)) * 0x9e3779b97f4a7c15
	}
	return h ^ h>>32
}

// cause is why measurements were lost.
type cause uint8

const (
	causeInvalid   cause = iota // not a number that CloudWatch takes
	causeTooOld                 // two weeks and more
	causeFuture                 // two hours and more
	causeLate                   // for an interval of which there are too many
	causeSeries                 // no room for another overflow series
	causeMissing                // of a derived metric: an operand is not there
	causeUndefined              // of a derived metric: division by zero and the like
	numCauses
)

func (c cause) String() string {
	return [numCauses]string{"invalid", "too_old", "too_new", "late", "too_many_metrics", "derived_missing", "derived_undefined"}[c]
}

// DerivedCauses are the causes in Stats.Lost that are of derived metrics.
func DerivedCauses() []string { return []string{causeMissing.String(), causeUndefined.String()} }

// lose counts a measurement that is lost.
func (a *Aggregate) lose(c cause) {
	a.lost[c].Add(1)
	if c < causeMissing { // a point that is not derived was never accepted
		a.cfg.Lose(c.String(), 1)
	}
}
