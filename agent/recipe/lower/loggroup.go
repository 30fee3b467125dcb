package lower

import (
	"maps"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// logs resolves the block logs.
func (l *lowerer) logs() {
	node := l.root.Get("logs")
	if node == nil || !l.want(node, ast.Map, "logs") {
		return
	}
	l.checkKeys(node, "logs", logsKeys())
	l.part(node, "groups", block{kind: ir.LogGroupKind, word: "log group", keys: logGroupKeys(), resolve: l.logGroup})
	if l.part(node, "filters", block{kind: ir.MetricFilterKind, word: "metric filter", keys: filterKeys(), resolve: l.metricFilter}) {
		l.filtersPerGroup()
	}
	l.part(node, "queries", block{kind: ir.QueryKind, word: "query", keys: queryKeys(), resolve: l.query})
}

// groupRef resolves a log group that is given by its id in the recipe or by its
// name, which has a slash. The key is that of a group of the recipe.
func (it *item) groupRef(n *ast.Node) (name string, group *ir.Resource, ok bool) {
	text, ok := it.l.text(n, it.sc, "a log group")
	if !ok {
		return "", nil, false
	}
	var ids []string
	for i := range it.l.stack.Resources {
		r := &it.l.stack.Resources[i]
		if r.Kind() != ir.LogGroupKind {
			continue
		}
		if r.ID == text || r.Name == text {
			return r.Name, r, true
		}
		ids = append(ids, r.ID)
	}
	declared := it.l.root.Get("logs").Get("groups").Get(text)
	switch {
	case declared.Get("disable") != nil:
		it.l.add("R2208", n.Range(), "the log group %q is disabled", text)
	case declared != nil: // has a problem of its own
	case strings.Contains(text, "/") && groupNames.MatchString(text):
		return text, nil, true
	default:
		p := it.l.add("R2208", n.Range(), "logs.groups has no %q, and it is not the name of a log group either, which has a slash", text)
		suggest(p, text, ids)
	}
	return "", nil, false
}

// logGroup resolves one log group. Unless the recipe says otherwise it outlives
// the stack, as its events do not come back.
func (l *lowerer) logGroup(it *item) {
	body := &ir.LogGroup{}
	it.out.Body = body
	it.tags()
	it.protect()
	it.groupName()
	it.retention(body)
	it.class(body)
	it.kms(body)
	it.onRemove()
	if it.own.Get("protect") != nil {
		body.DeletionProtectionEnabled = it.out.Protect
		it.origin(it.own.Get("protect"), "DeletionProtectionEnabled")
	}
	it.adopt()
	it.out.Words = ir.Words{Condition: it.out.Name, Cadence: keeps(body)}
}

func keeps(g *ir.LogGroup) string {
	if g.RetentionInDays == 0 {
		return "kept for ever"
	}
	days := expr.Value{Kind: expr.Duration, Rat: new(big.Rat).SetInt64(day * int64(g.RetentionInDays))}
	return "kept " + days.String()
}

// groupNames: CloudWatch Logs API reference, CreateLogGroup.
var groupNames = lazyregexp.New(`^[.\-_/#A-Za-z0-9]+$`)

func (it *item) groupName() {
	n := it.get("name")
	if n == nil {
		it.l.add("R2018", it.key.Range(), "the log group %q has no name", it.key.Text).Hint = "write name: /ecs/" + it.l.stack.Recipe
		return
	}
	name, ok := it.l.text(n, it.sc, "name")
	switch {
	case !ok:
	case utf8.RuneCountInString(name) > 512 || !groupNames.MatchString(name):
		it.l.add("R5030", n.Range(), "the log group name %q is not 1 to 512 letters, digits and . - _ / #", name)
	case strings.HasPrefix(name, "aws/"):
		it.l.add("R5030", n.Range(), "the log group name %q begins with aws/, which AWS keeps for itself", name)
	}
	it.out.Name = name
	it.origin(n, "LogGroupName")
}

// retentions are the days that PutRetentionPolicy takes.
func retentions() []int32 {
	return []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

func (it *item) retention(body *ir.LogGroup) {
	n := it.get("retention")
	if n == nil {
		it.l.warn("L501", it.key.Range(), "the log group %q says no retention, so its events are kept, and paid for, for ever", it.key.Text).Hint = "write retention: 30d, or retention: never"
		return
	}
	it.origin(n, "RetentionInDays")
	v, ok := it.l.value(n, it.sc)
	switch {
	case !ok || v.Kind == expr.String && v.Str == "never":
		return
	case v.Kind == expr.Number:
		it.l.add("R3001", n.Range(), "retention is a number, not a duration or never").Hint = "say the unit, as in " + v.String() + "d"
		return
	}
	r, ok := it.l.quantity(n, it.sc, expr.Duration, "retention")
	if !ok {
		return
	}
	days := new(big.Rat).Quo(r, big.NewRat(day, 1))
	for _, d := range retentions() {
		if days.Cmp(big.NewRat(int64(d), 1)) == 0 {
			body.RetentionInDays = d
			return
		}
	}
	p := it.l.add("R5031", n.Range(), "Logs does not keep events for exactly %s days", days.RatString())
	if at := slices.IndexFunc(retentions(), func(d int32) bool { return days.Cmp(big.NewRat(int64(d), 1)) < 0 }); at >= 0 {
		next := big.NewRat(int64(retentions()[at]), 1).RatString() + "d"
		p.Hint, p.Fix = "the next longer retention is "+next, next
	} else {
		p.Hint, p.Fix = "the longest retention is 3653d; beyond it there is never", "never"
	}
}

// classes are the classes of groups by the recipe's words for them.
func classes() map[string]string {
	return map[string]string{"standard": "STANDARD", "infrequent": "INFREQUENT_ACCESS", "delivery": "DELIVERY", "essentials": "ESSENTIALS"}
}

func (it *item) class(body *ir.LogGroup) {
	n := it.get("class")
	if n == nil {
		return
	}
	it.origin(n, "LogGroupClass")
	text, ok := it.l.text(n, it.sc, "class")
	if !ok {
		return
	}
	class, known := classes()[text]
	if !known {
		valid := slices.Sorted(maps.Keys(classes()))
		suggest(it.l.add("R2013", n.Range(), "class: %q is none of %s", text, strings.Join(valid, ", ")), text, valid)
		return
	}
	body.LogGroupClass = class
}

func (it *item) kms(body *ir.LogGroup) {
	n := it.get("kms")
	if n == nil {
		return
	}
	it.origin(n, "KmsKeyId")
	arn, ok := it.l.text(n, it.sc, "kms")
	if !ok {
		return
	}
	parts := strings.Split(arn, ":")
	switch {
	case len(parts) != 6 || parts[0] != "arn" || parts[2] != "kms" || !strings.HasPrefix(parts[5], "key/"):
		it.l.add("R3006", n.Range(), "%q is not the ARN of a key", arn).Hint = "arn:" + it.l.stack.Partition + ":kms:region:account:key/id"
	case it.l.stack.Region != "" && parts[3] != it.l.stack.Region:
		it.l.add("R5005", n.Range(), "the key is in %s and the log group in %s", parts[3], it.l.stack.Region)
	}
	body.KmsKeyId = arn
}

func (it *item) onRemove() {
	it.out.Retain = true
	n := it.get("on_remove")
	if n == nil {
		return
	}
	switch text, ok := it.l.text(n, it.sc, "on_remove"); {
	case !ok || text == "retain":
	case text == "delete":
		it.out.Retain = false
	default:
		suggest(it.l.add("R2013", n.Range(), "on_remove: %q is neither retain nor delete", text), text, words("retain delete"))
	}
}
