package awsproto

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// xmlWriter appends the XML of the query protocol: lists as <member>, maps as
// <entry><key/><value/></entry>, times in ISO 8601 with milliseconds.
type xmlWriter struct {
	buf   []byte
	plans *plans
}

// appendXML appends the members of v, a pointer to a structure.
func appendXML(buf []byte, p *plans, v any) ([]byte, error) {
	rv := indirect(reflect.ValueOf(v))
	pl, err := p.of(rv.Type())
	if err != nil {
		return buf, err
	}
	w := xmlWriter{buf: buf, plans: p}
	err = w.value(pl, rv)
	return w.buf, err
}

func (w *xmlWriter) open(name string)  { w.buf = append(append(append(w.buf, '<'), name...), '>') }
func (w *xmlWriter) close(name string) { w.buf = append(append(append(w.buf, "</"...), name...), '>') }

func (w *xmlWriter) element(name string, pl *plan, v reflect.Value) error {
	w.open(name)
	err := w.value(pl, v)
	w.close(name)
	return err
}

func (w *xmlWriter) value(pl *plan, v reflect.Value) error {
	v = indirect(v)
	switch pl.kind {
	case kindString:
		w.buf = appendXMLText(w.buf, v.String())
	case kindBool:
		w.buf = strconv.AppendBool(w.buf, v.Bool())
	case kindInt:
		w.buf = strconv.AppendInt(w.buf, v.Int(), 10)
	case kindFloat:
		w.float(v.Float())
	case kindTime:
		w.buf = v.Interface().(time.Time).UTC().AppendFormat(w.buf, "2006-01-02T15:04:05.000Z")
	case kindBlob:
		w.buf = base64.StdEncoding.AppendEncode(w.buf, v.Bytes())
	case kindList:
		for i := range v.Len() {
			if err := w.element("member", pl.elem, v.Index(i)); err != nil {
				return err
			}
		}
	case kindMap:
		return w.dictionary(pl, v)
	case kindStruct:
		return w.structure(pl, v)
	case kindUnion:
		name, f, e, err := unionValue(w.plans, v)
		if err != nil {
			return err
		}
		return w.element(name, f.plan, e)
	case kindAny:
		return w.any(v)
	}
	return nil
}

func (w *xmlWriter) float(f float64) {
	switch {
	case finite(f):
		w.buf = strconv.AppendFloat(w.buf, f, floatFormat(f), -1, 64)
	case math.IsNaN(f):
		w.buf = append(w.buf, "NaN"...)
	case f > 0:
		w.buf = append(w.buf, "Infinity"...)
	default:
		w.buf = append(w.buf, "-Infinity"...)
	}
}

func (w *xmlWriter) dictionary(pl *plan, v reflect.Value) error {
	for _, k := range sortedKeys(v) {
		w.open("entry")
		w.open("key")
		w.buf = appendXMLText(w.buf, k.String())
		w.close("key")
		if err := w.element("value", pl.elem, v.MapIndex(k)); err != nil {
			return err
		}
		w.close("entry")
	}
	return nil
}

func (w *xmlWriter) structure(pl *plan, v reflect.Value) error {
	for i := range pl.fields {
		f := &pl.fields[i]
		fv := v.Field(f.index)
		if absent(f.plan, fv) {
			continue
		}
		if err := w.element(f.name, f.plan, fv); err != nil {
			return err
		}
	}
	return nil
}

func (w *xmlWriter) any(v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	pl, err := w.plans.of(v.Type())
	if err != nil {
		return err
	}
	return w.value(pl, v)
}

// appendXMLText appends s escaped. Characters that XML 1.0 cannot carry become
// U+FFFD.
func appendXMLText(buf []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '<':
			buf = append(buf, "&lt;"...)
		case r == '>':
			buf = append(buf, "&gt;"...)
		case r == '&':
			buf = append(buf, "&amp;"...)
		case r == '"':
			buf = append(buf, "&quot;"...)
		case r == '\r': // kept from the parser's newline rule
			buf = append(buf, "&#xD;"...)
		case r < 0x20 && r != '\t' && r != '\n', r == 0xfffe, r == 0xffff:
			buf = append(buf, "\ufffd"...)
		default:
			buf = utf8.AppendRune(buf, r)
		}
	}
	return buf
}
