package awsproto

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// exchange is one request on its way to its answer.
type exchange struct {
	h         *Handler
	r         *http.Request
	start     time.Time
	requestID string
	target    target
	cred      credential
	form      *node
	body      []byte // decoded from its Content-Encoding
	bytesIn   int
	errShape  string
	partial   bool // the operation shall take only part of its batch
	skew      time.Duration
}

// newRequestID is a random UUID. It identifies, it protects nothing.
func newRequestID() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], rand.Uint64())
	binary.BigEndian.PutUint64(b[8:], rand.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (x *exchange) record(status, bytesOut int) {
	c := Call{
		Time: x.start, Operation: x.target.operation, Protocol: x.target.protocol.String(),
		Status: status, Error: x.errShape, Duration: x.h.now().Sub(x.start),
		BytesIn: x.bytesIn, BytesOut: bytesOut,
		Region: x.cred.region, AccessKey: x.cred.key, RequestID: x.requestID,
	}
	if x.target.service != nil {
		c.Service = x.target.service.spec.Service
	}
	x.h.observe(c)
}

// fail answers with an error of AWS's.
func (x *exchange) fail(e *api.Error) *answer {
	x.errShape = e.Shape
	if x.target.service == nil {
		return x.stray(e)
	}
	return failure(&x.target, e, x.requestID)
}

// stray answers a request that no service could be found for.
func (x *exchange) stray(e *api.Error) *answer {
	a := newAnswer(e.Status, typeJSON)
	a.header.Set("X-Amzn-ErrorType", e.Shape)
	body := map[string]any{"__type": e.Shape, "message": e.Message}
	a.body, _ = appendJSON(nil, newPlans(&Spec{}), body)
	return a
}

// serve returns the answer, or nil to break off the connection.
func (x *exchange) serve(sent, plain *bytes.Buffer) *answer {
	x.target = x.h.route(x.r)
	if x.h.refuse(x.addressee(), x.target.operation) {
		return nil
	}
	if e := x.read(sent, plain); e != nil {
		return x.fail(e)
	}
	s := x.target.service
	if s == nil {
		return x.fail(&api.Error{
			Shape: "UnknownOperationException", Status: http.StatusNotImplemented,
			Message: fmt.Sprintf("The sandbox knows no service for %s %s.", x.r.Method, x.r.URL.Path),
		})
	}
	var refused *api.Error
	if x.cred, refused = x.h.authenticate(x.r, s, sent.Bytes()); refused != nil {
		return x.fail(refused)
	}
	v := x.h.verdict(s.spec.Service, x.target.operation, x.cred.key)
	if !x.delay(v.Delay) || v.Drop == DropBefore {
		return nil
	}
	x.partial, x.skew = v.Partial, v.Skew
	if x.skew != 0 {
		if e := x.h.checkTime(x.r, s, x.skew); e != nil {
			return x.fail(e)
		}
	}
	if v.Throttle || v.Status != 0 || v.BadSignature {
		return x.fail(x.injected(&v))
	}
	a := x.call(s)
	if v.Drop == DropAfter {
		return nil
	}
	return a
}

// addressee is the service's name, as far as it shows before the body is read.
func (x *exchange) addressee() string {
	if s := x.target.service; s != nil {
		return s.spec.Service
	}
	c, _ := parseAuthorization(x.r.Header.Get("Authorization"))
	return c.service
}

// read takes in the body, and completes the target if that is in a form.
func (x *exchange) read(sent, plain *bytes.Buffer) *api.Error {
	limit := int64(defaultMaxBody)
	tooLarge := Code{"RequestEntityTooLarge", http.StatusRequestEntityTooLarge}
	if s := x.target.service; s != nil {
		limit, tooLarge = s.spec.maxBody(x.target.operation), s.spec.Codes.TooLarge
	}
	err := readBody(x.r, sent, limit)
	x.bytesIn = sent.Len()
	if err == nil {
		x.body, err = inflate(x.r, sent.Bytes(), plain)
	}
	if err == nil && x.target.protocol == protoQuery {
		if x.form, err = parseForm(string(x.body)); err == nil {
			x.h.routeForm(&x.target, x.form)
			if s := x.target.service; s != nil {
				limit = s.spec.maxBody(x.target.operation)
			}
			if int64(sent.Len()) > limit {
				err = errTooLarge
			}
		}
	}
	switch {
	case errors.Is(err, errTooLarge):
		return refusal(tooLarge, "Request is larger than the limit of %d bytes.", limit)
	case err != nil:
		return serialization(err)
	}
	return nil
}

func (s *Spec) maxBody(op string) int64 {
	if n := s.MaxBodyOf[op]; n > 0 {
		return n
	}
	if s.MaxBody > 0 {
		return s.MaxBody
	}
	return defaultMaxBody
}

func serialization(err error) *api.Error {
	return api.Errorf("SerializationException", "%v", err)
}

// delay waits, and says whether the client is still there.
func (x *exchange) delay(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// injected is the error that a verdict asks for.
func (x *exchange) injected(v *Verdict) *api.Error {
	codes := &x.target.service.spec.Codes
	code := codes.Internal
	switch {
	case v.BadSignature:
		code = codes.Signature
	case v.Throttle:
		code = codes.Throttled
	case v.Status == http.StatusServiceUnavailable:
		code = codes.Unavailable
	}
	if v.Status != 0 {
		code.Status = v.Status
	}
	if v.Shape != "" {
		code.Name = v.Shape
	}
	message := v.Message
	if message == "" {
		switch {
		case v.Throttle:
			message = "Rate exceeded"
		case v.BadSignature:
			message = "The request signature we calculated does not match the signature you provided. (Injected by the sandbox.)"
		default:
			message = "Failure injected by the sandbox."
		}
	}
	return refusal(code, "%s", message)
}

// call decodes the input, runs the operation and encodes its outcome.
func (x *exchange) call(s *service) *answer {
	op, ok := s.ops[x.target.operation]
	if !ok {
		return x.fail(s.unknown(x.target.operation))
	}
	in := op.NewInput()
	if err := x.decode(s, in); err != nil {
		return x.fail(serialization(err))
	}
	if e := s.check(in); e != nil {
		return x.fail(e)
	}
	out, err := x.h.run(x.context(), op, in)
	// What an operation that fails half way has changed counts too.
	if e := x.h.commit(s.spec.Service, op.Name); e != nil {
		err = e
	}
	if err != nil {
		return x.fail(x.h.asError(s, op.Name, err))
	}
	if stream, ok := out.(api.Streamer); ok {
		return &answer{stream: stream}
	}
	a, err := success(&x.target, out, x.requestID, nil)
	if err != nil {
		return x.fail(x.h.asError(s, op.Name, err))
	}
	return a
}

func (x *exchange) decode(s *service, in any) error {
	switch x.target.protocol {
	case protoQuery:
		return decodeForm(x.form, s.plans, in)
	case protoCBOR:
		return decodeInto(&cborReader{data: x.body}, s.plans, in)
	}
	if len(x.body) > 0 || x.r.Method != http.MethodGet {
		if err := decodeInto(&jsonReader{data: x.body}, s.plans, in); err != nil {
			return err
		}
	}
	if x.target.protocol != protoREST {
		return nil
	}
	return decodeQuery(x.r.URL.Query(), s, in)
}
