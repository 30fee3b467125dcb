// Package sdk sends a Go service's traces, metrics and logs to the Sidelight
// agent that runs beside it.
//
// [Start] returns a [Telemetry], which owns every goroutine and buffer of the
// package. Nothing in it waits for the network on the caller's goroutine: what
// cannot be delivered waits in a buffer of fixed size and, when that is full,
// the oldest data of the least valuable kind is dropped and counted (each
// signal has a budget of its own; debug logs go before error logs).
// [Telemetry.Status] and the metric sidelight.sdk.dropped tell how much, and
// why.
//
// Everything an application keeps in its own signatures is context, log/slog,
// net/http or OpenTelemetry's API. The package works with any OTLP/HTTP
// receiver; only remote sampling needs the agent or an X-Ray daemon.
//
// The environment is read once, by Start: OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_SDK_DISABLED, OTEL_EXPORTER_OTLP_ENDPOINT,
// SIDELIGHT_ENDPOINT, SIDELIGHT_LOG_LEVEL, AWS_XRAY_DAEMON_ADDRESS and
// ECS_CONTAINER_METADATA_URI_V4.
package sdk
