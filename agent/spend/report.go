package spend

import (
	"time"

	"github.com/sidelight-dev/sidelight/internal/price"
)

// Report is what an agent used since it began.
type Report struct {
	Format string `json:"format"`
	// Region is where it is charged.
	Region string `json:"region"`
	// Prices are those of the agent's configuration.
	Prices  price.Table `json:"prices"`
	Began   time.Time   `json:"began"`
	Seconds float64     `json:"seconds"`
	// Hour has the series.
	Hour Hour  `json:"hour"`
	Logs []Log `json:"logs"`
	// MetricRequests is how often PutMetricData was called.
	MetricRequests uint64 `json:"metric_requests"`
	// Traces is how many traces began here: requests without a parent elsewhere
	// that were sent to X-Ray. X-Ray charges for a trace once, whoever sends its
	// segments.
	Traces uint64 `json:"traces"`
	// Segments is how many documents X-Ray took.
	Segments uint64 `json:"segments"`
	// OTLP is what OTLP endpoints took, in bytes as they were sent.
	OTLP []OTLP `json:"otlp,omitempty"`
}

// Log is what one log group took.
type Log struct {
	Group string `json:"group"`
	// Class is standard or infrequent_access.
	Class  string `json:"class"`
	Events uint64 `json:"events"`
	// Bytes are those that are charged for: of the messages, and 26 an event.
	Bytes uint64 `json:"bytes"`
}

// OTLP is what an OTLP endpoint took of one signal.
type OTLP struct {
	Signal string `json:"signal"`
	Items  uint64 `json:"items"`
	Bytes  uint64 `json:"bytes"`
}
