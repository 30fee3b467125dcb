package awsproto

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// typeEventStream is the content type of a stream of events.
const typeEventStream = "application/vnd.amazon.eventstream"

// streamWriter frames events: prelude, headers, payload and checksums.
type streamWriter struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	enc   *eventstream.Encoder
	plans *plans
	sent  int
	gone  bool // the client could not be written to
}

// stream answers with the events of s. Protocols of remote procedure calls
// begin with the event initial-response, which carries the members beside the
// stream; StartLiveTail has none.
func (x *exchange) stream(w http.ResponseWriter, s api.Streamer) {
	w.Header().Set("Content-Type", typeEventStream)
	w.WriteHeader(http.StatusOK)
	sw := &streamWriter{w: w, rc: http.NewResponseController(w), enc: eventstream.NewEncoder(), plans: x.target.service.plans}
	ctx := x.context()
	err := sw.event("initial-response", struct{}{})
	if err == nil {
		err = s.Stream(ctx, sw.event)
	}
	if err != nil && ctx.Err() == nil && !sw.gone {
		e := x.h.asError(x.target.service, x.target.operation, err)
		x.errShape = e.Shape
		// If the client cannot be told, it has just gone.
		_ = sw.exception(e)
	}
	x.record(http.StatusOK, sw.sent)
}

// context is what the operation sees.
func (x *exchange) context() context.Context {
	return api.WithCaller(x.r.Context(), api.Caller{Account: x.h.account, Region: x.cred.region, RequestID: x.requestID, AccessKey: x.cred.key, Partial: x.partial})
}

func (s *streamWriter) event(name string, v any) error {
	return s.message("event", eventstreamapi.EventTypeHeader, name, v)
}

func (s *streamWriter) exception(e *api.Error) error {
	return s.message("exception", eventstreamapi.ExceptionTypeHeader, e.Shape, map[string]any{"message": e.Message})
}

func (s *streamWriter) message(kind, header, name string, v any) error {
	payload, err := appendJSON(nil, s.plans, v)
	if err != nil {
		return err
	}
	msg := eventstream.Message{Payload: payload}
	msg.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(kind))
	msg.Headers.Set(header, eventstream.StringValue(name))
	msg.Headers.Set(eventstreamapi.ContentTypeHeader, eventstream.StringValue(typeJSON11))
	err = s.enc.Encode(s.w, msg)
	if err == nil {
		err = s.rc.Flush()
	}
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.gone = true
		return fmt.Errorf("send event %s: %w", name, err)
	}
	s.sent += len(payload)
	return nil
}
