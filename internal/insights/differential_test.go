package insights_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// The naive evaluator decodes every message into a map and follows the rules
// of the language word by word. It shares no code with the package.

type naiveRow map[string]any

func (r naiveRow) get(path string) any {
	var v any = map[string]any(r)
	for part := range strings.SplitSeq(path, ".") {
		switch c := v.(type) {
		case map[string]any:
			v = c[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(c) {
				return nil
			}
			v = c[i]
		default:
			return nil
		}
	}
	switch v := v.(type) {
	case map[string]any, []any:
		return nil
	case bool:
		return strconv.FormatBool(v)
	default:
		return v
	}
}

// naiveNumber is the number a value is, or looks like.
func naiveNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Float64()
		return n, err == nil
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil && !strings.ContainsAny(v, "xXnNiIpP_")
	}
	return 0, false
}

func naiveText(v any) string { return fmt.Sprint(v) }

func naiveCompare(a, b any) (int, bool) {
	if a == nil || b == nil {
		return 0, false
	}
	_, aText := a.(string)
	_, bText := b.(string)
	x, aNum := naiveNumber(a)
	y, bNum := naiveNumber(b)
	if aNum && bNum && !(aText && bText) {
		switch {
		case x < y:
			return -1, true
		case x > y:
			return 1, true
		}
		return 0, true
	}
	return strings.Compare(naiveText(a), naiveText(b)), true
}

// condition is a random condition: its text and its naive meaning.
type condition struct {
	text string
	hold func(naiveRow) bool
}

var (
	naiveFields = []string{"a", "b", "c", "d.x", "d.l.1", "zz"}
	naiveWords  = []string{"red", "blue", "re", "Red", "7", "10", "true", "é\\\"q"}
)

func randomLiteral(r *rand.Rand) (string, any) {
	if r.IntN(2) == 0 {
		n := strconv.Itoa(r.IntN(12) - 1)
		return n, json.Number(n)
	}
	w := naiveWords[r.IntN(len(naiveWords))]
	return `"` + w + `"`, strings.ReplaceAll(w, `\"`, `"`)
}

func randomCondition(r *rand.Rand, depth int) condition {
	if depth > 0 && r.IntN(3) > 0 {
		a, b := randomCondition(r, depth-1), randomCondition(r, depth-1)
		switch r.IntN(3) {
		case 0:
			return condition{"(" + a.text + " and " + b.text + ")", func(v naiveRow) bool { return a.hold(v) && b.hold(v) }}
		case 1:
			return condition{"(" + a.text + " or " + b.text + ")", func(v naiveRow) bool { return a.hold(v) || b.hold(v) }}
		}
		return condition{"not (" + a.text + ")", func(v naiveRow) bool { return !a.hold(v) }}
	}
	f := naiveFields[r.IntN(len(naiveFields))]
	switch r.IntN(4) {
	case 0:
		return condition{"ispresent(" + f + ")", func(v naiveRow) bool { return v.get(f) != nil }}
	case 1:
		w := naiveWords[r.IntN(len(naiveWords))]
		part := strings.ReplaceAll(w, `\"`, `"`)
		return condition{f + ` like "` + w + `"`, func(v naiveRow) bool {
			return v.get(f) != nil && strings.Contains(naiveText(v.get(f)), part)
		}}
	case 2:
		one, x := randomLiteral(r)
		two, y := randomLiteral(r)
		return condition{f + " in [" + one + ", " + two + "]", func(v naiveRow) bool {
			c, ok := naiveCompare(v.get(f), x)
			d, ok2 := naiveCompare(v.get(f), y)
			return ok && c == 0 || ok2 && d == 0
		}}
	}
	lit, x := randomLiteral(r)
	op := []string{"=", "!=", "<", "<=", ">", ">="}[r.IntN(6)]
	return condition{f + " " + op + " " + lit, func(v naiveRow) bool {
		c, ok := naiveCompare(v.get(f), x)
		return ok && map[string]bool{"=": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op]
	}}
}

func randomMessage(r *rand.Rand) string {
	value := func() string {
		switch r.IntN(6) {
		case 0:
			return "null"
		case 1:
			return strconv.FormatBool(r.IntN(2) == 0)
		case 2:
			return strconv.Itoa(r.IntN(12) - 1)
		case 3:
			return fmt.Sprintf("%d.5e0", r.IntN(10))
		}
		return `"` + naiveWords[r.IntN(len(naiveWords))] + `"`
	}
	var parts []string
	for _, k := range []string{"a", "b", "c"} {
		if r.IntN(4) > 0 {
			parts = append(parts, fmt.Sprintf("%q: %s", k, value()))
		}
	}
	if r.IntN(2) == 0 {
		parts = append(parts, fmt.Sprintf(`"d":{"y":[%s],"x":%s,"l":[%s , %s]}`, value(), value(), value(), value()))
	}
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "{" + strings.Join(parts, ",") + "}"
}

// naiveStats answers: filter … | stats count(*) as n, count(a) as ca, sum(a) as
// sa, max(c) as mc by b.
func naiveStats(rows []naiveRow, keep func(naiveRow) bool) []string {
	type sums struct {
		n, ca   int
		sa      float64
		numbers bool
		mc      float64
	}
	groups := map[string]*sums{}
	for _, row := range rows {
		if !keep(row) {
			continue
		}
		key := ""
		if b := row.get("b"); b != nil {
			key = "b=" + naiveText(b) + " "
		}
		g := groups[key]
		if g == nil {
			g = &sums{}
			groups[key] = g
		}
		g.n++
		if row.get("a") != nil {
			g.ca++
		}
		if x, ok := naiveNumber(row.get("a")); ok {
			g.sa += x
			if !g.numbers || x > g.mc {
				g.mc = x
			}
			g.numbers = true
		}
	}
	lines := []string{}
	for _, key := range slices.Collect(maps.Keys(groups)) {
		g := groups[key]
		line := fmt.Sprintf("%sn=%d ca=%d", key, g.n, g.ca)
		if g.numbers {
			line += fmt.Sprintf(" sa=%v hi=%v", g.sa, g.mc)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func TestAgainstNaiveEvaluator(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		var rows insights.Rows
		var decoded []naiveRow
		for i := range 120 {
			message := randomMessage(r)
			dec := json.NewDecoder(strings.NewReader(message))
			dec.UseNumber()
			var row naiveRow
			if err := dec.Decode(&row); err != nil {
				t.Fatal(err)
			}
			rows, decoded = append(rows, at(int64(i), message)), append(decoded, row)
		}
		for range 25 {
			c := randomCondition(r, 3)
			query := "filter " + c.text + " | stats count(*) as n, count(a) as ca, sum(a) as sa, max(toNumber(a)) as hi by b"
			got := show(run(t, query, rows))
			slices.Sort(got)
			if diff := cmp.Diff(naiveStats(decoded, c.hold), got); diff != "" {
				t.Fatalf("round %d: %s\n-naive +got:\n%s", round, query, diff)
			}
		}
	}
}
