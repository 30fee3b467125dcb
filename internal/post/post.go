// Package post sends finished bodies to endpoints that are not AWS's: by HTTP,
// with headers of the operator's, and tells what to do about each answer.
package post

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
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// Header is a header of each request.
type Header struct {
	Name string
	// Value is asked for each request, so that a secret may change. It must be
	// safe for concurrent use; an error says that the destination is denied.
	Value func() (string, error)
}

// Config says where to post.
type Config struct {
	// URL is the whole URL, of http or https.
	URL string
	// Op names an attempt in errors: "export logs by OTLP".
	Op      string
	Headers []Header
	// CA is the path of a file of certificates, in PEM, that may sign the
	// endpoint's. Empty means the system's.
	CA string
	// Message returns what the body of an error says, for people. Nil: its
	// beginning.
	Message func(contentType string, body []byte) string
}

// Client posts to one URL. It is safe for concurrent use.
type Client struct {
	cfg  Config
	http *http.Client
}

// New returns a Client. It makes no call.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("parse the endpoint: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the endpoint %q is not a URL such as https://collector:4318", cfg.URL)
	}
	if cfg.Message == nil {
		cfg.Message = func(_ string, body []byte) string { return fmt.Sprintf("%.200q", body) }
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
	return &Client{cfg: cfg, http: &http.Client{
		Transport: t,
		// A redirect of a POST loses its body or its secrets.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
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

// Post sends body with the headers h, which it adds to, and returns the answer's
// body if its status is 2xx. Any other end is a *sidelight.Fault. Nobody looks at
// body once it has returned.
func (c *Client) Post(ctx context.Context, body []byte, h http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL, nil)
	if err != nil {
		return nil, &sidelight.Fault{Kind: sidelight.Rejected, Op: c.cfg.Op, Err: err}
	}
	defer awsapi.Lend(req, body)()
	req.Header = h
	h.Set("User-Agent", "sidelight")
	for _, x := range c.cfg.Headers {
		value, err := x.Value()
		if err != nil {
			return nil, &sidelight.Fault{Kind: sidelight.Denied, Op: c.cfg.Op, Err: fmt.Errorf("read header %s: %w", x.Name, err)}
		}
		h.Set(x.Name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if why := context.Cause(ctx); why != nil {
			err = why
		}
		return nil, &sidelight.Fault{Kind: sidelight.Transient, Op: c.cfg.Op, Err: err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode/100 == 2 {
		// However the answer ended, the endpoint has the data.
		return answer, nil
	}
	text := c.cfg.Message(resp.Header.Get("Content-Type"), answer)
	return nil, &sidelight.Fault{
		Kind: classify(resp), Op: c.cfg.Op, After: retryAfter(resp.Header, time.Now()),
		Err: errors.Join(fmt.Errorf("%s answers HTTP %d %s", c.cfg.URL, resp.StatusCode, text), err),
	}
}

// classify says what to do about a status. OTLP lets 429, 502, 503 and 504 be
// sent again. Beyond that, what an operator can mend is kept until it is
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
