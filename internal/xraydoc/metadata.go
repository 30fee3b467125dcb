package xraydoc

import (
	"bytes"
	"encoding/json"
	"math"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

const (
	// resourcePrefix stands before the names of a resource's attributes.
	resourcePrefix = "otel.resource."
	// maxAnnotations is X-Ray's limit for a whole trace.
	maxAnnotations = 50
	// maxAnnotation is how many characters an annotation's text may have,
	// maxAnnotationKey the bytes of its key.
	maxAnnotation    = 1000
	maxAnnotationKey = 500
)

// indexedNames collects what the span itself wants indexed.
func (x *translation) indexedNames() {
	x.d.names = x.d.names[:0]
	v := x.a.value(annotationKeys)
	if v.Kind != otlpwire.Array {
		return
	}
	v.Each(func(a otlpwire.Attr) bool {
		if a.Value.Kind == otlpwire.String {
			x.d.names = append(x.d.names, a.Value.Raw)
		}
		return len(x.d.names) < maxAnnotations
	})
}

func (x *translation) isIndexed(name []byte) bool {
	if x.cfg.IndexAll || x.indexed[string(name)] {
		return true
	}
	for _, n := range x.d.names {
		if bytes.Equal(n, name) {
			return true
		}
	}
	return false
}

// isAnnotation reports whether X-Ray takes a as an annotation.
func isAnnotation(a otlpwire.Attr) bool {
	if len(a.Key) == 0 || len(a.Key) > maxAnnotationKey {
		return false
	}
	switch a.Value.Kind {
	case otlpwire.Bool, otlpwire.Int:
		return true
	case otlpwire.Double:
		f := a.Value.Double()
		return !math.IsNaN(f) && !math.IsInf(f, 0)
	case otlpwire.String:
		return len(a.Value.Raw) <= maxAnnotation || utf8.RuneCount(a.Value.Raw) <= maxAnnotation
	}
	return false
}

// annotation writes a as an annotation. It reports false if there is one with
// the key already, as "a-b" and "a_b" become the same; inside is where the first
// one begins.
func (x *translation) annotation(prefix string, a otlpwire.Attr, inside int) bool {
	w := &x.w
	at := len(w.dst)
	w.comma()
	key := len(w.dst)
	w.dst = append(append(w.dst, '"'), prefix...)
	for _, c := range a.Key {
		w.dst = append(w.dst, inKey(c))
	}
	w.dst = append(w.dst, '"', ':')
	if hasMember(w.dst[inside-1:at], w.dst[key:]) {
		w.dst = w.dst[:at]
		return false
	}
	w.dst = otlpwire.AppendJSON(w.dst, a.Value, w.limit)
	x.annotations++
	return true
}

// inKey is what stands for c in an annotation's key.
func inKey(c byte) byte {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' {
		return c
	}
	return '_'
}

// hasMember reports whether an object of plain values, from its brace on, has a
// member of that name, which stands in quotes with its colon. Quotes in values
// have a backslash before them, so that no value looks like it.
func hasMember(object, name []byte) bool {
	for {
		at := bytes.Index(object, name)
		if at < 1 {
			return false
		}
		if c := object[at-1]; c == '{' || c == ',' {
			return true
		}
		object = object[at+1:]
	}
}

// annotate writes the annotations: of the resource, if this is a segment, and
// of the span.
func (x *translation) annotate(p plan) {
	w := &x.w
	start, inside := w.open("annotations")
	if !p.subsegment {
		for i, a := range x.r.attrs {
			if x.r.indexed[i] {
				x.annotation(resourcePrefix, a, inside)
			}
		}
	}
	x.a.useKind(annotationKeys, otlpwire.Array)
	if !p.derived {
		for i, a := range x.a.list {
			if x.annotations < maxAnnotations && x.isIndexed(a.Key) && !x.isControl(i) && isAnnotation(a) && x.annotation("", a, inside) {
				x.a.used[i] = true
			}
		}
	}
	w.shut(start, inside)
}

// isControl reports whether attribute i only says how to translate.
func (x *translation) isControl(i int) bool {
	at := uint16(i) + 1
	return at == x.a.at[annotationKeys] || at == x.a.at[inProgress]
}

// metadata writes all that has no other place, and the mark of a document that
// was cut.
func (x *translation) metadata(p plan, t trim, full int) {
	w := &x.w
	start, inside := w.open("metadata")
	if !t.noMetadata {
		x.defaultNamespace(p)
		if !p.derived {
			x.otherNamespaces()
			x.otel(p)
		}
	}
	if full > 0 {
		s, i := w.open("sidelight")
		w.boolean("trimmed", true)
		w.number("bytes", int64(full))
		if x.leftOut > 0 {
			w.number("left_out", int64(x.leftOut))
		}
		w.shut(s, i)
	}
	w.shut(start, inside)
}

func (x *translation) defaultNamespace(p plan) {
	w := &x.w
	start, inside := w.open("default")
	if !p.subsegment {
		for i, a := range x.r.attrs {
			if !x.r.indexed[i] {
				at := len(w.dst)
				w.value(resourcePrefix, a)
				x.fits(at)
			}
		}
	}
	if !p.derived {
		for i, a := range x.a.list {
			if x.a.used[i] {
				continue
			}
			at := len(w.dst)
			switch ns := namespaceOf(a.Key); {
			case ns == nil || !isOwn(ns, a.Value):
				w.value("", a)
			case string(ns) == "default":
				w.splice(a.Value.Raw)
			}
			x.fits(at)
		}
	}
	w.shut(start, inside)
}

const namespacePrefix = "aws.xray.metadata."

// namespaceOf returns the metadata namespace that an attribute's name asks for.
func namespaceOf(name []byte) []byte {
	if len(name) <= len(namespacePrefix) || string(name[:len(namespacePrefix)]) != namespacePrefix {
		return nil
	}
	return name[len(namespacePrefix):]
}

// isOwn reports whether v is a JSON object that can be the namespace ns.
func isOwn(ns []byte, v otlpwire.Value) bool {
	if v.Kind != otlpwire.String || string(ns) == "otel" || string(ns) == "sidelight" {
		return false
	}
	b := bytes.TrimSpace(v.Raw)
	return len(b) > 1 && b[0] == '{' && json.Valid(b)
}

// otherNamespaces writes the attributes that are metadata namespaces in JSON.
func (x *translation) otherNamespaces() {
	if !x.a.spliced {
		return
	}
	w := &x.w
	for i, a := range x.a.list {
		ns := namespaceOf(a.Key)
		if ns == nil || x.a.used[i] || string(ns) == "default" || !isOwn(ns, a.Value) {
			continue
		}
		at := len(w.dst)
		w.comma()
		w.dst = append(wire.AppendString(w.dst, ns), ':')
		w.dst = append(w.dst, bytes.TrimSpace(a.Value.Raw)...)
		x.fits(at)
	}
}

// fits takes back what was written from at on if the document would get too
// long by it, and counts it. It reports whether it did not.
func (x *translation) fits(at int) bool {
	if x.end == 0 || len(x.w.dst) <= x.end {
		return true
	}
	if len(x.w.dst) > at {
		x.w.dst = x.w.dst[:at]
		x.leftOut++
	}
	return false
}

// splice writes the members of a JSON object.
func (w *writer) splice(object []byte) {
	object = bytes.TrimSpace(object)
	if inner := bytes.TrimSpace(object[1 : len(object)-1]); len(inner) > 0 {
		w.comma()
		w.dst = append(w.dst, inner...)
	}
}
