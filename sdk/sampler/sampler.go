package sampler

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight/internal/xraysample"
)

const (
	// requestTimeout bounds one call of the endpoint.
	requestTimeout = 5 * time.Second
	// maxAnswer bounds an answer: 26 rules (25 and Default) are far less.
	maxAnswer = 1 << 20
)

// Config describes a Remote.
type Config struct {
	// Endpoint is the base URL, such as http://127.0.0.1:2000. Required.
	Endpoint string
	// ServiceName, ServiceType (such as AWS::ECS::Container) and ResourceARN
	// are what rules are selected by. Empty ones match only the pattern "*".
	ServiceName, ServiceType, ResourceARN string
	// Client makes the calls. Nil: one of its own, that uses no proxy.
	Client *http.Client
	// OnError is told of every failed call, on Run's goroutine; it must not
	// block. Nil: nobody is.
	OnError func(error)
}

// Remote is a sampler that is told its rules. It implements
// [sdktrace.Sampler]; use it for root spans, below [sdktrace.ParentBased] or
// the like. All methods are safe for concurrent use.
type Remote struct {
	cfg   Config
	rules *xraysample.Rules
}

var _ sdktrace.Sampler = (*Remote)(nil)

// New returns a sampler that applies the fallback until Run has fetched rules.
func New(cfg Config) (*Remote, error) {
	if !strings.HasPrefix(cfg.Endpoint, "http://") && !strings.HasPrefix(cfg.Endpoint, "https://") {
		return nil, fmt.Errorf("endpoint %q is not http://host:port or https://host:port", cfg.Endpoint)
	}
	cfg.Endpoint = strings.TrimSuffix(cfg.Endpoint, "/")
	if cfg.Client == nil {
		cfg.Client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}}
	}
	r := &Remote{cfg: cfg}
	r.rules = xraysample.New(xraysample.Config{Call: r.call, Concerns: r.concerns, OnError: r.failed})
	return r, nil
}

// Description implements [sdktrace.Sampler].
func (r *Remote) Description() string { return "XRayRemote{" + r.cfg.Endpoint + "}" }

// ShouldSample implements [sdktrace.Sampler]. It takes no lock and allocates
// nothing. Host, method and path are read from the attributes server.address,
// http.request.method and url.path that the span starts with.
func (r *Remote) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	result := sdktrace.SamplingResult{
		Decision:   sdktrace.Drop,
		Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState(),
	}
	if r.sample(&p) {
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

func (r *Remote) sample(p *sdktrace.SamplingParameters) bool {
	now := time.Now()
	rules := r.rules.Current(now)
	if len(rules) > 0 {
		q := r.requestOf(p.Attributes)
		for _, rule := range rules {
			if rule.Matches(&q) && has(p.Attributes, rule.Attributes) {
				return rule.Sample(now)
			}
		}
	}
	return r.rules.Fallback(now)
}

// requestOf finds what rules match in a span's first attributes, by their
// stable names and those of before 2023.
func (r *Remote) requestOf(attrs []attribute.KeyValue) xraysample.Request {
	q := xraysample.Request{Service: r.cfg.ServiceName, ServiceType: r.cfg.ServiceType, ResourceARN: r.cfg.ResourceARN}
	for i := range attrs {
		v := &attrs[i].Value
		if v.Type() != attribute.STRING {
			continue
		}
		switch attrs[i].Key {
		case "server.address", "http.host", "net.host.name":
			q.Host = v.AsString()
		case "http.request.method", "http.method":
			q.Method = v.AsString()
		case "url.path", "http.target":
			q.Path = v.AsString()
		}
	}
	return q
}

// has reports whether attrs hold a text for each pattern.
func has(attrs []attribute.KeyValue, patterns map[string]string) bool {
	for key, pattern := range patterns {
		if !slices.ContainsFunc(attrs, func(kv attribute.KeyValue) bool {
			return string(kv.Key) == key && kv.Value.Type() == attribute.STRING && xraysample.Glob(pattern, kv.Value.AsString())
		}) {
			return false
		}
	}
	return true
}

// concerns says whether a rule can match requests of this service at all.
func (r *Remote) concerns(d *xraysample.Document) bool {
	return xraysample.Glob(d.ServiceName, r.cfg.ServiceName) &&
		xraysample.Glob(d.ServiceType, r.cfg.ServiceType) &&
		xraysample.Glob(d.ResourceARN, r.cfg.ResourceARN)
}

func (r *Remote) failed(err error) {
	if r.cfg.OnError != nil {
		r.cfg.OnError(err)
	}
}

// Run fetches rules and targets until ctx ends, whose cause it returns.
func (r *Remote) Run(ctx context.Context) error {
	defer r.cfg.Client.CloseIdleConnections()
	return r.rules.Run(ctx)
}

func (r *Remote) call(ctx context.Context, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.cfg.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := r.cfg.Client.Do(req)
	if err != nil {
		return nil, err // net/http says method and URL
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s: %.200q", req.URL, res.Status, answer)
	}
	if err != nil {
		return nil, fmt.Errorf("read answer of %s: %w", req.URL, err)
	}
	return answer, nil
}
