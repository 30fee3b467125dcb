// Package otlp takes traces, logs and metrics by OTLP: over HTTP in protobuf and
// JSON, and over gRPC, each on TCP and on a unix socket. Every listener
// understands all of them, so that an exporter which was given the other port
// works too.
//
// Spans become X-Ray segment documents or stay what they are, log records JSON documents, metrics
// measurements. A request is answered when what it brought is safe, by the
// meaning of safe that the sink's tickets have; while there is no room, senders
// are told to come back.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

// The addresses that OTLP exporters use unless told otherwise.
const (
	DefaultGRPC = "127.0.0.1:4317"
	DefaultHTTP = "127.0.0.1:4318"
)

// Config says where to listen and where data goes.
type Config struct {
	// GRPC and HTTP are TCP addresses, Unix is the path of a socket. Empty ones
	// are not opened; at least one must be given.
	GRPC, HTTP, Unix string
	// UnixMode is the permission of the socket. Default 0666: who may reach it
	// is decided by who sees its directory, as containers of one task run under
	// different users.
	UnixMode fs.FileMode
	// MaxBody is the length of the longest request, uncompressed, in bytes.
	// Default 16 MiB, or Memory if that is less.
	MaxBody int
	// Memory bounds the bytes that requests occupy while they are taken in.
	// Senders beyond it are told to come back. Default 64 MiB.
	Memory int64
	// PushWait is how long a request waits for room in the sink. Default 2 s.
	PushWait time.Duration
	// AckWait is how long a request waits until what it brought is safe. Default
	// 9 s, just less than most exporters wait.
	AckWait time.Duration
	// RetryAfter is when a sender that was sent away may come back. Default 1 s.
	RetryAfter time.Duration
	// Traces is where segment documents go. If it is empty and Spans is not,
	// spans are not translated.
	Traces sidelight.Dest
	// Spans is where spans go as they were sent, each with its resource and
	// scope (see otlpwire.AppendEntry). Empty means nowhere. A sink that waits
	// must wait for both in the push of the documents, which comes first.
	Spans sidelight.Dest
	// Pair, if it is not empty, is where spans go in both forms, an event each
	// (see internal/bothforms), instead of to Traces and Spans. Where a span makes
	// more than one document, the others go there alone, if there is Traces.
	Pair sidelight.Dest
	// Logs says where the log records of a service go. The service is empty if
	// the sender did not say. It must be safe for concurrent use.
	Logs func(service string) sidelight.Dest
	// ResourceDefaults are resource attributes for senders that do not say them.
	ResourceDefaults map[string]string
	// XRay says what becomes of span attributes.
	XRay xraydoc.Config
	// Note is told of spans before they are pushed, Observe of those that were
	// taken. They must not keep what they are told, and be safe for concurrent
	// use. Nil: nobody is told.
	Note, Observe func([]spanfact.Fact)
	// Annotate, where spans are noted or observed, returns a span's attributes
	// with those that its facts give. It must be safe for concurrent use. Nil:
	// spans stay as they are sent.
	Annotate func([]otlpwire.Attr, *spanfact.Fact) []otlpwire.Attr
	// MaxSeries bounds the series of cumulative metrics whose last value is
	// remembered. Default 10,000.
	MaxSeries int
	// Dimensions are attributes of resources that become dimensions of their
	// metrics, beside service.
	Dimensions []string
}

func (c Config) withDefaults() Config {
	setDefault(&c.UnixMode, 0o666)
	setDefault(&c.Memory, 64<<20)
	setDefault(&c.MaxBody, int(min(16<<20, c.Memory)))
	setDefault(&c.PushWait, 2*time.Second)
	setDefault(&c.AckWait, 9*time.Second)
	setDefault(&c.RetryAfter, time.Second)
	setDefault(&c.MaxSeries, 10_000)
	return c
}

func setDefault[T int | int64 | time.Duration | fs.FileMode](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

func (c Config) validate() error {
	var errs []error
	if c.GRPC == "" && c.HTTP == "" && c.Unix == "" {
		errs = append(errs, errors.New("no address is given"))
	}
	if c.Logs == nil {
		errs = append(errs, errors.New("no destination for logs is given"))
	}
	if c.MaxBody < 0 || c.Memory < int64(c.MaxBody) {
		errs = append(errs, fmt.Errorf("memory of %d bytes does not hold a request of %d", c.Memory, c.MaxBody))
	}
	return errors.Join(errs...)
}

// Books is where the receiver counts what it had to give up.
type Books interface {
	Lose(s sidelight.Signal, cause string, n int)
}

// Receiver implements sidelight.Receiver.
type Receiver struct {
	cfg      Config
	books    Books
	log      *slog.Logger
	metrics  *converter
	json     *otlpwire.JSON
	xray     *xraydoc.Translator
	traces   sidelight.DestHandle
	spans    sidelight.DestHandle
	pair     sidelight.DestHandle
	defaults []otlpwire.Attr
	memory   budget
	scratch  shelf

	grpc, http, unix net.Listener // nil: not configured
}

var _ sidelight.Receiver = (*Receiver)(nil)

// Exemplars is how many exemplars of metrics came. They are ignored.
func (r *Receiver) Exemplars() uint64 { return r.metrics.exemplars.Load() }

// New opens the listeners. Metrics go to rec, which may be nil: they are then
// refused.
func New(cfg Config, rec sidelight.Recorder, books Books, log *slog.Logger) (*Receiver, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("otlp receiver: %w", err)
	}
	r := &Receiver{
		cfg: cfg, books: books, log: log, metrics: newConverter(rec, cfg.MaxSeries, cfg.Dimensions),
		json: otlpwire.NewJSON(), xray: xraydoc.New(cfg.XRay),
		traces: cfg.Traces.Handle(), spans: cfg.Spans.Handle(), pair: cfg.Pair.Handle(), memory: budget{free: cfg.Memory},
	}
	for name, value := range cfg.ResourceDefaults {
		r.defaults = append(r.defaults, otlpwire.Attr{Key: []byte(name), Value: otlpwire.StringValue(value)})
	}
	sortAttrs(r.defaults)
	if err := r.listen(); err != nil {
		return nil, errors.Join(fmt.Errorf("otlp receiver: %w", err), r.Close())
	}
	return r, nil
}

func (r *Receiver) listen() (err error) {
	if r.cfg.GRPC != "" {
		if r.grpc, err = net.Listen("tcp", r.cfg.GRPC); err != nil {
			return err
		}
	}
	if r.cfg.HTTP != "" {
		if r.http, err = net.Listen("tcp", r.cfg.HTTP); err != nil {
			return err
		}
	}
	if r.cfg.Unix != "" {
		if r.unix, err = listenUnix(r.cfg.Unix, r.cfg.UnixMode); err != nil {
			return err
		}
	}
	return nil
}

func addr(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

func (r *Receiver) listeners() []net.Listener {
	var all []net.Listener
	for _, l := range []net.Listener{r.grpc, r.http, r.unix} {
		if l != nil {
			all = append(all, l)
		}
	}
	return all
}

// Close closes the listeners of a receiver that was never run. Run closes them
// by itself.
func (r *Receiver) Close() error {
	var errs []error
	for _, l := range r.listeners() {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// GRPCAddr is the address for gRPC, nil if none.
func (r *Receiver) GRPCAddr() net.Addr { return addr(r.grpc) }

// HTTPAddr is the address for HTTP, nil if none.
func (r *Receiver) HTTPAddr() net.Addr { return addr(r.http) }

// stopGrace is how long requests may still take when the receiver stops, beyond
// the wait for what they brought to be safe.
const stopGrace = time.Second

// Run answers requests until ctx ends, and then those that had begun. However
// it ends, the listeners are closed then.
func (r *Receiver) Run(ctx context.Context, out sidelight.Sink) error {
	defer r.Close() // what failed to be served was not closed by the server
	srv := r.server(out)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, l := range r.listeners() {
		wg.Go(func() {
			err := srv.Serve(l)
			if !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("serve OTLP on %s: %w", l.Addr(), err))
			}
		})
	}
	<-ctx.Done()
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.AckWait+stopGrace)
	defer done()
	if err := srv.Shutdown(grace); err != nil {
		srv.Close()
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (r *Receiver) server(out sidelight.Sink) *http.Server {
	var both http.Protocols
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           &service{Receiver: r, out: out},
		Protocols:         &both,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			// Fewer updates of flow control for requests of some hundred spans.
			MaxReceiveBufferPerConnection: 2 << 20,
			MaxReceiveBufferPerStream:     1 << 20,
			MaxReadFrameSize:              64 << 10,
		},
	}
}
