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

func appendAnnotation(dst []byte, prefix string, a otlpwire.Attr, limit int) []byte {
	if last := dst[len(dst)-1]; last != '{' {
		dst = append(dst, ',')
	}
	dst = append(append(dst, '"'), prefix...)
	for _, c := range a.Key {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '_')
	}
	return otlpwire.AppendJSON(append(dst, '"', ':'), a.Value, limit)
}

// annotate writes the annotations: of the resource, if this is a segment, and
// of the span.
func (x *translation) annotate(p plan) {
	w := &x.w
	start, inside := w.open("annotations")
	if !p.subsegment {
		for i, a := range x.r.attrs {
			if x.annotations < maxAnnotations && x.r.indexed[i] {
				x.annotations++
				w.dst = appendAnnotation(w.dst, resourcePrefix, a, w.limit)
			}
		}
	}
	x.a.use(annotationKeys)
	if !p.derived {
		for i, a := range x.a.list {
			if x.annotations < maxAnnotations && x.isIndexed(a.Key) && !x.isControl(i) && isAnnotation(a) {
				x.annotations++
				x.a.used[i] = true
				w.dst = appendAnnotation(w.dst, "", a, w.limit)
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
			x.events()
		}
	}
	if full > 0 {
		s, i := w.open("sidelight")
		w.boolean("trimmed", true)
		w.number("bytes", int64(full))
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
				w.value(resourcePrefix, a)
			}
		}
	}
	if !p.derived {
		for i, a := range x.a.list {
			if x.a.used[i] {
				continue
			}
			switch ns := namespaceOf(a.Key); {
			case ns == nil || !isOwn(ns, a.Value):
				w.value("", a)
			case string(ns) == "default":
				w.splice(a.Value.Raw)
			}
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
		w.comma()
		w.dst = append(wire.AppendString(w.dst, ns), ':')
		w.dst = append(w.dst, bytes.TrimSpace(a.Value.Raw)...)
	}
}

// splice writes the members of a JSON object.
func (w *writer) splice(object []byte) {
	object = bytes.TrimSpace(object)
	if inner := bytes.TrimSpace(object[1 : len(object)-1]); len(inner) > 0 {
		w.comma()
		w.dst = append(w.dst, inner...)
	}
}

// events writes the span's events, without what the cause tells of them.
func (x *translation) events() {
	w := &x.w
	if len(x.s.Events) == 0 {
		return
	}
	start, inside := w.open("otel")
	w.name("events")
	w.dst = append(w.dst, '[')
	for i := range x.s.Events {
		e := &x.s.Events[i]
		w.comma()
		w.dst = append(w.dst, '{')
		w.seconds("time", e.Time)
		w.text("name", e.Name)
		s, in := w.open("attributes")
		for _, a := range e.Attrs {
			if !x.isTold(i, a.Key) {
				w.value("", a)
			}
		}
		w.shut(s, in)
		w.dst = append(w.dst, '}')
	}
	w.dst = append(w.dst, ']')
	w.shut(start, inside)
}

// isTold reports whether the cause tells the attribute of event i.
func (x *translation) isTold(i int, name []byte) bool {
	if i >= 64 {
		return false
	}
	switch string(name) {
	case "exception.type", "exception.message":
		return x.told.but>>i&1 == 1
	case "exception.stacktrace":
		return x.told.whole>>i&1 == 1
	}
	return false
}
