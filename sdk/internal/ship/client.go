package ship

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
)

const (
	// requestTimeout bounds one request to a receiver that accepts and never
	// answers.
	requestTimeout = 5 * time.Second
	// maxRetryAfter bounds how long a receiver can silence a client.
	maxRetryAfter = 5 * time.Minute
	// maxAnswer bounds how much of an answer is read.
	maxAnswer = 64 << 10
	// gzipFrom is the body length below which compression saves no packet.
	gzipFrom = 1400
)

// StatusError is an answer other than success.
type StatusError struct {
	Code int
	// After is the receiver's Retry-After, zero if it sent none.
	After time.Duration
	// Text is the beginning of the answer's body.
	Text string
}

// Error implements error.
func (e *StatusError) Error() string {
	text := "agent answered " + strconv.Itoa(e.Code) + " " + http.StatusText(e.Code)
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// retryable says whether the same request may succeed later, by the OTLP/HTTP
// specification's list of retryable response codes.
func (e *StatusError) retryable() bool {
	switch e.Code {
	case http.StatusTooManyRequests, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// dividable says whether a part of the request may succeed.
func (e *StatusError) dividable() bool {
	return e.Code == http.StatusBadRequest || e.Code == http.StatusRequestEntityTooLarge
}

// Client posts export requests to one endpoint. It is safe for concurrent use.
type Client struct {
	base     string
	socket   string
	http     *http.Client
	compress bool

	mu sync.Mutex
	zw *gzip.Writer
}

// NewClient returns a client for endpoint: unix:///path, or a URL with scheme
// http or https to whose path /v1/traces and so on are added. A nil transport
// means one of the client's own, which never follows redirects and uses the
// environment's proxy except for local endpoints. Bodies are compressed only
// on the way to another host.
func NewClient(endpoint string, transport http.RoundTripper) (*Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("parse endpoint: %w", err)
	}
	c := &Client{}
	switch {
	case u.Scheme == "unix" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		c.base, c.socket = "http://localhost", u.Path
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		c.base = strings.TrimSuffix(u.Scheme+"://"+u.Host+u.Path, "/")
		c.compress = !isLoopback(u.Hostname())
	default:
		return nil, fmt.Errorf("endpoint %q is not unix:///path, http://host:port or https://host:port", endpoint)
	}
	if transport == nil {
		transport = c.newTransport()
	}
	c.http = &http.Client{
		Transport:     transport,
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func (c *Client) newTransport() *http.Transport {
	t := &http.Transport{
		MaxIdleConnsPerHost: 3, // one a signal
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
	}
	if c.socket == "" {
		t.Proxy = http.ProxyFromEnvironment
		return t
	}
	t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", c.socket)
	}
	return t
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Close gives up idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// post sends body to path and waits for the answer. It returns how many items
// of the request the receiver refused although it accepted the rest, with its
// reason. The error is a *StatusError if there was an answer.
func (c *Client) post(ctx context.Context, path string, body []byte) (rejected int64, reason string, err error) {
	encoding := ""
	if c.compress && len(body) >= gzipFrom {
		body, encoding = c.gzip(body), "gzip"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "sidelight-sdk-go")
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, "", plainError(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return 0, "", statusError(res, answer)
	}
	if err != nil {
		return 0, "", nil //nolint:nilerr // the status said success; only the detail is lost
	}
	rejected, reason, err = otlp.Partial(answer)
	if err != nil { // an answer in another format, such as JSON's {}
		return 0, "", nil //nolint:nilerr // as above
	}
	return rejected, reason, nil
}

// plainError removes the method and URL that net/http puts in front: callers
// know them.
func plainError(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return fmt.Errorf("no answer within %v: %w", requestTimeout, u.Err)
		}
		return u.Err
	}
	return err
}

func statusError(res *http.Response, answer []byte) error {
	text := strings.ToValidUTF8(string(answer[:min(len(answer), 200)]), "")
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
		text = "" // a protobuf status
	}
	return &StatusError{
		Code:  res.StatusCode,
		After: retryAfter(res.Header.Get("Retry-After"), time.Now()),
		Text:  strings.TrimSpace(text),
	}
}

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110, section
// 10.2.3). What it cannot read is zero.
func retryAfter(h string, now time.Time) time.Duration {
	if h == "" {
		return 0
	}
	if s, err := strconv.Atoi(h); err == nil {
		return time.Duration(min(max(s, 0), int(maxRetryAfter/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(h); err == nil {
		return min(max(t.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

func (c *Client) gzip(body []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out bytes.Buffer
	if c.zw == nil {
		// The level is a valid one, so the error is always nil.
		c.zw, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed)
	}
	c.zw.Reset(&out)
	_, _ = c.zw.Write(body) // a bytes.Buffer takes everything
	_ = c.zw.Close()
	return out.Bytes()
}

// watch returns a function that reports whether the endpoint's socket file was
// made, or made anew, since watch was called. Without a socket it is nil.
func (c *Client) watch() func() bool {
	if c.socket == "" {
		return nil
	}
	before, _ := os.Stat(c.socket)
	return func() bool {
		now, err := os.Stat(c.socket)
		return err == nil && (before == nil || !os.SameFile(before, now))
	}
}
