package ast

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/internal/problem"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

const (
	// maxBytes bounds a recipe file. A stack of a thousand alarms is a tenth of it.
	maxBytes = 4 << 20
	// maxExpanded bounds the nodes that one alias may stand for.
	maxExpanded = 1000
	// maxDepth bounds the nesting of lists and maps.
	maxDepth = 100
)

// Parse reads one YAML document. The node is nil if the text could not be read
// as YAML at all; problems that leave a usable tree come with it.
func Parse(name string, text []byte) (*Node, problem.Problems) {
	f := &file{name: name, lines: strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")}
	var ps problem.Problems
	if p, ok := unreadable(f, text); ok {
		ps.Add(p)
		return nil, ps
	}
	if tabs(f, &ps); len(ps) > 0 {
		return nil, ps
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			ps.Add(problem.Problem{Code: "R1009", Message: "the file is empty", Range: f.at(1, 1, 1)})
		} else {
			ps.Add(syntax(f, text, err))
		}
		return nil, ps
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		ps.Add(problem.Problem{
			Code: "R1004", Message: "a recipe is one YAML document, and a second one begins here",
			Range: f.at(second.Line, second.Column, 1), Notes: []string{"put each stack into its own file"},
		})
	} else if !errors.Is(err, io.EOF) {
		ps.Add(syntax(f, text, err))
	}
	if len(doc.Content) != 1 {
		return nil, ps
	}
	c := converter{file: f, ps: &ps}
	return c.node(doc.Content[0]), ps
}

func (f *file) at(line, column, width int) problem.Range {
	return problem.Range{Pos: ir.Pos{File: f.name, Line: line, Column: column}, Width: width, Source: f.line(line)}
}

func unreadable(f *file, text []byte) (problem.Problem, bool) {
	if len(text) > maxBytes {
		return problem.Problem{
			Code: "R1008", Message: fmt.Sprintf("the file has %d bytes; at most %d are read", len(text), maxBytes),
			Range: problem.Range{Pos: ir.Pos{File: f.name}},
		}, true
	}
	for i, l := range f.lines {
		if !utf8.ValidString(l) {
			return problem.Problem{Code: "R1001", Message: "the text is not UTF-8", Range: f.at(i+1, 1, 1)}, true
		}
	}
	return problem.Problem{}, false
}

func tabs(f *file, ps *problem.Problems) {
	for i, l := range f.lines {
		lead := l[:len(l)-len(strings.TrimLeft(l, " \t"))]
		if t := strings.IndexByte(lead, '\t'); t >= 0 && strings.TrimSpace(l) != "" {
			ps.Add(problem.Problem{Code: "R1002", Message: "a tab in the indentation", Range: f.at(i+1, t+1, 1), Hint: "indent with spaces"})
		}
	}
}

var yamlLine = lazyregexp.New(`^yaml: (?:line (\d+)(?:, column (\d+))?: )?`)

// syntax turns an error of the YAML reader, which knows lines only and not
// always the right one, into a problem.
func syntax(f *file, source []byte, err error) problem.Problem {
	text := err.Error()
	line := 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = min(max(1, n), len(f.lines))
		}
	}
	line = firstBad(source, line)
	for line > 1 && strings.TrimSpace(f.line(line)) == "" {
		line--
	}
	src := f.line(line)
	indent := len(src) - len(strings.TrimLeft(src, " "))
	p := problem.Problem{
		Code: "R1001", Message: "not YAML: " + text,
		Range: f.at(line, indent+1, max(1, utf8.RuneCountInString(strings.TrimRight(src[indent:], " ")))),
	}
	if strings.Contains(src, "{") && (strings.Contains(src, "$(") || strings.Contains(src, ":")) {
		p.Hint = "quote this value"
		p.Notes = []string{"inside {...}, a value with a comma, a brace or `: ` needs quotes"}
	}
	return p
}

// prefixBudget bounds, in bytes, how much is parsed to find the line of an
// error: about a quarter of a second.
const prefixBudget = 4 << 20

// firstBad returns the line behind the longest part of the text that is good
// YAML, or what the reader said if the text is too long to try.
func firstBad(source []byte, said int) int {
	lines := bytes.SplitAfter(source, []byte("\n"))
	end, left := len(source), prefixBudget
	for k := len(lines) - 1; k > 0; k-- {
		end -= len(lines[k])
		if left -= end; left < 0 {
			return said
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(source[:end], &doc); err == nil {
			return k + 1
		}
	}
	return 1
}

type converter struct {
	file *file
	ps   *problem.Problems
	// stack holds the anchored nodes that are being expanded.
	stack []*yaml.Node
	// left counts down inside an alias.
	left  int
	depth int
}

func (c *converter) problem(y *yaml.Node, code, format string, args ...any) {
	width := 1
	if y.Kind == yaml.ScalarNode && y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		width = max(1, utf8.RuneCountInString(y.Value))
	}
	c.ps.Add(problem.Problem{Code: code, Message: fmt.Sprintf(format, args...), Range: c.file.at(y.Line, y.Column, width)})
}

func (c *converter) node(y *yaml.Node) *Node {
	n := &Node{Pos: ir.Pos{File: c.file.name, Line: y.Line, Column: y.Column}, file: c.file}
	if len(c.stack) > 0 {
		if c.left--; c.left < 0 {
			return n
		}
	}
	if c.depth++; c.depth > maxDepth {
		if c.depth == maxDepth+1 {
			c.problem(y, "R1008", "nested more than %d deep", maxDepth)
		}
		c.depth--
		return n
	}
	defer func() { c.depth-- }()
	if y.Style&yaml.TaggedStyle != 0 {
		c.problem(y, "R1007", "the tag %s: a recipe uses the core schema and no tags", y.Tag)
	}
	switch y.Kind {
	case yaml.AliasNode:
		return c.alias(y, n)
	case yaml.SequenceNode:
		n.Kind = List
		for _, item := range y.Content {
			n.Items = append(n.Items, c.node(item))
		}
	case yaml.MappingNode:
		n.Kind = Map
		c.entries(y, n)
	default:
		c.scalar(y, n)
	}
	return n
}

func (c *converter) alias(y *yaml.Node, n *Node) *Node {
	for _, s := range c.stack {
		if s == y.Alias {
			c.problem(y, "R1006", "the alias *%s contains itself", y.Value)
			return n
		}
	}
	outer := c.left
	if len(c.stack) == 0 {
		outer, c.left = 0, maxExpanded
	}
	c.stack = append(c.stack, y.Alias)
	n = c.node(y.Alias)
	c.stack = c.stack[:len(c.stack)-1]
	if len(c.stack) == 0 {
		if c.left < 0 {
			c.problem(y, "R1006", "the alias *%s stands for more than %d nodes", y.Value, maxExpanded)
		}
		c.left = outer
	}
	return n
}

func (c *converter) entries(y *yaml.Node, n *Node) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		if k.Kind != yaml.ScalarNode {
			c.problem(k, "R1005", "a key must be a string")
			continue
		}
		if k.Tag == "!!merge" && k.Style == 0 {
			c.problem(k, "R1010", "merge keys are not part of YAML 1.2")
			continue
		}
		key := c.node(k)
		if key.Kind != String {
			c.problem(k, "R1005", "a key must be a string, and %s is %s", k.Value, key.Kind)
			c.last().Hint = fmt.Sprintf("write %q", k.Value)
			c.last().Fix = strconv.Quote(k.Value)
		}
		if first, ok := seen[k.Value]; ok {
			c.problem(k, "R1003", "duplicate key %q", k.Value)
			c.last().Related = []ir.Pos{{File: c.file.name, Line: first.Line, Column: first.Column}}
			continue
		}
		seen[k.Value] = k
		n.Entries = append(n.Entries, Entry{key, c.node(y.Content[i+1])})
	}
}

func (c *converter) last() *problem.Problem { return &(*c.ps)[len(*c.ps)-1] }

func (c *converter) scalar(y *yaml.Node, n *Node) {
	n.Kind, n.Text = String, y.Value
	switch {
	case y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		n.style = block
	case y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		n.style = quoted
	default:
		n.Plain = true
		n.Kind = coreKind(y.Value)
		if infinite.MatchString(y.Value) {
			c.problem(y, "R1011", "%s: a recipe has finite numbers only", y.Value)
		}
	}
}

// The plain scalars of the core schema: YAML 1.2.2, section 10.3.2.
var (
	number   = lazyregexp.New(`^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$`)
	infinite = lazyregexp.New(`^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
)

func coreKind(s string) Kind {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return Null
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Bool
	}
	if number.MatchString(s) {
		return Number
	}
	return String
}

// IsTrue reports whether a Bool node is true.
func (n *Node) IsTrue() bool { return strings.EqualFold(n.Text, "true") }
