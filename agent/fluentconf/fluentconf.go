// Package fluentconf reads files in Fluent Bit's classic format: sections of keys
// and values, variables, and files that include one another. What the sections
// mean is for others to say.
package fluentconf

import (
	"fmt"
	"path"
	"strings"
)

// Bounds of what is read: a file that includes itself ends here.
const (
	maxDepth    = 8
	maxIncludes = 64
	maxSections = 10_000
)

// Section is one [NAME] of a file in Fluent Bit's classic format.
type Section struct {
	// Name is in upper case.
	Name string
	// Place is the file and line that it begins at.
	Place string
	Pairs []Pair
}

// Pair is one key and its value, whose variables were replaced.
type Pair struct {
	// Key is in lower case, as Fluent Bit does not tell the cases apart.
	Key, Value string
	Place      string
}

// Get returns the last value of key, which is in lower case.
func (s *Section) Get(key string) (string, bool) {
	for i := len(s.Pairs) - 1; i >= 0; i-- {
		if s.Pairs[i].Key == key {
			return s.Pairs[i].Value, true
		}
	}
	return "", false
}

// Note is something that could not be carried over, or that the user should
// know of.
type Note struct {
	// Place is the file and line.
	Place string
	// Text says what it is and what happens instead.
	Text string
}

// String returns "file:line: text".
func (n Note) String() string { return n.Place + ": " + n.Text }

// Options says how to read what a file names.
type Options struct {
	// Read reads a file that is included.
	Read func(path string) ([]byte, error)
	// Getenv returns a variable of the environment, for ${NAME}.
	Getenv func(name string) string
}

// Parse returns the sections of text, which is that of the file called name, and
// of what it includes, in order. What it cannot read becomes a note.
func Parse(name string, text []byte, o Options) ([]Section, []Note) {
	p := &parser{read: o.Read, getenv: o.Getenv, set: map[string]string{}}
	p.parse(name, text, 0)
	return p.sections, p.notes
}

// parser collects the sections of a file and of what it includes.
type parser struct {
	read     func(path string) ([]byte, error)
	getenv   func(string) string
	set      map[string]string
	sections []Section
	notes    []Note
	includes int
}

func (p *parser) note(place, format string, args ...any) {
	p.notes = append(p.notes, Note{Place: place, Text: fmt.Sprintf(format, args...)})
}

// parse reads the text of the file called name.
func (p *parser) parse(name string, text []byte, depth int) {
	n := 0
	inside := false
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		place := fmt.Sprintf("%s:%d", name, n)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '@':
			p.command(name, place, line, depth)
		case line[0] == '[':
			inside = p.begin(place, line)
		case !inside:
			p.note(place, "%q stands outside of a section and is ignored", Clip(line))
		default:
			p.pair(place, line)
		}
	}
}

// begin opens a section. It reports whether pairs may follow.
func (p *parser) begin(place, line string) bool {
	name, rest, ok := strings.Cut(line[1:], "]")
	if !ok || strings.TrimSpace(rest) != "" || len(p.sections) >= maxSections {
		p.note(place, "%q is no section and is ignored with what follows", Clip(line))
		return false
	}
	p.sections = append(p.sections, Section{Name: strings.ToUpper(strings.TrimSpace(name)), Place: place})
	return true
}

func (p *parser) pair(place, line string) {
	key, value := CutSpace(line)
	s := &p.sections[len(p.sections)-1]
	s.Pairs = append(s.Pairs, Pair{Key: strings.ToLower(key), Value: p.expand(place, value), Place: place})
}

// command handles @INCLUDE and @SET.
func (p *parser) command(name, place, line string, depth int) {
	word, rest := CutSpace(line)
	switch strings.ToUpper(word) {
	case "@INCLUDE":
		p.include(name, place, p.expand(place, rest), depth)
	case "@SET":
		k, v, ok := strings.Cut(rest, "=")
		if !ok {
			p.note(place, "@SET without an equals sign is ignored")
			return
		}
		p.set[strings.TrimSpace(k)] = p.expand(place, strings.TrimSpace(v))
	default:
		p.note(place, "%s is not known and is ignored", Clip(word))
	}
}

// parseJSON is what aws-for-fluent-bit's image has at /fluent-bit/configs: the
// file that FireLens users name to have JSON lines lifted into the record.
const parseJSON = `[FILTER]
    Name parser
    Match *
    Key_Name log
    Parser json
    Reserve_Data True
`

func (p *parser) include(from, place, target string, depth int) {
	if target == "" || strings.ContainsAny(target, "*?[") {
		p.note(place, "@INCLUDE %s: patterns of files are not carried over; name each file", Clip(target))
		return
	}
	if strings.HasSuffix(target, ".yaml") || strings.HasSuffix(target, ".yml") {
		p.note(place, "@INCLUDE %s: the YAML form is not carried over", target)
		return
	}
	if p.includes++; depth >= maxDepth || p.includes > maxIncludes {
		p.note(place, "@INCLUDE %s: files include one another too deep", Clip(target))
		return
	}
	if !path.IsAbs(target) {
		target = path.Join(path.Dir(from), target)
	}
	text, err := p.read(target)
	if err != nil && target == "/fluent-bit/configs/parse-json.conf" {
		text, err = []byte(parseJSON), nil
	}
	if err != nil {
		p.note(place, "@INCLUDE %s is not carried over: %v", Clip(target), err)
		return
	}
	p.parse(target, text, depth+1)
}

// expand replaces ${NAME} by what @SET or the environment says: ECS passes
// secretOptions in this way.
func (p *parser) expand(place, s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "${")
		name, rest, closed := strings.Cut(after, "}")
		if !ok || !closed {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(before)
		v, known := p.set[name]
		if !known {
			v = p.getenv(name)
		}
		if v == "" {
			p.note(place, "variable %s is not set", Clip(name))
		}
		b.WriteString(v)
		s = rest
	}
}

// CutSpace cuts s around its first white space.
func CutSpace(s string) (word, rest string) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

// Clip shortens what is quoted in a note.
func Clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// Glob reports whether s matches p, in which * stands for any text.
func Glob(p, s string) bool {
	first, rest, star := strings.Cut(p, "*")
	if !star {
		return p == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(part):], more
	}
}
