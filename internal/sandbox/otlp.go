package sandbox

import (
	"cmp"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

// The headers that the endpoint of CloudWatch Logs for OTLP requires.
const (
	otlpLogGroup  = "X-Aws-Log-Group"
	otlpLogStream = "X-Aws-Log-Stream"
)

// The limits are those of AWS's endpoints. What a request of log records may weigh is
// for PutLogEvents to say; maxOTLPLogs only bounds what is read.
const (
	maxOTLPTraces = 5 << 20 // bytes of a body, inflated
	maxOTLPLogs   = 20 << 20
	maxOTLPSpans  = 10_000
	typeProtobuf  = "application/x-protobuf"
	otlpMalformed = 3 // google.rpc.Code INVALID_ARGUMENT
)

// otlp takes OTLP over HTTP, as AWS's own endpoints do: traces into X-Ray, log
// records into the group and stream that headers name.
type otlp struct {
	s     *Server
	json  *otlpwire.JSON
	trans *xraydoc.Translator
}

func (s *Server) otlp(mux *http.ServeMux) {
	o := &otlp{s: s, json: otlpwire.NewJSON(), trans: xraydoc.New(xraydoc.Config{})}
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) { o.serve(w, r, o.json.Traces, maxOTLPTraces, o.traces) })
	mux.HandleFunc("POST /v1/logs", func(w http.ResponseWriter, r *http.Request) { o.serve(w, r, o.json.Logs, maxOTLPLogs, o.logs) })
	mux.HandleFunc("POST /v1/metrics", func(w http.ResponseWriter, r *http.Request) {
		o.answer(w, r, http.StatusNotImplemented, 0, errors.New("the sandbox does not take metrics in OTLP; PutMetricData and the embedded metric format it does"))
	})
}

// take stores a request in the wire form and returns how many of its items it
// had to reject.
type take func(r *http.Request, body []byte) (rejected int64, err error)

func (o *otlp) serve(w http.ResponseWriter, r *http.Request, kind otlpwire.Request, limit int, do take) {
	body, err := o.read(r, kind, limit)
	var rejected int64
	if err == nil {
		rejected, err = do(r, body)
	}
	status := http.StatusOK
	if err != nil {
		status = http.StatusBadRequest
		if e, ok := errors.AsType[*api.Error](err); ok && e.Status >= http.StatusInternalServerError {
			status = e.Status
		}
	}
	o.answer(w, r, status, rejected, err)
}

func contentType(r *http.Request) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

func isJSON(r *http.Request) bool { return contentType(r) == "application/json" }

// read returns the body in the wire form.
func (o *otlp) read(r *http.Request, kind otlpwire.Request, limit int) ([]byte, error) {
	if t := contentType(r); t != typeProtobuf && !isJSON(r) {
		return nil, fmt.Errorf("content type is %q, want %s or application/json", t, typeProtobuf)
	}
	in := io.Reader(r.Body)
	switch coding := r.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("inflate body: %w", err)
		}
		in = z
	default:
		return nil, fmt.Errorf("content encoding is %q, want gzip or none", coding)
	}
	body, err := io.ReadAll(io.LimitReader(in, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read body: %w", err)
	case len(body) > limit:
		return nil, fmt.Errorf("body is larger than %d bytes", limit)
	case isJSON(r):
		return o.json.Append(nil, kind, body)
	}
	return body, nil
}

// answer writes the response of the protocol: empty or with a count of rejected
// items, or a google.rpc.Status.
func (o *otlp) answer(w http.ResponseWriter, r *http.Request, status int, rejected int64, err error) {
	message := "some items are not valid and were not taken"
	if err != nil {
		message = err.Error()
	}
	if isJSON(r) {
		v := map[string]any{}
		if err != nil {
			v["code"], v["message"] = otlpMalformed, message
		} else if rejected > 0 {
			v["partialSuccess"] = map[string]any{"rejectedSpans": strconv.FormatInt(rejected, 10), "errorMessage": message}
		}
		reply(w, status, v)
		return
	}
	var b []byte
	if err != nil || rejected > 0 {
		code := uint64(rejected)
		if err != nil {
			code = otlpMalformed
		}
		b = binary.AppendUvarint([]byte{1 << 3}, code)
		b = append(binary.AppendUvarint(append(b, 2<<3|2), uint64(len(message))), message...)
		if err == nil { // as the field partial_success
			b = append(binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(b))), b...)
		}
	}
	w.Header().Set("Content-Type", typeProtobuf)
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// signedRegion is the region that a request is signed for, or the default: a
// signature is not asked for. Its credential is KEY/DATE/REGION/SERVICE/aws4_request.
func signedRegion(r *http.Request) string {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if parts := strings.SplitN(credential, "/", 5); len(parts) == 5 {
		return parts[2]
	}
	return DefaultRegion
}

// do calls an operation for the request.
func (o *otlp) do(r *http.Request, service, operation string, in any) (any, error) {
	caller := api.Caller{Account: o.s.account, Region: signedRegion(r), RequestID: "otlp"}
	return o.s.do(api.WithCaller(r.Context(), caller), service, operation, in)
}

// do calls an operation of a service, and commits what it changed.
func (s *Server) do(ctx context.Context, service, operation string, in any) (any, error) {
	for _, svc := range s.services {
		if svc.Name() != service {
			continue
		}
		for _, op := range svc.Operations() {
			if op.Name != operation {
				continue
			}
			out, err := op.Do(ctx, in)
			if err != nil {
				return nil, err
			}
			return out, s.data.commit(service, operation)
		}
	}
	return nil, fmt.Errorf("there is no operation %s of %s", operation, service)
}

func (o *otlp) traces(r *http.Request, body []byte) (rejected int64, err error) {
	var in otlpwire.Traces
	var res xraydoc.Resource
	var docs xraydoc.Docs
	spans := 0
	err = in.Decode(body, func() error {
		o.trans.Prepare(&res, in.Resource.Attrs)
		return nil
	}, func() error {
		if spans++; spans > maxOTLPSpans {
			return fmt.Errorf("more than %d spans", maxOTLPSpans)
		}
		if o.trans.Append(&docs, &res, &in.Span) != nil {
			rejected++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	more, err := o.putDocuments(r, &docs)
	return rejected + more, err
}

// putDocuments stores segment documents, as many in a call as one takes.
func (o *otlp) putDocuments(r *http.Request, docs *xraydoc.Docs) (rejected int64, err error) {
	const perCall = 50
	for first := 0; first < len(docs.Ends); first += perCall {
		var batch []string
		for i := first; i < min(first+perCall, len(docs.Ends)); i++ {
			batch = append(batch, string(docs.Doc(i)))
		}
		out, err := o.do(r, "xray", "PutTraceSegments", &xray.PutTraceSegmentsInput{TraceSegmentDocuments: batch})
		if err != nil {
			return rejected, err
		}
		if put, ok := out.(*xray.PutTraceSegmentsOutput); ok {
			rejected += int64(len(put.UnprocessedTraceSegments))
		}
	}
	return rejected, nil
}

// otlpEvent is a log record as the message of a log event.
type otlpEvent struct {
	Resource struct {
		Attributes json.RawMessage `json:"attributes"`
	} `json:"resource"`
	TimeUnixNano         uint64          `json:"timeUnixNano,omitempty"`
	ObservedTimeUnixNano uint64          `json:"observedTimeUnixNano,omitempty"`
	SeverityNumber       int32           `json:"severityNumber,omitempty"`
	SeverityText         string          `json:"severityText,omitempty"`
	Body                 json.RawMessage `json:"body,omitempty"`
	Attributes           json.RawMessage `json:"attributes"`
	TraceID              string          `json:"traceId,omitempty"`
	SpanID               string          `json:"spanId,omitempty"`
}

// maxOTLPText bounds a text within a log record, in bytes.
const maxOTLPText = 256 << 10

func attributes(list []otlpwire.Attr) json.RawMessage {
	b := []byte{'{'}
	for i, a := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = otlpwire.AppendMember(b, a, maxOTLPText)
	}
	return append(b, '}')
}

func (o *otlp) logs(r *http.Request, body []byte) (int64, error) {
	group, stream := r.Header.Get(otlpLogGroup), r.Header.Get(otlpLogStream)
	if group == "" || stream == "" {
		return 0, errors.New("the headers x-aws-log-group and x-aws-log-stream are required")
	}
	var in otlpwire.Logs
	var events []logtypes.InputLogEvent
	now := o.s.clock.Now()
	err := in.Decode(body, func() error { return nil }, func() error {
		e, err := logEvent(&in, now)
		events = append(events, e)
		return err
	})
	if err != nil || len(events) == 0 {
		return 0, err
	}
	order.Stable(events, func(a, b logtypes.InputLogEvent) int { return cmp.Compare(*a.Timestamp, *b.Timestamp) })
	_, err = o.do(r, "logs", "PutLogEvents", &cwl.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
	return 0, err
}

// logEvent is a record as a log event. One without a time has that of receipt.
func logEvent(in *otlpwire.Logs, now time.Time) (logtypes.InputLogEvent, error) {
	rec := &in.Record
	e := otlpEvent{
		TimeUnixNano: rec.Time, ObservedTimeUnixNano: rec.Observed, SeverityNumber: rec.Severity, SeverityText: string(rec.SeverityText),
		Body: otlpwire.AppendJSON(nil, rec.Body, maxOTLPText), Attributes: attributes(rec.Attrs), TraceID: hex.EncodeToString(rec.TraceID), SpanID: hex.EncodeToString(rec.SpanID),
	}
	e.Resource.Attributes = attributes(in.Resource.Attrs)
	message, err := json.Marshal(&e)
	at := now
	for _, ns := range []uint64{rec.Observed, rec.Time} {
		if ns != 0 {
			at = time.Unix(0, int64(ns))
		}
	}
	return logtypes.InputLogEvent{Timestamp: aws.Int64(at.UnixMilli()), Message: aws.String(string(message))}, err
}
