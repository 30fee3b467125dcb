package sdktest

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Span is one ended span.
type Span struct {
	r *Recorder
	s sdktrace.ReadOnlySpan
}

// Span returns the first span called name. It fails the test if there is none,
// listing the names that were recorded.
func (r *Recorder) Span(name string) Span {
	r.tb.Helper()
	return r.find(name, func(sdktrace.ReadOnlySpan) bool { return true })
}

func (r *Recorder) find(name string, match func(sdktrace.ReadOnlySpan) bool) Span {
	r.tb.Helper()
	var names []string
	for _, s := range r.sorted() {
		if s.Name() == name && match(s) {
			return Span{r, s}
		}
		names = append(names, s.Name())
	}
	r.tb.Fatalf("no such span %q among %q", name, names)
	return Span{}
}

// Name returns the span's name.
func (s Span) Name() string { return s.s.Name() }

// Kind tells a server's span from a client's.
func (s Span) Kind() trace.SpanKind { return s.s.SpanKind() }

// SpanContext returns the span's identifiers.
func (s Span) SpanContext() trace.SpanContext { return s.s.SpanContext() }

// Parent returns the identifiers of the span's parent, which may be remote, or
// invalid for a root.
func (s Span) Parent() trace.SpanContext { return s.s.Parent() }

// Attr returns the value of an attribute, which is empty if there is none.
func (s Span) Attr(key string) attribute.Value {
	for _, kv := range s.s.Attributes() {
		if string(kv.Key) == key {
			return kv.Value
		}
	}
	return attribute.Value{}
}

// HasExactly fails the test unless the span has the attributes want and no
// others: it guards against leaking values.
func (s Span) HasExactly(want ...attribute.KeyValue) Span {
	s.r.tb.Helper()
	gotSet, wantSet := attribute.NewSet(s.s.Attributes()...), attribute.NewSet(want...)
	if !gotSet.Equals(&wantSet) {
		enc := attribute.DefaultEncoder()
		s.r.tb.Errorf("span %q has attributes\n%s\nwant\n%s", s.Name(), gotSet.Encoded(enc), wantSet.Encoded(enc))
	}
	return s
}

// Child returns the span's first child called name. It fails the test if there
// is none.
func (s Span) Child(name string) Span {
	s.r.tb.Helper()
	return s.r.find(name, func(c sdktrace.ReadOnlySpan) bool {
		return c.Parent().SpanID() == s.s.SpanContext().SpanID()
	})
}

// Failed fails the test unless the span's status is an error and, if target is
// not nil, the span has recorded it.
func (s Span) Failed(target error) Span {
	s.r.tb.Helper()
	if s.s.Status().Code != codes.Error {
		s.r.tb.Errorf("span %q has status %v, want an error", s.Name(), s.s.Status().Code)
		return s
	}
	if target != nil && !slices.ContainsFunc(s.s.Events(), func(e sdktrace.Event) bool {
		return slices.Contains(e.Attributes, attribute.String("exception.message", target.Error()))
	}) {
		s.r.tb.Errorf("span %q did not record %q", s.Name(), target)
	}
	return s
}

// Tree shows all spans as stable text for golden files: names, nesting and
// errors, but no IDs and no times. Siblings stand in the order they started.
func (r *Recorder) Tree() string {
	spans := r.sorted()
	known := make(map[trace.SpanID]bool)
	for _, s := range spans {
		known[s.SpanContext().SpanID()] = true
	}
	var b strings.Builder
	var write func(parent trace.SpanID, depth int)
	write = func(parent trace.SpanID, depth int) {
		for _, s := range spans {
			above := s.Parent().SpanID()
			if !known[above] {
				above = trace.SpanID{} // its parent is elsewhere, or has not ended
			}
			if above != parent {
				continue
			}
			fmt.Fprintf(&b, "%s%s%s\n", strings.Repeat("  ", depth), s.Name(), suffix(s))
			write(s.SpanContext().SpanID(), depth+1)
		}
	}
	write(trace.SpanID{}, 0)
	return b.String()
}

func suffix(s sdktrace.ReadOnlySpan) string {
	text := ""
	if k := s.SpanKind(); k != trace.SpanKindInternal {
		text = " (" + k.String() + ")"
	}
	if st := s.Status(); st.Code == codes.Error {
		text += " error"
		if st.Description != "" {
			text += ": " + st.Description
		}
	}
	return text
}
