// Package cloudwatchlogs delivers log events by PutLogEvents. It makes the log
// group and stream when the service says that they are missing, and reads the
// rejections that PutLogEvents hides in a successful answer.
package cloudwatchlogs

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Limits of PutLogEvents, from its API reference.
const (
	MaxEvents = 10_000
	// MaxWeight is of the sum of UTF-8 message bytes and EventOverhead each.
	MaxWeight     = 1_048_576
	EventOverhead = 26
	// MaxSpan is the greatest distance between events of one request.
	MaxSpan = 24 * time.Hour
	// maxWire bounds the body: escaping can make a message six times as long,
	// and no limit of the HTTP body is documented.
	maxWire = 6 << 20
)

type encoder struct{}

// Limits returns PutLogEvents' limits.
func (encoder) Limits() sidelight.Limits {
	return sidelight.Limits{Events: MaxEvents, Weight: MaxWeight, Wire: maxWire, Span: MaxSpan, Sorted: true}
}

// Weigh counts e as the service does.
func (encoder) Weigh(e *sidelight.Event) int { return len(e.Body) + EventOverhead }

// Begin writes the group and stream.
func (encoder) Begin(dst []byte, d sidelight.Dest) []byte {
	dst = append(dst, `{"logGroupName":`...)
	dst = wire.AppendString(dst, []byte(d.Group))
	dst = append(dst, `,"logStreamName":`...)
	dst = wire.AppendString(dst, []byte(d.Stream))
	return append(dst, `,"logEvents":[`...)
}

// Append writes one event and a comma.
func (encoder) Append(dst []byte, e *sidelight.Event) []byte {
	dst = append(dst, `{"timestamp":`...)
	dst = strconv.AppendInt(dst, e.Time, 10)
	dst = append(dst, `,"message":`...)
	dst = wire.AppendString(dst, e.Body)
	return append(dst, '}', ',')
}

// End replaces the last comma.
func (encoder) End(dst []byte) []byte {
	dst[len(dst)-1] = ']'
	return append(dst, '}')
}

// Read returns the message of an event.
func (encoder) Read(raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return nil, fmt.Errorf("read log event: it is empty")
	}
	var e struct{ Message string }
	if err := json.Unmarshal(raw[:len(raw)-1], &e); err != nil {
		return nil, fmt.Errorf("read log event: %w", err)
	}
	return []byte(e.Message), nil
}
