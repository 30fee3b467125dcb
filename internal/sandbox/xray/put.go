package xray

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

// maxDocuments is how many documents one call may carry: what the X-Ray daemon
// and the OpenTelemetry exporter keep to; the API's model states none.
const maxDocuments = 50

// PutTraceSegments keeps documents. Those that fail the check come back with a
// code while the call succeeds. The message of a refusal starts as the service's
// does; what follows the code is this sandbox's own explanation.
func (s *Service) PutTraceSegments(ctx context.Context, in *xray.PutTraceSegmentsInput) (*xray.PutTraceSegmentsOutput, error) {
	if len(in.TraceSegmentDocuments) == 0 {
		return nil, invalid("TraceSegmentDocuments is missing")
	}
	if n := len(in.TraceSegmentDocuments); n > maxDocuments {
		return nil, invalid("%d documents exceed %d a call", n, maxDocuments)
	}
	now := s.opts.Clock.Now()
	out := &xray.PutTraceSegmentsOutput{UnprocessedTraceSegments: []types.UnprocessedTraceSegment{}}
	var docs []*segment.Document
	partial := api.CallerOf(ctx).Partial
	for i, text := range in.TraceSegmentDocuments {
		d, err := segment.Parse([]byte(text))
		if err == nil && partial && i%2 == 1-len(in.TraceSegmentDocuments)%2 {
			err = &segment.Refusal{Code: "InternalFailure", ID: d.ID, Reason: "injected by the sandbox"}
		}
		if err == nil && s.opts.CheckTraceTime {
			err = checkTraceTime(d, now)
		}
		if r, ok := errors.AsType[*segment.Refusal](err); ok {
			out.UnprocessedTraceSegments = append(out.UnprocessedTraceSegments, unprocessed(r))
			continue
		}
		docs = append(docs, d)
	}
	return out, s.keep(now, api.CallerOf(ctx).Account, docs, len(out.UnprocessedTraceSegments))
}

// keep puts documents into the store and the journal.
func (s *Service) keep(now time.Time, account string, docs []*segment.Document, refused int) error {
	return s.journal.Do(func() { s.store.put(now, account, docs, refused) }, func() ([]byte, error) {
		b := batch{Time: now, Account: account, Docs: make([]string, len(docs))}
		for i, d := range docs {
			b.Docs[i] = string(d.Raw)
		}
		return json.Marshal(&b)
	})
}

func unprocessed(r *segment.Refusal) types.UnprocessedTraceSegment {
	u := types.UnprocessedTraceSegment{
		ErrorCode: aws.String(r.Code),
		Message:   aws.String("Invalid segment. ErrorCode: " + r.Code),
	}
	if r.Code != segment.CodeTraceID {
		u.Message = aws.String(*u.Message + ": " + r.Reason)
	}
	if r.ID != "" {
		u.Id = aws.String(r.ID)
	}
	return u
}

// checkTraceTime is the check that X-Ray made before it took W3C trace IDs.
func checkTraceTime(d *segment.Document, now time.Time) error {
	sec, err := strconv.ParseInt(d.TraceID[2:10], 16, 64)
	if err != nil {
		return &segment.Refusal{Code: segment.CodeTraceID, ID: d.ID, Reason: err.Error()}
	}
	if age := now.Sub(time.Unix(sec, 0)); age > retention || age < -5*time.Minute {
		return &segment.Refusal{Code: segment.CodeTraceID, ID: d.ID, Reason: "trace_id is too old or in the future"}
	}
	return nil
}

// PutTelemetryRecords checks the records of a daemon and discards them: no
// operation reads them back.
func (s *Service) PutTelemetryRecords(_ context.Context, in *xray.PutTelemetryRecordsInput) (*xray.PutTelemetryRecordsOutput, error) {
	if in.TelemetryRecords == nil {
		return nil, invalid("TelemetryRecords is missing")
	}
	for i, r := range in.TelemetryRecords {
		if r.Timestamp == nil {
			return nil, invalid("TelemetryRecords[%d].Timestamp is missing", i)
		}
	}
	return &xray.PutTelemetryRecordsOutput{}, nil
}
