//go:build linux

package main

import (
	"context"
	"encoding/json"
	"strings"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	awsxray "github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
	"github.com/sidelight-dev/sidelight/internal/sandbox/logs"
	"github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

// marker stands before a record's name in the text of a log event.
const marker = "record="

// cloud is a sandbox that tells a ledger of each record it takes or refuses.
type cloud struct {
	*sandbox.Server
	served chan error
}

// startCloud starts a sandbox on a free port.
func startCloud(l *ledger) (*cloud, error) {
	now := clock.New()
	ls, err := logs.New(logs.Options{Clock: now, Metrics: noMetrics{}})
	if err != nil {
		return nil, err
	}
	s, err := sandbox.New(sandbox.Options{
		Listen: "127.0.0.1:0", Clock: now, Seed: 1,
		Services: []api.Service{
			countedLogs{ls, l},
			countedTraces{xray.New(xray.Options{Clock: now}), l},
		},
	})
	if err != nil {
		return nil, err
	}
	c := &cloud{s, make(chan error, 1)}
	go func() { c.served <- s.Serve(context.Background()) }()
	return c, nil
}

// stop ends the sandbox.
func (c *cloud) stop() error {
	if err := c.Close(); err != nil {
		return err
	}
	return <-c.served
}

// play puts faults into force.
func (c *cloud) play(rules ...fault.Rule) error {
	for _, r := range rules {
		if _, err := c.Faults().Add(r); err != nil {
			return err
		}
	}
	return nil
}

// noMetrics takes the metrics of embedded metric format and filters.
type noMetrics struct{}

// Record implements api.Metrics.
func (noMetrics) Record(context.Context, []api.Datapoint) {}

// countedLogs watches what becomes of log events.
type countedLogs struct {
	*logs.Service
	ledger *ledger
}

// Operations implements api.Service.
func (c countedLogs) Operations() []api.Operation {
	return watch(c.Service.Operations(), "PutLogEvents", func(key string, in *cwl.PutLogEventsInput, out *cwl.PutLogEventsOutput) {
		from, to := 0, len(in.LogEvents)
		if r := out.RejectedLogEventsInfo; r != nil {
			from, to = takenPart(r, to)
		}
		for i := range in.LogEvents {
			if _, rest, ok := strings.Cut(*in.LogEvents[i].Message, marker); ok {
				c.ledger.arrive(rest[:min(idLength, len(rest))], key, i < from || i >= to)
			}
		}
	})
}

// takenPart returns the bounds of the events that were taken of n.
func takenPart(r *types.RejectedLogEventsInfo, n int) (from, to int) {
	to = n
	for _, end := range []*int32{r.TooOldLogEventEndIndex, r.ExpiredLogEventEndIndex} {
		if end != nil {
			from = max(from, int(*end))
		}
	}
	if r.TooNewLogEventStartIndex != nil {
		to = int(*r.TooNewLogEventStartIndex)
	}
	return from, to
}

// countedTraces watches what becomes of segment documents.
type countedTraces struct {
	*xray.Service
	ledger *ledger
}

// Operations implements api.Service.
func (c countedTraces) Operations() []api.Operation {
	return watch(c.Service.Operations(), "PutTraceSegments", func(key string, in *awsxray.PutTraceSegmentsInput, out *awsxray.PutTraceSegmentsOutput) {
		unprocessed := map[string]string{}
		for _, u := range out.UnprocessedTraceSegments {
			if u.Id != nil && u.ErrorCode != nil {
				unprocessed[*u.Id] = *u.ErrorCode
			}
		}
		for _, text := range in.TraceSegmentDocuments {
			var d struct{ ID string }
			if json.Unmarshal([]byte(text), &d) != nil {
				continue
			}
			switch why, left := unprocessed[d.ID]; {
			case !left:
				c.ledger.arrive(d.ID, key, false)
			case why != "InternalFailure": // which asks to be sent again
				c.ledger.arrive(d.ID, key, true)
			}
		}
	})
}

// watch returns ops with one of them telling note of each success.
func watch[I, O any](ops []api.Operation, name string, note func(key string, in *I, out *O)) []api.Operation {
	for i := range ops {
		if ops[i].Name != name {
			continue
		}
		do := ops[i].Do
		ops[i].Do = func(ctx context.Context, in any) (any, error) {
			out, err := do(ctx, in)
			if err == nil {
				note(api.CallerOf(ctx).AccessKey, in.(*I), out.(*O))
			}
			return out, err
		}
	}
	return ops
}
