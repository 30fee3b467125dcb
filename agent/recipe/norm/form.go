// Package norm brings resources, as the recipe wants them and as AWS returns
// them, into one normal form in which equal meaning is equal text. It also holds
// the ownership tags, whose hashes are those of the normal form.
package norm

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// Version names this normal form in the hash tag. It changes whenever a field
// is added or normalised differently, as older hashes mean nothing then.
const Version = "n1"

// Fields are the fields of a kind's normal form, in the order in which the
// fields tag holds their hashes.
func Fields(k ir.Kind) []string {
	switch k {
	case ir.LogGroupKind:
		return logGroupFields()
	case ir.MetricAlarmKind:
		return alarmFields()
	case ir.DashboardKind:
		return []string{"DashboardBody", "Tags"}
	case ir.QueryKind:
		return []string{"LogGroupNames", "QueryLanguage", "QueryString"}
	case ir.XRayGroupKind:
		return []string{"FilterExpression", "InsightsEnabled", "NotificationsEnabled", "Tags"}
	case ir.SamplingRuleKind:
		return samplingFields()
	}
	return nil
}

// Form is the normal form: JSON values by field. A field that has its default
// is absent, unless a person should see it in a plan.
type Form map[string]any

// Of returns the normal form of a body of the account with the user's tags.
func Of(b ir.Body, tags map[string]string, account string) Form {
	f := Form{}
	switch b := b.(type) {
	case *ir.LogGroup:
		logGroup(f, b)
	case *ir.MetricFilter:
		metricFilter(f, b)
	case *ir.MetricAlarm:
		alarm(f, b, account)
	case *ir.Dashboard:
		dashboard(f, b)
	case *ir.Query:
		query(f, b)
	case *ir.XRayGroup:
		xrayGroup(f, b)
	case *ir.SamplingRule:
		samplingRule(f, b)
	}
	f.put("Tags", maps.Clone(tags), len(tags) > 0)
	return f
}

func (f Form) put(field string, v any, present bool) {
	if present {
		f[field] = v
	}
}

// Field returns the canonical JSON of one field; "" if it is absent.
func (f Form) Field(name string) string {
	v, ok := f[name]
	if !ok {
		return ""
	}
	return canonical(v)
}

func canonical(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("BUG: encode normal form: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Hash returns the value of the hash tag: the version and 64 bits of SHA-256
// over the canonical JSON of kind and form.
func (f Form) Hash(kind ir.Kind) string {
	sum := sha256.Sum256([]byte(canonical(map[string]any{"kind": kind, "fields": map[string]any(f)})))
	return Version + "-" + hex.EncodeToString(sum[:8])
}

// Equal reports whether two forms mean the same.
func (f Form) Equal(g Form) bool { return len(f.Diff(g)) == 0 }

// Diff returns the names of the fields in which the forms differ, in order.
func (f Form) Diff(g Form) []string {
	var names []string
	for _, form := range []Form{f, g} {
		for name := range form {
			if f.Field(name) != g.Field(name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// short returns the first n base64url characters of a text's hash.
func short(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:n]
}
