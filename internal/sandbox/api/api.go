// Package api is the contract between the sandbox's protocol layer and its
// services. A service is written against the input and output types of
// aws-sdk-go-v2, whose fields are the members of AWS's own models: it is handed
// a decoded input and returns an output or an [Error], and never sees which of
// the wire protocols carried them.
package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"
)

// Service is one emulated AWS service.
type Service interface {
	// Name is the service's name in a credential scope: "logs", "monitoring",
	// "xray", "sts".
	Name() string
	// Operations lists what the service can do.
	Operations() []Operation
}

// Operation is one action of a service.
type Operation struct {
	// Name is the action's name: "PutLogEvents".
	Name string
	// NewInput returns a pointer to an empty input structure to decode into.
	NewInput func() any
	// Do runs the action on what NewInput returned. It returns a pointer to an
	// output structure, or an error; an error that is not an *Error becomes an
	// internal failure.
	Do func(ctx context.Context, in any) (any, error)
}

// Op makes an Operation of a typed method. I and O are pointers to structures: all
// pointers share one instance of the code, which each structure would get its own
// of.
func Op[I, O any](name string, do func(context.Context, I) (O, error)) Operation {
	input := reflect.TypeFor[I]().Elem()
	return Operation{
		Name:     name,
		NewInput: func() any { return reflect.New(input).Interface() },
		Do: func(ctx context.Context, in any) (any, error) {
			out, err := do(ctx, in.(I))
			if err != nil {
				return nil, err
			}
			return out, nil
		},
	}
}

// Error is a refusal in AWS's terms.
type Error struct {
	// Shape is the error's name in the service model, "ResourceNotFoundException".
	Shape string
	// QueryCode is the name that the query protocol and the header
	// X-Amzn-Query-Error use where it differs from Shape.
	QueryCode string
	// Status is the HTTP status.
	Status  int
	Message string
	// Members are further members of the error structure, by wire name.
	Members map[string]any
}

// Error implements error.
func (e *Error) Error() string { return e.Shape + ": " + e.Message }

// Errorf returns an *Error with status 400.
func Errorf(shape, format string, args ...any) *Error {
	return &Error{Shape: shape, Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// Changes counts the changes that a service makes to its resources on its own, or
// in operations that only seem to read. What has changed is written down before
// any call is answered, so that nobody is told what a crash would undo.
type Changes struct{ n atomic.Uint64 }

// Changed notes a change. It is called while the lock that guards what changes is
// held, so that who sees the change sees that it is noted.
func (c *Changes) Changed() { c.n.Add(1) }

// Revision is how often something has changed.
func (c *Changes) Revision() uint64 { return c.n.Load() }

// Clock is the sandbox's time. It may be frozen and moved.
type Clock interface {
	Now() time.Time
	// Wait returns when the clock reads t or later, or with ctx's error.
	Wait(ctx context.Context, t time.Time) error
}

// Caller is who a request came from, as far as the sandbox believes it.
type Caller struct {
	Account, Region, RequestID string
	// AccessKey is the one that the call was signed with.
	AccessKey string
	// Partial asks an operation that takes batches to take part of this one, as
	// a fault to be played.
	Partial bool
}

type callerKey struct{}

// WithCaller returns ctx carrying c.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns the caller of ctx, or the sandbox's defaults.
func CallerOf(ctx context.Context) Caller {
	if c, ok := ctx.Value(callerKey{}).(Caller); ok {
		return c
	}
	return Caller{Account: "000000000000", Region: "us-east-1"}
}

// Datapoint is one observation on its way into the metric store, from
// PutMetricData or from a log event (embedded metric format, metric filter).
type Datapoint struct {
	Namespace, Name string
	Dimensions      [][2]string
	Time            time.Time
	Unit            string
	// Values and Counts have equal length.
	Values, Counts []float64
	// Resolution is the storage resolution in seconds, 1 or 60.
	Resolution int
}

// Metric names a metric. Its dimensions are in the order of their names.
type Metric struct {
	Namespace, Name string
	Dimensions      [][2]string
}

// Metrics takes datapoints. The metric service implements it; the log service
// is handed it.
type Metrics interface {
	Record(ctx context.Context, points []Datapoint)
}

// Resource is a resource that can have tags, as the tagging service finds it.
type Resource struct {
	ARN  string
	Tags map[string]string
}

// Streamer is an output that is not one structure but a stream of events, such
// as StartLiveTail's. The protocol layer calls Stream once and ends the answer
// when it returns.
type Streamer interface {
	// Stream sends events until there are no more or ctx ends, which it does
	// when the client leaves. An event is named as the member of the model's
	// union, "sessionStart", and its value is a structure. Events reach the
	// client at once. An *Error that Stream returns is the last event.
	Stream(ctx context.Context, send func(event string, value any) error) error
}
