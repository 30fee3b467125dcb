package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sidelight-dev/sidelight/internal/problem"
)

// The codes of this package's problems.
const (
	codeYAML    = "C1001" // not YAML, or not the YAML that is allowed
	codeKey     = "C2001" // unknown key
	codeTwice   = "C2002" // the same key twice
	codeShape   = "C2003" // a list where a mapping is due, and so on
	codeValue   = "C3001" // a value that cannot be
	codeBounds  = "C3002" // a value outside its bounds
	codeClash   = "C4001" // values that cannot be together
	codeEnviron = "C5001" // an environment variable
)

// decoder fills a struct from YAML nodes and notes every problem and origin.
type decoder struct {
	file     string
	lines    []string
	problems problem.Problems
	origins  map[string]string
	nodes    map[string]*yaml.Node // by path, for problems found later
	aliases  int
}

func (d *decoder) at(n *yaml.Node) problem.Range {
	r := problem.Range{Pos: problem.Pos{File: d.file, Line: n.Line, Column: n.Column}, Width: max(1, len(n.Value))}
	if n.Line > 0 && n.Line <= len(d.lines) {
		r.Source = d.lines[n.Line-1]
	}
	return r
}

func (d *decoder) fail(n *yaml.Node, code, message, hint string, notes ...string) {
	d.problems.Add(problem.Problem{Code: code, Message: message, Range: d.at(n), Hint: hint, Notes: notes})
}

// file decodes text into cfg.
func (d *decoder) decode(text []byte, cfg *Config) {
	d.lines = strings.Split(string(text), "\n")
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		d.yamlError(err)
		return
	}
	if len(doc.Content) == 0 {
		return // an empty file is a valid one
	}
	d.structure(doc.Content[0], reflect.ValueOf(cfg).Elem(), "")
}

// yamlError places a syntax error by the line that the parser names.
func (d *decoder) yamlError(err error) {
	p := problem.Problem{Code: codeYAML, Message: strings.TrimPrefix(err.Error(), "yaml: "), Range: problem.Range{Pos: problem.Pos{File: d.file}}}
	if _, rest, ok := strings.Cut(err.Error(), "line "); ok {
		digits, _, _ := strings.Cut(rest, ":")
		if n, nerr := strconv.Atoi(digits); nerr == nil && n > 0 && n <= len(d.lines) {
			p.Range = problem.Range{Pos: problem.Pos{File: d.file, Line: n, Column: 1}, Width: max(1, len(d.lines[n-1])), Source: d.lines[n-1]}
		}
	}
	d.problems.Add(p)
}

// resolve follows an alias. Their number is bounded, so that a small file cannot
// grow without end.
func (d *decoder) resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		if d.aliases++; d.aliases > 1000 {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
		}
		n = n.Alias
	}
	return n
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	n = d.resolve(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, codeShape, fmt.Sprintf("%s is %s", orWhole(path), kindText(n)), "expected a mapping of "+strings.Join(keysOf(v), ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if strings.HasPrefix(key.Value, "x-") {
			continue // room for anchors and remarks
		}
		f, ok := fieldOf(v, key.Value)
		if !ok {
			hint, _ := problem.DidYouMean(key.Value, keysOf(v))
			d.fail(key, codeKey, fmt.Sprintf("unknown key %q in %s", key.Value, orWhole(path)), hint, "known: "+strings.Join(keysOf(v), ", "))
			continue
		}
		if seen[key.Value] {
			d.fail(key, codeTwice, fmt.Sprintf("%q stands twice in %s", key.Value, orWhole(path)), "remove one")
			continue
		}
		seen[key.Value] = true
		d.value(value, v.FieldByIndex(f.Index), f, join(path, key.Value))
	}
}

func (d *decoder) value(n *yaml.Node, v reflect.Value, f reflect.StructField, path string) {
	n = d.resolve(n)
	d.nodes[path] = n
	kind, free := v.Interface().(pairs)
	switch {
	case v.Kind() == reflect.Struct:
		d.structOrShort(n, v, f, path)
	case free:
		d.pairs(n, v, kind, path)
	case v.Kind() == reflect.Slice:
		d.list(n, v, f, path)
	case n.Kind != yaml.ScalarNode:
		d.fail(n, codeShape, fmt.Sprintf("%s is %s", path, kindText(n)), "expected "+expectation(v))
	case isNull(n):
	default:
		if err := setScalar(v, n.Value); err != nil {
			d.failValue(n, path, err)
			return
		}
		if err := checkBounds(v, f); err != nil {
			d.fail(n, codeBounds, fmt.Sprintf("%s: %s is out of bounds", path, n.Value), err.Error())
			return
		}
		d.origins[path] = fmt.Sprintf("%s:%d", d.file, n.Line)
	}
}

// failValue says what is wrong with a scalar, at the part that is wrong where
// that is known.
func (d *decoder) failValue(n *yaml.Node, path string, err error) {
	pe, ok := errors.AsType[*placeError](err)
	if !ok {
		d.fail(n, codeValue, fmt.Sprintf("%s: %q is not valid", path, n.Value), hintOf(n.Value, err))
		return
	}
	r := d.at(n)
	if at, ok := d.within(n, pe.offset); ok {
		r.Pos.Column += at
		r.Width = max(1, min(pe.width, len(n.Value)-pe.offset))
	}
	d.problems.Add(problem.Problem{Code: codeValue, Message: path + ": " + pe.msg, Range: r, Hint: pe.hint})
}

// within returns how many characters behind the start of n the byte at offset
// of its value stands: the quote and what was escaped count. It reports false
// where the text stands on other lines.
func (d *decoder) within(n *yaml.Node, offset int) (int, bool) {
	if n.Line < 1 || n.Line > len(d.lines) {
		return 0, false
	}
	line := []rune(d.lines[n.Line-1])
	if n.Column < 1 || n.Column > len(line) {
		return 0, false
	}
	text := string(line[n.Column-1:])
	quote := 0
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		quote, text = 1, text[1:]
	}
	offset = min(offset, len(n.Value))
	if !strings.HasPrefix(text, n.Value[:offset]) {
		return 0, false
	}
	return quote + len([]rune(n.Value[:offset])), true
}

// structOrShort decodes a struct from a mapping, or the field that its tag
// short names from anything else: timestamp: time is timestamp: {key: time}.
func (d *decoder) structOrShort(n *yaml.Node, v reflect.Value, f reflect.StructField, path string) {
	short := f.Tag.Get("short")
	if short == "" || n.Kind == yaml.MappingNode || isNull(n) || v.Kind() != reflect.Struct {
		d.structure(n, v, path)
		return
	}
	field, ok := fieldOf(v, short)
	if !ok {
		panic("BUG: no field " + short + " in " + v.Type().String())
	}
	to := v.FieldByIndex(field.Index)
	if to.Kind() == reflect.Slice && n.Kind == yaml.ScalarNode {
		n = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}, Line: n.Line, Column: n.Column}
	}
	d.value(n, to, field, join(path, short))
}

// pairs decodes a mapping of free names.
func (d *decoder) pairs(n *yaml.Node, v reflect.Value, kind pairs, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, codeShape, fmt.Sprintf("%s is %s", path, kindText(n)), "expected a mapping: {name: value}")
		return
	}
	v.SetLen(0)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], d.resolve(n.Content[i+1])
		switch err := kind.check(value.Value); {
		case seen[key.Value]:
			d.fail(key, codeTwice, fmt.Sprintf("%q stands twice in %s", key.Value, path), "remove one")
			continue
		case value.Kind != yaml.ScalarNode:
			d.fail(value, codeShape, fmt.Sprintf("%s.%s is %s", path, key.Value, kindText(value)), "expected a single value")
			continue
		case err != nil:
			d.failValue(value, path+"."+key.Value, err)
			continue
		}
		seen[key.Value] = true
		v.Set(reflect.Append(v, reflect.ValueOf(Pair{key.Value, value.Value})))
	}
	d.origins[path] = fmt.Sprintf("%s:%d", d.file, n.Line)
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, f reflect.StructField, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fail(n, codeShape, fmt.Sprintf("%s is %s", path, kindText(n)), "expected a list: [a, b]")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, v.Index(i), f, fmt.Sprintf("%s[%d]", path, i))
	}
	d.origins[path] = fmt.Sprintf("%s:%d", d.file, n.Line)
}

// hintOf turns the error of a scalar into what stands beside the caret.
func hintOf(text string, err error) string {
	if c, ok := errors.AsType[*choiceError](err); ok {
		if c.word != "" {
			text = c.word
		}
		if near, ok := problem.Nearest(text, c.choices); ok {
			return fmt.Sprintf("did you mean %q? %s", near, err)
		}
	}
	return err.Error()
}

// setScalar sets a string, bool, int, duration or parser from text.
func setScalar(v reflect.Value, text string) error {
	if p, ok := v.Addr().Interface().(parser); ok {
		return p.parse(text)
	}
	switch v.Interface().(type) {
	case time.Duration:
		dur, err := parseDuration(text)
		if err == nil {
			v.SetInt(int64(dur))
		}
		return err
	case string:
		v.SetString(text)
	case bool:
		if text != "true" && text != "false" {
			return errors.New("expected true or false")
		}
		v.SetBool(text == "true")
	case int:
		i, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("expected a whole number")
		}
		v.SetInt(int64(i))
	default:
		panic("BUG: configuration of type " + v.Type().String())
	}
	return nil
}

func checkBounds(v reflect.Value, f reflect.StructField) error {
	low, high := f.Tag.Get("min"), f.Tag.Get("max")
	bound := func(text string) (int64, bool) {
		b := reflect.New(v.Type()).Elem()
		if text == "" || setScalar(b, text) != nil {
			return 0, false
		}
		return b.Int(), true
	}
	if n, ok := bound(low); ok && v.Int() < n {
		return fmt.Errorf("expected at least %s", low)
	}
	if n, ok := bound(high); ok && v.Int() > n {
		return fmt.Errorf("expected at most %s", high)
	}
	return nil
}

func expectation(v reflect.Value) string {
	switch v.Interface().(type) {
	case time.Duration:
		return "a duration such as 25s"
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case Bytes:
		return "a size such as 32MiB"
	}
	return "a single value"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func kindText(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

func orWhole(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func keysOf(v reflect.Value) []string {
	keys := make([]string, 0, v.NumField())
	for f := range v.Type().Fields() {
		keys = append(keys, f.Tag.Get("key"))
	}
	return keys
}

func fieldOf(v reflect.Value, key string) (reflect.StructField, bool) {
	for f := range v.Type().Fields() {
		if f.Tag.Get("key") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}
