package awsproto

import (
	"embed"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// limitFiles are the limits of the services' models, by service: which members
// are required, how long or great they may be and what they match. A test
// against AWS's published models keeps them true.
//
//go:embed limits/*.txt
var limitFiles embed.FS

// limit is what a model says of one member.
type limit struct {
	required    bool
	least, most float64 // of lengths and numbers
	pattern     *regexp.Regexp
	source      string // of pattern
}

// limits are the limits of a service by "Type.member", with "[]", "{key}" or
// "{value}" for what a list or a map holds.
type limits map[string]*limit

// readLimits reads the limits of a service, if there are any.
func readLimits(service string) (limits, error) {
	b, err := limitFiles.ReadFile("limits/" + service + ".txt")
	if err != nil {
		return nil, nil // a service of a test has none
	}
	out := make(limits)
	known := patterns()
	for line := range strings.Lines(string(b)) {
		parts := strings.Split(strings.TrimRight(line, "\n"), "\t")
		l, err := readLimit(append(parts, "", "", "")[1:], known)
		if err != nil {
			return nil, fmt.Errorf("read limits of %s, %s: %w", service, parts[0], err)
		}
		out[parts[0]] = l
	}
	return out, nil
}

// patterns compiles each pattern once: the models repeat a few of them hundreds of
// times. One that does not compile is nil.
func patterns() func(string) *regexp.Regexp {
	seen := make(map[string]*regexp.Regexp)
	return func(pattern string) *regexp.Regexp {
		p, ok := seen[pattern]
		if !ok {
			p, _ = regexp.Compile("^(?:" + pattern + ")$")
			seen[pattern] = p
		}
		return p
	}
}

func readLimit(parts []string, compiled func(pattern string) *regexp.Regexp) (*limit, error) {
	l := &limit{required: parts[0] == "required", least: math.Inf(-1), most: math.Inf(1)}
	var err error
	if parts[1] != "" {
		if l.least, err = strconv.ParseFloat(parts[1], 64); err != nil {
			return nil, err
		}
	}
	if len(parts) > 2 && parts[2] != "" {
		if l.most, err = strconv.ParseFloat(parts[2], 64); err != nil {
			return nil, err
		}
	}
	if len(parts) > 3 && parts[3] != "" {
		// What the services match with knows more than RE2; such patterns are
		// left to the services themselves.
		if p := compiled(parts[3]); p != nil {
			l.pattern, l.source = p, parts[3]
		}
	}
	return l, nil
}

// valuesOf are the values of an enumeration type, or nil.
func valuesOf(t reflect.Type) []string {
	m, ok := t.MethodByName("Values")
	if !ok || t.Kind() != reflect.String || m.Type.NumIn() != 1 || m.Type.NumOut() != 1 || m.Type.Out(0) != reflect.SliceOf(t) {
		return nil
	}
	list := m.Func.Call([]reflect.Value{reflect.Zero(t)})[0]
	out := make([]string, list.Len())
	for i := range out {
		out[i] = list.Index(i).String()
	}
	return out
}

// maxViolations bounds the list in an answer.
const maxViolations = 10

// step is one part of the way to a value: a member's name, or the number of an
// entry.
type step struct {
	name  string
	index int // from 1; 0: name counts
}

// checker gathers what violates a model.
type checker struct {
	plans    *plans
	way      []step
	problems []string
	count    int
}

// check refuses an input that violates the service's model, in the words that
// the front ends of AWS share.
func (s *service) check(in any) *api.Error {
	if len(s.plans.limits) == 0 {
		return nil
	}
	v := reflect.ValueOf(in).Elem()
	pl, err := s.plans.of(v.Type())
	if err != nil {
		return nil // decoding has said so
	}
	c := checker{plans: s.plans, way: make([]step, 0, 8)}
	c.structure(pl, v)
	if c.count == 0 {
		return nil
	}
	noun := "errors"
	if c.count == 1 {
		noun = "error"
	}
	code := s.spec.Codes.Invalid
	if other, ok := s.spec.InvalidOf[strings.TrimSuffix(v.Type().Name(), "Input")]; ok {
		code = other
	}
	return refusal(code, "%d validation %s detected: %s", c.count, noun, strings.Join(c.problems, "; "))
}

// path is the way in AWS's notation: "logEvents.1.member.message".
func (c *checker) path() string {
	var b strings.Builder
	for i, s := range c.way {
		if i > 0 {
			b.WriteByte('.')
		}
		if s.index > 0 {
			b.WriteString(strconv.Itoa(s.index) + ".member")
		} else {
			b.WriteString(lowerFirst(s.name))
		}
	}
	return b.String()
}

func (c *checker) report(v reflect.Value, must string) {
	if c.count++; len(c.problems) >= maxViolations {
		return
	}
	value := "null"
	if v.IsValid() {
		value = abbreviated(v)
	}
	c.problems = append(c.problems, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: Member must %s", value, c.path(), must))
}

// maxQuoted bounds a value in a message, in characters.
const maxQuoted = 128

func abbreviated(v reflect.Value) string {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		return fmt.Sprintf("of %d members", v.Len())
	}
	text := fmt.Sprint(v.Interface())
	if utf8.RuneCountInString(text) > maxQuoted {
		text = string([]rune(text)[:maxQuoted]) + "..."
	}
	return "'" + text + "'"
}

func (c *checker) structure(pl *plan, v reflect.Value) {
	for i := range pl.fields {
		f := &pl.fields[i]
		fv := v.Field(f.index)
		if absentInput(fv) {
			if f.limit != nil && f.limit.required && !f.ptrless {
				c.way = append(c.way, step{name: f.name})
				c.report(reflect.Value{}, "not be null")
				c.way = c.way[:len(c.way)-1]
			}
			continue
		}
		c.way = append(c.way, step{name: f.name})
		c.member(f.plan, f.limit, f.key, indirect(fv))
		c.way = c.way[:len(c.way)-1]
	}
}

// absentInput says that a member was not sent. Numbers and booleans that are no
// pointers cannot tell.
func absentInput(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	}
	return v.IsZero()
}

// member checks a value and what is in it. key is the name of its limits.
func (c *checker) member(pl *plan, l *limit, key string, v reflect.Value) {
	if l != nil || len(pl.enum) > 0 {
		c.scalar(pl, l, v)
	}
	switch pl.kind {
	case kindStruct:
		c.structure(pl, v)
	case kindList:
		c.list(pl, key, v)
	case kindMap:
		c.entries(pl, key, v)
	case kindUnion:
		if name, f, e, err := unionValue(c.plans, v); err == nil {
			c.way = append(c.way, step{name: name})
			c.member(f.plan, nil, "", indirect(e))
			c.way = c.way[:len(c.way)-1]
		}
	}
}

func (c *checker) list(pl *plan, key string, v reflect.Value) {
	key += "[]"
	l := c.plans.limits[key]
	if l == nil && !pl.elem.checked() {
		return
	}
	for i := range v.Len() {
		c.way = append(c.way, step{index: i + 1})
		c.member(pl.elem, l, key, indirect(v.Index(i)))
		c.way = c.way[:len(c.way)-1]
	}
}

func (c *checker) entries(pl *plan, key string, v reflect.Value) {
	kl, vl := c.plans.limits[key+"{key}"], c.plans.limits[key+"{value}"]
	for _, k := range sortedKeys(v) {
		if kl != nil {
			c.scalar(pl, kl, k)
		}
		c.way = append(c.way, step{name: k.String()}, step{name: "member"})
		c.member(pl.elem, vl, key+"{value}", indirect(v.MapIndex(k)))
		c.way = c.way[:len(c.way)-2]
	}
}

// checked says whether a value of the plan can violate anything by itself.
func (pl *plan) checked() bool {
	switch pl.kind {
	case kindStruct, kindList, kindMap, kindUnion:
		return true
	}
	return len(pl.enum) > 0
}

// scalar checks a value by its limit: texts, lists and maps by their length,
// numbers by their value.
func (c *checker) scalar(pl *plan, l *limit, v reflect.Value) {
	if v.Kind() == reflect.String && len(pl.enum) > 0 && !slices.Contains(pl.enum, v.String()) {
		c.report(v, "satisfy enum value set: ["+strings.Join(pl.enum, ", ")+"]")
		return
	}
	if l == nil {
		return
	}
	size, what := l.measure(v)
	switch {
	case what == "":
	case size < l.least:
		c.report(v, fmt.Sprintf("have %s greater than or equal to %v", what, l.least))
	case size > l.most:
		c.report(v, fmt.Sprintf("have %s less than or equal to %s", what, strconv.FormatFloat(l.most, 'f', -1, 64)))
	case l.pattern != nil && v.Kind() == reflect.String && !l.pattern.MatchString(v.String()):
		c.report(v, "satisfy regular expression pattern: "+l.source)
	}
}

// measure returns what least and most bound of v. Of a text whose bytes show that
// it is within them it is their number.
func (l *limit) measure(v reflect.Value) (size float64, what string) {
	switch {
	case v.Kind() == reflect.String:
		// A character has one to four bytes.
		if n := float64(v.Len()); n <= l.most && n/utf8.UTFMax >= l.least {
			return n, "length"
		}
		return float64(utf8.RuneCountInString(v.String())), "length"
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Map:
		return float64(v.Len()), "length"
	case v.CanInt():
		return float64(v.Int()), "value"
	case v.CanFloat():
		return v.Float(), "value"
	}
	return 0, ""
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}
