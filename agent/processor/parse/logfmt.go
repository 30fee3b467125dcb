package parse

import (
	"bytes"
	"strconv"

	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Logfmt takes a line of pairs: level=info msg="hello world" took=3ms cached.
// Values may be in quotes with Go's escapes; a name without a value is true.
// A line whose first pair has no equals sign is no logfmt.
func Logfmt(dst, line []byte) ([]byte, bool) {
	rest := bytes.TrimSpace(line)
	if len(rest) == 0 || !startsPair(rest) {
		return dst, false
	}
	dst = append(dst, '{')
	for first := true; len(rest) > 0; first = false {
		n := nameEnd(rest)
		if n == 0 {
			return dst, false
		}
		if !first {
			dst = append(dst, ',')
		}
		dst = wire.AppendString(dst, rest[:n])
		dst = append(dst, ':')
		if rest = rest[n:]; len(rest) == 0 || rest[0] != '=' {
			dst = append(dst, "true"...)
		} else {
			var ok bool
			if dst, rest, ok = appendPairValue(dst, rest[1:]); !ok {
				return dst, false
			}
		}
		rest = bytes.TrimLeft(rest, " \t")
	}
	return append(dst, '}'), true
}

// startsPair reports whether b begins with a name and an equals sign.
func startsPair(b []byte) bool {
	n := nameEnd(b)
	return n > 0 && n < len(b) && b[n] == '='
}

// nameEnd returns the length of the name that b begins with.
func nameEnd(b []byte) int {
	for i, c := range b {
		if c <= ' ' || c == '=' || c == '"' {
			return i
		}
	}
	return len(b)
}

// appendPairValue appends the value that b begins with and returns what follows.
func appendPairValue(dst, b []byte) ([]byte, []byte, bool) {
	if len(b) == 0 || b[0] != '"' {
		n := 0
		for n < len(b) && b[n] != ' ' && b[n] != '\t' {
			n++
		}
		return appendValue(dst, b[:n]), b[n:], true
	}
	end, escapes := 1, false
	for ; end < len(b) && b[end] != '"'; end++ {
		if b[end] == '\\' {
			escapes = true
			end++
		}
	}
	if end >= len(b) {
		return dst, b, false
	}
	if !escapes {
		return wire.AppendString(dst, b[1:end]), b[end+1:], true
	}
	text, err := strconv.Unquote(string(b[:end+1]))
	if err != nil {
		return wire.AppendString(dst, b[1:end]), b[end+1:], true
	}
	return wire.AppendString(dst, []byte(text)), b[end+1:], true
}
