// Package parse turns lines of text into JSON documents: logfmt, and whatever a
// regular expression with named groups describes. Lines that are not what they
// should be are passed on as they are.
package parse

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"sync/atomic"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Format appends the document that line means to dst. It reports false, and
// appends nothing, if line is not in the format.
type Format func(dst, line []byte) ([]byte, bool)

// Parser rewrites the bodies of events. It is used by one goroutine at a time:
// what it wrote is valid until it is used again.
type Parser struct {
	format Format
	key    string
	failed *atomic.Int64

	arena, text []byte
}

var _ sidelight.Processor = (*Parser)(nil)

// New returns a Parser for bodies in format. With a key, the line is the text
// of the member called so of a JSON document, and the members that it means
// take the member's place; failed, which may be nil, counts what was passed on
// as it is.
func New(format Format, key string, failed *atomic.Int64) *Parser {
	return &Parser{format: format, key: key, failed: failed}
}

// Process rewrites the bodies. It never fails.
func (p *Parser) Process(_ context.Context, b *sidelight.Batch) error {
	p.arena = p.arena[:0]
	for i := range b.Events {
		e := &b.Events[i]
		start := len(p.arena)
		var ok bool
		if p.key == "" {
			p.arena, ok = p.format(p.arena, e.Body)
		} else {
			p.arena, ok = p.lift(p.arena, e.Body)
		}
		if !ok {
			p.arena = p.arena[:start]
			if p.failed != nil {
				p.failed.Add(1)
			}
			continue
		}
		e.Body = p.arena[start:len(p.arena):len(p.arena)]
	}
	return nil
}

// lift appends body with what the member p.key means in the member's place.
func (p *Parser) lift(dst, body []byte) ([]byte, bool) {
	doc := jsonscan.Document(body)
	for sc := doc.Scan(); sc.Next(); {
		if sc.Value.Kind != jsonscan.String || !jsonscan.KeyIs(sc.Key, p.key) {
			continue
		}
		p.text = jsonscan.Unescape(p.text[:0], sc.Value.Raw[1:len(sc.Value.Raw)-1])
		start, end := sc.Span()
		// Back to the quote before the name, the colon and white space.
		head := bytes.LastIndexByte(doc.Raw[:start], ':')
		head = bytes.LastIndexByte(doc.Raw[:head], '"') - len(sc.Key) - 1
		dst = append(dst, doc.Raw[:head]...)
		at := len(dst)
		dst, ok := p.format(dst, p.text)
		if !ok || dst[at] != '{' || dst[len(dst)-1] != '}' {
			return dst, false
		}
		inner := bytes.TrimSpace(dst[at+1 : len(dst)-1])
		n := copy(dst[at:], inner)
		dst = dst[:at+n]
		rest := doc.Raw[end:]
		if n == 0 { // an empty object takes the comma behind it along
			rest = bytes.TrimPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(","))
			if len(rest) == 1 {
				dst = bytes.TrimRight(dst, ", \t\r\n")
			}
		}
		return append(dst, rest...), true
	}
	return dst, false
}

// JSON takes a line that is a JSON object.
func JSON(dst, line []byte) ([]byte, bool) {
	doc := jsonscan.Document(line)
	if doc.Kind != jsonscan.Object || !jsonscan.Valid(doc.Raw) {
		return dst, false
	}
	return append(dst, doc.Raw...), true
}

// Regexp returns a format of what re finds: each named group that takes part
// becomes a member. Finding groups costs an allocation a line, which package
// regexp makes.
func Regexp(re *regexp.Regexp) (Format, error) {
	var groups []int
	names := re.SubexpNames()
	for i, name := range names {
		if name != "" {
			groups = append(groups, i)
		}
	}
	if len(groups) == 0 {
		return nil, errors.New("expected at least one named group: (?P<name>…)")
	}
	return func(dst, line []byte) ([]byte, bool) {
		m := re.FindSubmatchIndex(line)
		if m == nil {
			return dst, false
		}
		dst = append(dst, '{')
		first := true
		for _, g := range groups {
			if m[2*g] < 0 {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = wire.AppendString(dst, []byte(names[g]))
			dst = append(dst, ':')
			dst = appendValue(dst, line[m[2*g]:m[2*g+1]])
		}
		return append(dst, '}'), true
	}, nil
}

// appendValue appends text as the JSON number or truth value that it is, or as
// a string.
func appendValue(dst, text []byte) []byte {
	if string(text) == "true" || string(text) == "false" || isNumber(text) {
		return append(dst, text...)
	}
	return wire.AppendString(dst, text)
}

// isNumber reports whether b is a number by JSON's grammar (RFC 8259, section
// 6) that fifteen digits hold, so that nothing of an identifier is lost.
func isNumber(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	n := digits(b)
	if n == 0 || n > 15 || n > 1 && b[0] == '0' {
		return false
	}
	if b = b[n:]; len(b) == 0 {
		return true
	}
	return b[0] == '.' && n+len(b) <= 16 && len(b) > 1 && digits(b[1:]) == len(b)-1
}

func digits(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}
