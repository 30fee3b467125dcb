// Package tap lets package sdktest see what a Telemetry records before it is
// encoded. It holds the agreement between the two and nothing else.
package tap

import (
	"net/http"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Tap is a transport that also wants the data itself. Its methods are called
// on the goroutines that end spans and collect metrics, possibly at the same
// time.
type Tap interface {
	http.RoundTripper
	// Span is given every sampled span when it ends.
	Span(s sdktrace.ReadOnlySpan)
	// Metrics is given every collection; it must not keep m.
	Metrics(m *metricdata.ResourceMetrics)
}
