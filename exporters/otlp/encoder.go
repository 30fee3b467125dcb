// Package otlp delivers to endpoints that speak OTLP over HTTP in protobuf: an
// OpenTelemetry collector, a backend, another agent, or AWS's own endpoints.
//
// A log event is a document, as the other exporters take it, and becomes a log
// record (docs/format/otlp-log-record.md). A span is the message that its sender
// made, with its resource and scope, and stays what it is.
package otlp

import (
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// Limits of one request. Receivers have limits of their own, mostly by default:
// the collector takes 20 MiB over HTTP; batches of 8,192 are customary.
const (
	maxItems = 8192
	maxWire  = 4 << 20
)

// Limits of AWS's endpoints for spans, from their user guide.
const (
	awsMaxSpans = 10_000
	awsMaxSpan  = 200_000
	awsMaxPlace = 16_000 // resource and scope
	awsMaxTrace = 5_000_000
	awsSpan     = 24 * time.Hour
	awsPast     = 14 * 24 * time.Hour
	awsFuture   = 2 * time.Hour
)

// Limits of AWS's endpoint for log records. Its user guide names none for a
// request but stores what it takes as log events: these are PutLogEvents'.
const (
	awsMaxRecords = 10_000
	awsMaxLog     = 1_048_576
)

// awsMaxPoints is how many data points AWS's own agent puts into a request.
const awsMaxPoints = 1000

// encoder implements sidelight.Encoder. While a body grows, each span stands in
// a message of its own, with its resource and scope; log records and metrics that
// say nothing of their origin stand bare and belong to the empty message that the
// body begins with. End puts together what belongs together.
type encoder struct {
	signal   sidelight.Signal
	aws      bool
	resource []byte // the agent's own, as fields of a Resource
}

var (
	_ sidelight.Encoder = (*encoder)(nil)
	_ sidelight.Picker  = (*encoder)(nil)
	_ sidelight.Lister  = (*encoder)(nil)
)

// Limits returns the limits of one request.
func (c *encoder) Limits() sidelight.Limits {
	l := sidelight.Limits{Events: maxItems, Weight: 1, Wire: maxWire}
	if !c.aws {
		return l
	}
	l.Span = awsSpan
	switch c.signal {
	case sidelight.Logs:
		l.Events, l.Wire = awsMaxRecords, awsMaxLog
	case sidelight.Traces:
		l.Events, l.Wire = awsMaxSpans, awsMaxTrace
	case sidelight.Metrics:
		l.Events, l.Wire = awsMaxPoints, awsMaxLog
	}
	return l
}

// Weigh is nothing for what fits, and too much for a span that AWS would not
// take: it bounds each span, and its resource and scope together.
func (c *encoder) Weigh(e *sidelight.Event) int {
	if !c.aws || c.signal != sidelight.Traces {
		return 0
	}
	if place, item := otlpwire.EntrySize(e.Body); place > awsMaxPlace || item > awsMaxSpan {
		return len(e.Body)
	}
	return 0
}

// Begin writes the resource of log records and metrics that do not say. The scope
// of metrics has the name of their namespace.
func (c *encoder) Begin(dst []byte, d sidelight.Dest) []byte {
	if c.signal == sidelight.Traces {
		return dst
	}
	dst = otlpwire.Open(dst, 1)
	start := len(dst)
	dst = otlpwire.Open(dst, 1)
	resource := len(dst)
	dst = append(dst, c.resource...)
	if c.signal == sidelight.Logs && d.Group != "" {
		dst = appendNames(dst, "aws.log.group.names", d.Group)
		if d.Stream != "" {
			dst = appendNames(dst, "aws.log.stream.names", d.Stream)
		}
	}
	dst = otlpwire.Close(dst, resource)
	dst = otlpwire.Open(dst, 2)
	scope := len(dst)
	if c.signal == sidelight.Metrics && d.Group != "" {
		dst = otlpwire.Open(dst, 1)
		name := len(dst)
		dst = otlpwire.AppendBytes(dst, 1, valid(d.Group))
		dst = otlpwire.Close(dst, name)
	}
	dst = otlpwire.Close(dst, scope)
	return otlpwire.Close(dst, start)
}

// appendNames appends a resource attribute that is a list of one text.
func appendNames(dst []byte, key, value string) []byte {
	dst = otlpwire.Open(dst, 1)
	start := len(dst)
	dst = otlpwire.AppendBytes(dst, 1, key)
	dst = otlpwire.Open(dst, 2)
	any := len(dst)
	dst = otlpwire.Open(dst, 5)
	array := len(dst)
	dst = otlpwire.Open(dst, 1)
	element := len(dst)
	dst = otlpwire.AppendBytes(dst, 1, value)
	for _, at := range [...]int{element, array, any, start} {
		dst = otlpwire.Close(dst, at)
	}
	return dst
}

// Append writes a log event as a record, a span or a metric as it is.
func (c *encoder) Append(dst []byte, e *sidelight.Event) []byte {
	switch c.signal {
	case sidelight.Traces:
		return otlpwire.AppendBytes(dst, 1, e.Body)
	case sidelight.Metrics:
		return otlpwire.AppendBytes(dst, 2, e.Body)
	}
	return c.appendLog(dst, e)
}

// End puts together what belongs together.
func (*encoder) End(dst []byte) []byte { return otlpwire.Regroup(dst, nil) }

// Pick returns the request of a part of the items of a finished one.
func (*encoder) Pick(body []byte, positions []int) []byte {
	next := 0
	return otlpwire.Regroup(body, func(i int) bool {
		if next < len(positions) && positions[next] == i {
			next++
			return true
		}
		return false
	})
}
