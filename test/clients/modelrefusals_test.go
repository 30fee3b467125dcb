//go:build clients

package clients_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// violation is an input that breaks one rule of a model.
type violation struct {
	what string
	in   object
}

// violations lists inputs that differ from a good one in one member that breaks
// its rule: a required member is left out; a text or a list is too short or too
// long; a number is too small or too great; an enumeration has no such value.
func (m *awsModel) violations(ref *modelRef, in object) []violation {
	var out []violation
	if ref == nil {
		return nil
	}
	sh := m.Shapes[ref.Shape]
	for _, name := range sh.Required {
		if _, ok := in[name]; ok {
			less := maps.Clone(in)
			delete(less, name)
			out = append(out, violation{name + " is missing", less})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sh.Members)) {
		kid := sh.Members[name]
		good, there := in[name]
		for what, bad := range m.badValues(&kid, good) {
			more := maps.Clone(in)
			if more == nil {
				more = object{}
			}
			more[name] = bad
			out = append(out, violation{name + what, more})
		}
		if nested, ok := good.(object); ok && there && m.Shapes[kid.Shape].Type == "structure" {
			for _, v := range m.violations(&kid, nested) {
				more := maps.Clone(in)
				more[name] = v.in
				out = append(out, violation{name + "." + v.what, more})
			}
		}
		if list, ok := good.([]any); ok && len(list) > 0 {
			if first, ok := list[0].(object); ok {
				for _, v := range m.violations(m.Shapes[kid.Shape].Member, first) {
					more := maps.Clone(in)
					more[name] = append([]any{v.in}, list[1:]...)
					out = append(out, violation{name + "[0]." + v.what, more})
				}
			}
		}
	}
	return out
}

// badValues are values that the shape's rules forbid, by what is wrong.
func (m *awsModel) badValues(ref *modelRef, good any) map[string]any {
	sh := m.Shapes[ref.Shape]
	out := map[string]any{}
	least, most := int64(-1), int64(-1)
	if sh.Min != nil {
		least, _ = sh.Min.Int64()
	}
	if sh.Max != nil {
		most, _ = sh.Max.Int64()
	}
	switch sh.Type {
	case "string":
		if len(sh.Enum) > 0 {
			out[" is no value of the enumeration"] = "Nonsense"
			return out
		}
		if least > 0 {
			out[" is too short"] = strings.Repeat("a", int(least-1))
		}
		if most > 0 && most < 1<<17 {
			out[" is too long"] = strings.Repeat("a", int(most+1))
		}
	case "integer", "long", "double", "float":
		if sh.Min != nil {
			out[" is too small"] = int(least - 1)
		}
		if sh.Max != nil && most < 1<<31-1 {
			out[" is too great"] = int(most + 1)
		}
	case "list":
		list, ok := good.([]any)
		if least > 0 {
			out[" has too few members"] = []any{}
		}
		if ok && len(list) > 0 && most > 0 && most <= 10000 {
			out[" has too many members"] = slices.Repeat(list[:1], int(most+1))
		}
		if item := m.Shapes[sh.Member.Shape]; item.Type == "string" {
			for what, bad := range m.badValues(sh.Member, nil) {
				out["[0]"+what] = []any{bad}
			}
		}
	}
	return out
}

// badCode says whether an error's code is right for bad input: one of the
// operation's own, or what the front ends of AWS say.
func (m *awsModel) badCode(op, code string) bool {
	switch code {
	case "ValidationError", "SerializationException", "MissingParameter", "InvalidParameterValue", "InvalidParameterCombination", "InvalidParameterInput", "MalformedInput":
		return true
	}
	return slices.ContainsFunc(m.Operations[op].Errors, func(r modelRef) bool { return r.Shape == code }) || code == "InvalidParameterException" || code == "InvalidRequestException"
}

// gone says that the query protocol cannot carry a violation: it has no empty
// lists and structures.
func gone(p modelProtocol, v *violation) bool {
	return p == modelQuery && (strings.HasSuffix(v.what, "has too few members") || v.what == "Dimensions[0].Name is missing" ||
		v.what == "MuteTargets.AlarmNames is missing")
}

// TestRefusalsByModels sends inputs that violate the models and expects them to
// be refused, whatever else is wrong with them.
func TestRefusalsByModels(t *testing.T) {
	for _, s := range modelServices(t) {
		m := loadModel(t, s)
		_, protocols := casesOf(s.service.Name(), time.Now())
		for _, p := range protocols {
			t.Run(s.service.Name()+"/"+p.String(), func(t *testing.T) {
				endpoint := sandboxtest.New(t).URL()
				cases, _ := casesOf(s.service.Name(), time.Now())
				n := 0
				for _, c := range cases {
					if !s.offers(m, c.op) {
						continue
					}
					for _, v := range m.violations(m.Operations[c.op].Input, c.in) {
						if gone(p, &v) || slices.Contains(zeroes(), c.op+": "+v.what) {
							continue
						}
						n++
						a := modelCall(t, endpoint, m, p, s.service.Name(), c.op, v.in)
						if a.status < 400 || a.status >= 500 {
							t.Errorf("%s: %s: answers %d %.200s", c.op, v.what, a.status, a.body)
						} else if !m.badCode(c.op, a.code) {
							t.Errorf("%s: %s: is refused with %q: %.300s", c.op, v.what, a.code, a.body)
						}
					}
				}
				t.Logf("%d violations were refused", n)
				if n < 3 && s.service.Name() != "sts" {
					t.Errorf("only %d violations were tried", n)
				}
			})
		}
	}
}
