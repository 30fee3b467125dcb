package drift

import (
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
)

// gone is what a missing resource of a kind does.
func gone(k ir.Kind) Risk {
	switch k {
	case ir.MetricAlarmKind, ir.MetricFilterKind:
		return Blind
	case ir.DashboardKind, ir.QueryKind:
		return Cosmetic
	}
	return Changed
}

// riskOf ranks the difference of one field.
func riskOf(c plan.Change, f plan.FieldChange) Risk {
	if f.Path == "AlarmDescription" || strings.HasPrefix(f.Path, "Tags") {
		return Cosmetic
	}
	switch c.Kind {
	case ir.MetricAlarmKind:
		return alarmRisk(c, f)
	case ir.MetricFilterKind:
		return Blind // an alarm on its metric looks elsewhere
	case ir.DashboardKind, ir.QueryKind:
		return Cosmetic
	case ir.LogGroupKind:
		return groupRisk(f)
	}
	return Changed
}

// groupRisk: events that are kept for less time than the recipe says are gone for
// good, and what protects them from deletion may be off.
func groupRisk(f plan.FieldChange) Risk {
	desired, live := number(f.After), number(f.Before)
	switch {
	case f.Path == "DeletionProtectionEnabled" && f.After != nil:
		return Blind
	case f.Path == "RetentionInDays" && live != 0 && (desired == 0 || live < desired):
		return Blind
	}
	return Changed
}

// alarmRisk: an alarm that tells nobody, or is harder to raise than the recipe
// says, is blind; one that is easier to raise is noisy.
func alarmRisk(c plan.Change, f plan.FieldChange) Risk {
	switch f.Path {
	case "ActionsEnabled":
		return which(f.Before == false, Blind, Noisy)
	case "AlarmActions":
		return which(subset(texts(f.After), texts(f.Before)), Noisy, Blind)
	case "OKActions", "InsufficientDataActions", "ActionConfiguration":
		return Changed
	case "Threshold":
		return thresholdRisk(c, number(f.After), number(f.Before))
	case "DatapointsToAlarm", "EvaluationPeriods", "Period":
		return which(number(f.Before) > number(f.After), Blind, Noisy)
	case "TreatMissingData":
		return which(f.Before == "breaching", Noisy, Blind)
	}
	return Blind // what it looks at, or how
}

func which(is bool, then, otherwise Risk) Risk {
	if is {
		return then
	}
	return otherwise
}

func thresholdRisk(c plan.Change, desired, live float64) Risk {
	a, ok := c.Desired.Body.(*ir.MetricAlarm)
	if !ok {
		return Changed
	}
	switch {
	case strings.HasPrefix(a.ComparisonOperator, "Greater"):
		return which(live > desired, Blind, Noisy)
	case strings.HasPrefix(a.ComparisonOperator, "Less"):
		return which(live < desired, Blind, Noisy)
	}
	return Blind
}

// number reads a number of a normal form, which has several types of them.
func number(v any) float64 {
	switch v := v.(type) {
	case int32:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

func texts(v any) []string {
	list, _ := v.([]string)
	return list
}

// subset reports whether all that is wanted is there.
func subset(want, have []string) bool {
	there := map[string]bool{}
	for _, s := range have {
		there[s] = true
	}
	for _, s := range want {
		if !there[s] {
			return false
		}
	}
	return true
}
