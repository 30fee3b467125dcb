package xraydoc

// maxLinks is how many links X-Ray takes on one segment.
const maxLinks = 20

// links writes the links to other spans, as far as X-Ray takes them.
func (x *translation) links(p plan, t trim) {
	w := &x.w
	if !p.links || len(x.s.Links) == 0 {
		return
	}
	start := len(w.dst)
	w.name("links")
	w.dst = append(w.dst, '[')
	n := 0
	for i := range x.s.Links {
		if n == maxLinks {
			break
		}
		if x.isLink(i) {
			n++
			x.link(i, t)
		}
	}
	w.dst = append(w.dst, ']')
	if n == 0 {
		w.dst = w.dst[:start]
	}
}

// isLink reports whether X-Ray takes link i.
func (x *translation) isLink(i int) bool {
	l := &x.s.Links[i]
	return validID(l.TraceID, 16) && validID(l.SpanID, 8)
}

func (x *translation) link(i int, t trim) {
	w, l := &x.w, &x.s.Links[i]
	w.comma()
	w.dst = append(w.dst, '{')
	if x.isLink(i) {
		w.traceID("trace_id", l.TraceID)
		w.id("id", l.SpanID)
	}
	if len(l.Attrs) > 0 && !t.noMetadata {
		begin, inside := w.open("attributes")
		for _, a := range l.Attrs {
			w.value("", a)
		}
		w.shut(begin, inside)
	}
	w.dst = append(w.dst, '}')
}

// otel writes what X-Ray has no place for: a name that is not the document's,
// events, the links that it does not take, a status that the cause does not tell
// of, and what the sender says it left out.
func (x *translation) otel(p plan) {
	w := &x.w
	start, inside := w.open("otel")
	if !x.told.name {
		w.text("name", x.s.Name)
	}
	if len(x.s.Message) > 0 && !x.told.status {
		w.text("status_message", x.s.Message)
	}
	x.dropped()
	x.otherLinks(p)
	x.events()
	w.shut(start, inside)
}

func (x *translation) dropped() {
	s, w := x.s, &x.w
	if s.DroppedAttrs|s.DroppedEvents|s.DroppedLinks == 0 {
		return
	}
	start, inside := w.open("dropped")
	w.number("attributes", int64(s.DroppedAttrs))
	w.number("events", int64(s.DroppedEvents))
	w.number("links", int64(s.DroppedLinks))
	w.shut(start, inside)
}

// otherLinks writes the links that are not among those of the document: what is
// more than X-Ray takes, and those without valid ids.
func (x *translation) otherLinks(p plan) {
	w := &x.w
	if !p.links {
		return
	}
	start := len(w.dst)
	n, others := 0, 0
	for i := range x.s.Links {
		if x.isLink(i) {
			if n++; n <= maxLinks {
				continue
			}
		}
		at := len(w.dst)
		if others == 0 {
			w.name("links")
			w.dst = append(w.dst, '[')
		}
		x.link(i, trim{})
		if x.fits(at) {
			others++
		}
	}
	if others > 0 {
		w.dst = append(w.dst, ']')
		return
	}
	w.dst = w.dst[:start]
}

// events writes the span's events, without what the cause tells of them.
func (x *translation) events() {
	w := &x.w
	if len(x.s.Events) == 0 {
		return
	}
	w.name("events")
	w.dst = append(w.dst, '[')
	for i := range x.s.Events {
		e := &x.s.Events[i]
		at := len(w.dst)
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
		x.fits(at)
	}
	w.dst = append(w.dst, ']')
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
