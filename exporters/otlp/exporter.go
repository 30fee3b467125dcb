package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/post"
)

// Config says where to deliver.
type Config struct {
	Signal sidelight.Signal
	// Endpoint is the URL to which v1/logs and so on are added. Empty means
	// AWS's own endpoints.
	Endpoint string
	Headers  []post.Header
	// CA is the path of a file of certificates, in PEM, that may sign the
	// endpoint's. Empty means the system's.
	CA string
	// Resource are the attributes of what does not say where it comes from.
	Resource map[string]string
	// Prepare makes the log group and stream of a destination, unless they are
	// there: AWS's endpoint does not. It is called once for each. Nil: they must
	// be there.
	Prepare func(ctx context.Context, d sidelight.Dest) error
}

// Exporter implements sidelight.Exporter over OTLP/HTTP.
type Exporter struct {
	encoder
	to     poster
	places *places
	log    *slog.Logger

	mu     sync.Mutex
	warned string
}

var _ sidelight.Exporter = (*Exporter)(nil)

// poster posts a finished body and returns what was answered. An error is a
// *sidelight.Fault.
type poster interface {
	post(ctx context.Context, b *sidelight.Block, h http.Header) ([]byte, error)
}

// New returns an exporter. It makes no call. ac is for AWS's endpoints only.
func New(ctx context.Context, cfg Config, ac aws.Config, log *slog.Logger) (*Exporter, error) {
	x := &Exporter{
		encoder: encoder{signal: cfg.Signal, aws: cfg.Endpoint == "", resource: resource(cfg.Resource)},
		places:  &places{make: cfg.Prepare, made: map[sidelight.Dest]bool{}}, log: log,
	}
	if cfg.Endpoint != "" {
		c, err := post.New(post.Config{
			URL: strings.TrimSuffix(cfg.Endpoint, "/") + paths[cfg.Signal], Op: op(cfg.Signal), Headers: cfg.Headers, CA: cfg.CA, Message: message,
		})
		x.to = plain{c}
		return x, err
	}
	client, err := awsapi.NewClient(ctx, ac, services[cfg.Signal])
	if err != nil {
		return nil, err
	}
	x.to = &signed{client: client, path: paths[cfg.Signal], op: op(cfg.Signal)}
	return x, nil
}

var (
	paths    = [sidelight.NumSignals]string{sidelight.Logs: "/v1/logs", sidelight.Traces: "/v1/traces", sidelight.Metrics: "/v1/metrics"}
	services = [sidelight.NumSignals]awsapi.Service{sidelight.Logs: awsapi.Logs, sidelight.Traces: awsapi.XRay, sidelight.Metrics: awsapi.Monitoring}
)

func op(s sidelight.Signal) string { return "export " + s.String() + " by OTLP" }

// resource returns the fields of a Resource, sorted by name.
func resource(attrs map[string]string) []byte {
	names := make([]string, 0, len(attrs))
	for name := range attrs {
		names = append(names, name)
	}
	sort.Strings(names)
	var dst []byte
	for _, name := range names {
		dst = otlpwire.AppendTextAttr(dst, 1, name, strings.ToValidUTF8(attrs[name], "\uFFFD"))
	}
	return dst
}

// Admit reports whether the endpoint takes an event of the time ms, in Unix
// milliseconds, and if not, why: "too_old" or "too_new". Only AWS's has bounds.
func (x *Exporter) Admit(ms int64, now time.Time) (why string, ok bool) {
	if !x.aws {
		return "", true
	}
	switch at := now.UnixMilli(); {
	case ms < at-awsPast.Milliseconds():
		return "too_old", false
	case ms > at+awsFuture.Milliseconds():
		return "too_new", false
	}
	return "", true
}

// Export sends b.
func (x *Exporter) Export(ctx context.Context, b *sidelight.Block) (sidelight.Receipt, error) {
	h := http.Header{"Content-Type": {"application/x-protobuf"}}
	if b.Coding == sidelight.Gzip {
		h.Set("Content-Encoding", "gzip")
	}
	d := b.Dest.Value()
	if x.aws && x.signal == sidelight.Logs {
		h["X-Aws-Log-Group"], h["X-Aws-Log-Stream"] = []string{d.Group}, []string{d.Stream}
		if err := x.places.prepare(ctx, d); err != nil {
			return sidelight.Receipt{}, err
		}
	}
	answer, err := x.to.post(ctx, b, h)
	if err == nil {
		return x.receipt(b, answer), nil
	}
	if x.aws && x.signal == sidelight.Logs && isMissing(err) {
		// It was deleted, or is not seen everywhere yet: make it again, then try.
		x.places.forget(d)
		return sidelight.Receipt{}, &sidelight.Fault{Kind: sidelight.Transient, Op: op(x.signal), Err: err}
	}
	return sidelight.Receipt{}, err
}

// receipt reads a response with its partial success. The protocol says how many
// items were rejected, not which, and that they must not be sent again.
func (x *Exporter) receipt(b *sidelight.Block, answer []byte) sidelight.Receipt {
	rejected, why := otlpwire.PartialSuccess(answer)
	x.warn(rejected, why)
	n := int(min(rejected, uint64(b.Events)))
	r := sidelight.Receipt{Accepted: b.Events - n}
	if n > 0 {
		r.Refused = []sidelight.Refusal{{Reason: "partial_success", Events: n, Why: why}}
	}
	return r
}

// warn logs what the endpoint says when it says something else than before.
func (x *Exporter) warn(rejected uint64, why string) {
	x.mu.Lock()
	again := why == x.warned
	x.warned = why
	x.mu.Unlock()
	if why != "" && !again {
		x.log.Warn("the endpoint says", "message", why, "rejected", rejected)
	}
}

// plain posts to endpoints that are not AWS's.
type plain struct{ client *post.Client }

func (p plain) post(ctx context.Context, b *sidelight.Block, h http.Header) ([]byte, error) {
	return p.client.Post(ctx, b.Body, h)
}

// signed posts to AWS's endpoints.
type signed struct {
	client   *awsapi.Client
	path, op string
}

func (s *signed) post(ctx context.Context, b *sidelight.Block, h http.Header) ([]byte, error) {
	return s.client.Post(ctx, &awsapi.Request{Op: s.op, Path: s.path, Header: h, Body: b.Body, Sum: b.Sum})
}

// message returns what an error's body says.
func message(kind string, body []byte) string {
	if strings.HasPrefix(kind, "application/x-protobuf") {
		if text := otlpwire.StatusMessage(body); text != "" {
			return text
		}
	}
	if len(body) == 0 || strings.HasPrefix(kind, "text/html") {
		return ""
	}
	return fmt.Sprintf("%.200q", body)
}
