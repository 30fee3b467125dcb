// Package otlp encodes OpenTelemetry's export requests by appending to byte
// slices. It exists because the generated messages bring a protobuf runtime,
// and the official exporters gRPC, into every program that uses them.
//
// Field numbers are those of opentelemetry-proto 1.x. A request is built in two
// steps: spans, metrics and log records are encoded alone as soon as they are
// known ([AppendSpan], [AppendMetric], [Record.Append]), and a [Request] puts
// finished messages together when they are sent. All three signals share one
// nesting (resource, scope, item) with the same field numbers, so one type
// serves them all.
//
// The package knows nothing of HTTP, queues or limits.
package otlp
