package awsproto

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"time"
)

// cborWriter appends CBOR in definite lengths where the length is known and
// indefinite ones for structures, whose members may be absent.
type cborWriter struct {
	buf   []byte
	plans *plans
}

// appendCBOR appends v, a structure or a value of any type with a plan.
func appendCBOR(buf []byte, p *plans, v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	pl, err := p.of(rv.Type())
	if err != nil {
		return buf, err
	}
	w := cborWriter{buf: buf, plans: p}
	err = w.value(pl, rv)
	return w.buf, err
}

func (w *cborWriter) head(major byte, n uint64) {
	major <<= 5
	switch {
	case n < 24:
		w.buf = append(w.buf, major|byte(n))
	case n <= math.MaxUint8:
		w.buf = append(w.buf, major|24, byte(n))
	case n <= math.MaxUint16:
		w.buf = binary.BigEndian.AppendUint16(append(w.buf, major|25), uint16(n))
	case n <= math.MaxUint32:
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, major|26), uint32(n))
	default:
		w.buf = binary.BigEndian.AppendUint64(append(w.buf, major|27), n)
	}
}

func (w *cborWriter) open(major byte) { w.buf = append(w.buf, major<<5|infoIndefinite) }
func (w *cborWriter) close()          { w.buf = append(w.buf, cborBreak) }

func (w *cborWriter) text(s string) {
	s = strings.ToValidUTF8(s, "\ufffd")
	w.head(majorText, uint64(len(s)))
	w.buf = append(w.buf, s...)
}

func (w *cborWriter) integer(n int64) {
	if n < 0 {
		w.head(majorNegative, uint64(-1-n))
		return
	}
	w.head(majorUint, uint64(n))
}

func (w *cborWriter) float(f float64) {
	w.buf = binary.BigEndian.AppendUint64(append(w.buf, majorSimple<<5|infoDouble), math.Float64bits(f))
}

// time is tag 1 on whole seconds, or on a double if there is a fraction. A
// single would lose a minute, and the Go client refuses times without the tag.
func (w *cborWriter) time(t time.Time) {
	w.head(majorTag, tagEpoch)
	sec, ms := timestamp(t)
	if ms == 0 {
		w.integer(sec)
		return
	}
	w.float(float64(t.UnixMilli()) / 1000)
}

func (w *cborWriter) value(pl *plan, v reflect.Value) error {
	v = indirect(v)
	switch pl.kind {
	case kindString:
		w.text(v.String())
	case kindBool:
		b := byte(simpleFalse)
		if v.Bool() {
			b = simpleTrue
		}
		w.buf = append(w.buf, majorSimple<<5|b)
	case kindInt:
		w.integer(v.Int())
	case kindFloat:
		w.float(v.Float())
	case kindTime:
		w.time(v.Interface().(time.Time))
	case kindBlob:
		w.head(majorBytes, uint64(v.Len()))
		w.buf = append(w.buf, v.Bytes()...)
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

func (w *cborWriter) list(pl *plan, v reflect.Value) error {
	w.head(majorList, uint64(v.Len()))
	for i := range v.Len() {
		if err := w.value(pl.elem, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (w *cborWriter) dictionary(pl *plan, v reflect.Value) error {
	w.head(majorMap, uint64(v.Len()))
	for _, k := range sortedKeys(v) {
		w.text(k.String())
		if err := w.value(pl.elem, v.MapIndex(k)); err != nil {
			return err
		}
	}
	return nil
}

func (w *cborWriter) structure(pl *plan, v reflect.Value) error {
	w.open(majorMap)
	for i := range pl.fields {
		f := &pl.fields[i]
		fv := v.Field(f.index)
		if absent(f.plan, fv) {
			continue
		}
		w.text(f.name)
		if err := w.value(f.plan, fv); err != nil {
			return err
		}
	}
	w.close()
	return nil
}

func (w *cborWriter) union(v reflect.Value) error {
	name, f, e, err := unionValue(w.plans, v)
	if err != nil {
		return err
	}
	w.head(majorMap, 1)
	w.text(name)
	return w.value(f.plan, e)
}

func (w *cborWriter) any(v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		w.buf = append(w.buf, majorSimple<<5|simpleNull)
		return nil
	}
	pl, err := w.plans.of(v.Type())
	if err != nil {
		return err
	}
	return w.value(pl, v)
}
