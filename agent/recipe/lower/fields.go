package lower

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/catalogue"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// What an alarm does if it says nothing else: three of three minutes.
const (
	defaultPeriod  = 60
	defaultPeriods = 3
)

// evaluation resolves `every` and `for`.
func (a *alarm) evaluation() {
	out := a.body
	out.Period, out.DatapointsToAlarm, out.EvaluationPeriods = defaultPeriod, defaultPeriods, defaultPeriods
	if n := a.get("every"); n != nil {
		r, ok := a.l.quantity(n, a.sc, expr.Duration, "every")
		if !ok {
			out.Period = 0
			return
		}
		out.Period = a.period(n, r)
		a.origin(n, "Period")
	}
	n := a.get("for")
	if n == nil || out.Period == 0 {
		return
	}
	a.origin(n, "DatapointsToAlarm", "EvaluationPeriods")
	text, ok := a.l.text(n, a.sc, "for")
	if !ok {
		return
	}
	m, of, both := strings.Cut(text, " of ")
	if !both {
		of = m
	}
	points, okM := a.periods(n, strings.TrimSpace(m), both)
	window, okN := a.periods(n, strings.TrimSpace(of), both)
	if !okM || !okN {
		return
	}
	if points > window {
		a.l.add("R5008", n.Range(), "%s: more datapoints must breach than are looked at", text)
		return
	}
	out.DatapointsToAlarm, out.EvaluationPeriods = points, window
}

// period: PutMetricAlarm takes 10, 20, 30 and multiples of 60 seconds.
func (a *alarm) period(n *ast.Node, r *big.Rat) int32 {
	sixty := new(big.Rat).Quo(r, big.NewRat(60, 1))
	short := r.IsInt() && slices.Contains([]int64{10, 20, 30}, r.Num().Int64()) && r.Num().IsInt64()
	if r.Sign() <= 0 || r.Cmp(big.NewRat(7*86400, 1)) > 0 || !short && !sixty.IsInt() {
		a.l.add("R5009", n.Range(), "every is 10s, 20s, 30s or a number of whole minutes up to 7d")
		return 0
	}
	return int32(r.Num().Int64())
}

// periods reads one side of `for`: a number of periods, where that is allowed,
// or a duration.
func (a *alarm) periods(n *ast.Node, text string, number bool) (int32, bool) {
	q, ok := expr.Quantity(text)
	if ok && q.Kind == expr.Number && !number {
		p := a.l.add("R3007", n.Range(), "for: %s of how many?", text)
		p.Hint, p.Fix = fmt.Sprintf("write %s of %s", text, text), fmt.Sprintf("%s of %s", text, text)
		return 0, false
	}
	if !ok || q.Kind != expr.Number && q.Kind != expr.Duration {
		a.l.add("R3007", n.Range(), "for is written M of N, a duration, or a duration of a duration, and not %q", n.Text)
		return 0, false
	}
	r := q.Rat
	if q.Kind == expr.Duration {
		r = new(big.Rat).Quo(r, big.NewRat(int64(a.body.Period), 1))
		if !r.IsInt() {
			a.l.add("R3007", n.Range(), "for: %s is not a multiple of the period of %ds", text, a.body.Period)
			return 0, false
		}
	}
	if !r.IsInt() || r.Sign() <= 0 || r.Cmp(big.NewRat(100000, 1)) > 0 {
		a.l.add("R3007", n.Range(), "for: %s is not a number of periods", text)
		return 0, false
	}
	return int32(r.Num().Int64()), true
}

func missingWords() map[string]string {
	return map[string]string{
		"ok": "notBreaching", "breach": "breaching", "keep": "ignore", "unknown": "missing",
		"notBreaching": "notBreaching", "breaching": "breaching", "ignore": "ignore", "missing": "missing",
	}
}

// missing resolves the treatment of missing data. Without a word a sparse
// metric is fine when it is absent, and any other is unknown.
func (a *alarm) missing(m *metricDef) {
	out := a.body
	out.TreatMissingData = "missing"
	n := a.get("missing")
	if n == nil {
		if m != nil {
			sparse := true
			for _, d := range a.l.sources(*m) {
				c, ok := a.l.cat.Metric(d.namespace, d.name)
				sparse = sparse && ok && c.Sparse
			}
			if sparse {
				out.TreatMissingData = "notBreaching"
			}
		}
		return
	}
	a.origin(n, "TreatMissingData")
	text, ok := a.l.text(n, a.sc, "missing")
	if !ok {
		return
	}
	treat, ok := missingWords()[text]
	if !ok {
		suggest(a.l.add("R2013", n.Range(), "missing: %q is none of ok, breach, keep, unknown", text), text, words("ok breach keep unknown"))
		return
	}
	out.TreatMissingData = treat
	if m != nil && m.math == nil && m.namespace == "AWS/DynamoDB" && treat != "ignore" {
		a.l.warn("L403", n.Range(), "CloudWatch documents that alarms on AWS/DynamoDB always ignore missing data")
	}
}

func (a *alarm) lowSamples(m *metricDef) {
	n := a.get("low_samples")
	if n == nil {
		return
	}
	text, ok := a.l.text(n, a.sc, "low_samples")
	switch {
	case !ok || m == nil:
	case text != "evaluate" && text != "ignore":
		suggest(a.l.add("R2013", n.Range(), "low_samples: %q is neither evaluate nor ignore", text), text, words("evaluate ignore"))
	case !percentile.MatchString(m.stat.extended):
		if a.own.Get("low_samples") != nil {
			uses := m.stat.String()
			if m.math != nil {
				uses = "an expression"
			}
			a.l.add("R2014", n.Range(), "low_samples is for percentiles, and this alarm uses %s", uses)
		}
	case text == "ignore":
		a.body.EvaluateLowSampleCountPercentile = text
		a.origin(n, "EvaluateLowSampleCountPercentile")
	}
}

var percentile = lazyregexp.New(`^p[0-9.]+$`)

// window resolves a wall clock; PutMetricAlarm allows it for five periods.
func (a *alarm) window() {
	n := a.get("window")
	if n == nil || n.Kind == ast.String && n.Text == "sliding" {
		return
	}
	clock := n.Get("wall_clock")
	if n.Kind != ast.Map || clock == nil || len(n.Entries) != 1 {
		a.l.add("R2015", n.Range(), "window is sliding or {wall_clock: Time/Zone}")
		return
	}
	zone, ok := a.l.text(clock, a.sc, "wall_clock")
	if !ok {
		return
	}
	if !slices.Contains([]int32{60, 300, 3600, 86400, 604800}, a.body.Period) && a.body.Period != 0 {
		a.l.add("R5010", n.Range(), "a wall clock needs a period of 1m, 5m, 1h, 1d or 7d")
	}
	a.body.EvaluationWindow = &ir.EvaluationWindow{WallClockWindow: &ir.WallClockWindow{Timezone: zone}}
	a.origin(n, "EvaluationWindow")
}

func (a *alarm) warmUp() {
	n := a.get("warm_up")
	if n == nil {
		return
	}
	length, strict := n, false
	if n.Kind == ast.Map {
		a.l.checkKeys(n, "warm_up", keys{supported: words("for strict")})
		if length = n.Get("for"); length == nil {
			a.l.add("R2015", n.Range(), "warm_up does not say for how long")
			return
		}
		strict, _ = a.l.truth(n.Get("strict"), a.sc, "strict")
	}
	r, ok := a.l.quantity(length, a.sc, expr.Duration, "warm_up")
	if !ok {
		return
	}
	minutes := new(big.Rat).Quo(r, big.NewRat(60, 1))
	if !minutes.IsInt() || minutes.Sign() <= 0 || minutes.Cmp(big.NewRat(2880, 1)) > 0 {
		a.l.add("R5011", length.Range(), "warm_up is a number of whole minutes from 1m to 48h")
		return
	}
	w := &ir.WarmUp{WarmUpPeriodDurationInMinutes: int32(minutes.Num().Int64())}
	if strict {
		w.OnlyStartEvaluatingAfterWarmUpPeriodEnds = &strict
	}
	a.body.WarmUpConfiguration = w
	a.origin(n, "WarmUpConfiguration")
}

func (a *alarm) notifyTags() {
	n := a.get("notify_tags")
	if n == nil || !a.l.want(n, ast.List, "notify_tags") {
		return
	}
	t := &ir.TagsPropagation{}
	for _, item := range n.Items {
		if key, ok := a.l.text(item, a.sc, "a tag key"); ok {
			t.IncludedTagKeys = append(t.IncludedTagKeys, key)
		}
	}
	if len(t.IncludedTagKeys) == 0 {
		return
	}
	on := true
	t.Enabled = &on
	slices.Sort(t.IncludedTagKeys)
	a.body.ActionConfiguration = &ir.ActionConfiguration{AlarmTagsPropagation: t}
	a.origin(n, "ActionConfiguration")
}

// words describes the alarm for a plan.
func (a *alarm) words(c *Condition, m *metricDef, threshold float64) {
	out := a.body
	a.out.Words.Cadence = cadence(out)
	if c == nil {
		return
	}
	text := expr.Decimal(new(big.Rat).SetFloat64(threshold))
	unit := catalogue.Short(a.l.unitOf(*m))
	switch unit {
	case "B":
		text, unit = expr.Value{Kind: expr.Bytes, Rat: new(big.Rat).SetFloat64(threshold)}.String(), ""
	case "", "%", "/s":
	default:
		unit = " " + unit
	}
	what := fmt.Sprintf("%s(%s)", m.stat, m.name)
	if m.math != nil {
		what = c.Ident
	}
	a.out.Words.Condition = fmt.Sprintf("%s %s %s%s", what, c.Cmp, text, unit)
}

func cadence(al *ir.MetricAlarm) string {
	period := expr.Value{Kind: expr.Duration, Rat: big.NewRat(int64(al.Period), 1)}
	m := al.DatapointsToAlarm
	if m == 0 {
		m = al.EvaluationPeriods
	}
	return fmt.Sprintf("%d of %d × %s", m, al.EvaluationPeriods, period)
}

// description is what a person reads who is woken by the alarm.
func (a *alarm) description() {
	var lines []string
	if n := a.get("description"); n != nil {
		if text, ok := a.l.text(n, a.sc, "description"); ok {
			lines = append(lines, strings.TrimSpace(text))
		}
		a.origin(n, "AlarmDescription")
	}
	if w := a.out.Words; w.Condition != "" && w.Cadence != "" {
		lines = append(lines, fmt.Sprintf("Condition: %s, %s.", w.Condition, w.Cadence))
	}
	if n := a.get("runbook"); n != nil {
		if text, ok := a.l.text(n, a.sc, "runbook"); ok {
			lines = append(lines, "Runbook: "+text)
		}
		if a.get("description") == nil {
			a.origin(n, "AlarmDescription")
		}
	}
	if a.l.stack.Owner != "" {
		lines = append(lines, "Owner: "+a.l.stack.Owner)
	}
	lines = append(lines, fmt.Sprintf("Managed by sidelight, recipe %s; change it there.", a.l.stack.Recipe))
	a.body.AlarmDescription = strings.Join(lines, "\n")
	if n := utf8.RuneCountInString(a.body.AlarmDescription); n > 1024 {
		p := a.l.add("R5004", a.key.Range(), "the alarm's description has %d characters; CloudWatch allows 1024", n)
		p.Notes = []string{"it is made of description, condition, runbook and owner"}
	}
}
