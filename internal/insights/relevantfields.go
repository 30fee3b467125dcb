package insights

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// relevantStep is the relevantfields command: which fields of the rows that meet
// a condition differ most from those of the rows that do not. The guide names
// the columns; how the service computes the score is not published. Ours:
//
//   - A field all of whose values are numbers scores the largest distance
//     between the cumulative distributions of both sets (Kolmogorov-Smirnov),
//     and shows the median of either.
//   - Any other field scores half the sum of the differences between the
//     frequencies of its values (total variation); a missing field is a value
//     too. It shows the values, at most three, whose frequency rises most, as a
//     JSON list of texts.
//
// Scores go from 0 to 1 and are rounded to 4 decimals. If one of the sets is
// empty there is nothing to compare and no row.
type relevantStep struct {
	in     *scope
	out    *scope
	test   cond
	fields []column // none: all fields that are discovered
}

// Columns of relevantfields (user guide, "relevantfields").
const (
	colField = iota
	colScore
	colContributors
	colConditionMedian
	colBaselineMedian
)

func (c *compiler) relevantFieldsCommand() error {
	if err := c.checkOrder("relevantfields"); err != nil {
		return err
	}
	s := &relevantStep{in: c.scope, out: newScope(false)}
	for !c.takeWord("where") {
		if !c.atField() {
			return c.expected("fields, and where and a condition")
		}
		start := c.i
		name, err := c.parser.field()
		if err != nil {
			return err
		}
		x, err := c.named(name, start, c.i)
		if err != nil {
			return err
		}
		s.fields = append(s.fields, column{name, x})
		c.take(",")
	}
	if s.fields == nil && !c.scope.events {
		s.fields = c.columns()
	}
	n, err := c.expression()
	if err != nil {
		return err
	}
	if s.test, err = c.cond(n); err != nil {
		return err
	}
	var shown []column
	for _, name := range [...]string{
		colField: "@fieldName", colScore: "@relevanceScore", colContributors: "@topRelevanceContributors",
		colConditionMedian: "@conditionalMedian", colBaselineMedian: "@baselineMedian",
	} {
		i, col := s.out.column()
		s.out.names[name], s.out.index[name] = col, i
		shown = append(shown, column{name, col})
	}
	c.addGatherer(s, s.out, shown)
	return nil
}

func (s *relevantStep) newSink() sink {
	return &relevance{step: s, fields: map[string]map[string]inSets{}}
}

func (s *relevantStep) apply(x *Execution, rows []*record) []*record { return x.gather(s, s.in, rows) }

// inSets counts rows that meet the condition and rows that do not.
type inSets struct{ met, not float64 }

func (n inSets) plus(o inSets) inSets { return inSets{n.met + o.met, n.not + o.not} }

// relevance is the sink of relevantfields.
type relevance struct {
	step   *relevantStep
	rows   inSets
	fields map[string]map[string]inSets // by field and value
}

func (r *relevance) full() bool { return false }

func (r *relevance) add(e *env) {
	one := inSets{not: 1}
	if r.step.test(e) {
		one = inSets{met: 1}
	}
	r.rows = r.rows.plus(one)
	if r.step.fields == nil {
		for name, v := range discoveredFields(e.row) {
			r.count(name, v, one)
		}
		return
	}
	for _, f := range r.step.fields {
		if b, ok := e.text(f.x(e)); ok {
			r.count(f.name, string(b), one)
		}
	}
}

// count counts a value. Further ones than maxTally of a field are passed over.
func (r *relevance) count(name, v string, n inSets) {
	counts := r.fields[name]
	if counts == nil {
		counts = map[string]inSets{}
		r.fields[name] = counts
	}
	if old, seen := counts[v]; seen || len(counts) < maxTally {
		counts[v] = old.plus(n)
	}
}

func (r *relevance) merge(other sink) {
	o := other.(*relevance)
	r.rows = r.rows.plus(o.rows)
	for name, counts := range o.fields {
		for v, n := range counts {
			r.count(name, v, n)
		}
	}
}

// records returns the fields, the most relevant first.
func (r *relevance) records(*Options) []*record {
	records := []*record{}
	if r.rows.met == 0 || r.rows.not == 0 {
		return records
	}
	for _, name := range slices.Sorted(maps.Keys(r.fields)) {
		cols := make([]value, colBaselineMedian+1)
		cols[colField] = textValue([]byte(name))
		if !r.asNumbers(cols, r.fields[name]) {
			r.asWords(cols, r.fields[name])
		}
		records = append(records, &record{cols: cols})
	}
	order.Stable(records, func(a, b *record) int { return cmp.Compare(b.cols[colScore].num, a.cols[colScore].num) })
	for i, rec := range records {
		rec.seq = uint64(i)
	}
	return records
}

func roundScore(x float64) value { return numberValue(math.Round(x*1e4) / 1e4) }

// asNumbers fills in the columns of a field whose values are numbers.
func (r *relevance) asNumbers(cols []value, counts map[string]inSets) bool {
	type point struct {
		x float64
		n inSets
	}
	var points []point
	var sets inSets
	for v, n := range counts {
		x, ok := parseNumber([]byte(v))
		if !ok {
			return false
		}
		points = append(points, point{x, n})
		sets = sets.plus(n)
	}
	if sets.met == 0 || sets.not == 0 {
		return false // it is there in one set only: that is what counts
	}
	order.By(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	var so inSets
	score := 0.0
	met, not := make([]weighted, 0, len(points)), make([]weighted, 0, len(points))
	for i, p := range points {
		so = so.plus(p.n)
		met, not = append(met, weighted{p.x, p.n.met}), append(not, weighted{p.x, p.n.not})
		if i+1 == len(points) || points[i+1].x != p.x {
			score = max(score, math.Abs(so.met/sets.met-so.not/sets.not))
		}
	}
	cols[colScore] = roundScore(score)
	cols[colConditionMedian] = numberValue(weightedMedian(met, sets.met))
	cols[colBaselineMedian] = numberValue(weightedMedian(not, sets.not))
	return true
}

// weighted is a number that occurs n times.
type weighted struct{ x, n float64 }

// weightedMedian is the median of sorted numbers that occur total times together.
func weightedMedian(sorted []weighted, total float64) float64 {
	low, high := math.Floor((total-1)/2), math.Ceil((total-1)/2)
	at := func(rank float64) float64 {
		for _, w := range sorted {
			if rank < w.n {
				return w.x
			}
			rank -= w.n
		}
		return 0
	}
	return (at(low) + at(high)) / 2
}

// mostContributors is how many values of a field are shown.
const mostContributors = 3

// asWords fills in the columns of a field that has other values than numbers.
func (r *relevance) asWords(cols []value, counts map[string]inSets) {
	var present inSets
	score := 0.0
	var rising []string
	rise := func(v string) float64 { return counts[v].met/r.rows.met - counts[v].not/r.rows.not }
	for _, v := range slices.Sorted(maps.Keys(counts)) {
		present = present.plus(counts[v])
		score += math.Abs(rise(v)) / 2
		if rise(v) > 0 {
			rising = append(rising, v)
		}
	}
	absent := inSets{r.rows.met - present.met, r.rows.not - present.not}
	score += math.Abs(absent.met/r.rows.met-absent.not/r.rows.not) / 2
	cols[colScore] = roundScore(score)
	order.Stable(rising, func(a, b string) int { return cmp.Compare(rise(b), rise(a)) })
	cols[colContributors] = listOf(rising[:min(len(rising), mostContributors)])
}
