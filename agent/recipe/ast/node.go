// Package ast reads the text of a recipe into a tree of nodes that know their
// place, and holds the form in which problems are reported. It knows YAML and
// nothing about recipes.
package ast

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/internal/problem"
)

// Kind is what a node is.
type Kind int

// The kinds of the YAML 1.2 core schema; integers and floats are both numbers.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

// String returns the kind with its article.
func (k Kind) String() string {
	return [...]string{"nothing", "true or false", "a number", "a string", "a list", "a map"}[k]
}

// Node is a value of the recipe. Nodes are never changed after they were read;
// merging makes new ones.
type Node struct {
	Kind Kind
	Pos  ir.Pos
	// Text is the text of a scalar, after unquoting.
	Text string
	// Plain is set for a scalar without quotes.
	Plain   bool
	Items   []*Node
	Entries []Entry
	file    *file
	style   style
}

// Entry is one key of a map with its value.
type Entry struct {
	Key   *Node
	Value *Node
}

type style int

const (
	plain style = iota
	quoted
	block
)

type file struct {
	name  string
	lines []string
}

func (f *file) line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	return f.lines[n-1]
}

// NewString returns a scalar that has the place of the node it stands in for.
func NewString(at *Node, text string) *Node {
	n := &Node{Kind: String, Text: text}
	if at != nil {
		n.Pos, n.file, n.style = at.Pos, at.file, block
	}
	return n
}

// Get returns the value of a key of a map, or nil.
func (n *Node) Get(key string) *Node {
	if e := n.entry(key); e != nil {
		return e.Value
	}
	return nil
}

// Key returns the node of a key of a map, or nil.
func (n *Node) Key(key string) *Node {
	if e := n.entry(key); e != nil {
		return e.Key
	}
	return nil
}

func (n *Node) entry(key string) *Entry {
	if n == nil {
		return nil
	}
	for i := range n.Entries {
		if n.Entries[i].Key.Text == key {
			return &n.Entries[i]
		}
	}
	return nil
}

// Keys returns the keys of a map in the order of the text.
func (n *Node) Keys() []string {
	if n == nil {
		return nil
	}
	keys := make([]string, len(n.Entries))
	for i, e := range n.Entries {
		keys[i] = e.Key.Text
	}
	return keys
}

// Scalar reports whether n is neither a list nor a map.
func (n *Node) Scalar() bool { return n.Kind < List }

// Range returns the node's place; for a list or map, that of its first
// character.
func (n *Node) Range() problem.Range {
	if n == nil {
		return problem.Range{}
	}
	r := problem.Range{Pos: n.Pos, Width: 1}
	if n.file != nil {
		r.Source = n.file.line(n.Pos.Line)
	}
	if !n.Scalar() {
		return r
	}
	switch n.style {
	case plain:
		r.Width = max(1, utf8.RuneCountInString(n.Text))
	case quoted:
		r.Width = utf8.RuneCountInString(n.Text) + 2
	}
	r.Width = max(1, min(r.Width, utf8.RuneCountInString(r.Source)-n.Pos.Column+1))
	return r
}

// At returns the place of the width bytes of the scalar's text that begin at
// offset, as far as the text stands in one line of the source as it is;
// otherwise that of the node.
func (n *Node) At(offset, width int) problem.Range {
	r := n.Range()
	if n == nil || !n.Scalar() || n.file == nil || offset < 0 || offset > len(n.Text) {
		return r
	}
	width = min(width, len(n.Text)-offset)
	lead := utf8.RuneCountInString(n.Text[:offset])
	if n.style == quoted {
		lead++
	}
	line := []rune(r.Source)
	from := n.Pos.Column - 1 + lead
	part := []rune(n.Text[offset : offset+width])
	if n.style == block || from > len(line) || from+len(part) > len(line) || !slices.Equal(line[from:from+len(part)], part) {
		return r
	}
	r.Pos.Column += lead
	r.Width = max(1, len(part))
	return r
}

// Merge lays over on top of base: maps merge by key, everything else replaces,
// and a null removes the key.
func Merge(base, over *Node) *Node {
	switch {
	case over == nil:
		return base
	case base == nil || base.Kind != Map || over.Kind != Map:
		return over
	}
	out := *base
	out.Entries = slices.Clone(base.Entries)
	for _, e := range over.Entries {
		i := slices.IndexFunc(out.Entries, func(b Entry) bool { return b.Key.Text == e.Key.Text })
		switch {
		case e.Value.Kind == Null && i >= 0:
			out.Entries = slices.Delete(out.Entries, i, i+1)
		case e.Value.Kind == Null:
		case i >= 0:
			out.Entries[i] = Entry{e.Key, Merge(out.Entries[i].Value, e.Value)}
		default:
			out.Entries = append(out.Entries, e)
		}
	}
	return &out
}

// Ignored reports whether a key is room for anchors and comments.
func Ignored(key string) bool { return strings.HasPrefix(key, "x-") }
