// Package dist keeps a distribution in the form that PutMetricData takes: values
// and how often each occurred.
package dist

import (
	"math"
	"math/bits"
	"sort"
)

const (
	// MaxValues is how many distinct values PutMetricData takes in one datum,
	// and how many a Dist keeps exactly.
	MaxValues = 150
	// Wide is how many values a Dist hands out at most, those of four datums:
	// CloudWatch adds up datums of the same series and time, and bills requests
	// and metrics, not datums.
	Wide = 4 * MaxValues
)

const (
	// firstShift leaves 7 bits of the mantissa: 128 buckets between two powers
	// of two.
	firstShift = 45
	// mantissa is how many bits of a float64 are behind its exponent.
	mantissa = 52
	// few is how many entries are found without an index.
	few = 8
)

// Dist is what was observed of one series in one interval.
//
// As long as no more than MaxValues values differ, it is exact. Beyond that,
// values that agree in sign, exponent and the leading bits of their mantissa
// share a bucket, which is handed out as its mean. It follows that
//
//   - counts and sums are exact, but for the rounding of floating-point numbers;
//   - the least and the greatest value are exact, as values of their own;
//   - a percentile is off by less than the width of a bucket. With B bits that is
//     2^-B of the value: see Error. B is 7 (0.8 %) while the values that occur
//     span up to 4.6 powers of two (25:1), 6 (1.6 %) up to 9.3 (600:1), 5 (3.1 %)
//     up to 18 (400,000:1), 4 (6.3 %) up to 37, and so on: each bit less doubles
//     the error and squares the span. Gaps do not count: what is bimodal spans no
//     more than its two humps.
//
// A Dist with Narrow hands out the values of one datum, a quarter as many, which
// takes two bits away for the same span.
//
// Values nearer to zero than 2^-1000 count as zero in what is said of errors.
//
// Adding costs a hash of some bits and no logarithm; it allocates only while the
// Dist grows beyond what it held in earlier intervals. The zero Dist is empty.
type Dist struct {
	entries []entry
	// index has, at a hash of an entry's key, its position in entries plus one,
	// or zero; its length is a power of two. Nil with few entries.
	index []uint16
	shift uint8 // bits that do not count; zero: exact
	// Narrow makes Dist hand out MaxValues values at most. Set it while d is empty.
	Narrow    bool
	low, high extreme // once shift is not zero
}

// entry is a bucket: all values whose bits from shift on are key.
type entry struct {
	key        uint64
	count, sum float64
}

// extreme is the least or the greatest value, and how often it occurred.
type extreme struct{ value, count float64 }

// Reset empties d. It keeps d's memory, unless most of it was not needed.
func (d *Dist) Reset() {
	if n := len(d.entries); cap(d.entries) > MaxValues && n < cap(d.entries)/8 {
		d.entries, d.index = nil, nil
	}
	d.entries, d.shift = d.entries[:0], 0
	clear(d.index)
}

// Empty reports whether nothing was added.
func (d *Dist) Empty() bool { return len(d.entries) == 0 }

// Error is the bound on the relative error of percentiles: zero while d is exact.
func (d *Dist) Error() float64 {
	switch {
	case d.shift == 0:
		return 0
	case d.shift <= mantissa:
		return math.Ldexp(1, int(d.shift)-mantissa)
	}
	return math.Exp2(math.Ldexp(1, int(d.shift)-mantissa)) - 1 // several powers of two share a bucket
}

// Add notes that v, which is a number, was observed n times, more than zero.
func (d *Dist) Add(v, n float64) {
	v += 0 // minus zero is zero
	if d.shift > 0 {
		d.low.note(v, n, v < d.low.value)
		d.high.note(v, n, v > d.high.value)
	}
	e := d.find(math.Float64bits(v) >> d.shift)
	e.count += n
	e.sum += v * n
	if len(d.entries) > d.limit() {
		d.coarsen()
	}
}

func (x *extreme) note(v, n float64, beyond bool) {
	switch {
	case beyond:
		x.value, x.count = v, n
	case v == x.value:
		x.count += n
	}
}

// limit is how many entries there may be: two values may be handed out beside
// the buckets.
func (d *Dist) limit() int {
	switch {
	case d.shift == 0:
		return MaxValues
	case d.Narrow:
		return MaxValues - 2
	}
	return Wide - 2
}

// find returns the entry of key, made if it is not there.
func (d *Dist) find(key uint64) *entry {
	if d.index == nil {
		for i := range d.entries {
			if d.entries[i].key == key {
				return &d.entries[i]
			}
		}
		return d.insert(key)
	}
	mask := uint64(len(d.index) - 1)
	for h := d.hash(key); ; h++ {
		at := d.index[h&mask]
		if at == 0 {
			return d.insert(key)
		}
		if e := &d.entries[at-1]; e.key == key {
			return e
		}
	}
}

// hash spreads keys, of which many differ in their leading bits only.
func (d *Dist) hash(key uint64) uint64 {
	return key * 0x9e3779b97f4a7c15 >> (64 - uint(bits.Len(uint(len(d.index)-1))))
}

// insert appends an entry that is not there.
func (d *Dist) insert(key uint64) *entry {
	d.entries = append(d.entries, entry{key: key})
	n := len(d.entries)
	switch {
	case d.index == nil && n <= few:
	case 2*n > len(d.index):
		d.index = make([]uint16, max(4*len(d.index), 8*few))
		d.reindex()
	default:
		d.note(n - 1)
	}
	return &d.entries[n-1]
}

func (d *Dist) reindex() {
	for i := range d.entries {
		d.note(i)
	}
}

// note makes entry i be found.
func (d *Dist) note(i int) {
	mask := uint64(len(d.index) - 1)
	h := d.hash(d.entries[i].key)
	for d.index[h&mask] != 0 {
		h++
	}
	d.index[h&mask] = uint16(i + 1)
}

// coarsen makes buckets wider until there are few enough.
func (d *Dist) coarsen() {
	if d.shift == 0 {
		d.begin()
	}
	for first := true; first || len(d.entries) > d.limit(); first = false {
		old := d.shift
		d.shift = max(old+1, firstShift)
		clear(d.index)
		all := d.entries
		d.entries = all[:0] // what is written lies behind what is read
		for _, e := range all {
			to := d.find(e.key >> (d.shift - old))
			to.count += e.count
			to.sum += e.sum
		}
	}
}

// begin finds the extremes of what was exact until now.
func (d *Dist) begin() {
	for i, e := range d.entries {
		x := extreme{math.Float64frombits(e.key), e.count}
		if i == 0 || x.value < d.low.value {
			d.low = x
		}
		if i == 0 || x.value > d.high.value {
			d.high = x
		}
	}
}

// Stats returns how many values were observed, their sum, the least and the
// greatest one. All are zero if d is empty.
func (d *Dist) Stats() (count, sum, least, greatest float64) {
	low, high := d.low, d.high
	for i, e := range d.entries {
		count += e.count
		sum += e.sum
		if d.shift > 0 {
			continue
		}
		v := math.Float64frombits(e.key)
		if i == 0 || v < low.value {
			low.value = v
		}
		if i == 0 || v > high.value {
			high.value = v
		}
	}
	if count == 0 {
		return 0, 0, 0, 0
	}
	return count, sum, low.value, high.value
}

// Len is how many values Append appends at most.
func (d *Dist) Len() int {
	if d.shift == 0 {
		return len(d.entries)
	}
	return len(d.entries) + 2
}

// Append appends the values in ascending order, and how often each occurred.
// They are distinct.
func (d *Dist) Append(values, counts []float64) ([]float64, []float64) {
	p := &pairs{values, counts, len(values)}
	for _, e := range d.entries {
		if d.shift == 0 {
			p.add(math.Float64frombits(e.key), e.count)
			continue
		}
		d.split(e, p)
	}
	sort.Sort(p)
	return p.values, p.counts
}

// split appends the mean of bucket e, and the extremes that are in it by
// themselves.
func (d *Dist) split(e entry, p *pairs) {
	rest := e
	for i, x := range [...]extreme{d.low, d.high} {
		if math.Float64bits(x.value)>>d.shift != e.key || i == 1 && x.value == d.low.value {
			continue
		}
		p.add(x.value, x.count)
		rest.count -= x.count
		rest.sum -= x.value * x.count
	}
	// What is left by rounding of fractional counts is nothing.
	if rest.count <= e.count*1e-9 {
		return
	}
	// Rounding may push a mean of equal values out of its bucket.
	p.add(min(max(rest.sum/rest.count, d.low.value), d.high.value), rest.count)
}

// pairs sorts values together with their counts.
type pairs struct {
	values, counts []float64
	from           int
}

func (p *pairs) add(v, n float64) {
	p.values, p.counts = append(p.values, v), append(p.counts, n)
}

// Len implements sort.Interface.
func (p *pairs) Len() int { return len(p.values) - p.from }

// Less implements sort.Interface.
func (p *pairs) Less(i, j int) bool { return p.values[p.from+i] < p.values[p.from+j] }

// Swap implements sort.Interface.
func (p *pairs) Swap(i, j int) {
	i, j = p.from+i, p.from+j
	p.values[i], p.values[j] = p.values[j], p.values[i]
	p.counts[i], p.counts[j] = p.counts[j], p.counts[i]
}
