package syslog

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Structured data with more elements, or more parameters in one, is kept as the
// text that it is.
const (
	maxElements = 32
	maxParams   = 64
)

// param is name="value", its value as it is written, with escapes.
type param struct{ name, value []byte }

// dataEnd returns the length of the structured data that b begins with (RFC 5424,
// 6.3), 0 if it is none.
func dataEnd(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	if b[0] == '-' && (len(b) == 1 || b[1] == ' ') {
		return 1
	}
	i := 0
	for i < len(b) && b[i] == '[' {
		_, rest, ok := name(b[i+1:])
		if !ok {
			return 0
		}
		for len(rest) > 0 && rest[0] == ' ' {
			if _, rest, ok = readParam(rest[1:]); !ok {
				return 0
			}
		}
		if len(rest) == 0 || rest[0] != ']' {
			return 0
		}
		i = len(b) - len(rest) + 1
	}
	if i < len(b) && b[i] != ' ' {
		return 0
	}
	return i
}

// name cuts an SD-NAME off b.
func name(b []byte) (n, rest []byte, ok bool) {
	i := 0
	for i < len(b) && b[i] > ' ' && b[i] != '=' && b[i] != ']' && b[i] != '"' {
		i++
	}
	return b[:i], b[i:], i > 0
}

// readParam cuts a parameter off b.
func readParam(b []byte) (p param, rest []byte, ok bool) {
	p.name, rest, ok = name(b)
	if !ok || len(rest) < 2 || rest[0] != '=' || rest[1] != '"' {
		return p, b, false
	}
	rest = rest[2:]
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			p.value = rest[:i]
			return p, rest[i+1:], true
		}
	}
	return p, b, false
}

// appendData writes structured data that dataEnd has measured as an object of
// objects. What such an object cannot say, as it has too many parts or an element
// twice, becomes a string.
func appendData(dst, data []byte) []byte {
	var ids [maxElements][]byte
	start, n := len(dst), 0
	dst = append(dst, '{')
	for b := data; len(b) > 0; n++ {
		id, rest, _ := name(b[1:])
		if n == maxElements || contains(ids[:n], id) {
			return wire.AppendString(dst[:start], data)
		}
		ids[n] = id
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(wire.AppendString(dst, id), ':')
		var ok bool
		if dst, b, ok = appendParams(dst, rest); !ok {
			return wire.AppendString(dst[:start], data)
		}
	}
	return append(dst, '}')
}

func contains(ids [][]byte, id []byte) bool {
	for _, other := range ids {
		if bytes.Equal(other, id) {
			return true
		}
	}
	return false
}

// appendParams writes the parameters up to the closing bracket as an object and
// returns what follows the bracket. Parameters of one name become an array, as
// RFC 5424, 6.3.3, allows to repeat them. It reports false if there are too many.
func appendParams(dst, b []byte) ([]byte, []byte, bool) {
	var all [maxParams]param
	n := 0
	for ; b[0] == ' '; n++ {
		if n == maxParams {
			return dst, nil, false
		}
		all[n], b, _ = readParam(b[1:])
	}
	dst = append(dst, '{')
	for i := range n {
		if all[i].name == nil {
			continue // in the array of one before
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(wire.AppendString(dst, all[i].name), ':')
		dst = appendValues(dst, all[i:n])
	}
	return append(dst, '}'), b[1:], true
}

// appendValues writes the value of the first of params, or those of all that
// have its name, whose names it removes.
func appendValues(dst []byte, params []param) []byte {
	start, first, n := len(dst), params[0].name, 0
	for i := range params {
		if !bytes.Equal(params[i].name, first) {
			continue
		}
		params[i].name = nil
		if n++; n == 2 {
			dst = append(dst, 0)
			copy(dst[start+1:], dst[start:])
			dst[start] = '['
		}
		if n > 1 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, params[i].value)
	}
	if n > 1 {
		dst = append(dst, ']')
	}
	return dst
}

// appendValue writes a value without the backslashes before quotes, backslashes
// and brackets. Before any other character a backslash is one.
func appendValue(dst, v []byte) []byte {
	dst = append(dst, '"')
	for {
		i := bytes.IndexByte(v, '\\')
		if i < 0 || i+1 >= len(v) {
			break
		}
		if c := v[i+1]; c == '"' || c == '\\' || c == ']' {
			dst = wire.AppendEscaped(dst, v[:i])
			dst = wire.AppendEscaped(dst, v[i+1:i+2])
			v = v[i+2:]
		} else {
			dst = wire.AppendEscaped(dst, v[:i+1])
			v = v[i+1:]
		}
	}
	return append(wire.AppendEscaped(dst, v), '"')
}
