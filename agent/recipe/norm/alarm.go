package norm

import (
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
	"github.com/sidelight-dev/sidelight/internal/order"
)

func alarmFields() []string {
	return []string{
		"ActionConfiguration", "ActionsEnabled", "AlarmActions", "AlarmDescription", "ComparisonOperator",
		"DatapointsToAlarm", "Dimensions", "EvaluateLowSampleCountPercentile", "EvaluationCriteria", "EvaluationInterval",
		"EvaluationPeriods", "EvaluationWindow", "ExtendedStatistic", "InsufficientDataActions", "MetricName",
		"Metrics", "Namespace", "OKActions", "Period", "Statistic",
		"Tags", "Threshold", "ThresholdMetricId", "TreatMissingData", "Unit",
		"WarmUpConfiguration",
	}
}

func alarm(f Form, a *ir.MetricAlarm, account string) {
	texts := map[string]string{
		"AlarmDescription": a.AlarmDescription, "ComparisonOperator": a.ComparisonOperator, "ExtendedStatistic": Statistic(a.ExtendedStatistic),
		"MetricName": a.MetricName, "Namespace": a.Namespace, "Statistic": a.Statistic, "ThresholdMetricId": a.ThresholdMetricId, "Unit": a.Unit,
	}
	for field, s := range texts {
		f.put(field, s, s != "")
	}
	for field, n := range map[string]int32{"EvaluationInterval": a.EvaluationInterval, "EvaluationPeriods": a.EvaluationPeriods, "Period": a.Period} {
		f.put(field, n, n != 0)
	}
	for field, list := range map[string][]string{"AlarmActions": a.AlarmActions, "InsufficientDataActions": a.InsufficientDataActions, "OKActions": a.OKActions} {
		f.put(field, set(list), len(list) > 0)
	}
	f.put("ActionsEnabled", a.ActionsEnabled == nil || *a.ActionsEnabled, true)
	points := a.DatapointsToAlarm
	if points == 0 {
		points = a.EvaluationPeriods
	}
	f.put("DatapointsToAlarm", points, points != 0)
	f.put("Dimensions", dimensions(a.Dimensions), len(a.Dimensions) > 0)
	f.put("Metrics", metrics(a.Metrics, account), len(a.Metrics) > 0)
	if a.Threshold != nil {
		f["Threshold"] = *a.Threshold + 0 // no negative zero
	}
	f.put("TreatMissingData", orElse(a.TreatMissingData, "missing"), a.EvaluationCriteria == nil)
	f.put("EvaluateLowSampleCountPercentile", "ignore", a.EvaluateLowSampleCountPercentile == "ignore" && Percentile(a.ExtendedStatistic))
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
