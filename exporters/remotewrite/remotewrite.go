// Package remotewrite delivers samples by Prometheus's remote write, version 1.0:
// to Amazon Managed Service for Prometheus, which takes a signature, or to any
// other endpoint.
package remotewrite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/post"
)

// Limits of one request: Amazon's takes 1 MB; 2,000 samples are what Prometheus
// sends by default.
const (
	maxSeries = 2000
	maxWire   = 900_000
)

// Config says where to deliver.
type Config struct {
	// URL is the whole URL, such as
	// https://aps-workspaces.REGION.amazonaws.com/workspaces/ID/api/v1/remote_write.
	URL string
	// Sign says that the endpoint is Amazon's, see IsAmazon.
	Sign bool
	// Headers and CA are for endpoints that are not Amazon's.
	Headers []post.Header
	CA      string
}

// Exporter implements sidelight.Exporter over remote write. An event's Body is one
// series with one sample, as AppendSeries makes it.
type Exporter struct {
	post func(ctx context.Context, body []byte, h http.Header) ([]byte, error)
}

var _ sidelight.Exporter = (*Exporter)(nil)

const op = "remote write"

// New returns an exporter. It makes no call. ac is for Amazon's endpoints only.
func New(cfg Config, ac aws.Config) (*Exporter, error) {
	if cfg.Sign {
		u, err := url.Parse(cfg.URL)
		if err != nil {
			return nil, fmt.Errorf("parse the endpoint: %w", err)
		}
		client := awsapi.NewClientAt(ac, awsapi.Prometheus, u.Scheme+"://"+u.Host)
		return &Exporter{func(ctx context.Context, body []byte, h http.Header) ([]byte, error) {
			return client.Post(ctx, &awsapi.Request{Op: op, Path: u.Path, Header: h, Body: body, Sum: sha256.Sum256(body)})
		}}, nil
	}
	client, err := post.New(post.Config{URL: cfg.URL, Op: op, Headers: cfg.Headers, CA: cfg.CA})
	if err != nil {
		return nil, err
	}
	return &Exporter{client.Post}, nil
}

// IsAmazon reports whether the URL is of Amazon's service, by its host's name.
func IsAmazon(text string) bool {
	u, err := url.Parse(text)
	return err == nil && strings.HasPrefix(u.Host, "aps-workspaces.") && strings.Contains(u.Host, ".amazonaws.com")
}

// Limits returns the limits of one request.
func (*Exporter) Limits() sidelight.Limits {
	return sidelight.Limits{Events: maxSeries, Weight: 1, Wire: maxWire}
}

// Weigh is nothing: series are small.
func (*Exporter) Weigh(*sidelight.Event) int { return 0 }

// Begin writes nothing.
func (*Exporter) Begin(dst []byte, _ sidelight.Dest) []byte { return dst }

// Append writes a series as a field of a WriteRequest.
func (*Exporter) Append(dst []byte, e *sidelight.Event) []byte {
	return otlpwire.AppendBytes(dst, 1, e.Body)
}

// End writes nothing.
func (*Exporter) End(dst []byte) []byte { return dst }

// Read returns the series.
func (*Exporter) Read(raw []byte) ([]byte, error) {
	if len(raw) > 0 {
		if n, at := binary.Uvarint(raw[1:]); at > 0 && uint64(len(raw)-1-at) >= n {
			return raw[1+at : 1+at+int(n)], nil
		}
	}
	return nil, errors.New("remote write: not a series")
}

// Export compresses and sends b. Endpoints take a request whole or not at all.
func (x *Exporter) Export(ctx context.Context, b *sidelight.Block) (sidelight.Receipt, error) {
	_, err := x.post(ctx, compress(nil, b.Body), http.Header{
		"Content-Type":                      {"application/x-protobuf"},
		"Content-Encoding":                  {"snappy"},
		"X-Prometheus-Remote-Write-Version": {"0.1.0"},
	})
	if err != nil {
		return sidelight.Receipt{}, err
	}
	return sidelight.Receipt{Accepted: b.Events}, nil
}

// AppendSeries appends the fields of a TimeSeries with one sample. Labels are in
// the order of their names, and have the metric's as __name__; at is in Unix
// milliseconds.
func AppendSeries(dst []byte, labels []sidelight.Dimension, value float64, at int64) []byte {
	for _, l := range labels {
		dst = otlpwire.Open(dst, 1)
		start := len(dst)
		dst = otlpwire.AppendBytes(dst, 1, l.Name)
		dst = otlpwire.AppendBytes(dst, 2, l.Value)
		dst = otlpwire.Close(dst, start)
	}
	dst = otlpwire.Open(dst, 2)
	start := len(dst)
	dst = otlpwire.AppendFixed64(dst, 1, math.Float64bits(value))
	dst = otlpwire.AppendUint(dst, 2, uint64(at))
	return otlpwire.Close(dst, start)
}
