package importer

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// rule says what becomes of the values whose path it matches.
type rule struct {
	// path has keys between dots; * stands for any key or index, and ** at the
	// end for all that is below.
	path string
	// take carries a value over. With neither take nor why, a value needs
	// nothing here.
	take func(d *draft, v value)
	// why says what to do instead.
	why string
}

// value is a part of a tree.
type value struct {
	node  *yaml.Node
	place string
	path  []string
}

// text returns the value of the scalar v.
func (v value) text() string { return v.node.Value }

// get returns the text of a key of v, "" if there is none.
func (v value) get(key string) string {
	if c := child(v.node, key); c != nil && c.Kind == yaml.ScalarNode {
		return c.Value
	}
	return ""
}

// tree carries over a file in YAML or JSON by rules.
func (d *draft) tree(text []byte, rules []rule) error {
	root, err := parseTree(text)
	if err != nil {
		return err
	}
	d.walk(d.value(root), rules)
	return nil
}

func (d *draft) value(n *yaml.Node, path ...string) value {
	return value{node: n, place: d.line(n), path: path}
}

// walk applies the first rule that matches v, or goes deeper; what no rule
// matches is noted.
func (d *draft) walk(v value, rules []rule) {
	if v.node.Kind == yaml.AliasNode {
		v.node = v.node.Alias
	}
	for _, r := range rules {
		if len(v.path) == 0 || !matchPath(strings.Split(r.path, "."), v.path) {
			continue
		}
		switch {
		case r.take != nil:
			r.take(d, v)
		case r.why != "":
			d.note(v.place, "%s: %s", strings.Join(v.path, "."), r.why)
		}
		return
	}
	if !d.deeper(v, rules) {
		d.note(v.place, "%s is not carried over", shown(v))
	}
}

// deeper walks the parts of v. It reports false if there are none.
func (d *draft) deeper(v value, rules []rule) bool {
	switch v.node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			k := v.node.Content[i]
			d.walk(value{v.node.Content[i+1], d.line(k), extend(v.path, k.Value)}, rules)
		}
		return true
	case yaml.SequenceNode:
		for i, c := range v.node.Content {
			d.walk(value{c, d.line(c), extend(v.path, strconv.Itoa(i))}, rules)
		}
		return true
	}
	return false
}

func extend(path []string, key string) []string { return append(path[:len(path):len(path)], key) }

func shown(v value) string {
	text := v.text()
	if len(text) > 60 {
		text = text[:60] + "…"
	}
	return fmt.Sprintf("%s: %s", strings.Join(v.path, "."), text)
}

func matchPath(pattern, path []string) bool {
	for i, p := range pattern {
		switch {
		case p == "**":
			return true
		case i >= len(path):
			return false
		case p != "*" && p != path[i]:
			return false
		}
	}
	return len(pattern) == len(path)
}

// to returns a rule that sets the key at path to what edit makes of the text.
func to(from, path string, edit func(string) string) rule {
	return rule{path: from, take: func(d *draft, v value) {
		if text := edit(v.text()); text != "" {
			d.set(v.place, path, text)
		}
	}}
}

// nothing returns rules for what needs nothing here.
func nothing(paths ...string) []rule {
	rules := make([]rule, len(paths))
	for i, p := range paths {
		rules[i] = rule{path: p}
	}
	return rules
}

func same(s string) string { return s }
