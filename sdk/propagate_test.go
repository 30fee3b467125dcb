package sdk

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

func TestXRayInjectsAsTheReferenceDoes(t *testing.T) {
	for _, flags := range []trace.TraceFlags{0, trace.FlagsSampled} {
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{0x57, 0x59, 0xe9, 0x88, 15: 1}, SpanID: trace.SpanID{7: 9}, TraceFlags: flags,
		}))
		got, want := http.Header{}, http.Header{}
		xrayPropagator{}.Inject(ctx, headerCarrier(got))
		xray.Propagator{}.Inject(ctx, propagation.HeaderCarrier(want))
		if got.Get(xrayHeader) != want.Get(xrayHeader) {
			t.Errorf("injected %q, the reference %q", got, want)
		}
	}
	none := http.Header{}
	xrayPropagator{}.Inject(t.Context(), headerCarrier(none))
	if len(none) != 0 {
		t.Errorf("without a span %v was injected", none)
	}
}

func TestParseXRayHeader(t *testing.T) {
	const root, parent = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
	tests := map[string]struct {
		in      string
		ok      bool
		parent  bool
		sampled byte
	}{
		"full":            {"Root=" + root + ";Parent=" + parent + ";Sampled=1", true, true, '1'},
		"other order":     {"Sampled=0;Parent=" + parent + ";Root=" + root, true, true, '0'},
		"spaces":          {" Root=" + root + " ; Parent=" + parent + "; Sampled=?", true, true, '?'},
		"unknown keys":    {"Self=1-5759e988-bd862e3fe1be46a994272794;Lineage=a:1;Root=" + root + ";x", true, false, 0},
		"trailing":        {"Root=" + root + ";", true, false, 0},
		"long decision":   {"Root=" + root + ";Sampled=10", true, false, 0},
		"empty":           {},
		"no root":         {in: "Parent=" + parent + ";Sampled=1"},
		"short root":      {in: "Root=1-5759e988-bd862e3f"},
		"wrong version":   {in: "Root=2-5759e988-bd862e3fe1be46a994272793"},
		"zero root":       {in: "Root=1-00000000-000000000000000000000000"},
		"not hex":         {in: "Root=1-5759e98g-bd862e3fe1be46a994272793"},
		"no dash":         {in: "Root=1-5759e9880bd862e3fe1be46a994272793"},
		"parent not hex":  {in: "Root=" + root + ";Parent=53995c3f42cd8adx"},
		"parent too long": {in: "Root=" + root + ";Parent=" + parent + "00"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h, ok := parseXRayHeader(tc.in)
			if ok != tc.ok || ok && (h.parent.IsValid() != tc.parent || h.sampled != tc.sampled) {
				t.Errorf("parseXRayHeader(%q) = %+v, %v", tc.in, h, ok)
			}
			if ok && string(appendTraceID(nil, h.root)) != root {
				t.Errorf("root is %s", h.root)
			}
		})
	}
}

// FuzzXRayHeader holds that what we read from any header, the reference reads
// from a tidy one.
func FuzzXRayHeader(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		h, ok := parseXRayHeader(text)
		if !ok || !h.parent.IsValid() {
			return
		}
		b := appendTraceID([]byte("Root="), h.root)
		b = append(b, ";Parent="+h.parent.String()...)
		tidy := http.Header{xrayHeader: {string(appendSampled(b, h.sampled == '1'))}}
		got := trace.SpanContextFromContext(xrayPropagator{}.Extract(t.Context(), headerCarrier{xrayHeader: {text}}))
		want := trace.SpanContextFromContext(xray.Propagator{}.Extract(t.Context(), propagation.HeaderCarrier(tidy)))
		if !got.Equal(want) {
			t.Errorf("%q reads as %v, want %v", text, got, want)
		}
	})
}

func TestHeaderCarrier(t *testing.T) {
	h := headerCarrier{}
	for _, key := range []string{"traceparent", "tracestate", "baggage", "x-amzn-trace-id", "X-Amzn-Trace-Id"} {
		h.Set(key, key)
		if got := http.Header(h).Get(key); got != key || h.Get(key) != key {
			t.Errorf("%s: stored as %v", key, h)
		}
	}
	if len(h.Keys()) != 4 || len(h.Values("baggage")) != 1 {
		t.Errorf("keys are %v", h.Keys())
	}
}
