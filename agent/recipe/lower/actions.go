package lower

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// route is what happens on each state, as ARNs.
type route struct {
	node         *ast.Node
	alarm        []string
	ok           []string
	insufficient []string
}

// routes resolves the block actions.
func (l *lowerer) routes() {
	l.actions = map[string]*route{}
	block := l.root.Get("actions")
	if block == nil || !l.want(block, ast.Map, "actions") {
		return
	}
	for _, e := range block.Entries {
		if !ast.Ignored(e.Key.Text) {
			l.actions[e.Key.Text] = l.route(e.Value, fmt.Sprintf("actions %q", e.Key.Text), l.scope)
		}
	}
}

func (l *lowerer) route(n *ast.Node, what string, sc expr.Scope) *route {
	r := &route{node: n}
	if !l.want(n, ast.Map, what) {
		return r
	}
	l.checkKeys(n, what, routeKeys())
	r.alarm = l.actionList(n.Get("alarm"), sc)
	r.ok = l.actionList(n.Get("ok"), sc)
	r.insufficient = l.actionList(n.Get("insufficient"), sc)
	return r
}

func (l *lowerer) actionList(n *ast.Node, sc expr.Scope) []string {
	if n == nil || !l.want(n, ast.List, "a list of actions") {
		return nil
	}
	var arns []string
	for _, item := range n.Items {
		if !l.want(item, ast.Map, "an action") {
			continue
		}
		for _, e := range item.Entries {
			if !l.checkKey(e.Key, "an action", actionKinds()) || e.Key.Text != "sns" {
				continue
			}
			if arn, ok := l.topic(e.Value, sc); ok && !slices.Contains(arns, arn) {
				arns = append(arns, arn)
			}
		}
	}
	// PutMetricAlarm: at most five actions per state.
	if len(arns) > 5 {
		l.add("R5003", n.Range(), "%d actions; CloudWatch allows 5 per state", len(arns))
	}
	slices.Sort(arns)
	return arns
}

// topicName: SNS, CreateTopic.
var topicName = lazyregexp.New(`^[A-Za-z0-9_-]{1,256}$`)

// topic returns the ARN of a topic that is given by ARN or by name.
func (l *lowerer) topic(n *ast.Node, sc expr.Scope) (string, bool) {
	s, ok := l.text(n, sc, "sns")
	if !ok {
		return "", false
	}
	if !strings.HasPrefix(s, "arn:") {
		if !topicName.MatchString(s) {
			l.add("R3006", n.Range(), "%q is neither the ARN nor the name of a topic", s)
			return "", false
		}
		arn, err := l.arn("sns", s)
		if err != nil {
			l.add("R2201", n.Range(), "%s", err)
		}
		return arn, err == nil
	}
	parts := strings.Split(s, ":")
	if len(parts) != 6 || parts[2] != "sns" || !accountID.MatchString(parts[4]) || !topicName.MatchString(parts[5]) {
		l.add("R3006", n.Range(), "%q is not the ARN of a topic", s).Hint = "arn:" + l.stack.Partition + ":sns:region:account:name"
		return "", false
	}
	if l.stack.Region != "" && parts[3] != l.stack.Region {
		l.add("R5005", n.Range(), "the topic is in %s and the alarm in %s", parts[3], l.stack.Region).Notes = []string{"CloudWatch cannot act across regions", "write $(ctx.region) in the ARN, or only the topic's name"}
		return "", false
	}
	return s, true
}
