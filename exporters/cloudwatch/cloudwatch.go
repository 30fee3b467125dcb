// Package cloudwatch delivers metric datums by PutMetricData, in the RPC v2 CBOR
// protocol that CloudWatch's own clients speak. A datum is encoded once, when
// its interval ends, and then moves as bytes like any document: it survives an
// outage in the queue.
package cloudwatch

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Limits of PutMetricData, from its API reference. AWS does not say whether the
// megabyte counts compressed bytes, so the uncompressed body stays below it.
const (
	MaxDatums = 1000
	MaxBody   = 1_000_000
	// MaxValues is how many distinct values one datum may carry.
	MaxValues = 150
	// MaxDimensions is how many dimensions a metric may have.
	MaxDimensions = 30
)

// Exporter implements sidelight.Exporter over PutMetricData. An event's Body is
// one datum as AppendDatum wrote it; its destination's Group is the namespace.
type Exporter struct{ client *awsapi.Client }

var _ sidelight.Exporter = (*Exporter)(nil)

// New returns an exporter for the account and region of cfg. It makes no call.
func New(ctx context.Context, cfg aws.Config) (*Exporter, error) {
	client, err := awsapi.NewClient(ctx, cfg, awsapi.Monitoring)
	if err != nil {
		return nil, err
	}
	return &Exporter{client: client}, nil
}

// Limits returns the limits of PutMetricData.
func (*Exporter) Limits() sidelight.Limits {
	return sidelight.Limits{Events: MaxDatums, Weight: MaxBody, Wire: MaxBody}
}

// Weigh is the datum's length.
func (*Exporter) Weigh(e *sidelight.Event) int { return len(e.Body) }

// Begin writes the namespace and opens the list of datums.
func (*Exporter) Begin(dst []byte, d sidelight.Dest) []byte {
	dst = append(dst, wire.CBORMap)
	dst = wire.AppendCBORText(dst, "Namespace")
	dst = wire.AppendCBORText(dst, d.Group)
	dst = wire.AppendCBORText(dst, "MetricData")
	return append(dst, wire.CBORArray)
}

// Append copies the datum.
func (*Exporter) Append(dst []byte, e *sidelight.Event) []byte { return append(dst, e.Body...) }

// End closes the list and the request.
func (*Exporter) End(dst []byte) []byte { return append(dst, wire.CBORBreak, wire.CBORBreak) }

// Read returns the datum. Nothing separates datums; what ends the list is no part
// of the last one.
func (*Exporter) Read(raw []byte) ([]byte, error) { return raw, nil }

// Export sends b. PutMetricData takes a request whole or not at all.
func (x *Exporter) Export(ctx context.Context, b *sidelight.Block) (sidelight.Receipt, error) {
	h := http.Header{
		"Content-Type":    {"application/cbor"},
		"Accept":          {"application/cbor"},
		"Smithy-Protocol": {"rpc-v2-cbor"},
	}
	if b.Coding == sidelight.Gzip {
		h.Set("Content-Encoding", "gzip")
	}
	_, err := x.client.Post(ctx, &awsapi.Request{
		Op: "put metric data", Path: "/service/GraniteServiceVersion20100801/operation/PutMetricData",
		Header: h, Body: b.Body, Sum: b.Sum,
	})
	if err != nil {
		return sidelight.Receipt{}, err
	}
	return sidelight.Receipt{Accepted: b.Events}, nil
}
