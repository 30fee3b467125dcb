// Package lazyregexp compiles regular expressions when they are first used. The
// one binary holds many that a running agent never needs, and a compiled one
// takes tens of kilobytes.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Regexp is a regular expression that is not compiled yet, or is. It is safe for
// concurrent use. Its methods are those of [regexp.Regexp].
type Regexp struct {
	text string
	once sync.Once
	re   *regexp.Regexp
}

// New returns text as a Regexp. Text that does not compile panics at its first
// use: a test must use each.
func New(text string) *Regexp { return &Regexp{text: text} }

func (r *Regexp) get() *regexp.Regexp {
	r.once.Do(func() { r.re = regexp.MustCompile(r.text) })
	return r.re
}

// MatchString reports whether s contains a match.
func (r *Regexp) MatchString(s string) bool { return r.get().MatchString(s) }

// FindString returns the leftmost match.
func (r *Regexp) FindString(s string) string { return r.get().FindString(s) }

// FindStringSubmatch returns the leftmost match and its groups.
func (r *Regexp) FindStringSubmatch(s string) []string { return r.get().FindStringSubmatch(s) }

// ReplaceAllString replaces all matches by a template.
func (r *Regexp) ReplaceAllString(s, by string) string { return r.get().ReplaceAllString(s, by) }

// ReplaceAllStringFunc replaces all matches by what f makes of them.
func (r *Regexp) ReplaceAllStringFunc(s string, f func(string) string) string {
	return r.get().ReplaceAllStringFunc(s, f)
}
