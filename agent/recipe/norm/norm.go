// Package norm brings alarms, as the recipe wants them and as CloudWatch returns
// them, into one normal form in which equal meaning is equal text. It also holds
// the ownership tags, whose hashes are those of the normal form.
package norm

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// Version names this normal form in the hash tag. It changes whenever a field
// is added or normalised differently, as older hashes mean nothing then.
const Version = "n1"

// Fields are the fields of the normal form, in the order in which the fields tag
// holds their hashes.
func Fields() []string {
	return []string{
		"ActionConfiguration", "ActionsEnabled", "AlarmActions", "AlarmDescription", "ComparisonOperator",
		"DatapointsToAlarm", "Dimensions", "EvaluateLowSampleCountPercentile", "EvaluationCriteria", "EvaluationInterval",
		"EvaluationPeriods", "EvaluationWindow", "ExtendedStatistic", "InsufficientDataActions", "MetricName",
		"Metrics", "Namespace", "OKActions", "Period", "Statistic",
		"Tags", "Threshold", "ThresholdMetricId", "TreatMissingData", "Unit",
		"WarmUpConfiguration",
	}
}

// Form is the normal form: JSON values by field. A field that has its default
// is absent, unless a person should see it in a plan.
type Form map[string]any

// Of returns the normal form of an alarm of the account with the user's tags.
func Of(a ir.MetricAlarm, tags map[string]string, account string) Form {
	f := Form{}
	put := func(field string, v any, present bool) {
		if present {
			f[field] = v
		}
	}
	texts := map[string]string{
		"AlarmDescription": a.AlarmDescription, "ComparisonOperator": a.ComparisonOperator, "ExtendedStatistic": Statistic(a.ExtendedStatistic),
		"MetricName": a.MetricName, "Namespace": a.Namespace, "Statistic": a.Statistic, "ThresholdMetricId": a.ThresholdMetricId, "Unit": a.Unit,
	}
	for field, s := range texts {
		put(field, s, s != "")
	}
	for field, n := range map[string]int32{"EvaluationInterval": a.EvaluationInterval, "EvaluationPeriods": a.EvaluationPeriods, "Period": a.Period} {
		put(field, n, n != 0)
	}
	for field, list := range map[string][]string{"AlarmActions": a.AlarmActions, "InsufficientDataActions": a.InsufficientDataActions, "OKActions": a.OKActions} {
		put(field, set(list), len(list) > 0)
	}
	put("ActionsEnabled", a.ActionsEnabled == nil || *a.ActionsEnabled, true)
	points := a.DatapointsToAlarm
	if points == 0 {
		points = a.EvaluationPeriods
	}
	put("DatapointsToAlarm", points, points != 0)
	put("Dimensions", dimensions(a.Dimensions), len(a.Dimensions) > 0)
	put("Metrics", metrics(a.Metrics, account), len(a.Metrics) > 0)
	if a.Threshold != nil {
		f["Threshold"] = *a.Threshold + 0 // no negative zero
	}
	put("TreatMissingData", orElse(a.TreatMissingData, "missing"), a.EvaluationCriteria == nil)
	put("EvaluateLowSampleCountPercentile", "ignore", a.EvaluateLowSampleCountPercentile == "ignore" && Percentile(a.ExtendedStatistic))
	if w := a.EvaluationWindow; w != nil && w.WallClockWindow != nil {
		f["EvaluationWindow"] = map[string]any{"WallClockWindow": map[string]any{"Timezone": orElse(w.WallClockWindow.Timezone, "UTC")}}
	}
	if w := a.WarmUpConfiguration; w != nil {
		strict := w.OnlyStartEvaluatingAfterWarmUpPeriodEnds
		f["WarmUpConfiguration"] = map[string]any{
			"WarmUpPeriodDurationInMinutes":            w.WarmUpPeriodDurationInMinutes,
			"OnlyStartEvaluatingAfterWarmUpPeriodEnds": strict != nil && *strict,
		}
	}
	propagation(f, a.ActionConfiguration)
	criteria(f, a.EvaluationCriteria)
	put("Tags", maps.Clone(tags), len(tags) > 0)
	return f
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func set(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

func dimensions(list []ir.Dimension) []any {
	sorted := slices.Clone(list)
	order.By(sorted, func(a, b ir.Dimension) int {
		return strings.Compare(a.Name+"\x00"+a.Value, b.Name+"\x00"+b.Value)
	})
	out := make([]any, len(sorted))
	for i, d := range sorted {
		out[i] = map[string]any{"Name": d.Name, "Value": d.Value}
	}
	return out
}

// metrics is a map by id, as the order of the list means nothing.
func metrics(list []ir.MetricQuery, account string) map[string]any {
	out := map[string]any{}
	for _, q := range list {
		m := map[string]any{"ReturnData": q.ReturnData == nil && len(list) == 1 || q.ReturnData != nil && *q.ReturnData}
		if q.AccountId != "" && q.AccountId != account {
			m["AccountId"] = q.AccountId
		}
		for key, s := range map[string]string{"Expression": q.Expression, "Label": q.Label} {
			if s != "" {
				m[key] = s
			}
		}
		if q.Period != 0 {
			m["Period"] = q.Period
		}
		if s := q.MetricStat; s != nil {
			stat := map[string]any{"Namespace": s.Metric.Namespace, "MetricName": s.Metric.MetricName, "Period": s.Period, "Stat": Statistic(s.Stat)}
			if len(s.Metric.Dimensions) > 0 {
				stat["Dimensions"] = dimensions(s.Metric.Dimensions)
			}
			if s.Unit != "" {
				stat["Unit"] = s.Unit
			}
			m["MetricStat"] = stat
		}
		out[q.Id] = m
	}
	return out
}

func propagation(f Form, c *ir.ActionConfiguration) {
	if c == nil || c.AlarmTagsPropagation == nil || c.AlarmTagsPropagation.Enabled == nil || !*c.AlarmTagsPropagation.Enabled {
		return
	}
	p := map[string]any{"Enabled": true}
	if l := c.AlarmTagsPropagation.IncludedTagKeys; len(l) > 0 {
		p["IncludedTagKeys"] = set(l)
	}
	if l := c.AlarmTagsPropagation.ExcludedTagKeys; len(l) > 0 {
		p["ExcludedTagKeys"] = set(l)
	}
	f["ActionConfiguration"] = map[string]any{"AlarmTagsPropagation": p}
}

func criteria(f Form, c *ir.EvaluationCriteria) {
	if c == nil || c.PromQLCriteria == nil {
		return
	}
	q := map[string]any{"Query": c.PromQLCriteria.Query}
	if n := c.PromQLCriteria.PendingPeriod; n != nil {
		q["PendingPeriod"] = *n
	}
	if n := c.PromQLCriteria.RecoveryPeriod; n != nil {
		q["RecoveryPeriod"] = *n
	}
	f["EvaluationCriteria"] = map[string]any{"PromQLCriteria": q}
}

var (
	simpleStat = lazyregexp.New(`^(?i:p|tm|tc|ts|wm)[0-9]+(\.[0-9]+)?$`)
	pairStat   = lazyregexp.New(`^(?i:pr|tm|tc|ts|wm)\(.*\)$`)
	plainStat  = lazyregexp.New(`^(?i:average|sum|minimum|maximum|samplecount)$`)
	percentile = lazyregexp.New(`^(?i:p)[0-9.]+$`)
	fraction   = lazyregexp.New(`(\.[0-9]*?)0+([^0-9]|$)`)
)

// Percentile reports whether a statistic is a percentile.
func Percentile(stat string) bool { return percentile.MatchString(stat) }

// Statistic returns the one spelling of a statistic: p99.0 is p99, tm(10%:90%)
// is TM(10%:90%).
func Statistic(s string) string {
	switch {
	case simpleStat.MatchString(s):
		return shortNumbers(strings.ToLower(s))
	case pairStat.MatchString(s):
		return shortNumbers(strings.ToUpper(strings.ReplaceAll(s, " ", "")))
	case strings.EqualFold(s, "iqm"):
		return "IQM"
	case plainStat.MatchString(s):
		for _, name := range []string{"Average", "Sum", "Minimum", "Maximum", "SampleCount"} {
			if strings.EqualFold(name, s) {
				return name
			}
		}
	}
	return s
}

// shortNumbers drops the zeros that end a fraction.
func shortNumbers(s string) string {
	s = fraction.ReplaceAllString(s, "$1$2")
	for _, end := range []string{":", "%", ")"} {
		s = strings.ReplaceAll(s, "."+end, end)
	}
	return strings.TrimSuffix(s, ".")
}

// Field returns the canonical JSON of one field; "" if it is absent.
func (f Form) Field(name string) string {
	v, ok := f[name]
	if !ok {
		return ""
	}
	return canonical(v)
}

func canonical(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("BUG: encode normal form: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Hash returns the value of the hash tag: the version and 64 bits of SHA-256
// over the canonical JSON of kind and form.
func (f Form) Hash(kind ir.Kind) string {
	sum := sha256.Sum256([]byte(canonical(map[string]any{"kind": kind, "fields": map[string]any(f)})))
	return Version + "-" + hex.EncodeToString(sum[:8])
}

// Equal reports whether two forms mean the same.
func (f Form) Equal(g Form) bool { return len(f.Diff(g)) == 0 }

// Diff returns the names of the fields in which the forms differ, in order.
func (f Form) Diff(g Form) []string {
	var names []string
	for _, name := range Fields() {
		if f.Field(name) != g.Field(name) {
			names = append(names, name)
		}
	}
	return names
}

// short returns the first n base64url characters of a text's hash.
func short(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:n]
}
