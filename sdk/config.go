package sdk

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Config describes the service and, where the defaults do not fit, how its
// telemetry is made. The zero value is valid: a service is then named after
// its task definition, or else its executable.
//
// A field that is set wins over the environment; the environment wins over
// the default. Config is copied; changing it after Start has no effect.
type Config struct {
	// Service names the service in the X-Ray map and in every metric's
	// Service dimension. Environment: OTEL_SERVICE_NAME. 1 to 200 characters
	// of letters, digits, space and _.:/%&#=+\-@ (X-Ray's set for names).
	Service string

	// Version is the release; it becomes service.version. Default: the main
	// module's version or VCS revision from the build information.
	Version string

	// Environment is the stage ("prod"). Environment:
	// deployment.environment.name in OTEL_RESOURCE_ATTRIBUTES.
	Environment string

	// Endpoint is where the agent listens: unix:///path, http://host:port or
	// https://host:port. Default: SIDELIGHT_ENDPOINT, then
	// OTEL_EXPORTER_OTLP_ENDPOINT, then unix:///run/sidelight/agent.sock if
	// that exists, then http://127.0.0.1:4318.
	Endpoint string

	// Sampler decides about new traces. Nil: the account's X-Ray sampling
	// rules, fetched from AWS_XRAY_DAEMON_ADDRESS (default 127.0.0.1:2000,
	// where the agent listens), until which one trace a second and then 5 %
	// of the rest are kept. A decision in an incoming header always wins.
	Sampler sdktrace.Sampler

	// Propagator reads and writes trace context on requests. Nil: X-Ray's
	// header, W3C traceparent and W3C baggage; X-Ray's is believed first.
	Propagator propagation.TextMapPropagator

	Log     LogConfig
	Metrics MetricConfig
	Limits  Limits

	// ShutdownTimeout bounds Shutdown when its context has no nearer
	// deadline. Default 3 s; platforms kill after 2 s (Lambda) to 120 s.
	ShutdownTimeout time.Duration

	// KeepGlobals leaves otel's global providers and slog.Default alone. By
	// default Start sets them, so that instrumented libraries just work.
	KeepGlobals bool

	// OnProblem is called, never concurrently and at most once a second, when
	// the state of delivery changes. Nil: one line on standard error at the
	// first failure and one at recovery. It must not log through Telemetry.
	OnProblem func(Problem)

	// Transport makes the requests to Endpoint, for instance through a proxy
	// or with a client certificate. It must obey the request's context. Nil:
	// a transport of the sdk's own.
	Transport http.RoundTripper
}

// LogConfig says where records of Telemetry.Logger go.
type LogConfig struct {
	// Output receives one JSON object a line, by one Write each. Nil:
	// os.Stdout, where FireLens, the exec wrapper or the container runtime
	// picks it up.
	Output io.Writer

	// ToAgent also sends records to the agent. Leave it false where the agent
	// already reads standard output, or every record arrives twice.
	ToAgent bool

	// Level is the least severe level kept; it may be changed at run time.
	// Nil: SIDELIGHT_LOG_LEVEL (debug, info, warn, error), or info.
	Level *slog.LevelVar

	// AddSource adds file and line as "source".
	AddSource bool

	// Redact is asked for every attribute that is not a group; it may change
	// the value or return an empty Attr to drop it. groups are the names of
	// the open groups and must not be kept. Nil: values under keys that end in
	// password, secret, token, authorization or cookie, in any case, are
	// replaced.
	Redact func(groups []string, a slog.Attr) slog.Attr
}

// MetricConfig says how metrics are aggregated before they leave.
type MetricConfig struct {
	// Interval between exports, 1 s to 1 h. Default 60 s, CloudWatch's
	// standard resolution. Below 60 s metrics are stored at 1 s resolution,
	// which costs more.
	Interval time.Duration

	// NoRuntime and NoHTTP switch off Go runtime and RED metrics.
	NoRuntime, NoHTTP bool

	// SeriesLimit bounds the series of each instrument; what exceeds it is
	// summed into one series with otel.metric.overflow=true. Default 200. In
	// CloudWatch every series is a billed metric.
	SeriesLimit int
}

// Limits bounds memory. Zero fields take the defaults, 4 MiB in all.
type Limits struct {
	// SpanBytes, MetricBytes and LogBytes bound what waits for delivery, in
	// its encoded form. Defaults 2 MiB, 1 MiB, 1 MiB; at least 4 KiB.
	SpanBytes, MetricBytes, LogBytes int
	// AttributesPerSpan is the greatest number of attributes of a span, of
	// each of its events and of each of its links. Default 64.
	AttributesPerSpan int
	// ValueBytes is the longest attribute value of a span. Default 4096.
	ValueBytes int
}
