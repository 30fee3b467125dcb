package awsapi

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/sidelight-dev/sidelight"
)

// maxResponse bounds what is read of an answer.
const maxResponse = 1 << 20

// maxSkew is how far the clock may be off before a signature's time is
// corrected. SigV4 allows 5 minutes.
const maxSkew = 4 * time.Minute

// Client posts finished bodies to one service. It is safe for concurrent use.
type Client struct {
	service Service
	region  string
	base    string
	creds   aws.CredentialsProvider
	http    aws.HTTPClient
	signer  *v4.Signer
	agent   string
	skew    atomic.Int64 // nanoseconds to add to our clock
}

// NewClient returns a client for s. It makes no call.
func NewClient(ctx context.Context, cfg aws.Config, s Service) (*Client, error) {
	base, err := endpoint(ctx, cfg, s)
	if err != nil {
		return nil, err
	}
	return NewClientAt(cfg, s, base), nil
}

// NewClientAt returns a client for s at the base URL of an endpoint.
func NewClientAt(cfg aws.Config, s Service, base string) *Client {
	if cfg.HTTPClient == nil {
		// Without a proxy of its own nothing can be wrong with it.
		cfg.HTTPClient, _ = httpClient(Options{})
	}
	return &Client{
		service: s, region: cfg.Region, base: strings.TrimSuffix(base, "/"), creds: cfg.Credentials,
		http: cfg.HTTPClient, signer: v4.NewSigner(), agent: "sidelight",
	}
}

// Base is the URL that requests go to.
func (c *Client) Base() string { return c.base }

// Request is one signed POST.
type Request struct {
	// Op names the attempt in errors: "put log events".
	Op     string
	Path   string
	Header http.Header
	Body   []byte
	// Sum is the SHA-256 of Body.
	Sum [32]byte
}

// Post sends r and returns the answer's body if its status is 2xx. Any other
// end is a *sidelight.Fault; if AWS answered, its Err is an *Error. Nobody looks
// at r.Body once it has returned.
func (c *Client) Post(ctx context.Context, r *Request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+r.Path, nil)
	if err != nil {
		return nil, &sidelight.Fault{Kind: sidelight.Rejected, Op: r.Op, Err: err}
	}
	defer Lend(req, r.Body)()
	req.Header = r.Header.Clone()
	req.Header.Set("User-Agent", c.agent)
	if err := c.sign(ctx, req, r); err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &sidelight.Fault{Kind: sidelight.Transient, Op: r.Op, Err: cause(ctx, err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return nil, &sidelight.Fault{Kind: sidelight.Transient, Op: r.Op, Err: fmt.Errorf("read the answer: %w", cause(ctx, err))}
	}
	if resp.StatusCode/100 == 2 {
		return body, nil
	}
	return nil, c.fault(r.Op, resp, body)
}

// cause prefers the context's reason over the transport's "context canceled".
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

func (c *Client) sign(ctx context.Context, req *http.Request, r *Request) error {
	if c.creds == nil {
		return &sidelight.Fault{Kind: sidelight.Denied, Everyone: true, Op: r.Op, Err: errors.New("no AWS credentials are configured")}
	}
	creds, err := c.creds.Retrieve(ctx)
	if err != nil {
		return &sidelight.Fault{Kind: sidelight.Denied, Everyone: true, Op: r.Op, Err: fmt.Errorf("get credentials: %w", err)}
	}
	at := time.Now().Add(time.Duration(c.skew.Load()))
	if err := c.signer.SignHTTP(ctx, creds, req, hex.EncodeToString(r.Sum[:]), string(c.service), c.region, at); err != nil {
		return &sidelight.Fault{Kind: sidelight.Denied, Everyone: true, Op: r.Op, Err: fmt.Errorf("sign: %w", err)}
	}
	return nil
}

// fault classifies an answer that is not a success.
func (c *Client) fault(op string, resp *http.Response, body []byte) *sidelight.Fault {
	e := parseError(resp, body)
	f := &sidelight.Fault{Kind: Classify(e.Status, e.Code), Op: op, After: retryAfter(resp.Header), Err: e}
	if f.Kind == sidelight.Denied {
		f.Everyone = isIdentity(e.Code)
		if c.correctClock(resp.Header.Get("Date")) {
			f.Kind = sidelight.Transient
		}
		if cache, ok := c.creds.(interface{ Invalidate() }); ok && isExpired(e.Code) {
			cache.Invalidate()
			f.Kind = sidelight.Transient
		}
	}
	return f
}

// correctClock adopts the server's time if ours is so far off that signatures
// cannot be valid, and reports whether it did.
func (c *Client) correctClock(date string) bool {
	at, err := http.ParseTime(date)
	if err != nil {
		return false
	}
	off := time.Until(at)
	if (off - time.Duration(c.skew.Load())).Abs() < maxSkew {
		return false
	}
	c.skew.Store(int64(off))
	return true
}
