package otlp

import (
	"encoding/binary"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// validTraceID reports whether v is a trace id: 32 hex digits, or X-Ray's form,
// 1-8 digits-24 digits.
func validTraceID(v jsonscan.Value) bool {
	s := idText(v)
	if len(s) == 35 && s[0] == '1' && s[1] == '-' && s[10] == '-' {
		return areHex(s[2:10]) && areHex(s[11:]) && isNotZero(s[2:])
	}
	return len(s) == 32 && areHex(s) && isNotZero(s)
}

func validSpanID(v jsonscan.Value) bool {
	s := idText(v)
	return len(s) == 16 && areHex(s) && isNotZero(s)
}

func idText(v jsonscan.Value) []byte {
	if v.Kind != jsonscan.String {
		return nil
	}
	return v.Raw[1 : len(v.Raw)-1]
}

func areHex(s []byte) bool {
	for _, c := range s {
		if nibble(c) > 15 {
			return false
		}
	}
	return true
}

// isNotZero reports whether an id says anything; hyphens do not.
func isNotZero(s []byte) bool {
	for _, c := range s {
		if c != '0' && c != '-' {
			return true
		}
	}
	return false
}

// nibble returns the value of a hex digit, or 255.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// appendID appends a valid id as a field.
func appendID(dst []byte, field uint64, v jsonscan.Value) []byte {
	s := idText(v)
	size := 8
	if len(s) > 16 {
		size = 16
	}
	if len(s) == 35 {
		s = s[2:]
	}
	dst = binary.AppendUvarint(otlpwire.Open(dst, field), uint64(size))
	for i := 0; i+1 < len(s); i += 2 {
		if s[i] == '-' {
			i++
		}
		dst = append(dst, nibble(s[i])<<4|nibble(s[i+1]))
	}
	return dst
}
