package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
	"github.com/sidelight-dev/sidelight/internal/sandbox/inbox"
)

// Defaults of Options.
const (
	DefaultListen  = "127.0.0.1:4580"
	DefaultAccount = "000000000000"
	// DefaultRegion is the region that clients of a sandbox sign for unless told
	// otherwise. The sandbox itself takes any.
	DefaultRegion = "us-east-1"
)

// Options configure a Server. The zero value listens on DefaultListen.
type Options struct {
	// Listen is the address to listen on; port 0 takes a free one.
	Listen string
	// Account is the account that everything belongs to. The region is the one
	// that a caller signs for.
	Account string
	// Clock is the sandbox's time. Nil: one that runs with the machine's.
	Clock *clock.Clock
	// Logger takes the server's log. Nil: none.
	Logger *slog.Logger
	// VerifySignatures checks signatures with the secrets of Keys, by access
	// key. Otherwise any access key is welcome.
	VerifySignatures bool
	Keys             map[string]string
	// LogBytes bounds the store of log events, in bytes as kept. The oldest
	// blocks go first. 0 means 256 MiB.
	LogBytes int64
	// Subscriptions is the URL of an HTTP server that gets what subscription
	// filters match, in the place of their destinations. Empty: nothing is sent.
	Subscriptions string
	// Notify is the URL of an HTTP server that gets what the actions of alarms send,
	// in the form of SNS's notifications, beside the inbox. Empty: nothing is sent.
	Notify string
	// TraceBytes bounds the store of traces, in bytes. The oldest traces go
	// first. 0 means 64 MiB.
	TraceBytes int64
	// Data is a folder to keep everything in, so that it outlives the process:
	// what was acknowledged is there again after a kill. Empty: memory only.
	Data string
	// AlarmDelay is how far behind the clock alarms look, for data that comes
	// late. AlarmEvery evaluates them more often than their own schedule. See
	// cloudwatch.Options.
	AlarmDelay, AlarmEvery time.Duration
	// ReservedNamespaces accepts metrics in AWS's own namespaces, "AWS/…".
	ReservedNamespaces bool
	// Seed makes the choices of faults with a rate repeatable.
	Seed uint64
	// Services are offered beside, or in place of, the sandbox's own of the
	// same name. Specs are their protocols, if they are not the sandbox's.
	Services []api.Service
	Specs    []awsproto.Spec
}

// A Runner is a service with work of its own, such as evaluating alarms. Run
// returns when ctx ends.
type Runner interface {
	Run(ctx context.Context) error
}

// A Resetter is a service that can forget all it holds.
type Resetter interface {
	Reset()
}

// Server is a sandbox on a listener. It is safe for concurrent use. Use New,
// then Serve, then Close.
type Server struct {
	ln       net.Listener
	http     *http.Server
	clock    *clock.Clock
	faults   *fault.Set
	inbox    *inbox.Box
	calls    callRing
	services []api.Service
	log      *slog.Logger
	account  string
	started  time.Time
	data     *data

	serving   atomic.Bool
	closeOnce sync.Once
	stop      context.CancelCauseFunc
	stopped   context.Context
}

// ErrClosed is the cause with which the work of a closed server ends.
var ErrClosed = errors.New("sandbox is closed")

// New makes a server and binds its listener, so that URL is known and clients
// can connect at once; they are answered when Serve runs.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	s := &Server{clock: o.Clock, faults: fault.NewSet(o.Seed), inbox: inbox.New(0), log: o.Logger, account: o.Account, started: time.Now()}
	if err := s.assemble(&o); err != nil {
		return nil, err
	}
	handler, err := awsproto.New(awsproto.Options{
		Services: s.services, Specs: append(o.Specs, specs()...), Account: o.Account,
		VerifySignatures: o.VerifySignatures, Keys: o.Keys, CheckInputs: true,
		Refuse: s.faults.Outage, Intercept: s.verdict, Commit: s.data.commit, Observe: s.calls.add, Logger: o.Logger,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make sandbox: %w", err), s.data.close())
	}
	mux := http.NewServeMux()
	s.control(mux)
	s.otlp(mux)
	mux.Handle("/", handler)
	if s.ln, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", o.Listen, err), s.data.close())
	}
	s.stopped, s.stop = context.WithCancelCause(context.Background())
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
		// Requests end with the server, also those that wait for the clock.
		BaseContext: func(net.Listener) context.Context { return s.stopped },
	}
	return s, nil
}

// assemble makes the services, and reads the folder of the options into them.
func (s *Server) assemble(o *Options) error {
	var lock *os.File
	var err error
	if o.Data != "" {
		if lock, err = lockFolder(o.Data); err != nil {
			return err
		}
	}
	if s.services, err = s.compose(o); err == nil && o.Data != "" {
		s.data, err = s.openData(o.Data)
	}
	if err != nil {
		if lock != nil {
			_ = lock.Close()
		}
		return err
	}
	if s.data != nil {
		s.data.lock = lock
	}
	return nil
}

func (o Options) withDefaults() Options {
	o.Listen = cmp.Or(o.Listen, DefaultListen)
	o.Account = cmp.Or(o.Account, DefaultAccount)
	if o.Clock == nil {
		o.Clock = clock.New()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// verdict asks the faults about a call.
func (s *Server) verdict(service, operation, accessKey string) awsproto.Verdict {
	var v awsproto.Verdict
	for _, r := range s.faults.Match(service, operation, accessKey) {
		switch r.Kind {
		case fault.Delay:
			v.Delay += time.Duration(r.Wait)
		case fault.ClockSkew:
			v.Skew += time.Duration(r.Wait)
		case fault.DropBefore:
			v.Drop = awsproto.DropBefore
		case fault.DropAfter:
			v.Drop = awsproto.DropAfter
		case fault.Partial:
			v.Partial = true
		case fault.BadSignature:
			v.BadSignature, v.Message = true, r.Message
		case fault.Throttle:
			v.Throttle, v.Status, v.Shape, v.Message = true, r.Status, r.Shape, r.Message
		case fault.Error:
			v.Status, v.Shape, v.Message = cmp.Or(r.Status, http.StatusInternalServerError), r.Shape, r.Message
		}
	}
	return v
}

// URL is the endpoint for clients: "http://127.0.0.1:4580".
func (s *Server) URL() string { return "http://" + s.ln.Addr().String() }

// Clock is the sandbox's time.
func (s *Server) Clock() *clock.Clock { return s.clock }

// Faults are the failures in force.
func (s *Server) Faults() *fault.Set { return s.faults }

// Inbox has the notifications of alarms.
func (s *Server) Inbox() *inbox.Box { return s.inbox }

// Calls returns the latest calls, oldest first.
func (s *Server) Calls() []awsproto.Call { return s.calls.list() }

// Serve answers clients until ctx ends or Close is called, both of which it
// returns nil for. It waits for the calls at hand and for the services' work.
func (s *Server) Serve(ctx context.Context) error {
	s.serving.Store(true)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(ErrClosed)
	defer context.AfterFunc(s.stopped, func() { cancel(ErrClosed) })()
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	var wg sync.WaitGroup
	errs := make(chan error, len(s.services))
	for _, svc := range s.services {
		if r, ok := svc.(Runner); ok {
			wg.Go(func() { errs <- s.runService(ctx, cancel, svc.Name(), r) })
		}
	}
	err := s.http.Serve(s.ln)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	cancel(ErrClosed)
	wg.Wait()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	return errors.Join(err, s.data.close())
}

// runService runs a service's own work. If it fails, the server ends: a sandbox
// whose alarms are dead would lie.
func (s *Server) runService(ctx context.Context, cancel context.CancelCauseFunc, name string, r Runner) error {
	err := r.Run(ctx)
	if err == nil || ctx.Err() != nil {
		return nil
	}
	err = fmt.Errorf("run service %s: %w", name, err)
	cancel(err)
	return err
}

// closeGrace is how long Close lets calls at hand finish.
const closeGrace = 2 * time.Second

// Close stops listening, lets calls at hand finish for two seconds, and breaks
// off the rest.
func (s *Server) Close() error {
	var err error
	s.closeOnce.Do(func() {
		s.stop(ErrClosed)
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		if err = s.http.Shutdown(ctx); err != nil {
			err = s.http.Close()
		}
		// Serve may never have been called.
		if e := s.ln.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
		if !s.serving.Load() {
			err = errors.Join(err, s.data.close()) // as Serve does at its end
		}
	})
	return err
}

// Reset empties the services, the faults, the inbox and the record of calls.
// The clock stays where it is.
func (s *Server) Reset() {
	for _, svc := range s.services {
		if r, ok := svc.(Resetter); ok {
			r.Reset()
		}
	}
	s.faults.Clear()
	s.inbox.Reset()
	s.calls.reset()
	if err := s.data.saveAll(); err != nil {
		s.log.Error("reset is not written", "err", err)
	}
}
