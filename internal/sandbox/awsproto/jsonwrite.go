package awsproto

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// absent says that a member is left out: a nil, or an enumeration without a
// value. Numbers and booleans that are not pointers are always written, as a
// zero is a value of theirs.
func absent(pl *plan, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}

// indirect follows pointers to the value that pl describes.
func indirect(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	return v
}

// sortedKeys returns the keys of a map in order, for answers that do not change.
func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	order.By(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// unionValue returns the member's name and value of a union's concrete value.
func unionValue(p *plans, v reflect.Value) (string, *field, reflect.Value, error) {
	e := v.Elem()
	for e.Kind() == reflect.Pointer {
		e = e.Elem()
	}
	pl, err := p.of(e.Type())
	if err != nil {
		return "", nil, e, err
	}
	if pl.kind != kindStruct || len(pl.fields) != 1 {
		return "", nil, e, fmt.Errorf("write %v: not the member of a union", e.Type())
	}
	f := &pl.fields[0]
	return p.wireName("", memberOf(e.Type())), f, e.Field(f.index), nil
}

// timestamp splits t into seconds and milliseconds, the resolution of answers.
func timestamp(t time.Time) (sec, ms int64) {
	total := t.UnixMilli()
	sec, ms = total/1000, total%1000
	if ms < 0 {
		sec, ms = sec-1, ms+1000
	}
	return sec, ms
}

// jsonWriter appends JSON.
type jsonWriter struct {
	buf   []byte
	plans *plans
}

// appendJSON appends v, a structure or a value of any type with a plan.
func appendJSON(buf []byte, p *plans, v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	pl, err := p.of(rv.Type())
	if err != nil {
		return buf, err
	}
	w := jsonWriter{buf: buf, plans: p}
	err = w.value(pl, rv)
	return w.buf, err
}

func (w *jsonWriter) value(pl *plan, v reflect.Value) error {
	v = indirect(v)
	switch pl.kind {
	case kindString:
		w.buf = appendJSONString(w.buf, v.String())
	case kindBool:
		w.buf = strconv.AppendBool(w.buf, v.Bool())
	case kindInt:
		w.buf = strconv.AppendInt(w.buf, v.Int(), 10)
	case kindFloat:
		w.float(v.Float(), pl.bits)
	case kindTime:
		w.time(v.Interface().(time.Time))
	case kindBlob:
		w.buf = append(w.buf, '"')
		w.buf = base64.StdEncoding.AppendEncode(w.buf, v.Bytes())
		w.buf = append(w.buf, '"')
	case kindList:
		return w.list(pl, v)
	case kindMap:
		return w.dictionary(pl, v)
	case kindStruct:
		return w.structure(pl, v)
	case kindUnion:
		return w.union(v)
	case kindAny:
		return w.any(v)
	}
	return nil
}

func (w *jsonWriter) float(f float64, bits int) {
	switch {
	case finite(f):
		w.buf = strconv.AppendFloat(w.buf, f, floatFormat(f), -1, bits)
	case math.IsNaN(f):
		w.buf = append(w.buf, `"NaN"`...)
	case f > 0:
		w.buf = append(w.buf, `"Infinity"`...)
	default:
		w.buf = append(w.buf, `"-Infinity"`...)
	}
}

// floatFormat is plain notation where it is short.
func floatFormat(f float64) byte {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return 'e'
	}
	return 'f'
}

func (w *jsonWriter) time(t time.Time) {
	sec, ms := timestamp(t)
	if ms == 0 {
		w.buf = strconv.AppendInt(w.buf, sec, 10)
		return
	}
	w.buf = strconv.AppendFloat(w.buf, float64(t.UnixMilli())/1000, 'f', -1, 64)
}

func (w *jsonWriter) list(pl *plan, v reflect.Value) error {
	w.buf = append(w.buf, '[')
	for i := range v.Len() {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		if err := w.value(pl.elem, v.Index(i)); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, ']')
	return nil
}

func (w *jsonWriter) dictionary(pl *plan, v reflect.Value) error {
	w.buf = append(w.buf, '{')
	for i, k := range sortedKeys(v) {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.key(k.String())
		if err := w.value(pl.elem, v.MapIndex(k)); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, '}')
	return nil
}

func (w *jsonWriter) key(name string) {
	w.buf = append(appendJSONString(w.buf, name), ':')
}

func (w *jsonWriter) structure(pl *plan, v reflect.Value) error {
	w.buf = append(w.buf, '{')
	first := true
	for i := range pl.fields {
		f := &pl.fields[i]
		fv := v.Field(f.index)
		if absent(f.plan, fv) {
			continue
		}
		if !first {
			w.buf = append(w.buf, ',')
		}
		first = false
		w.key(f.name)
		if err := w.value(f.plan, fv); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, '}')
	return nil
}

func (w *jsonWriter) union(v reflect.Value) error {
	name, f, e, err := unionValue(w.plans, v)
	if err != nil {
		return err
	}
	w.buf = append(w.buf, '{')
	w.key(name)
	if err := w.value(f.plan, e); err != nil {
		return err
	}
	w.buf = append(w.buf, '}')
	return nil
}

func (w *jsonWriter) any(v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		w.buf = append(w.buf, "null"...)
		return nil
	}
	pl, err := w.plans.of(v.Type())
	if err != nil {
		return err
	}
	return w.value(pl, v)
}

// appendJSONString appends s quoted. Invalid UTF-8 becomes U+FFFD.
func appendJSONString(buf []byte, s string) []byte {
	buf = append(buf, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				buf = append(append(buf, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		buf = append(buf, s[start:i]...)
		buf = appendEscape(buf, c)
		i++
		start = i
	}
	return append(append(buf, s[start:]...), '"')
}

func appendEscape(buf []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(buf, '\\', c)
	case '\n':
		return append(buf, `\n`...)
	case '\r':
		return append(buf, `\r`...)
	case '\t':
		return append(buf, `\t`...)
	}
	const hex = "0123456789abcdef"
	return append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
