package insights

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// dateFormat is a compiled pattern of formatDate, strftime and parseDate.
type dateFormat []dateElement

// dateElement is a letter of Java's DateTimeFormatter with how often it
// stands, or literal text.
type dateElement struct {
	letter  byte
	width   int
	literal string
}

// dateLetters are the letters that are understood.
const dateLetters = "yuMLdDHhmsSaEzZXxe"

// strftimeLetters are the conversions of strftime in terms of the letters; e
// stands for seconds since the epoch.
var strftimeLetters = map[byte]string{
	'Y': "yyyy", 'y': "yy", 'm': "MM", 'd': "dd", 'e': "d", 'H': "HH", 'I': "hh", 'M': "mm", 'S': "ss", 'L': "SSS", 'f': "SSSSSS",
	'j': "DDD", 'p': "a", 'a': "EEE", 'A': "EEEE", 'b': "MMM", 'B': "MMMM", 'Z': "z", 'z': "Z", 's': "e",
	'T': "HH:mm:ss", 'F': "yyyy-MM-dd", 'R': "HH:mm", '%': "'%'",
}

// parseDateFormat compiles a pattern: with a percent sign in it, one of
// strftime, else one of Java.
func parseDateFormat(pattern string) (dateFormat, error) {
	if !strings.Contains(pattern, "%") {
		return parseJavaFormat(pattern)
	}
	var f dateFormat
	for pattern != "" {
		if pattern[0] != '%' {
			f = f.text(pattern[:1])
			pattern = pattern[1:]
			continue
		}
		if len(pattern) < 2 || strftimeLetters[pattern[1]] == "" {
			return nil, fmt.Errorf("unknown conversion %q", pattern[:min(2, len(pattern))])
		}
		sub, err := parseJavaFormat(strftimeLetters[pattern[1]])
		if err != nil {
			return nil, err
		}
		f = append(f, sub...)
		pattern = pattern[2:]
	}
	return f, nil
}

func parseJavaFormat(pattern string) (dateFormat, error) {
	var f dateFormat
	for pattern != "" {
		c := pattern[0]
		switch {
		case c == '\'':
			literal, rest, ok := strings.Cut(pattern[1:], "'")
			if !ok {
				return nil, fmt.Errorf("quote %q is not closed", pattern)
			}
			if literal == "" {
				literal = "'"
			}
			f = f.text(literal)
			pattern = rest
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			if strings.IndexByte(dateLetters, c) < 0 {
				return nil, fmt.Errorf("unknown letter %q", string(c))
			}
			n := len(pattern) - len(strings.TrimLeft(pattern, string(c)))
			f = append(f, dateElement{letter: c, width: n})
			pattern = pattern[n:]
		default:
			f = f.text(pattern[:1])
			pattern = pattern[1:]
		}
	}
	return f, nil
}

func (f dateFormat) text(s string) dateFormat {
	if n := len(f); n > 0 && f[n-1].letter == 0 {
		f[n-1].literal += s
		return f
	}
	return append(f, dateElement{literal: s})
}

// appendTo writes t.
func (f dateFormat) appendTo(dst []byte, t time.Time) []byte {
	for _, el := range f {
		dst = el.appendTo(dst, t)
	}
	return dst
}

func (el dateElement) appendTo(dst []byte, t time.Time) []byte {
	switch el.letter {
	case 0:
		return append(dst, el.literal...)
	case 'S':
		return append(dst, fmt.Sprintf("%09d", t.Nanosecond())[:min(el.width, 9)]...)
	case 'e':
		return strconv.AppendInt(dst, t.Unix(), 10)
	}
	if layout := el.layout(); layout != "" {
		return t.AppendFormat(dst, layout)
	}
	n := el.number(t)
	if el.width == 2 && (el.letter == 'y' || el.letter == 'u') {
		n %= 100
	}
	return fmt.Appendf(dst, "%0*d", el.width, n)
}

// layout is Go's name for an element that is not just a number.
func (el dateElement) layout() string {
	pick := func(short, long string) string {
		if el.width > 3 {
			return long
		}
		return short
	}
	switch el.letter {
	case 'M', 'L':
		if el.width > 2 {
			return pick("Jan", "January")
		}
	case 'E':
		return pick("Mon", "Monday")
	case 'a':
		return "PM"
	case 'z':
		return "MST"
	case 'Z':
		return "-0700"
	case 'X':
		if el.width < 3 {
			return "Z0700"
		}
		return "Z07:00"
	case 'x':
		if el.width < 3 {
			return "-0700"
		}
		return "-07:00"
	}
	return ""
}

// number is the value of an element that is one.
func (el dateElement) number(t time.Time) int {
	switch el.letter {
	case 'y', 'u':
		return t.Year()
	case 'M', 'L':
		return int(t.Month())
	case 'd':
		return t.Day()
	case 'D':
		return t.YearDay()
	case 'H':
		return t.Hour()
	case 'h':
		return (t.Hour()+11)%12 + 1
	case 'm':
		return t.Minute()
	}
	return t.Second()
}
