package awsproto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Options are what a Handler is made of.
type Options struct {
	// Services are the services to offer; Specs has the spec of each by name.
	Services []api.Service
	Specs    []Spec
	// Account is that of every caller. The region comes with the credential.
	Account string
	// VerifySignatures checks Signature Version 4 with the secrets of Keys, by
	// access key. Otherwise any key and signature will do, if the scope of the
	// credential names the service.
	VerifySignatures bool
	Keys             map[string]string
	// CheckInputs refuses inputs that violate the limits of the service's model
	// before an operation sees them.
	CheckInputs bool
	// Now is the wall clock, by which signatures expire. Nil: time.Now.
	Now func() time.Time
	// Refuse, if not nil, is asked about each request before its body is read
	// whether to reset the connection. The operation of a form is not known yet
	// and empty.
	Refuse func(service, operation string) bool
	// Intercept, if not nil, is asked about each call before it is decoded.
	Intercept func(service, operation, accessKey string) Verdict
	// Commit, if not nil, is called after a call has succeeded and before it is
	// answered. If it fails, the call does.
	Commit func(service, operation string) error
	// Observe, if not nil, is told about each call when it has been answered.
	Observe func(Call)
	// Logger is told about failures of services. Nil: none.
	Logger *slog.Logger
}

// Drop is when a connection is broken off.
type Drop uint8

// The ways to break off a connection.
const (
	DropNone   Drop = iota
	DropBefore      // before the call is applied
	DropAfter       // after the call is applied, before it is answered
)

// Verdict is what shall happen to a call instead of its proper course. The
// zero Verdict lets it pass.
type Verdict struct {
	Delay time.Duration
	// Skew is how far the service's clock is ahead of the machine's. If it is
	// not zero, signatures must be of that time.
	Skew time.Duration
	Drop Drop
	// Throttle answers with the service's own throttling error.
	Throttle bool
	// Partial asks the operation to take only part of its batch.
	Partial bool
	// BadSignature answers that the signature does not match.
	BadSignature bool
	// Status answers with an error of this status, named Shape if that is set.
	Status         int
	Shape, Message string
}

// Call is the record of one call.
type Call struct {
	Time                         time.Time
	Service, Operation, Protocol string
	Status                       int // 0: the connection was broken off
	Error                        string
	Duration                     time.Duration
	BytesIn, BytesOut            int
	Region, AccessKey, RequestID string
}

// service is an api.Service made ready.
type service struct {
	spec  Spec
	plans *plans
	ops   map[string]api.Operation
	names []string
}

// Handler serves the requests of AWS clients. It is safe for concurrent use.
type Handler struct {
	services []*service
	byName   map[string]*service
	account  string
	verify   bool
	check    bool
	keys     map[string]string
	now      func() time.Time
	refuse   func(service, operation string) bool
	verdict  func(service, operation, accessKey string) Verdict
	observe  func(Call)
	commit   func(service, operation string) error
	log      *slog.Logger
	bodies   buffers
}

// New returns a Handler. It fails if a service has no spec, or two have a name.
func New(o Options) (*Handler, error) {
	h := &Handler{
		byName: make(map[string]*service), account: o.Account, verify: o.VerifySignatures, keys: o.Keys, check: o.CheckInputs,
		now: o.Now, refuse: o.Refuse, verdict: o.Intercept, observe: o.Observe, log: o.Logger,
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.refuse == nil {
		h.refuse = func(string, string) bool { return false }
	}
	if h.verdict == nil {
		h.verdict = func(string, string, string) Verdict { return Verdict{} }
	}
	if h.commit = o.Commit; h.commit == nil {
		h.commit = func(string, string) error { return nil }
	}
	if h.observe == nil {
		h.observe = func(Call) {}
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.verify && len(h.keys) == 0 {
		return nil, errors.New("verify signatures: no access keys are given")
	}
	for _, s := range o.Services {
		if err := h.add(s, o.Specs); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *Handler) add(s api.Service, specs []Spec) error {
	i := slices.IndexFunc(specs, func(sp Spec) bool { return sp.Service == s.Name() })
	if i < 0 {
		return fmt.Errorf("add service %q: no protocol is known for it", s.Name())
	}
	if h.byName[s.Name()] != nil {
		return fmt.Errorf("add service %q: it is there already", s.Name())
	}
	svc := &service{spec: specs[i], plans: newPlans(&specs[i]), ops: make(map[string]api.Operation)}
	var err error
	if h.check {
		if svc.plans.limits, err = readLimits(s.Name()); err != nil {
			return err
		}
	}
	for _, op := range s.Operations() {
		if _, ok := svc.ops[op.Name]; ok {
			return fmt.Errorf("add service %q: operation %s is listed twice", s.Name(), op.Name)
		}
		svc.ops[op.Name] = op
		svc.names = append(svc.names, op.Name)
	}
	slices.Sort(svc.names)
	h.services = append(h.services, svc)
	h.byName[s.Name()] = svc
	return nil
}

// unknown refuses an operation, and names those there are.
func (s *service) unknown(op string) *api.Error {
	return refusal(s.spec.Codes.Unknown, "The sandbox does not do the operation %q of %s. It does: %s.",
		op, s.spec.Service, strings.Join(s.names, ", "))
}

// run calls an operation and contains its panics.
func (h *Handler) run(ctx context.Context, op api.Operation, in any) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("operation panicked", "operation", op.Name, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in %s: %v", op.Name, p)
		}
	}()
	return op.Do(ctx, in)
}

// asError turns what an operation returned into an error of AWS's.
func (h *Handler) asError(s *service, op string, err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	h.log.Error("operation failed", "service", s.spec.Service, "operation", op, "err", err)
	return refusal(s.spec.Codes.Internal, "Internal failure in %s: %v", op, err)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{h: h, r: r, start: h.now(), requestID: newRequestID()}
	w.Header().Set("X-Amzn-Requestid", x.requestID)
	sent, plain := h.bodies.get(), h.bodies.get()
	defer h.bodies.put(sent)
	defer h.bodies.put(plain)
	a := x.serve(sent, plain)
	if x.skew != 0 {
		w.Header().Set("Date", h.now().Add(x.skew).UTC().Format(http.TimeFormat))
	}
	if a == nil {
		x.record(0, 0)
		breakOff(w)
		return
	}
	if a.stream != nil {
		x.stream(w, a.stream)
		return
	}
	a.write(w)
	x.record(a.status, len(a.body))
}

// breakOff ends the connection without an answer, by a reset where there is a
// TCP connection to reset.
func breakOff(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // close sends a reset
	}
	_ = conn.Close()
}
