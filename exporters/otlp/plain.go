package otlp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// plain posts to an endpoint that is not AWS's.
type plain struct {
	url, op string
	headers []Header
	http    *http.Client
}

func newPlain(cfg Config) (*plain, error) {
	u, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("parse the endpoint: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the endpoint %q is not a URL such as https://collector:4318", cfg.Endpoint)
	}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// HTTP/1.1 costs less CPU and memory for a few large posts, and every
		// endpoint speaks it.
		ForceAttemptHTTP2:     false,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       50 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
	}
	if cfg.CA != "" {
		roots, err := roots(cfg.CA)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &plain{
		url: strings.TrimSuffix(cfg.Endpoint, "/") + paths[cfg.Signal], op: op(cfg.Signal), headers: cfg.Headers,
		http: &http.Client{
			Transport: t,
			// A redirect of a POST loses its body or its secrets.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func roots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return pool, nil
}

func (p *plain) post(ctx context.Context, b *sidelight.Block, h http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, nil)
	if err != nil {
		return nil, &sidelight.Fault{Kind: sidelight.Rejected, Op: p.op, Err: err}
	}
	defer awsapi.Lend(req, b.Body)()
	req.Header = h
	h.Set("User-Agent", "sidelight")
	for _, x := range p.headers {
		value, err := x.Value()
		if err != nil {
			return nil, &sidelight.Fault{Kind: sidelight.Denied, Op: p.op, Err: fmt.Errorf("read header %s: %w", x.Name, err)}
		}
		h.Set(x.Name, value)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		if why := context.Cause(ctx); why != nil {
			err = why
		}
		return nil, &sidelight.Fault{Kind: sidelight.Transient, Op: p.op, Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode/100 == 2 {
		// However the answer ended, the endpoint has the data.
		return body, nil
	}
	text := message(resp.Header.Get("Content-Type"), body)
	return nil, &sidelight.Fault{
		Kind: classify(resp), Op: p.op, After: retryAfter(resp.Header, time.Now()),
		Err: errors.Join(fmt.Errorf("%s answers HTTP %d %s", p.url, resp.StatusCode, text), err),
	}
}

// classify says what to do about a status. The protocol lets 429, 502, 503 and
// 504 be sent again. Beyond that, what an operator can mend is kept until it is
// mended, and a broken server is not believed that the data is bad.
func classify(resp *http.Response) sidelight.FaultKind {
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
		return sidelight.Throttled
	case s == http.StatusRequestEntityTooLarge:
		return sidelight.TooLarge
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusProxyAuthRequired,
		s == http.StatusNotFound, s == http.StatusMethodNotAllowed, s == http.StatusUnsupportedMediaType:
		return sidelight.Denied
	case s >= 500, s == http.StatusRequestTimeout, s < 400:
		return sidelight.Transient
	}
	return sidelight.Rejected
}

// maxRetryAfter bounds what a server can ask for.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads both forms of the header: seconds and a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if s, err := strconv.Atoi(text); err == nil {
		return min(time.Duration(max(s, 0))*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
