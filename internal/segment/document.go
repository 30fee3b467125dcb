package segment

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
)

// Document is a segment, or a subsegment embedded or sent on its own. Fields
// that a document lacks, or holds in an unexpected JSON type, are zero.
type Document struct {
	Name     string `json:"name"`
	ID       string `json:"id"`
	TraceID  string `json:"trace_id,omitempty"`
	ParentID string `json:"parent_id,omitempty"`
	// Type is "subsegment" on a subsegment that was sent on its own.
	Type string `json:"type,omitempty"`
	// StartTime and EndTime are seconds since the Unix epoch. EndTime is zero
	// while the work is in progress.
	StartTime  float64 `json:"start_time"`
	EndTime    float64 `json:"end_time,omitempty"`
	InProgress bool    `json:"in_progress,omitempty"`

	// Namespace is "aws" or "remote" on a subsegment that calls something, else
	// empty. Origin is the AWS resource type that a segment runs on.
	Namespace   string   `json:"namespace,omitempty"`
	Origin      string   `json:"origin,omitempty"`
	User        string   `json:"user,omitempty"`
	ResourceARN string   `json:"resource_arn,omitempty"`
	Service     *Service `json:"service,omitempty"`
	HTTP        *HTTP    `json:"http,omitempty"`
	AWS         *AWS     `json:"aws,omitempty"`
	SQL         *SQL     `json:"sql,omitempty"`

	Error    bool   `json:"error,omitempty"`
	Throttle bool   `json:"throttle,omitempty"`
	Fault    bool   `json:"fault,omitempty"`
	Cause    *Cause `json:"cause,omitempty"`
	// Traced says that the callee of a subsegment sends a segment as well.
	Traced bool `json:"traced,omitempty"`
	// Inferred marks a segment that the service made up for a callee which sent
	// none.
	Inferred bool `json:"inferred,omitempty"`

	Annotations map[string]Value `json:"annotations,omitempty"`
	Metadata    json.RawMessage  `json:"metadata,omitempty"`
	Links       []Link           `json:"links,omitempty"`
	Subsegments []*Document      `json:"subsegments,omitempty"`

	// Raw is the whole document as it was given to Parse; empty on embedded
	// subsegments. The document shares it with Parse's caller.
	Raw json.RawMessage `json:"-"`
}

// Service describes the deployed application of a segment.
type Service struct {
	Version string `json:"version,omitempty"`
}

// HTTP is the request and response of a segment or subsegment.
type HTTP struct {
	Request struct {
		Method    string `json:"method,omitempty"`
		URL       string `json:"url,omitempty"`
		UserAgent string `json:"user_agent,omitempty"`
		ClientIP  string `json:"client_ip,omitempty"`
		Traced    bool   `json:"traced,omitempty"`
	} `json:"request,omitzero"`
	Response struct {
		Status        int64 `json:"status,omitempty"`
		ContentLength int64 `json:"content_length,omitempty"`
	} `json:"response,omitzero"`

	raw json.RawMessage
}

// AWS names the resources that a segment ran on or a subsegment called.
type AWS struct {
	AccountID    string   `json:"account_id"`
	Operation    string   `json:"operation"`
	Region       string   `json:"region"`
	RequestID    string   `json:"request_id"`
	TableName    string   `json:"table_name"`
	TableNames   []string `json:"table_names"`
	QueueURL     string   `json:"queue_url"`
	TopicARN     string   `json:"topic_arn"`
	BucketName   string   `json:"bucket_name"`
	FunctionName string   `json:"function_name"`
	EC2          struct {
		InstanceID       string `json:"instance_id"`
		AvailabilityZone string `json:"availability_zone"`
	} `json:"ec2"`
	ECS struct {
		AvailabilityZone string `json:"availability_zone"`
	} `json:"ecs"`

	raw json.RawMessage
}

// SQL is a query made by a subsegment.
type SQL struct {
	URL            string `json:"url,omitempty"`
	DatabaseType   string `json:"database_type,omitempty"`
	SanitizedQuery string `json:"sanitized_query,omitempty"`
	User           string `json:"user,omitempty"`
}

// Link points to a span of this or another trace.
type Link struct {
	TraceID string `json:"trace_id"`
	ID      string `json:"id"`
}

// Cause tells what went wrong: the exceptions, or the ID of an exception that
// another document of the trace describes.
type Cause struct {
	ExceptionID      string      `json:"-"`
	WorkingDirectory string      `json:"working_directory,omitempty"`
	Exceptions       []Exception `json:"exceptions,omitempty"`

	raw json.RawMessage
}

// Exception is one error of a Cause.
type Exception struct {
	ID      string `json:"id"`
	Type    string `json:"type,omitempty"`
	Message string `json:"message,omitempty"`
	Remote  bool   `json:"remote,omitempty"`
}

// Subsegment reports whether d was sent on its own as a subsegment.
func (d *Document) Subsegment() bool { return d.Type == "subsegment" }

// Done reports whether d has ended.
func (d *Document) Done() bool { return d.EndTime != 0 }

// Seconds is the time from start to end, rounded to a microsecond, which is
// what epoch seconds in a float64 can tell; zero while in progress.
func (d *Document) Seconds() float64 {
	if !d.Done() {
		return 0
	}
	return Between(d.StartTime, d.EndTime)
}

// Between is the number of seconds from one epoch time to another, rounded to a
// microsecond.
func Between(from, to float64) float64 { return math.Round((to-from)*1e6) / 1e6 }

// Time converts epoch seconds to a time with microsecond precision.
func Time(seconds float64) time.Time {
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
}

// Walk calls visit for d and all subsegments in it, parents first.
func (d *Document) Walk(visit func(*Document)) {
	visit(d)
	for _, s := range d.Subsegments {
		s.Walk(visit)
	}
}

// UnmarshalJSON implements json.Unmarshaler. It keeps the original text, so that
// members unknown here survive a copy, and takes what it can of a malformed one.
func (h *HTTP) UnmarshalJSON(b []byte) error {
	type plain HTTP
	ignoreType(json.Unmarshal(b, (*plain)(h)))
	h.raw = bytes.Clone(b)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (h HTTP) MarshalJSON() ([]byte, error) {
	if h.raw != nil {
		return h.raw, nil
	}
	type plain HTTP
	return json.Marshal(plain(h))
}

// UnmarshalJSON implements json.Unmarshaler; see HTTP.UnmarshalJSON.
func (a *AWS) UnmarshalJSON(b []byte) error {
	type plain AWS
	ignoreType(json.Unmarshal(b, (*plain)(a)))
	a.raw = bytes.Clone(b)
	return nil
}

// MarshalJSON implements json.Marshaler. A block that was not read from a
// document is an empty object.
func (a AWS) MarshalJSON() ([]byte, error) {
	if a.raw == nil {
		return []byte("{}"), nil
	}
	return a.raw, nil
}

// UnmarshalJSON implements json.Unmarshaler. A cause is an object or a string.
func (c *Cause) UnmarshalJSON(b []byte) error {
	c.raw = bytes.Clone(b)
	if len(b) > 0 && b[0] == '"' {
		ignoreType(json.Unmarshal(b, &c.ExceptionID))
		return nil
	}
	type plain Cause
	ignoreType(json.Unmarshal(b, (*plain)(c)))
	return nil
}

// MarshalJSON implements json.Marshaler.
func (c Cause) MarshalJSON() ([]byte, error) {
	if c.raw != nil {
		return c.raw, nil
	}
	type plain Cause
	return json.Marshal(plain(c))
}

// ignoreType drops err. It stands where the decoder has already proved the text
// to be valid JSON, so that the only possible error is a member of an unexpected
// type, which the decoder skips.
func ignoreType(error) {}
