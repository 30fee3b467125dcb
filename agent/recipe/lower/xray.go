package lower

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// xray resolves the block xray.
func (l *lowerer) xray() {
	node := l.root.Get("xray")
	if node == nil || !l.want(node, ast.Map, "xray") {
		return
	}
	l.checkKeys(node, "xray", xrayKeys())
	l.part(node, "groups", block{kind: ir.XRayGroupKind, word: "X-Ray group", keys: xrayGroupKeys(), resolve: l.xrayGroup})
	l.part(node, "sampling", block{kind: ir.SamplingRuleKind, word: "sampling rule", keys: samplingKeys(), resolve: l.samplingRule})
}

// Names of X-Ray groups and sampling rules have 1 to 32 characters.
const maxXRayName = 32

var unnamable = lazyregexp.New(`[^A-Za-z0-9_-]+`)

// shortName names a resource after the stack and its id where names have few
// characters and few letters. A name that had to be changed ends in six digits
// of the hash of what it would have been.
func (it *item) shortName(most int) {
	name := it.l.stack.Prefix() + it.out.ID
	if n := it.get("name"); n != nil {
		name, _ = it.l.text(n, it.sc, "name")
		if name == "" || utf8.RuneCountInString(name) > most || unnamable.MatchString(name) {
			it.l.add("R5006", n.Range(), "the name %q is not 1 to %d letters, digits, hyphens and underscores", name, most)
		}
		it.out.Name = name
		return
	}
	plain := unnamable.ReplaceAllString(name, "-")
	if plain != name || len(plain) > most {
		sum := sha256.Sum256([]byte(name))
		plain = strings.TrimRight(plain[:min(len(plain), most-7)], "-") + "-" + hex.EncodeToString(sum[:3])
	}
	it.out.Name = plain
}

// xrayGroup resolves one group: X-Ray API reference, CreateGroup.
func (l *lowerer) xrayGroup(it *item) {
	body := &ir.XRayGroup{}
	it.out.Body = body
	it.tags()
	it.protect()
	it.adopt()
	it.shortName(maxXRayName)
	if n := it.get("filter"); n == nil {
		l.add("R2018", it.key.Range(), "the X-Ray group %q has no filter", it.key.Text).Hint = `write filter: 'service("` + l.stack.Recipe + `") { fault = true }'`
	} else if text, ok := l.text(n, it.sc, "filter"); ok {
		it.origin(n, "FilterExpression")
		body.FilterExpression = text
		if check := l.opts.Syntax.Traces; check != nil {
			if err := check(text); err != nil {
				l.add("R3013", n.Range(), "filter: %s", err)
			}
		}
	}
	if n := it.get("insights"); n != nil {
		body.InsightsEnabled, _ = l.truth(n, it.sc, "insights")
		it.origin(n, "InsightsEnabled")
	}
	if n := it.get("notifications"); n != nil {
		body.NotificationsEnabled, _ = l.truth(n, it.sc, "notifications")
		it.origin(n, "NotificationsEnabled")
		if body.NotificationsEnabled && !body.InsightsEnabled {
			l.add("R5035", n.Range(), "notifications are of insights, which are off").Hint = "write insights: true"
		}
	}
	it.out.Words = ir.Words{Condition: body.FilterExpression}
}

// samplingRule resolves one rule: X-Ray API reference, SamplingRule.
func (l *lowerer) samplingRule(it *item) {
	body := &ir.SamplingRule{}
	it.out.Body = body
	it.tags()
	it.protect()
	it.adopt()
	it.shortName(maxXRayName)
	body.Priority = it.number("priority", "Priority", 1, 9999)
	body.ReservoirSize = it.number("reservoir", "ReservoirSize", 0, 1_000_000)
	if n := it.get("rate"); n == nil {
		l.add("R2018", it.key.Range(), "the sampling rule %q has no rate", it.key.Text).Hint = "write rate: 5%"
	} else {
		body.FixedRate = it.share(n, "rate")
		it.origin(n, "FixedRate")
	}
	for _, f := range []struct {
		key, field string
		most       int
		to         *string
	}{
		{"service", "ServiceName", 64, &body.ServiceName},
		{"service_type", "ServiceType", 64, &body.ServiceType},
		{"host", "Host", 64, &body.Host},
		{"method", "HTTPMethod", 10, &body.HTTPMethod},
		{"path", "URLPath", 128, &body.URLPath},
		{"resource_arn", "ResourceARN", 500, &body.ResourceARN},
	} {
		n := it.get(f.key)
		if n == nil {
			continue
		}
		it.origin(n, f.field)
		text, ok := l.text(n, it.sc, f.key)
		if ok && (text == "" || utf8.RuneCountInString(text) > f.most) {
			l.add("R5033", n.Range(), "%s has %d characters; X-Ray wants 1 to %d", f.key, utf8.RuneCountInString(text), f.most)
		}
		*f.to = text
	}
	it.attributes(body)
	it.boost(body)
	it.out.Words = ir.Words{Condition: sampled(body)}
}

// sampled describes a rule: what it matches is told by what is not a star.
func sampled(r *ir.SamplingRule) string {
	text := expr.Decimal(new(big.Rat).SetInt64(int64(r.ReservoirSize))) + "/s + " + expr.Decimal(new(big.Rat).SetFloat64(r.FixedRate*100)) + "%"
	for _, part := range []string{r.ServiceName, r.HTTPMethod, r.Host, r.URLPath} {
		if part != "" {
			text += " " + part
		}
	}
	return text
}

func (it *item) number(key, field string, low, high int64) int32 {
	n := it.get(key)
	if n == nil {
		it.l.add("R2018", it.key.Range(), "the sampling rule %q has no %s", it.key.Text, key)
		return 0
	}
	it.origin(n, field)
	r, ok := it.l.quantity(n, it.sc, expr.Number, key)
	if !ok {
		return 0
	}
	if !r.IsInt() || r.Cmp(big.NewRat(low, 1)) < 0 || r.Cmp(big.NewRat(high, 1)) > 0 {
		it.l.add("R3001", n.Range(), "%s is a whole number from %d to %d", key, low, high)
		return 0
	}
	return int32(r.Num().Int64())
}

// share returns a percentage as a number from 0 to 1.
func (it *item) share(n *ast.Node, what string) float64 {
	r, ok := it.l.quantity(n, it.sc, expr.Percent, what)
	if !ok {
		return 0
	}
	v, _ := new(big.Rat).Quo(r, big.NewRat(100, 1)).Float64()
	if v < 0 || v > 1 {
		it.l.add("R3001", n.Range(), "%s is from 0%% to 100%%", what)
	}
	return v
}

func (it *item) attributes(body *ir.SamplingRule) {
	n := it.get("attributes")
	if n == nil || !it.l.want(n, ast.Map, "attributes") {
		return
	}
	it.origin(n, "Attributes")
	body.Attributes = map[string]string{}
	for _, e := range n.Entries {
		if ast.Ignored(e.Key.Text) {
			continue
		}
		text, ok := it.l.text(e.Value, it.sc, "an attribute")
		if ok && (len(e.Key.Text) == 0 || len(e.Key.Text) > 32 || text == "" || len(text) > 32) {
			it.l.add("R5033", e.Key.Range(), "the attribute %q and its value have 1 to 32 characters each", e.Key.Text)
		}
		body.Attributes[e.Key.Text] = text
	}
	if len(body.Attributes) > 5 {
		it.l.add("R5033", n.Range(), "%d attributes; a sampling rule has at most 5", len(body.Attributes))
	}
}

func (it *item) boost(body *ir.SamplingRule) {
	n := it.get("boost")
	if n == nil || !it.l.want(n, ast.Map, "boost") {
		return
	}
	it.origin(n, "SamplingRateBoost")
	it.l.checkKeys(n, "boost", keys{supported: words("max cooldown")})
	most, cooldown := n.Get("max"), n.Get("cooldown")
	if most == nil || cooldown == nil {
		it.l.add("R2018", n.Range(), "boost says max, the highest rate, and cooldown").Hint = "write boost: {max: 50%, cooldown: 10m}"
		return
	}
	b := &ir.SamplingRateBoost{MaxRate: it.share(most, "max")}
	r, ok := it.l.quantity(cooldown, it.sc, expr.Duration, "cooldown")
	if !ok {
		return
	}
	minutes := new(big.Rat).Quo(r, big.NewRat(60, 1))
	if !minutes.IsInt() || minutes.Sign() <= 0 || minutes.Cmp(big.NewRat(100000, 1)) > 0 {
		it.l.add("R3001", cooldown.Range(), "cooldown is a number of whole minutes")
		return
	}
	b.CooldownWindowMinutes = int32(minutes.Num().Int64())
	body.Boost = b
}
