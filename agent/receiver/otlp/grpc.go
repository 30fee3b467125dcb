package otlp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// isGRPC reports whether a content type is gRPC with protobuf, and not one of
// its relatives.
func isGRPC(contentType string) bool {
	return contentType == "application/grpc" || contentType == "application/grpc+proto"
}

// methodSignal says what is taken by a method of OTLP's gRPC services.
func methodSignal(path string) (sidelight.Signal, bool) {
	switch path {
	case "/opentelemetry.proto.collector.trace.v1.TraceService/Export":
		return sidelight.Traces, true
	case "/opentelemetry.proto.collector.logs.v1.LogsService/Export":
		return sidelight.Logs, true
	case "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export":
		return sidelight.Metrics, true
	}
	return 0, false
}

// serveGRPC answers a unary call: one message in a frame of five bytes and the
// message, an answer of the same form, and the status in trailers.
func (v *service) serveGRPC(w http.ResponseWriter, req *http.Request) {
	if req.ProtoMajor < 2 || req.Method != http.MethodPost {
		http.Error(w, "gRPC needs HTTP/2 and POST", http.StatusUnsupportedMediaType)
		return
	}
	h := w.Header()
	h.Set("Content-Type", req.Header.Get("Content-Type"))
	h.Set("Grpc-Accept-Encoding", "gzip")
	h["Trailer"] = []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"}
	ctx, cancel := grpcContext(req)
	defer cancel()
	res, refused := v.call(ctx, req)
	if refused.http != 0 {
		v.trail(h, refused)
		return
	}
	answer := appendAnswer(make([]byte, grpcFrame, 64), res)
	binary.BigEndian.PutUint32(answer[1:], uint32(len(answer)-grpcFrame))
	w.Write(answer)
	h.Set("Grpc-Status", "0")
}

// trail writes a refusal's trailers.
func (v *service) trail(h http.Header, r refusal) {
	h.Set("Grpc-Status", strconv.Itoa(r.code))
	h.Set("Grpc-Message", percentEncode(r.text))
	if r.retry {
		// Without this a client does not retry when resources are exhausted.
		h.Set("Grpc-Status-Details-Bin", statusDetails(r.code, r.text, v.cfg.RetryAfter))
	}
}

// call takes in the call's message. The zero refusal is success.
func (v *service) call(ctx context.Context, req *http.Request) (result, refusal) {
	sig, ok := methodSignal(req.URL.Path)
	if !ok {
		return result{}, refusal{http: 404, code: grpcUnimplemented, text: "unknown method " + req.URL.Path}
	}
	s := v.scratch.get(&v.memory)
	if refused := v.readGRPC(s, req); refused.http != 0 {
		v.scratch.put(s)
		return result{}, refused
	}
	res, err := v.take(ctx, sig, s, false)
	if err != nil {
		return res, refusalOf(err)
	}
	return res, refusal{}
}

// grpcFrame is the length of what stands before a message: a byte that is 1 if
// the message is compressed, and its length.
const grpcFrame = 5

func (v *service) readGRPC(s *scratch, req *http.Request) refusal {
	var head [grpcFrame]byte
	if _, err := io.ReadFull(req.Body, head[:]); err != nil {
		return readRefusal(err)
	}
	size := int64(binary.BigEndian.Uint32(head[1:]))
	if size > int64(v.cfg.MaxBody) {
		return refusalOf(errLong)
	}
	body := io.Reader(&exactly{req.Body, size})
	switch coding := req.Header.Get("Grpc-Encoding"); {
	case head[0] == 0:
	case head[0] == 1 && coding == "gzip":
		z, err := s.unzip(body)
		if err != nil {
			return readRefusal(err)
		}
		body, size = z, min(size*4, 1<<20)
	default:
		return refusal{http: 415, code: grpcUnimplemented, text: "compression " + strconv.Quote(coding) + " is not known; use gzip"}
	}
	if refused := readRefusal(s.read(body, size, v.cfg.MaxBody)); refused.http != 0 {
		return refused
	}
	if n, err := req.Body.Read(head[:1]); n > 0 || !errors.Is(err, io.EOF) {
		return refusal{http: 400, code: grpcInvalid, text: "more than one message in a unary call"}
	}
	return refusal{}
}

// exactly reads n bytes; less is an error.
type exactly struct {
	r io.Reader
	n int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.n)])
	e.n -= int64(n)
	if errors.Is(err, io.EOF) && e.n > 0 {
		return n, io.ErrUnexpectedEOF
	}
	if e.n == 0 {
		return n, nil
	}
	return n, err
}

// grpcContext bounds the request's context by the header grpc-timeout: at most
// eight digits and a unit.
func grpcContext(req *http.Request) (context.Context, context.CancelFunc) {
	s := req.Header.Get("Grpc-Timeout")
	if len(s) < 2 || len(s) > 9 {
		return context.WithCancel(req.Context())
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	units := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}
	unit, ok := units[s[len(s)-1]]
	if err != nil || !ok || n > uint64(24*time.Hour/unit) {
		return context.WithCancel(req.Context())
	}
	return context.WithTimeout(req.Context(), time.Duration(n)*unit)
}
