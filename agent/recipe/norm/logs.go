package norm

import (
	"maps"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// metricFilter has no list of fields: nothing holds what was applied last.
func metricFilter(f Form, m *ir.MetricFilter) {
	f.put("FilterPattern", m.FilterPattern, true)
	f.put("MetricNamespace", m.MetricNamespace, true)
	f.put("MetricName", m.MetricName, true)
	f.put("MetricValue", m.MetricValue, true)
	if m.DefaultValue != nil {
		f["DefaultValue"] = *m.DefaultValue + 0 // no negative zero
	}
	f.put("Dimensions", maps.Clone(m.Dimensions), len(m.Dimensions) > 0)
	f.put("Unit", m.Unit, m.Unit != "" && m.Unit != "None")
	f.put("ApplyOnTransformedLogs", true, m.ApplyOnTransformedLogs)
}

func query(f Form, q *ir.Query) {
	f.put("QueryString", strings.TrimRight(q.QueryString, " \n"), true)
	f.put("LogGroupNames", set(q.LogGroupNames), len(q.LogGroupNames) > 0)
	f.put("QueryLanguage", q.QueryLanguage, q.QueryLanguage != "" && q.QueryLanguage != "CWLI")
}
