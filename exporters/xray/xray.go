// Package xray delivers segment documents by PutTraceSegments and sends again
// what the service left unprocessed for a reason that may pass.
package xray

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Limits of PutTraceSegments: 50 documents is what the X-Ray daemon sends at
// most, 64 KB a document is the service's.
const (
	MaxDocuments = 50
	MaxDocument  = 64 << 10
)

// Exporter implements sidelight.Exporter over PutTraceSegments. An event's
// Body is one segment document.
type Exporter struct{ client *awsapi.Client }

var _ sidelight.Exporter = (*Exporter)(nil)

// New returns an exporter for the account and region of cfg. It makes no call.
func New(ctx context.Context, cfg aws.Config) (*Exporter, error) {
	client, err := awsapi.NewClient(ctx, cfg, awsapi.XRay)
	if err != nil {
		return nil, err
	}
	return &Exporter{client: client}, nil
}

// Limits returns the limits of PutTraceSegments. Weight is that of a document:
// Weigh counts nothing for those that fit.
func (*Exporter) Limits() sidelight.Limits {
	return sidelight.Limits{Events: MaxDocuments, Weight: MaxDocument, Wire: 6 << 20}
}

// Weigh is the document's length if it is too long, else nothing: the service
// bounds each document and not their sum.
func (*Exporter) Weigh(e *sidelight.Event) int {
	if len(e.Body) > MaxDocument {
		return len(e.Body)
	}
	return 0
}

// Begin opens the list of documents.
func (*Exporter) Begin(dst []byte, _ sidelight.Dest) []byte {
	return append(dst, `{"TraceSegmentDocuments":[`...)
}

// Append writes the document as a JSON string, and a comma.
func (*Exporter) Append(dst []byte, e *sidelight.Event) []byte {
	return append(wire.AppendString(dst, e.Body), ',')
}

// End replaces the last comma.
func (*Exporter) End(dst []byte) []byte {
	dst[len(dst)-1] = ']'
	return append(dst, '}')
}

// Read returns the document.
func (*Exporter) Read(raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return nil, errors.New("read segment document: it is empty")
	}
	var doc string
	if err := json.Unmarshal(raw[:len(raw)-1], &doc); err != nil {
		return nil, fmt.Errorf("read segment document: %w", err)
	}
	return []byte(doc), nil
}

// Export sends b.
func (x *Exporter) Export(ctx context.Context, b *sidelight.Block) (sidelight.Receipt, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	if b.Coding == sidelight.Gzip {
		h.Set("Content-Encoding", "gzip")
	}
	answer, err := x.client.Post(ctx, &awsapi.Request{
		Op: "put trace segments", Path: "/TraceSegments", Header: h, Body: b.Body, Sum: b.Sum,
	})
	if err != nil {
		return sidelight.Receipt{}, err
	}
	return receipt(b, answer), nil
}

type unprocessed struct {
	ID        string `json:"Id"`
	ErrorCode string
	Message   string
}

// receipt reads UnprocessedTraceSegments. They are named by segment id only, so
// that the block's documents are searched for it: a rare and small search.
func receipt(b *sidelight.Block, answer []byte) sidelight.Receipt {
	var out struct{ UnprocessedTraceSegments []unprocessed }
	// An answer that cannot be read came with a success: do not send again.
	if json.Unmarshal(answer, &out) != nil || len(out.UnprocessedTraceSegments) == 0 {
		return sidelight.Receipt{Accepted: b.Events}
	}
	var r sidelight.Receipt
	refused, taken := map[string]*sidelight.Refusal{}, map[int]bool{}
	for _, u := range out.UnprocessedTraceSegments {
		at := position(b, u.ID, taken)
		taken[at] = true
		if at >= 0 && passing(u.ErrorCode) {
			r.Retry = insert(r.Retry, at)
			continue
		}
		why := reason(u.ErrorCode)
		f := refused[why]
		if f == nil {
			f = &sidelight.Refusal{Reason: why}
			refused[why] = f
		}
		f.Events++
		if at >= 0 {
			f.At = insert(f.At, at)
		}
	}
	for _, f := range refused {
		r.Refused = append(r.Refused, *f)
	}
	r.Accepted = max(0, b.Events-len(out.UnprocessedTraceSegments))
	return r
}

// passing reports whether an error code speaks of the service's state rather
// than of the document. The codes are not enumerated by AWS.
func passing(code string) bool {
	c := strings.ToLower(code)
	return strings.Contains(c, "throttl") || strings.Contains(c, "internal") || strings.Contains(c, "unavailable") ||
		strings.Contains(c, "limitexceeded")
}

// reason turns InvalidTraceId into invalid_trace_id.
func reason(code string) string {
	if code == "" {
		return "unprocessed"
	}
	var b strings.Builder
	for i, r := range code {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
