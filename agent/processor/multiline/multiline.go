// Package multiline decides which lines belong to one event: by a pattern of
// first lines, by a pattern of those that follow, or by what the runtimes of
// common languages write when something goes wrong.
package multiline

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Config says which lines belong together. Either Start, or Continue, or Stacks
// must be set.
type Config struct {
	// Start is a regular expression (RE2) that first lines match; every other
	// line continues the event before it.
	Start string
	// Continue is a regular expression that lines match which continue the
	// event before them.
	Continue string
	// Stacks are languages whose stack traces are kept together, see
	// Languages; "auto" is all of them.
	Stacks []string
}

// On reports whether c asks for anything.
func (c Config) On() bool { return c.Start != "" || c.Continue != "" || len(c.Stacks) > 0 }

// Languages returns what Config.Stacks may hold.
func Languages() []string { return []string{"auto", "dotnet", "go", "java", "node", "python"} }

// Rule is a compiled Config. It is safe for concurrent use.
type Rule struct {
	start, follow                   *regexp.Regexp
	golang, java, python, node, net bool
}

// New compiles cfg.
func New(cfg Config) (*Rule, error) {
	if cfg.Start != "" && cfg.Continue != "" || len(cfg.Stacks) > 0 && (cfg.Start != "" || cfg.Continue != "") {
		return nil, errors.New("start, continue and stacks exclude each other")
	}
	r := &Rule{}
	var err error
	if cfg.Start != "" {
		if r.start, err = regexp.Compile(cfg.Start); err != nil {
			return nil, fmt.Errorf("compile start: %w", err)
		}
	}
	if cfg.Continue != "" {
		if r.follow, err = regexp.Compile(cfg.Continue); err != nil {
			return nil, fmt.Errorf("compile continue: %w", err)
		}
	}
	for _, name := range cfg.Stacks {
		if !slices.Contains(Languages(), name) {
			return nil, fmt.Errorf("stacks: %q is none of %v", name, Languages())
		}
		all := name == "auto"
		r.golang = r.golang || all || name == "go"
		r.java = r.java || all || name == "java"
		r.python = r.python || all || name == "python"
		r.node = r.node || all || name == "node"
		r.net = r.net || all || name == "dotnet"
	}
	return r, nil
}

// State is what a Rule remembers of the event that is being put together. The
// zero State is that before the first line.
type State struct {
	open bool
	// severe says that the event began as a report of trouble, so that an
	// exception right behind it is its cause.
	severe bool
	mode   mode
}

// Continues reports whether line belongs to the event of the lines before it.
// If not, it begins a new one.
func (r *Rule) Continues(st *State, line []byte) bool {
	switch {
	case r.start != nil:
		follows := st.open && !r.start.Match(line)
		st.open = true
		return follows
	case r.follow != nil:
		follows := st.open && r.follow.Match(line)
		st.open = true
		return follows
	}
	if st.open && r.stack(st, line) {
		return true
	}
	r.begin(st, line)
	return false
}
