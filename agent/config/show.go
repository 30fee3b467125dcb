package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Value is one effective value and where it came from.
type Value struct {
	Path   string `json:"path"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
	Env    string `json:"env"`
	Doc    string `json:"doc,omitempty"`

	yaml string
}

// Values lists every value in the order of the file's keys.
func (l *Loaded) Values() []Value {
	var out []Value
	walk(reflect.ValueOf(&l.Config).Elem(), "", func(f leaf) {
		v := Value{Path: f.path, Value: text(f.value), Origin: "default", Env: EnvName(f.path), Doc: f.field.Tag.Get("doc"), yaml: yamlText(f.value)}
		if o := l.Origins[f.path]; o != "" {
			v.Origin = o
		}
		out = append(out, v)
	})
	return out
}

func text(v reflect.Value) string {
	if _, ok := v.Interface().(pairs); ok {
		items := make([]string, v.Len())
		for i := range items {
			p := v.Index(i)
			value := p.Field(1).String()
			if _, secret := v.Interface().(Users); secret {
				value = Secret(value).String()
			}
			items[i] = quote(p.Field(0).String()) + ": " + quote(value)
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	if v.Kind() == reflect.Slice {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = yamlText(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	if v.Kind() == reflect.Struct {
		var items []string
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() && text(f) != "{}" {
				items = append(items, v.Type().Field(i).Tag.Get("key")+": "+yamlText(f))
			}
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprint(v.Interface())
}

// yamlText is text as it must stand in a file.
func yamlText(v reflect.Value) string {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Struct {
		return text(v)
	}
	return quote(text(v))
}

// WriteYAML writes the configuration as a file that would have the same
// effect, but for secrets, which are stars unless they stand elsewhere. With
// origins, each value says in a comment where it came from.
func (l *Loaded) WriteYAML(w io.Writer, origins bool) error {
	var b strings.Builder
	var open []string
	for _, v := range l.Values() {
		keys := strings.Split(v.Path, ".")
		for i, k := range keys[:len(keys)-1] {
			if i < len(open) && open[i] == k {
				continue
			}
			open = append(open[:i:i], k)
			fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), k)
		}
		open = open[:len(keys)-1]
		line := fmt.Sprintf("%s%s: %s", strings.Repeat("  ", len(keys)-1), keys[len(keys)-1], v.yaml)
		if origins {
			line = fmt.Sprintf("%-50s # %s", line, v.Origin)
		}
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quote makes a value that YAML would read as something else a string again.
func quote(s string) string {
	if s == "" || s == "on" || s == "off" || s == "null" || s == "~" || strings.ContainsAny(s, "{}[]#*&!|>,'\"\\`") ||
		strings.Contains(s, ": ") || strings.HasSuffix(s, ":") || strings.ContainsAny(s[:1], "%@?-") || strings.TrimSpace(s) != s {
		return fmt.Sprintf("%q", s)
	}
	return s
}
