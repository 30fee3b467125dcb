package lower

import (
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/internal/problem"
)

// keys are what a block may hold: what is supported, and what the language
// knows but this program does not do.
type keys struct {
	supported   []string
	unsupported []string
}

func words(s string) []string { return strings.Fields(s) }

func topKeys() keys {
	return keys{
		words("recipe name owner description tags parameters mappings environments context defaults actions metrics alarms logs dashboards xray"),
		words("patterns composites slos mutes dora cost include packs naming catalogue lint scope"),
	}
}

func envKeys() keys {
	return keys{words("account regions home_region set override protect max_delete"), nil}
}

func overrideKeys() keys {
	return keys{words("tags mappings defaults actions metrics alarms logs dashboards xray"), words("patterns composites slos mutes dora cost")}
}

// common are the keys of an alarm that defaults may give too.
const common = "every for missing low_samples window warm_up severity notify actions runbook description notify_tags tags"

func defaultsKeys() keys { return keys{words(common + " protect"), nil} }

func alarmKeys() keys {
	return keys{
		words(common + " when absent raw for_each disable name protect"),
		words("promql insights log adopt companion region renamed_from if why"),
	}
}

func logsKeys() keys { return keys{words("groups filters queries"), nil} }

func logGroupKeys() keys {
	return keys{words("name retention class kms protect on_remove adopt tags for_each disable"), words("if why")}
}

func filterKeys() keys {
	return keys{words("group pattern metric transformed for_each disable"), words("if why")}
}

func filterMetricKeys() keys { return keys{words("name value default unit dims"), nil} }

func queryKeys() keys {
	return keys{words("query groups for_each disable"), words("language parameters if why")}
}

func xrayKeys() keys { return keys{words("groups sampling"), nil} }

// taggedKeys are those of what has a name made from the stack's, and tags.
const taggedKeys = " name adopt protect tags for_each disable"

func xrayGroupKeys() keys {
	return keys{words("filter insights notifications" + taggedKeys), words("if why")}
}

func samplingKeys() keys {
	return keys{words("priority reservoir rate service service_type host method path resource_arn attributes boost" + taggedKeys), words("if why")}
}

func dashboardKeys() keys {
	return keys{words("title auto widgets body start" + taggedKeys), words("if why")}
}

func metricKeys() keys {
	return keys{words("metric dims stat unit expr guard"), words("fill account region label")}
}

func paramKeys() keys {
	return keys{words("type default description service enum min max pattern length required_in"), words("export")}
}

func routeKeys() keys { return keys{words("alarm ok insufficient"), nil} }

func actionKinds() keys {
	return keys{words("sns"), words("lambda ec2 scaling opsitem incident investigate")}
}

// checkKeys reports the keys of a map that it may not have.
func (l *lowerer) checkKeys(n *ast.Node, what string, k keys) {
	for _, e := range n.Entries {
		l.checkKey(e.Key, what, k)
	}
}

func (l *lowerer) checkKey(key *ast.Node, what string, k keys) bool {
	if ast.Ignored(key.Text) {
		return true
	}
	for _, s := range k.supported {
		if s == key.Text {
			return true
		}
	}
	for _, s := range k.unsupported {
		if s == key.Text {
			p := l.add("R2102", key.Range(), "%q in %s is not supported", key.Text, what)
			p.Notes = append(p.Notes, "supported: "+strings.Join(k.supported, ", "))
			return false
		}
	}
	p := l.add("R2101", key.Range(), "unknown key %q in %s", key.Text, what)
	if key.Text == "threshold" || p.Fix == "threshold" || nearThreshold(key.Text) {
		p.Hint = "thresholds are written in `when`, as in when: avg(AWS/ECS:CPUUtilization{...}) > 80"
		return false
	}
	suggest(p, key.Text, k.supported)
	return false
}

// nearThreshold catches the key that people look for first.
func nearThreshold(word string) bool {
	_, ok := problem.Nearest(word, []string{"threshold"})
	return ok
}
