package cloudwatch

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// statistic computes one number from a distribution. It reports false if the
// distribution cannot give it: no data, or no raw values for a percentile.
type statistic struct {
	name string
	eval func(*distribution) (float64, bool)
}

var (
	// shortStat is p99.9, tm90 and the like, with up to ten decimals.
	shortStat = lazyregexp.New(`^(p|tm|wm|tc|ts)(\d{1,3}(?:\.\d{1,10})?)$`)
	// rangeStat is TM(10%:90%), PR(:300) and the like.
	rangeStat = lazyregexp.New(`^(TM|WM|TC|TS|PR)\(([^:()]*):([^:()]*)\)$`)
)

// parseStatistic reads the name of a statistic as GetMetricData takes it.
//
// CloudWatch does not publish how it ranks; here the percentile p of n samples
// is the sample of rank ceil(p*n/100), and a range from a% to b% holds the
// samples of ranks above a's and up to b's: its lower bound is exclusive, its
// upper bound inclusive, as documented.
func parseStatistic(name string) (statistic, error) {
	if eval, ok := basicStatistic(name); ok {
		return statistic{name, eval}, nil
	}
	if name == "IQM" {
		return statistic{name, trimmed("TM", bounds{lower: bound{25, true, true}, upper: bound{75, true, true}})}, nil
	}
	if m := shortStat.FindStringSubmatch(name); m != nil {
		percent, err := strconv.ParseFloat(m[2], 64)
		if err != nil || percent > 100 {
			return statistic{}, fmt.Errorf("%q: the percentage must be between 0 and 100", name)
		}
		upper := bound{percent, true, true}
		if m[1] == "p" {
			return statistic{name, func(d *distribution) (float64, bool) { return d.percentile(percent) }}, nil
		}
		return statistic{name, trimmed(strings.ToUpper(m[1]), bounds{upper: upper})}, nil
	}
	if m := rangeStat.FindStringSubmatch(name); m != nil {
		b, err := parseBounds(m[2], m[3])
		if err != nil {
			return statistic{}, fmt.Errorf("%q: %w", name, err)
		}
		if m[1] == "PR" && (b.lower.percent || b.upper.percent) {
			return statistic{}, fmt.Errorf("%q: PR takes values, not percentages", name)
		}
		return statistic{name, trimmed(m[1], b)}, nil
	}
	return statistic{}, fmt.Errorf("%q is not a statistic: want SampleCount, Sum, Average, Minimum, Maximum, IQM, "+
		"pNN, tmNN, wmNN, tcNN, tsNN, or TM, WM, TC, TS or PR with a range such as TM(10%%:90%%)", name)
}

func basicStatistic(name string) (func(*distribution) (float64, bool), bool) {
	var f func(*distribution) float64
	switch name {
	case "SampleCount":
		f = func(d *distribution) float64 { return d.count }
	case "Sum":
		f = func(d *distribution) float64 { return d.sum }
	case "Average":
		f = func(d *distribution) float64 { return d.sum / d.count }
	case "Minimum":
		f = func(d *distribution) float64 { return d.min }
	case "Maximum":
		f = func(d *distribution) float64 { return d.max }
	default:
		return nil, false
	}
	return func(d *distribution) (float64, bool) {
		if d.count == 0 {
			return 0, false
		}
		return f(d), true
	}, true
}

// bound is one end of a range; set is false if it was left out.
type bound struct {
	value        float64
	percent, set bool
}

type bounds struct{ lower, upper bound }

func parseBounds(lower, upper string) (bounds, error) {
	lo, err := parseBound(lower)
	if err != nil {
		return bounds{}, err
	}
	hi, err := parseBound(upper)
	if err != nil {
		return bounds{}, err
	}
	switch {
	case !lo.set && !hi.set:
		return bounds{}, fmt.Errorf("a range needs at least one bound")
	case lo.set && hi.set && lo.percent != hi.percent:
		return bounds{}, fmt.Errorf("both bounds must be percentages or both values")
	case lo.set && hi.set && lo.value >= hi.value:
		return bounds{}, fmt.Errorf("the lower bound must be below the upper bound")
	}
	return bounds{lo, hi}, nil
}

func parseBound(s string) (bound, error) {
	if s == "" {
		return bound{}, nil
	}
	digits, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return bound{}, fmt.Errorf("bound %q is not a number", s)
	}
	if percent && (v < 0 || v > 100) {
		return bound{}, fmt.Errorf("bound %q must be between 0%% and 100%%", s)
	}
	return bound{v, percent, true}, nil
}

// rankOf is the rank of the percentile among n samples. The small allowance
// keeps 0.07*100 = 7.000000000000001 at rank 7.
func rankOf(percent, n float64) float64 {
	return math.Ceil(percent/100*n - 1e-9*n)
}

// percentile returns the sample of rank ceil(percent*n/100), at least the first.
func (d *distribution) percentile(percent float64) (float64, bool) {
	n := d.known()
	if n == 0 {
		return 0, false
	}
	rank, seen, last := rankOf(percent, n), 0.0, 0.0
	for w := range d.ascending() {
		seen, last = seen+w.weight, w.value
		if seen >= rank {
			break
		}
	}
	return last, true
}

// portion is what a range cuts out of a distribution.
type portion struct {
	total        float64 // weight of all known samples
	count, sum   float64 // of the samples inside
	below, above float64 // weights outside
	// least and most are the values that winsorizing puts outside samples to.
	least, most float64
}

func (d *distribution) cut(b bounds) portion {
	p := portion{total: d.known()}
	lowRank, highRank := 0.0, p.total
	if b.lower.percent && b.lower.set {
		lowRank = rankOf(b.lower.value, p.total)
		p.least, _ = d.percentile(b.lower.value)
	} else {
		p.least = b.lower.value
	}
	if b.upper.percent && b.upper.set {
		highRank = rankOf(b.upper.value, p.total)
		p.most, _ = d.percentile(b.upper.value)
	} else {
		p.most = b.upper.value
	}
	var seen float64
	for w := range d.ascending() {
		from, to := seen, seen+w.weight
		seen = to
		if b.lower.set && !b.lower.percent && w.value <= b.lower.value {
			p.below += w.weight
			continue
		}
		if b.upper.set && !b.upper.percent && w.value > b.upper.value {
			p.above += w.weight
			continue
		}
		low, high := max(0, min(to, lowRank)-from), max(0, to-max(from, highRank))
		inside := w.weight - low - high
		p.below, p.above = p.below+low, p.above+high
		p.count += inside
		p.sum += inside * w.value
	}
	return p
}

// trimmed returns the evaluation of TM, WM, TC, TS or PR over a range.
func trimmed(kind string, b bounds) func(*distribution) (float64, bool) {
	return func(d *distribution) (float64, bool) {
		p := d.cut(b)
		if p.total == 0 {
			return 0, false
		}
		switch kind {
		case "TC":
			return p.count, true
		case "TS":
			return p.sum, true
		case "PR":
			return 100 * p.count / p.total, true
		case "WM":
			return (p.sum + p.below*p.least + p.above*p.most) / p.total, true
		}
		if p.count == 0 {
			return 0, false
		}
		return p.sum / p.count, true
	}
}
