package statsd

import (
	"math"
	"math/bits"
)

const (
	// exactMembers is how many distinct values are counted exactly. They take
	// exactSlots, four kilobytes; so do the registers of an estimate.
	exactMembers = 384
	exactSlots   = 512
	// precision is the number of bits of a hash that choose a register.
	precision = 12
	registers = 1 << precision
)

// distinct counts how many different hashes it was given: exactly up to
// exactMembers, beyond that by HyperLogLog with Ertl's estimator ("New
// cardinality estimation algorithms for HyperLogLog sketches", 2017), whose
// standard error is 1.04 divided by the root of the number of registers, 1.6 %,
// for any number. The zero distinct is empty.
type distinct struct {
	slots []uint64 // open addressing, by the low bits; zero is free
	n     int      // of slots in use
	zero  bool     // the hash zero was seen
	ranks []uint8  // nil while exact
}

// add notes a hash.
func (d *distinct) add(hash uint64) {
	switch {
	case d.ranks != nil:
		d.rank(hash)
	case hash == 0:
		d.zero = true
	default:
		d.exact(hash)
	}
}

// exact notes a hash that is not zero.
func (d *distinct) exact(hash uint64) {
	if 4*(d.n+1) > 3*len(d.slots) {
		if len(d.slots) == exactSlots && !d.has(hash) {
			d.estimate()
			d.rank(hash)
			return
		}
		d.grow()
	}
	if at := d.at(hash); d.slots[at] == 0 {
		d.slots[at] = hash
		d.n++
	}
}

// at returns where hash is, or would be.
func (d *distinct) at(hash uint64) int {
	mask := len(d.slots) - 1
	at := int(hash) & mask
	for d.slots[at] != 0 && d.slots[at] != hash {
		at = (at + 1) & mask
	}
	return at
}

func (d *distinct) has(hash uint64) bool { return d.slots[d.at(hash)] == hash }

func (d *distinct) grow() {
	if len(d.slots) == exactSlots {
		return
	}
	old := d.slots
	d.slots = make([]uint64, max(8, 2*len(old)))
	for _, hash := range old {
		if hash != 0 {
			d.slots[d.at(hash)] = hash
		}
	}
}

// estimate turns the exact count into an estimate.
func (d *distinct) estimate() {
	d.ranks = make([]uint8, registers)
	for _, hash := range d.slots {
		if hash != 0 {
			d.rank(hash)
		}
	}
	if d.zero {
		d.rank(0)
	}
	d.slots, d.n, d.zero = nil, 0, false
}

// rank notes how many zeros follow the bits that choose the register.
func (d *distinct) rank(hash uint64) {
	r := &d.ranks[hash>>(64-precision)]
	*r = max(*r, uint8(bits.LeadingZeros64(hash<<precision|1<<(precision-1)))+1)
}

// count returns how many there were.
func (d *distinct) count() float64 {
	if d.ranks == nil {
		if d.zero {
			return float64(d.n + 1)
		}
		return float64(d.n)
	}
	const top = 64 - precision + 1 // the greatest rank
	var of [top + 1]int
	for _, r := range d.ranks {
		of[r]++
	}
	z := registers * tau(1-float64(of[top])/registers)
	for k := top - 1; k >= 1; k-- {
		z = (z + float64(of[k])) / 2
	}
	z += registers * sigma(float64(of[0])/registers)
	return math.Round(registers / (2 * math.Ln2) * registers / z)
}

// sigma corrects for registers that nothing came to.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += x * y
		y += y
		if z == before {
			return z
		}
	}
}

// tau corrects for registers that are full.
func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y /= 2
		z -= (1 - x) * (1 - x) * y
		if z == before {
			return z / 3
		}
	}
}

// reset empties d. An exact one keeps its memory.
func (d *distinct) reset() {
	clear(d.slots)
	d.n, d.zero, d.ranks = 0, false, nil
}
