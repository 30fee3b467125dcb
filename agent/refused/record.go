package refused

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight"
)

// Record is one event that was refused for good: a line of a file, in JSON.
type Record struct {
	// ID is unique in a directory and increases.
	ID uint64 `json:"id"`
	// Time is when the event was refused.
	Time time.Time `json:"time"`
	// Queue is the name of the queue that the event waited in.
	Queue  string `json:"queue"`
	Signal string `json:"signal"`
	Group  string `json:"group,omitempty"`
	Stream string `json:"stream,omitempty"`
	// Reason is the word that the event is counted under.
	Reason string `json:"reason"`
	// Error is what the service said, if it said more.
	Error string `json:"error,omitempty"`
	// At is the event's own time in Unix milliseconds.
	At int64 `json:"at"`
	// Event is the event as it came, if it is text, else empty.
	Event string `json:"event,omitempty"`
	// Data is an event that is not text, in base64.
	Data []byte `json:"data,omitempty"`
	// Text shows a person what Data is, if that can be told.
	Text string `json:"text,omitempty"`
	// Maybe is set where the service said how many events of a request it refused
	// and not which, as "2 of 50": the event is one of these, and the service may
	// have taken it.
	Maybe string `json:"maybe,omitempty"`
}

// Body is the event as it came.
func (r *Record) Body() []byte {
	if r.Data != nil {
		return r.Data
	}
	return []byte(r.Event)
}

func (r *Record) setBody(body []byte) {
	if utf8.Valid(body) {
		r.Event = string(body)
		return
	}
	r.Data = bytes.Clone(body)
}

// Dest is where the event was sent.
func (r *Record) Dest() sidelight.Dest {
	return sidelight.Dest{Exporter: r.Queue, Group: r.Group, Stream: r.Stream}
}

// Destination is the group, or group:stream.
func (r *Record) Destination() string {
	if r.Stream == "" {
		return r.Group
	}
	return r.Group + ":" + r.Stream
}

// appendLine appends r as a line.
func (r *Record) appendLine(dst []byte) ([]byte, error) {
	w := bytes.NewBuffer(dst)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return dst, err
	}
	return w.Bytes(), nil
}

// parseLine reads a line. What is not a record is reported false.
func parseLine(line []byte) (Record, bool) {
	var r Record
	if json.Unmarshal(line, &r) != nil || r.ID == 0 || r.Queue == "" {
		return Record{}, false
	}
	return r, true
}

// lineID reads the ID of a line without reading the rest of it: at start there
// may be megabytes. It returns zero for what no Store wrote.
func lineID(line []byte) uint64 {
	rest, ok := bytes.CutPrefix(line, []byte(`{"id":`))
	digits, _, more := bytes.Cut(rest, []byte{','})
	if !ok || !more || len(digits) > 20 {
		return 0
	}
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// Filter chooses records. Each field that is set must hold; the zero Filter
// chooses all.
type Filter struct {
	IDs []uint64 `json:"ids,omitempty"`
	// Destination is a group, or group:stream.
	Destination string `json:"destination,omitempty"`
	Reason      string `json:"reason,omitempty"`
	// Queue is the name of a queue.
	Queue string `json:"queue,omitempty"`
	// Before leaves out this ID and greater ones.
	Before uint64 `json:"before,omitempty"`
}

// Match reports whether f chooses r.
func (f *Filter) Match(r *Record) bool {
	return (len(f.IDs) == 0 || slices.Contains(f.IDs, r.ID)) &&
		(f.Destination == "" || f.Destination == r.Group || f.Destination == r.Destination()) &&
		(f.Reason == "" || f.Reason == r.Reason) &&
		(f.Queue == "" || f.Queue == r.Queue) &&
		(f.Before == 0 || r.ID < f.Before)
}

// within reports whether f may choose IDs from first on and below end, zero for
// no end.
func (f *Filter) within(first, end uint64) bool {
	if f.Before != 0 && f.Before <= first {
		return false
	}
	return len(f.IDs) == 0 || slices.ContainsFunc(f.IDs, func(id uint64) bool { return id >= first && (end == 0 || id < end) })
}
