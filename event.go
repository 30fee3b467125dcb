package sidelight

import "unique"

// Signal is the kind of telemetry a batch or block carries.
type Signal uint8

// The signals. They index arrays of counters, so they start at zero and have
// no gaps.
const (
	Logs Signal = iota
	Traces
	Metrics
	NumSignals = 3
)

// String returns "logs", "traces" or "metrics".
func (s Signal) String() string {
	switch s {
	case Logs:
		return "logs"
	case Traces:
		return "traces"
	case Metrics:
		return "metrics"
	}
	return "unknown"
}

// Event is one timestamped document: a log line, an X-Ray segment document, or
// an encoded metric datum.
type Event struct {
	// Time is in Unix milliseconds, the resolution that AWS stores.
	Time int64
	// Body is borrowed: it is valid until the Push that carries it returns.
	Body []byte
}

// Dest names where events go. Which parts mean something is the exporter's
// business: CloudWatch Logs uses Group and Stream, PutMetricData uses Group as
// the namespace, X-Ray uses neither.
type Dest struct {
	// Exporter is the name the exporter is configured under, such as
	// "cloudwatchlogs".
	Exporter string
	Group    string
	Stream   string
}

// DestHandle is an interned Dest: comparing two, or using one as a map key,
// costs one word.
type DestHandle = unique.Handle[Dest]

// Handle interns d.
func (d Dest) Handle() DestHandle { return unique.Make(d) }

// Batch is what moves between a receiver and the packer: the events of one
// read. The batch, its events and their bodies are borrowed for the duration
// of Push.
type Batch struct {
	Signal Signal
	Dest   DestHandle
	// Source names the input that the events were read from: a path, a tag.
	// Processors keep apart by it what belongs to different inputs. It may be
	// empty; then Dest tells them apart.
	Source string
	Events []Event
	// Ticket is nil when the receiver has nothing to acknowledge.
	Ticket *Ticket
	// Waits says that the receiver can offer this batch again later without
	// holding up any other: a Sink may then refuse it whole with ErrParked.
	Waits bool
}

// Bytes returns the sum of the lengths of the bodies.
func (b *Batch) Bytes() int {
	n := 0
	for i := range b.Events {
		n += len(b.Events[i].Body)
	}
	return n
}
