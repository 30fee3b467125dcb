package norm

import (
	"maps"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

func xrayGroup(f Form, g *ir.XRayGroup) {
	f.put("FilterExpression", g.FilterExpression, true)
	f.put("InsightsEnabled", true, g.InsightsEnabled)
	f.put("NotificationsEnabled", true, g.NotificationsEnabled)
}

func samplingFields() []string {
	return []string{
		"Attributes", "FixedRate", "HTTPMethod", "Host", "Priority", "ReservoirSize", "ResourceARN", "SamplingRateBoost",
		"ServiceName", "ServiceType", "Tags", "URLPath",
	}
}

func samplingRule(f Form, r *ir.SamplingRule) {
	f["Priority"], f["FixedRate"], f["ReservoirSize"] = r.Priority, r.FixedRate, r.ReservoirSize
	for field, text := range map[string]string{
		"ServiceName": r.ServiceName, "ServiceType": r.ServiceType, "Host": r.Host,
		"HTTPMethod": r.HTTPMethod, "URLPath": r.URLPath, "ResourceARN": r.ResourceARN,
	} {
		f.put(field, text, text != "" && text != "*")
	}
	f.put("Attributes", maps.Clone(r.Attributes), len(r.Attributes) > 0)
	if b := r.Boost; b != nil {
		f["SamplingRateBoost"] = map[string]any{"MaxRate": b.MaxRate, "CooldownWindowMinutes": b.CooldownWindowMinutes}
	}
}
