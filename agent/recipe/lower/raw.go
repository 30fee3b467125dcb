package lower

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// raw resolves an alarm that is written in the API's own fields. What the plain
// form has for its condition does not go with it, nor do the defaults for that.
func (a *alarm) raw(n *ast.Node) {
	for _, key := range words("when every for missing low_samples window warm_up") {
		if k := a.own.Key(key); k != nil {
			a.l.add("R2016", k.Range(), "%q does not go with raw, which has the API's own fields", key)
		}
	}
	if !a.l.want(n, ast.Map, "raw") {
		return
	}
	for key, instead := range map[string]string{"AlarmName": "name", "Tags": "tags"} {
		if k := n.Key(key); k != nil {
			a.l.add("R2016", k.Range(), "%s is not set in raw", key).Hint = "use " + instead + ": of the alarm"
		}
	}
	d := decoder{a: a}
	al := a.body
	d.fields(n, reflect.ValueOf(al).Elem(), "raw", []string{"AlarmName", "Tags"})
	for _, e := range n.Entries {
		a.origin(e.Value, e.Key.Text)
	}
	description, enabled := al.AlarmDescription, al.ActionsEnabled
	actions := [][]string{al.AlarmActions, al.OKActions, al.InsufficientDataActions}
	a.routing()
	if enabled != nil {
		al.ActionsEnabled = enabled
	}
	for i, list := range []*[]string{&al.AlarmActions, &al.OKActions, &al.InsufficientDataActions} {
		if actions[i] != nil {
			*list = actions[i]
		}
		if len(*list) > 5 {
			a.l.add("R5003", n.Range(), "%d actions; CloudWatch allows 5 per state", len(*list))
		}
	}
	a.rawWords()
	if a.notifyTags(); description == "" {
		a.description()
		description = al.AlarmDescription
	}
	if al.AlarmDescription = description; utf8.RuneCountInString(description) > 1024 {
		a.l.add("R5004", n.Range(), "the alarm's description has more than 1024 characters")
	}
	a.rawRules(n)
}

func (a *alarm) rawWords() {
	al, w := a.body, &a.out.Words
	stat := al.Statistic + al.ExtendedStatistic
	for short, long := range plainStats() {
		if long == stat {
			stat = short
		}
	}
	switch {
	case al.EvaluationCriteria != nil:
		w.Condition = "PromQL"
		return
	case len(al.Metrics) > 0:
		w.Condition = "metric math"
	default:
		w.Condition = fmt.Sprintf("%s(%s)", stat, al.MetricName)
	}
	if al.Threshold != nil {
		sign := map[string]string{"GreaterThanThreshold": ">", "GreaterThanOrEqualToThreshold": ">=", "LessThanThreshold": "<", "LessThanOrEqualToThreshold": "<="}
		w.Condition += " " + sign[al.ComparisonOperator] + " " + expr.Decimal(new(big.Rat).SetFloat64(*al.Threshold))
	}
	if len(al.Metrics) == 0 {
		w.Cadence = cadence(al)
	}
}

// rawRules checks what CloudWatch would refuse: PutMetricAlarm.
func (a *alarm) rawRules(n *ast.Node) {
	al := a.body
	a.rawEnums(n)
	if p := n.Get("Period"); p != nil && al.Period > 0 {
		a.period(p, big.NewRat(int64(al.Period), 1))
	}
	if al.DatapointsToAlarm > al.EvaluationPeriods && al.EvaluationCriteria == nil {
		a.l.add("R5008", n.Get("DatapointsToAlarm").Range(), "DatapointsToAlarm is more than EvaluationPeriods")
	}
	sources := 0
	for _, given := range []bool{al.MetricName != "", len(al.Metrics) > 0, al.EvaluationCriteria != nil} {
		if given {
			sources++
		}
	}
	if sources != 1 {
		a.l.add("R5020", n.Range(), "raw has %d of MetricName, Metrics and EvaluationCriteria; CloudWatch wants exactly one", sources)
		return
	}
	for _, key := range words("Namespace Dimensions Period Unit Statistic ExtendedStatistic") {
		if k := n.Key(key); k != nil && al.MetricName == "" {
			a.l.add("R5020", k.Range(), "%s goes with MetricName only", key)
		}
	}
	need := func(ok bool, what string) {
		if !ok {
			a.l.add("R5020", n.Range(), "raw has no %s", what)
		}
	}
	if al.EvaluationCriteria != nil {
		need(al.EvaluationInterval > 0, "EvaluationInterval, which EvaluationCriteria needs")
		if al.Threshold != nil || al.ComparisonOperator != "" || al.EvaluationPeriods != 0 || al.Period != 0 {
			a.l.add("R5020", n.Range(), "EvaluationCriteria excludes Period, EvaluationPeriods, Threshold and ComparisonOperator")
		}
		return
	}
	need(al.EvaluationPeriods > 0, "EvaluationPeriods")
	need(al.ComparisonOperator != "", "ComparisonOperator")
	need(al.Threshold != nil || al.ThresholdMetricId != "", "Threshold")
	if al.MetricName != "" {
		need(al.Namespace != "", "Namespace")
		need((al.Statistic == "") != (al.ExtendedStatistic == ""), "Statistic or ExtendedStatistic, or has both")
		need(al.Period > 0, "Period")
		a.l.metricLimits(al.Namespace, al.MetricName, al.Dimensions, n.Range(), n.Range())
	}
}

func (a *alarm) rawEnums(n *ast.Node) {
	al := a.body
	for _, f := range []struct {
		name, value string
		valid       []string
	}{
		{"ComparisonOperator", al.ComparisonOperator, words("GreaterThanOrEqualToThreshold GreaterThanThreshold LessThanThreshold LessThanOrEqualToThreshold LessThanLowerOrGreaterThanUpperThreshold LessThanLowerThreshold GreaterThanUpperThreshold")},
		{"Statistic", al.Statistic, words("Average Sum Minimum Maximum SampleCount")},
		{"TreatMissingData", al.TreatMissingData, words("breaching notBreaching ignore missing")},
		{"EvaluateLowSampleCountPercentile", al.EvaluateLowSampleCountPercentile, words("evaluate ignore")},
	} {
		if f.value != "" && !slices.Contains(f.valid, f.value) {
			suggest(a.l.add("R5021", n.Get(f.name).Range(), "%s: %q is not a value of CloudWatch's", f.name, f.value), f.value, f.valid)
		}
	}
}

// decoder fills the fields of a structure of the API from a map.
type decoder struct{ a *alarm }

func (d decoder) fields(n *ast.Node, v reflect.Value, what string, skip []string) {
	l := d.a.l
	if !l.want(n, ast.Map, what) {
		return
	}
	var valid []string
	for i := range v.NumField() {
		valid = append(valid, v.Type().Field(i).Name)
	}
	for _, e := range n.Entries {
		if ast.Ignored(e.Key.Text) || slices.Contains(skip, e.Key.Text) {
			continue
		}
		if !slices.Contains(valid, e.Key.Text) {
			suggest(l.add("R2101", e.Key.Range(), "unknown field %q in %s", e.Key.Text, what), e.Key.Text, valid)
			continue
		}
		d.value(e.Value, v.FieldByName(e.Key.Text), e.Key.Text)
	}
}

func (d decoder) value(n *ast.Node, v reflect.Value, what string) {
	l, sc := d.a.l, d.a.sc
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), what)
	case reflect.Struct:
		d.fields(n, v, what, nil)
	case reflect.String:
		if s, ok := l.text(n, sc, what); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		b, _ := l.truth(n, sc, what)
		v.SetBool(b)
	case reflect.Int32:
		r, ok := l.quantity(n, sc, expr.Number, what)
		if ok && (!r.IsInt() || r.Sign() < 0 || r.Cmp(big.NewRat(1<<31-1, 1)) > 0) {
			l.add("R3001", n.Range(), "%s is a whole number from 0", what)
		} else if ok {
			v.SetInt(r.Num().Int64())
		}
	case reflect.Float64:
		if r, ok := l.quantity(n, sc, expr.Number, what); ok {
			f, finite := expr.Value{Kind: expr.Number, Rat: r}.Float()
			if !finite {
				l.add("R3001", n.Range(), "%s is beyond what a float64 can hold", what)
			}
			v.SetFloat(f)
		}
	case reflect.Slice:
		d.list(n, v, what)
	default:
		panic("BUG: a field of type " + v.Type().String() + " in an alarm")
	}
}

// list takes a list, and for dimensions a map as well.
func (d decoder) list(n *ast.Node, v reflect.Value, what string) {
	if dims, ok := v.Addr().Interface().(*[]ir.Dimension); ok && n.Kind == ast.Map {
		for _, e := range n.Entries {
			if s, ok := d.a.l.text(e.Value, d.a.sc, "a dimension"); ok {
				*dims = append(*dims, ir.Dimension{Name: e.Key.Text, Value: s})
			}
		}
		order.By(*dims, func(x, y ir.Dimension) int { return strings.Compare(x.Name, y.Name) })
		return
	}
	if !d.a.l.want(n, ast.List, what) {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items)))
	for i, item := range n.Items {
		d.value(item, v.Index(i), what)
	}
}
