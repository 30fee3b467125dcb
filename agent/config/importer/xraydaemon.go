package importer

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sidelight-dev/sidelight/agent/config/xrayd"
)

// xrayDaemon returns the rule of the X-Ray daemon's cfg.yaml: what its keys are
// here is what they are where the agent runs in the daemon's place.
func xrayDaemon() []rule {
	var rules []rule
	rules = []rule{{path: "**", take: func(d *draft, v value) {
		if v.node.Kind != yaml.ScalarNode {
			if !d.deeper(v, rules) {
				d.note(v.place, "%s is not carried over", strings.Join(v.path, "."))
			}
			return
		}
		key := strings.Join(v.path, ".")
		settings, note := xrayd.Carry(key, v.text())
		for _, s := range settings {
			switch {
			case s.Value == "true", s.Value == "false":
				d.set(v.place, s.Path, s.Value == "true")
			case strings.HasPrefix(s.Path, "receivers."):
				d.set(v.place, s.Path, address(s.Value))
			default:
				d.set(v.place, s.Path, s.Value)
			}
		}
		if note != "" {
			d.note(v.place, "%s: %s", key, note)
		}
	}}}
	return rules
}
