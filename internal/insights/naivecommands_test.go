package insights_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// stored is an event with its time, in the order in which it was stored.
type stored struct {
	at  int64
	row naiveRow
}

// randomStored makes events with random times, newest first as queries show
// them, and the rows that the engine gets.
func randomStored(t *testing.T, r *rand.Rand, n int) (insights.Rows, []stored) {
	t.Helper()
	var rows insights.Rows
	var events []stored
	for range n {
		at1, message := r.Int64N(40_000), randomMessage(r)
		dec := json.NewDecoder(strings.NewReader(message))
		dec.UseNumber()
		e := stored{at: at1}
		if err := dec.Decode(&e.row); err != nil {
			t.Fatal(err)
		}
		rows, events = append(rows, at(at1, message)), append(events, e)
	}
	slices.Reverse(events)
	slices.SortStableFunc(events, func(a, b stored) int { return cmp.Compare(b.at, a.at) })
	return rows, events
}

// cells shows a row as show does: what is missing is left out.
func cells(pairs ...any) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != nil {
			out = append(out, fmt.Sprintf("%s=%s", pairs[i], naiveShown(pairs[i+1])))
		}
	}
	return strings.Join(out, " ")
}

// trial is a random query and what the naive evaluator answers. Rows whose order
// the query leaves open are sorted as text on both sides.
type trial struct {
	query string
	want  []string
	open  bool
}

func trials(r *rand.Rand, events []stored) []trial {
	return []trial{
		trialFields(r, events), trialStats(r, events), trialSort(r, events), trialDedup(r, events), trialExpand(r, events),
		trialFrequent(r, events), trialSessions(r, events), trialOutlier(r, events), trialRate(events), trialParse(r, events), trialWindow(r, events),
	}
}

func trialFields(r *rand.Rand, events []stored) trial {
	a, b, c := randomExpression(r, 3), randomExpression(r, 2), randomTest(r, 2)
	t := trial{query: "fields " + a.text + " as v, " + b.text + " as w | filter " + c.text + " and (v = w or not v != 7)"}
	for _, e := range events {
		v, w := a.of(e.row), b.of(e.row)
		same, ok := naiveOrder(v, w)
		seven, ok7 := naiveOrder(v, json.Number("7"))
		if c.hold(e.row) && (ok && same == 0 || !(ok7 && seven != 0)) {
			t.want = append(t.want, cells("v", v, "w", w))
		}
	}
	return t
}

// trialStats groups by an expression. Numbers of events have at most one binary
// digit behind the point, so that sums are exact.
func trialStats(r *rand.Rand, events []stored) trial {
	key, c, x := randomExpression(r, 2), randomTest(r, 1), randomExpression(r, 2)
	t := trial{open: true, query: "filter " + c.text + " | stats count(*) as n, count(" + x.text + ") as c, count_distinct(" + x.text + ") as d, sum(a) as s, avg(a) as m, min(toNumber(b)) as lo by " + key.text + " as k"}
	type group struct {
		key      any
		n, c     int
		distinct map[string]bool
		sum      float64
		numbers  int
		low      any
	}
	groups := map[string]*group{}
	for _, e := range events {
		if !c.hold(e.row) {
			continue
		}
		k := key.of(e.row)
		id := fmt.Sprint(k != nil, naiveShown(k))
		g := groups[id]
		if g == nil {
			g = &group{key: k, distinct: map[string]bool{}}
			groups[id] = g
		}
		g.n++
		if v := x.of(e.row); v != nil {
			g.c++
			g.distinct[naiveShown(v)] = true
		}
		if v, ok := naiveValue(e.row.get("a")); ok {
			g.sum, g.numbers = g.sum+v, g.numbers+1
		}
		if v, ok := naiveValue(e.row.get("b")); ok && (g.low == nil || v < g.low.(float64)) {
			g.low = v
		}
	}
	for _, g := range groups {
		var sum, mean any
		if g.numbers > 0 {
			sum, mean = g.sum, g.sum/float64(g.numbers)
		}
		t.want = append(t.want, cells("k", g.key, "n", float64(g.n), "c", float64(g.c), "d", float64(len(g.distinct)), "s", sum, "m", mean, "lo", g.low))
	}
	return t
}

// naiveSort compares as sort does: texts before numbers, missing values last.
func naiveSort(a, b any, descending bool) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	x, aNum := naiveValue(a)
	y, bNum := naiveValue(b)
	var c int
	switch {
	case aNum && bNum:
		_, aText := a.(string)
		_, bText := b.(string)
		c = cmp.Compare(x, y)
		if c == 0 { // a number as text comes after the number itself
			c = cmp.Compare(naiveSpelled(a, aText), naiveSpelled(b, bText))
		}
	case aNum:
		c = 1
	case bNum:
		c = -1
	default:
		// The words of these events have no digits within them.
		c = strings.Compare(naiveShown(a), naiveShown(b))
	}
	if descending {
		return -c
	}
	return c
}

func naiveSpelled(v any, text bool) string {
	if text {
		return naiveShown(v)
	}
	return ""
}

func trialSort(r *rand.Rand, events []stored) trial {
	f, g, limit := naiveFields[r.IntN(3)], naiveFields[r.IntN(5)], 1+r.IntN(40)
	down, downToo := r.IntN(2) == 0, r.IntN(2) == 0
	word := map[bool]string{true: " desc", false: ""}
	t := trial{query: fmt.Sprintf("fields a, b, c, d.x | sort %s%s, %s%s | limit %d", f, word[down], g, word[downToo], limit)}
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b stored) int {
		return cmp.Or(naiveSort(a.row.get(f), b.row.get(f), down), naiveSort(a.row.get(g), b.row.get(g), downToo))
	})
	for _, e := range sorted[:min(limit, len(sorted))] {
		t.want = append(t.want, cells("a", e.row.get("a"), "b", e.row.get("b"), "c", e.row.get("c"), "d.x", e.row.get("d.x")))
	}
	return t
}

func trialDedup(r *rand.Rand, events []stored) trial {
	f, g := naiveFields[r.IntN(3)], naiveFields[r.IntN(5)]
	t := trial{query: "fields " + f + " as x, " + g + " as y | dedup x, y"}
	if r.IntN(2) == 0 {
		down := r.IntN(2) == 0
		t.query = "fields " + f + " as x, " + g + " as y | sort c" + map[bool]string{true: " desc", false: ""}[down] + " | dedup x, y"
		events = slices.Clone(events)
		slices.SortStableFunc(events, func(a, b stored) int { return naiveSort(a.row.get("c"), b.row.get("c"), down) })
	}
	seen := map[string]bool{}
	for _, e := range events {
		x, y := e.row.get(f), e.row.get(g)
		id := naiveShown(x) + "\x00" + naiveShown(y)
		if x != nil && y != nil && seen[id] {
			continue
		}
		seen[id] = true
		t.want = append(t.want, cells("x", x, "y", y))
	}
	if n := 1 + r.IntN(30); n < len(t.want) {
		t.query, t.want = fmt.Sprintf("%s | limit %d", t.query, n), t.want[:n]
	}
	return t
}

// elements are what unnest and expand make of the list at d.l.
func elements(row naiveRow) []any {
	d, _ := row["d"].(map[string]any)
	list, ok := d["l"].([]any)
	if !ok {
		return []any{nil}
	}
	var out []any
	for _, v := range list {
		if b, ok := v.(bool); ok {
			v = strconv.FormatBool(b)
		}
		out = append(out, v)
	}
	return out
}

func trialExpand(r *rand.Rand, events []stored) trial {
	c := randomTest(r, 1)
	t := trial{query: "expand d.l | filter " + c.text + " and not d.l = 7 | fields d.l as item, a"}
	if r.IntN(2) == 0 {
		t.query = "fields jsonParse(@message) as j | unnest j.d.l into item | filter " + c.text + " and not item = 7 | display item, a"
	}
	// Rows of one event come in the order of its list or against it; the
	// language does not say.
	t.open = true
	for _, e := range events {
		for _, item := range elements(e.row) {
			seven, ok := naiveOrder(item, json.Number("7"))
			// The second element is a field of its own, d.l.1, which expand hides.
			if c.hold(e.row) && !(ok && seven == 0) {
				t.want = append(t.want, cells("item", item, "a", e.row.get("a")))
			}
		}
	}
	if strings.Contains(c.text, "d.l.1") {
		t.query, t.want = "fields a", nil
		for _, e := range events {
			t.want = append(t.want, cells("a", e.row.get("a")))
		}
	}
	return t
}

func trialFrequent(r *rand.Rand, events []stored) trial {
	x := randomExpression(r, 1)
	t := trial{query: "countFrequent " + x.text + ", b | fields _approxcount as n, b", open: true}
	counts, b := map[string]int{}, map[string]any{}
	for _, e := range events {
		v := x.of(e.row)
		id := fmt.Sprint(v != nil, naiveShown(v), e.row.get("b") != nil, naiveShown(e.row.get("b")))
		counts[id]++
		b[id] = e.row.get("b")
	}
	for id, n := range counts {
		t.want = append(t.want, cells("n", float64(n), "b", b[id]))
	}
	return t
}

func trialSessions(r *rand.Rand, events []stored) trial {
	gap := 1 + r.IntN(8)
	t := trial{query: fmt.Sprintf("sessionize b maxspan %ds as s | stats count(*) as n by s", gap), open: true}
	inTime := slices.Clone(events)
	slices.Reverse(inTime)
	last, open, sessions, without := map[string]int64{}, map[string]int{}, []int{}, 0
	for _, e := range inTime {
		v := e.row.get("b")
		if v == nil {
			without++
			continue
		}
		id := naiveShown(v)
		if before, known := last[id]; !known || e.at-before > int64(gap)*1000 {
			open[id] = len(sessions)
			sessions = append(sessions, 0)
		}
		last[id] = e.at
		sessions[open[id]]++
	}
	for i, n := range sessions {
		t.want = append(t.want, cells("s", float64(i+1), "n", float64(n)))
	}
	if without > 0 {
		t.want = append(t.want, cells("n", float64(without)))
	}
	return t
}

func trialOutlier(r *rand.Rand, events []stored) trial {
	param, lower := r.IntN(3), r.IntN(2) == 0
	t := trial{query: fmt.Sprintf("fields a, b | outlier action=remove param=%d uselower=%v a", param, lower)}
	var numbers []float64
	for _, e := range events {
		if x, ok := naiveValue(e.row.get("a")); ok {
			numbers = append(numbers, x)
		}
	}
	slices.Sort(numbers)
	quartile := func(q float64) float64 {
		if len(numbers) == 0 {
			return 0
		}
		rank := q * float64(len(numbers)-1)
		below, above := numbers[int(math.Floor(rank))], numbers[int(math.Ceil(rank))]
		return below + (above-below)*(rank-math.Floor(rank))
	}
	q1, q3 := quartile(0.25), quartile(0.75)
	for _, e := range events {
		x, ok := naiveValue(e.row.get("a"))
		reach := float64(param) * (q3 - q1)
		if ok && (x > q3+reach || lower && x < q1-reach) {
			continue
		}
		t.want = append(t.want, cells("a", e.row.get("a"), "b", e.row.get("b")))
	}
	return t
}

// trialRate compares rate, countOverTime and sumOverTime by bins of 10 s.
func trialRate(events []stored) trial {
	t := trial{query: "stats rate(a, 5s) as r, countOverTime(a) as c, sum_over_time(a) as s by bin(10s) as t | display r, c, s", open: true}
	bins := map[int64][]stored{}
	for _, e := range events {
		bins[e.at/10_000] = append(bins[e.at/10_000], e)
	}
	for _, bin := range bins {
		count, sum, numbers := 0.0, 0.0, []stored{}
		for _, e := range bin {
			if e.row.get("a") != nil {
				count++
			}
			if x, ok := naiveValue(e.row.get("a")); ok {
				sum += x
				numbers = append(numbers, e)
			}
		}
		var rate, total any
		if len(numbers) > 0 {
			total = sum
			to, _ := naiveValue(numbers[0].row.get("a"))
			from, _ := naiveValue(numbers[len(numbers)-1].row.get("a"))
			if took := numbers[0].at - numbers[len(numbers)-1].at; took > 0 {
				rate = (to - from) / float64(took) * 5000
			}
		}
		t.want = append(t.want, cells("r", rate, "c", count, "s", total))
	}
	return t
}

func trialParse(r *rand.Rand, events []stored) trial {
	x, y := naiveFields[r.IntN(4)], naiveFields[r.IntN(4)]
	t := trial{query: "fields concat(" + x + `, ",", ` + y + `, ",") as line | parse line csv as p, q | parse line "*,*" as g, h | parse line /^(.*?),/ as m | display p, q, g, h, m`}
	for _, e := range events {
		var parts [2]string
		for i, f := range []string{x, y} {
			if v := e.row.get(f); v != nil {
				parts[i] = naiveShown(v)
			}
		}
		t.want = append(t.want, cells("p", parts[0], "q", parts[1], "g", parts[0], "h", parts[1]+",", "m", parts[0]))
	}
	return t
}

func trialWindow(r *rand.Rand, events []stored) trial {
	x, lag := randomExpression(r, 1), 1+r.IntN(3)
	t := trial{query: fmt.Sprintf("fields %s as v | sort @timestamp desc | accum a as s | autoregress v p=%d | filldown b | display v, s, v_p%d, b", x.text, lag, lag)}
	sum, past, down := 0.0, []any{}, any(nil)
	for _, e := range events {
		v := x.of(e.row)
		if n, ok := naiveValue(e.row.get("a")); ok {
			sum += n
		}
		past = append(past, v)
		var lagged any
		if len(past) > lag {
			lagged = past[len(past)-1-lag]
		}
		if b := e.row.get("b"); b != nil {
			down = b
		}
		t.want = append(t.want, cells("v", v, "s", sum, fmt.Sprintf("v_p%d", lag), lagged, "b", down))
	}
	return t
}

// compareTrials runs the trials of one seed.
func compareTrials(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	rows, events := randomStored(t, r, 1+r.IntN(120))
	for range 4 {
		for _, trial := range trials(r, events) {
			got, want := show(run(t, trial.query, rows)), slices.Clone(trial.want)
			if trial.open {
				slices.Sort(got)
				slices.Sort(want)
			}
			if diff := gocmp.Diff(append([]string{}, want...), got); diff != "" {
				t.Fatalf("seed %d: %s\n-naive +got:\n%s", seed, trial.query, diff)
			}
		}
	}
}

// TestCommandsAgainstNaiveEvaluator covers expressions with functions, missing
// fields and nulls, numbers as texts, and the commands that reorder, group,
// multiply and drop rows.
func TestCommandsAgainstNaiveEvaluator(t *testing.T) {
	for seed := range uint64(15) {
		compareTrials(t, seed)
	}
}

// FuzzAgainstNaiveEvaluator is the same for as many seeds as there is time.
func FuzzAgainstNaiveEvaluator(f *testing.F) {
	f.Add(uint64(1000))
	f.Fuzz(compareTrials)
}
