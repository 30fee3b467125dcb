package importer

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// draft is a configuration in the making.
type draft struct {
	file  string
	opts  Options
	root  yaml.Node
	from  map[string]string // path of what was set, and the value
	notes []Note
	drops []string // expressions of logs.drop
}

func (d *draft) note(place, format string, args ...any) {
	n := Note{Place: printable(place), Text: printable(fmt.Sprintf(format, args...))}
	for _, m := range d.notes {
		if m == n {
			return
		}
	}
	d.notes = append(d.notes, n)
}

// printable replaces what a comment of YAML may not hold: a name in a file may be
// anything.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) && r != ' ' {
			return '?'
		}
		return r
	}, s)
}

// line returns the place of n.
func (d *draft) line(n *yaml.Node) string { return d.file + ":" + strconv.Itoa(n.Line) }

// set gives the key at path, such as "aws.region", a value. What was set first
// stays: a second value is noted.
func (d *draft) set(place, path string, value any) {
	text := fmt.Sprint(value)
	if old, ok := d.from[path]; ok {
		if old != text {
			d.note(place, "%s is %s already; %s is not carried over", path, old, text)
		}
		return
	}
	if d.from == nil {
		d.from = map[string]string{}
	}
	d.from[path] = text
	key, parent := d.parent(path)
	put(parent, key, encode(value))
}

// setMember gives a key of the mapping at path, which may have dots in it, a
// value. The first one stays.
func (d *draft) setMember(place, path, key string, value any) {
	last, parent := d.parent(path)
	m := child(parent, last)
	if m == nil {
		m = &yaml.Node{Kind: yaml.MappingNode}
		put(parent, last, m)
	}
	if child(m, key) != nil {
		d.note(place, "%s.%s has a value already; %v is not carried over", path, key, value)
		return
	}
	put(m, key, encode(value))
}

// add appends a value to the list at path.
func (d *draft) add(path string, value any) {
	key, parent := d.parent(path)
	list := child(parent, key)
	if list == nil {
		list = &yaml.Node{Kind: yaml.SequenceNode}
		put(parent, key, list)
	}
	list.Content = append(list.Content, encode(value))
}

// drop adds an expression for events that do not go on.
func (d *draft) drop(expr string) { d.drops = append(d.drops, expr) }

// parent returns the mapping that holds path, and the last key.
func (d *draft) parent(path string) (string, *yaml.Node) {
	n := &d.root
	n.Kind = yaml.MappingNode
	for {
		key, rest, more := strings.Cut(path, ".")
		if !more {
			return key, n
		}
		next := child(n, key)
		if next == nil {
			next = &yaml.Node{Kind: yaml.MappingNode}
			put(n, key, next)
		}
		n, path = next, rest
	}
}

// entry is a mapping in the making, in the order of its keys.
type entry struct{ node yaml.Node }

func (e *entry) set(key string, value any) {
	e.node.Kind = yaml.MappingNode
	put(&e.node, key, encode(value))
}

func put(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}

func encode(value any) *yaml.Node {
	switch v := value.(type) {
	case *entry:
		return &v.node
	case []string:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, s := range v {
			n.Content = append(n.Content, encode(s))
		}
		return n
	case string:
		var n yaml.Node
		n.SetString(v)
		if strings.ContainsAny(v, `\{}"`) {
			n.Style = yaml.SingleQuotedStyle
		}
		return &n
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(v)}
	}
}

// render writes the configuration with its notes above it.
func (d *draft) render(f Format) ([]byte, error) {
	if len(d.drops) > 0 {
		key, parent := d.parent("logs.drop")
		put(parent, key, encode(strings.Join(d.drops, " or ")))
	}
	d.order()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Imported from %s, %s.\n", d.file, f)
	if len(d.notes) > 0 {
		b.WriteString("#\n# Not carried over:\n")
	}
	for _, n := range d.notes {
		fmt.Fprintf(&b, "#   %s\n", strings.ReplaceAll(n.String(), "\n", " "))
	}
	b.WriteByte('\n')
	if len(d.root.Content) == 0 {
		b.WriteString("{}  # the defaults do\n")
		return b.Bytes(), nil
	}
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&d.root); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return b.Bytes(), nil
}

// order puts the sections into the order in which the documentation has them.
func (d *draft) order() {
	old := d.root.Content
	d.root.Content = nil
	for _, key := range []string{"service", "aws", "receivers", "scrape", "otlp", "logs", "metrics", "traces", "queue", "shutdown", "status", "log"} {
		for i := 0; i+1 < len(old); i += 2 {
			if old[i].Value == key {
				d.root.Content = append(d.root.Content, old[i], old[i+1])
			}
		}
	}
}

// regex notes a pattern that RE2 does not have, and reports whether it can be
// used.
func (d *draft) regex(place, pattern string) bool {
	if _, err := regexp.Compile(pattern); err != nil {
		d.note(place, "the pattern %s is not carried over: %v", pattern, err)
		return false
	}
	return true
}

// quote writes s as text of an expression.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// seconds writes a number of seconds, which may have a unit already.
func seconds(text string) string {
	if _, err := strconv.Atoi(text); err == nil {
		return text + "s"
	}
	return text
}

// address writes an address of another agent: ":8125" and "udp://:8125" mean any
// interface.
func address(text string) string {
	if _, rest, ok := strings.Cut(text, "://"); ok {
		text = rest
	}
	if strings.HasPrefix(text, ":") {
		return "0.0.0.0" + text
	}
	return strings.Replace(text, "localhost:", "127.0.0.1:", 1)
}

// isYes reports whether text switches something on.
func isYes(text string) bool {
	switch strings.ToLower(text) {
	case "true", "on", "yes", "1":
		return true
	}
	return false
}
