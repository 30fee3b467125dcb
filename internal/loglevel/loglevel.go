// Package loglevel finds out how severe a log event is, from the members of a
// JSON document or the words of a line. It looks at bytes where they lie and
// allocates nothing.
package loglevel

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// Level is a severity. Greater is worse.
type Level uint8

// The levels. Unknown is that of an event which does not say.
const (
	Unknown Level = iota
	Trace
	Debug
	Info
	Notice
	Warn
	Error
	Critical
	Fatal
	// Count is the number of levels, Unknown included.
	Count = int(Fatal) + 1
)

// Names returns the names of the levels from trace to fatal.
func Names() []string {
	return []string{"trace", "debug", "info", "notice", "warn", "error", "critical", "fatal"}
}

// String returns the level's name, "unknown" for Unknown.
func (l Level) String() string {
	if l == Unknown || int(l) >= Count {
		return "unknown"
	}
	return Names()[l-1]
}

// longest is the length of the longest word that Parse knows.
const longest = len("information")

// Parse returns the level that word names in any case, by the names that
// loggers of the common languages use. It returns Unknown for other words.
func Parse(word []byte) Level {
	var buf [longest]byte
	if len(word) > longest {
		return Unknown
	}
	low := buf[:len(word)]
	for i, c := range word {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	switch string(low) {
	case "trace", "trc", "finest", "finer", "verbose", "silly":
		return Trace
	case "debug", "dbg", "fine", "config":
		return Debug
	case "info", "inf", "information", "default":
		return Info
	case "notice":
		return Notice
	case "warn", "warning", "wrn":
		return Warn
	case "error", "err", "severe", "eror":
		return Error
	case "critical", "crit", "alert":
		return Critical
	case "fatal", "ftl", "panic", "emerg", "emergency", "dpanic":
		return Fatal
	}
	return Unknown
}

// Of returns the level of an event's body, a JSON object or a line of text.
func Of(body []byte) Level {
	if doc := jsonscan.Document(body); doc.Kind == jsonscan.Object {
		return ofDocument(doc)
	}
	return ofText(body)
}

// isName reports whether key is what loggers call the level.
func isName(key []byte) bool {
	switch string(key) {
	case "level", "severity", "lvl", "log.level", "levelname", "level_name", "loglevel", "logLevel", "severityText",
		"severity_text", "Level", "LEVEL", "@l", "LogLevel":
		return true
	}
	return false
}

// ofDocument looks for a member that is a level. The records of containers have
// none but the line that was written, so that its text decides last.
func ofDocument(doc jsonscan.Value) Level {
	var text []byte
	for s := doc.Scan(); s.Next(); {
		v := s.Value
		if !isName(s.Key) {
			if v.Kind == jsonscan.String && isText(s.Key) {
				text = v.Raw[1 : len(v.Raw)-1]
			}
			continue
		}
		switch v.Kind {
		case jsonscan.String:
			if l := Parse(v.Raw[1 : len(v.Raw)-1]); l != Unknown {
				return l
			}
		case jsonscan.Number:
			return ofNumber(v.Raw)
		}
	}
	return ofText(text)
}

// isText reports whether key is what loggers call the text.
func isText(key []byte) bool {
	switch string(key) {
	case "log", "message", "msg":
		return true
	}
	return false
}

// ofNumber reads the numbers of bunyan and pino: 10 for trace to 60 for fatal.
func ofNumber(b []byte) Level {
	if len(b) != 2 || b[1] != '0' {
		return Unknown
	}
	switch b[0] {
	case '1':
		return Trace
	case '2':
		return Debug
	case '3':
		return Info
	case '4':
		return Warn
	case '5':
		return Error
	case '6':
		return Fatal
	}
	return Unknown
}

// lookAt is how far into a line its level is looked for.
const lookAt = 160

// ofText looks for the first word that can only be a level: one in capitals,
// one in brackets, or one behind "level=". Lines that a runtime writes when a
// program dies have levels by how they begin.
func ofText(b []byte) Level {
	if l := klog(b); l != Unknown {
		return l
	}
	switch {
	case bytes.HasPrefix(b, []byte("panic: ")), bytes.HasPrefix(b, []byte("fatal error: ")):
		return Fatal
	case bytes.HasPrefix(b, []byte("Traceback (most recent")), bytes.HasPrefix(b, []byte("Exception in thread ")):
		return Error
	}
	b = b[:min(len(b), lookAt)]
	for i := 0; i < len(b); {
		if !letter(b[i]) {
			i++
			continue
		}
		start := i
		for i < len(b) && letter(b[i]) {
			i++
		}
		if i-start < 3 || start > 0 && digit(b[start-1]) || i < len(b) && digit(b[i]) {
			continue
		}
		if marked(b, start, i) {
			if l := Parse(b[start:i]); l != Unknown {
				return l
			}
		}
	}
	return Unknown
}

// marked reports whether the word b[start:end] stands as levels stand.
func marked(b []byte, start, end int) bool {
	if start > 0 && b[start-1] == '[' && end < len(b) && b[end] == ']' {
		return true
	}
	if start > 0 && b[start-1] == '=' || start > 1 && b[start-1] == '"' && b[start-2] == '=' {
		before := bytes.TrimRight(b[:start], `="`)
		return bytes.HasSuffix(before, []byte("level")) || bytes.HasSuffix(before, []byte("lvl")) || bytes.HasSuffix(before, []byte("severity"))
	}
	for _, c := range b[start:end] {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// klog reads the head of Kubernetes' own lines: "I1122 15:04:05.000000".
func klog(b []byte) Level {
	if len(b) < 6 || b[5] != ' ' {
		return Unknown
	}
	for _, c := range b[1:5] {
		if !digit(c) {
			return Unknown
		}
	}
	switch b[0] {
	case 'I':
		return Info
	case 'W':
		return Warn
	case 'E':
		return Error
	case 'F':
		return Fatal
	}
	return Unknown
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
