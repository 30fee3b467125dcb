package xraydoc

import (
	"strconv"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// writer appends a JSON document member by member.
type writer struct {
	dst []byte
	// limit is how many bytes of a text are kept, zero for all.
	limit int
}

// name begins a member: a comma if needed, the name and a colon. Names are
// written as they are.
func (w *writer) name(name string) {
	w.comma()
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '"', ':')
}

func (w *writer) comma() {
	if last := w.dst[len(w.dst)-1]; last != '{' && last != '[' {
		w.dst = append(w.dst, ',')
	}
}

// open begins a member that is an object and returns what shut needs.
func (w *writer) open(name string) (start, inside int) {
	start = len(w.dst)
	w.name(name)
	w.dst = append(w.dst, '{')
	return start, len(w.dst)
}

// shut ends the object that open began. An empty one is taken back.
func (w *writer) shut(start, inside int) {
	if len(w.dst) == inside {
		w.dst = w.dst[:start]
		return
	}
	w.dst = append(w.dst, '}')
}

// text writes a member unless s is empty.
func (w *writer) text(name string, s []byte) {
	if len(s) == 0 {
		return
	}
	w.name(name)
	w.dst = wire.AppendString(w.dst, otlpwire.Cut(s, w.limit))
}

// maxText is the length of most texts, in characters at X-Ray (developer guide,
// "Segment documents"), and in bytes here, to be below it in any count.
const maxText = 250

// short is text for what X-Ray bounds to maxText.
func (w *writer) short(name string, s []byte) {
	w.text(name, otlpwire.Cut(s, maxText))
}

func (w *writer) literal(name, s string) {
	w.name(name)
	w.dst = append(append(append(w.dst, '"'), s...), '"')
}

func (w *writer) number(name string, n int64) {
	w.name(name)
	w.dst = strconv.AppendInt(w.dst, n, 10)
}

func (w *writer) boolean(name string, b bool) {
	w.name(name)
	w.dst = strconv.AppendBool(w.dst, b)
}

// seconds writes Unix nanoseconds as seconds with six decimals, the precision
// that X-Ray recommends.
func (w *writer) seconds(name string, ns uint64) {
	w.name(name)
	w.dst = appendSeconds(w.dst, ns)
}

func appendSeconds(dst []byte, ns uint64) []byte {
	dst = strconv.AppendUint(dst, ns/1e9, 10)
	micros := ns % 1e9 / 1e3
	dst = append(dst, '.')
	for unit := uint64(1e5); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+micros/unit%10))
	}
	return dst
}

const hexDigits = "0123456789abcdef"

func appendHex(dst, id []byte) []byte {
	for _, c := range id {
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

func (w *writer) id(name string, id []byte) {
	w.name(name)
	w.dst = append(appendHex(append(w.dst, '"'), id), '"')
}

func (w *writer) traceID(name string, id []byte) {
	w.name(name)
	w.dst = append(AppendTraceID(append(w.dst, '"'), id), '"')
}

// AppendTraceID appends a trace id of 16 bytes in X-Ray's form: 1, eight hex
// digits and 24 hex digits, with dashes between.
func AppendTraceID(dst, id []byte) []byte {
	dst = appendHex(append(dst, '1', '-'), id[:4])
	return appendHex(append(dst, '-'), id[4:])
}

// value writes a member whose name is a text from outside.
func (w *writer) value(prefix string, a otlpwire.Attr) {
	w.comma()
	w.dst = append(append(w.dst, '"'), prefix...)
	w.dst = wire.AppendEscaped(w.dst, otlpwire.Cut(a.Key, w.limit))
	w.dst = append(w.dst, '"', ':')
	w.dst = otlpwire.AppendJSON(w.dst, a.Value, w.limit)
}
