package lower

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// maxUserTags leaves room in CloudWatch's 50 tags for the seven that mark the
// owner, or for eight of a log group, or one by which a person holds an alarm.
const maxUserTags = 42

// tagText: the characters that AWS allows in tag keys and values.
var tagText = lazyregexp.New(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// tagMap resolves a map of tags. CloudWatch API reference, Tag: keys of 1 to
// 128 characters, values of up to 256.
func (l *lowerer) tagMap(n *ast.Node, sc expr.Scope) map[string]string {
	if n == nil || !l.want(n, ast.Map, "tags") {
		return nil
	}
	out := map[string]string{}
	for _, e := range n.Entries {
		key := e.Key.Text
		if ast.Ignored(key) {
			continue
		}
		switch lower := strings.ToLower(key); {
		case strings.HasPrefix(lower, "aws:"), strings.HasPrefix(lower, "sidelight:"):
			l.add("R5007", e.Key.Range(), "the tag key %q: keys that begin with aws: or sidelight: are reserved", key)
			continue
		case key == "" || utf8.RuneCountInString(key) > 128 || !tagText.MatchString(key):
			l.add("R5007", e.Key.Range(), "the tag key %q is not 1 to 128 letters, digits, spaces and _ . : / = + - @", key)
			continue
		}
		v, ok := l.text(e.Value, sc, "a tag")
		if !ok {
			continue
		}
		if utf8.RuneCountInString(v) > 256 || !tagText.MatchString(v) {
			l.add("R5007", e.Value.Range(), "the tag value %q is not up to 256 letters, digits, spaces and _ . : / = + - @", v)
			continue
		}
		out[key] = v
	}
	return out
}

const (
	day  = 86400
	week = 7 * day
	// maxPayload bounds a PutMetricAlarm request.
	maxPayload = 120 << 10
)

// limits checks what holds for every alarm however it was written: CloudWatch
// API reference, PutMetricAlarm.
func (a *alarm) limits() {
	al := a.body
	at := a.key.Range()
	for _, key := range []string{"for", "every", "raw"} {
		if n := a.own.Get(key); n != nil {
			at = a.own.Key(key).Range()
			break
		}
	}
	switch span := int64(al.Period) * int64(al.EvaluationPeriods); {
	case span > week:
		a.l.add("R5012", at, "the alarm looks back %ds; CloudWatch allows 7 days", span)
	case span > day && al.Period < 3600:
		a.l.add("R5012", at, "the alarm looks back %ds; with a period below an hour CloudWatch allows one day", span).Hint = "use every: 1h"
	case span > day:
		a.l.warn("L404", at, "an alarm that looks back more than a day is evaluated once an hour")
	}
	if al.Period > 0 && al.Period < 60 {
		a.l.warn("L405", at, "a period below a minute makes a high-resolution alarm, which costs three times as much")
	}
	if len(al.Metrics) > 20 {
		a.l.add("R5013", at, "%d metrics and expressions; CloudWatch allows 20", len(al.Metrics))
	}
	for _, m := range al.Metrics {
		if m.MetricStat != nil && len(m.MetricStat.Metric.Dimensions) > 30 {
			a.l.add("R5002", at, "%d dimensions; CloudWatch allows 30", len(m.MetricStat.Metric.Dimensions))
		}
	}
	if text, err := json.Marshal(al); err == nil && len(text) > maxPayload {
		a.l.add("R5014", at, "the alarm has %d bytes; CloudWatch allows %d", len(text), maxPayload)
	}
}
