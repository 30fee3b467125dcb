// Package redact takes out of log events what does not belong into logs:
// addresses, numbers of cards, keys and tokens, and whatever patterns of a user
// find. In a JSON document it looks inside the strings, and at numbers that are
// cards, so that the document stays one.
package redact

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"slices"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Action is what is done with what was found.
type Action string

// The actions.
const (
	// Mask writes [email], [card] and so on in its place, [redacted] for a
	// user's pattern.
	Mask Action = "mask"
	// Hash writes [email:1f0c5a9e2b7d4c31]: equal finds stay equal.
	Hash Action = "hash"
	// Remove leaves nothing.
	Remove Action = "remove"
)

// Config says what is taken out and how.
type Config struct {
	// What are names of detectors, see Detectors, and regular expressions
	// (RE2). Of an expression with a group only the group is taken out.
	What []string
	// Action is Mask, unless said otherwise.
	Action Action
	// Salt is mixed into hashes, so that a short secret cannot be found by
	// trying. The same salt makes the same hashes everywhere.
	Salt string
}

// Detectors returns the names of what is known without a pattern.
func Detectors() []string { return []string{"aws_key", "bearer", "card", "email", "jwt"} }

// finder finds the next thing to take out of b from i on.
type finder struct {
	label string
	find  func(b []byte, i int) (start, end int)
	re    *regexp.Regexp // instead of find
}

// Redactor rewrites the bodies of events. It is used by one goroutine at a
// time: what it wrote is valid until it is used again.
type Redactor struct {
	finders []finder
	cards   bool
	action  Action
	mac     hash.Hash

	arena, inner, before, after, sum []byte
}

var _ sidelight.Processor = (*Redactor)(nil)

// New compiles cfg.
func New(cfg Config) (*Redactor, error) {
	r := &Redactor{action: cfg.Action, mac: hmac.New(sha256.New, []byte(cfg.Salt))}
	if r.action == "" {
		r.action = Mask
	}
	if !slices.Contains([]Action{Mask, Hash, Remove}, r.action) {
		return nil, fmt.Errorf("action: %q is not mask, hash or remove", cfg.Action)
	}
	for i, what := range cfg.What {
		f, ok := detector(what)
		if !ok {
			re, err := regexp.Compile(what)
			if err != nil {
				return nil, fmt.Errorf("what[%d]: %w", i, err)
			}
			if re.MatchString("") {
				return nil, fmt.Errorf("what[%d]: %q finds nothing everywhere", i, what)
			}
			f = finder{label: "redacted", re: re}
		}
		r.cards = r.cards || f.label == "card"
		r.finders = append(r.finders, f)
	}
	return r, nil
}

// Process rewrites the bodies. It never fails.
func (r *Redactor) Process(_ context.Context, b *sidelight.Batch) error {
	r.arena = r.arena[:0]
	for i := range b.Events {
		e := &b.Events[i]
		start := len(r.arena)
		changed := false
		if doc := jsonscan.Document(e.Body); doc.Kind == jsonscan.Object {
			changed = r.document(e.Body)
		} else {
			var text []byte
			if text, changed = r.text(e.Body); changed {
				r.arena = append(r.arena, text...)
			}
		}
		if !changed {
			r.arena = r.arena[:start]
			continue
		}
		e.Body = r.arena[start:len(r.arena):len(r.arena)]
	}
	return nil
}

// text returns b without what does not belong there, and whether that is
// different. The result is valid until the next call.
func (r *Redactor) text(b []byte) ([]byte, bool) {
	changed := false
	for i := range r.finders {
		f := &r.finders[i]
		var ok bool
		if f.re != nil {
			ok = r.pattern(f, b)
		} else {
			ok = r.detect(f, b)
		}
		if ok {
			r.before, r.after = r.after, r.before
			b, changed = r.before, true
		}
	}
	return b, changed
}

// detect writes b without what f finds to r.after.
func (r *Redactor) detect(f *finder, b []byte) bool {
	start, end := f.find(b, 0)
	if start < 0 {
		return false
	}
	out, from := r.after[:0], 0
	for start >= 0 {
		out = append(out, b[from:start]...)
		out = r.replace(out, f.label, b[start:end])
		from = end
		start, end = f.find(b, end)
	}
	r.after = append(out, b[from:]...)
	return true
}

// pattern is detect for a user's expression. Only lines in which it finds
// something cost allocations.
func (r *Redactor) pattern(f *finder, b []byte) bool {
	if !f.re.Match(b) {
		return false
	}
	out, from := r.after[:0], 0
	for _, m := range f.re.FindAllSubmatchIndex(b, -1) {
		if len(m) > 2 && m[2] >= 0 {
			m = m[2:]
		}
		out = append(out, b[from:m[0]]...)
		out = r.replace(out, f.label, b[m[0]:m[1]])
		from = m[1]
	}
	r.after = append(out, b[from:]...)
	return true
}

func (r *Redactor) replace(dst []byte, label string, found []byte) []byte {
	switch r.action {
	case Remove:
		return dst
	case Hash:
		r.mac.Reset()
		r.mac.Write(found)
		r.sum = r.mac.Sum(r.sum[:0])
		dst = append(append(append(dst, '['), label...), ':')
		dst = hex.AppendEncode(dst, r.sum[:8])
		return append(dst, ']')
	}
	return append(append(append(dst, '['), label...), ']')
}

// document appends the JSON text b to the arena, its strings and numbers
// redacted. Names of members stay.
func (r *Redactor) document(b []byte) bool {
	changed, from := false, 0
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c == '"':
			v := jsonscan.First(b[i:])
			if v.Kind != jsonscan.String {
				r.arena = append(r.arena, b[from:]...)
				return changed
			}
			end := i + len(v.Raw)
			if !isName(b[end:]) {
				if text, ok := r.text(r.chars(v)); ok {
					r.arena = append(r.arena, b[from:i]...)
					r.arena = wire.AppendString(r.arena, text)
					from, changed = end, true
				}
			}
			i = end
		case r.cards && (c >= '0' && c <= '9' || c == '-'):
			end := i
			for end < len(b) && number(b[end]) {
				end++
			}
			if start, stop := findCard(b[:end], i); start == i && stop == end {
				r.arena = append(r.arena, b[from:i]...)
				r.inner = r.replace(r.inner[:0], "card", b[i:end])
				r.arena = wire.AppendString(r.arena, r.inner)
				from, changed = end, true
			}
			i = end
		default:
			i++
		}
	}
	r.arena = append(r.arena, b[from:]...)
	return changed
}

func number(c byte) bool {
	return c >= '0' && c <= '9' || c == '.' || c == 'e' || c == 'E' || c == '-' || c == '+'
}

// isName reports whether what follows a string makes it a member's name.
func isName(rest []byte) bool {
	for _, c := range rest {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c == ':'
		}
	}
	return false
}

// chars returns the characters of the string v.
func (r *Redactor) chars(v jsonscan.Value) []byte {
	inner := v.Raw[1 : len(v.Raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	r.inner = jsonscan.Unescape(r.inner[:0], inner)
	return r.inner
}
