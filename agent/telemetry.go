package agent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/receiver/xray"
	"github.com/sidelight-dev/sidelight/agent/supervise"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/imds"
)

const (
	// telemetryEvery is how often the X-Ray daemon reports about itself.
	telemetryEvery = time.Minute
	// telemetryKept and telemetryCall bound the records that wait while X-Ray takes
	// none, and those of one call, as in the daemon.
	telemetryKept, telemetryCall = 30, 10
	// telemetryWait bounds a call, telemetryAsk a question to the metadata service,
	// and telemetryLast the call at the end, which nobody should wait for.
	telemetryWait, telemetryAsk, telemetryLast = 10 * time.Second, 2 * time.Second, time.Second
)

// tally is what has been counted of segments since the start.
type tally struct{ received, sent, spilled, rejected, refusals, failures uint64 }

// minus returns what t has more than u.
func (t tally) minus(u tally) tally {
	return tally{
		t.received - u.received, t.sent - u.sent, t.spilled - u.spilled, t.rejected - u.rejected, t.refusals - u.refusals, t.failures - u.failures,
	}
}

// telemetry tells X-Ray each minute how many segments came, left and were lost, by
// PutTelemetryRecords, as its daemon does. It says nothing before the first segment.
type telemetry struct {
	cfg   config.Telemetry
	up    xray.Upstream
	tally func() tally
	ask   func(ctx context.Context, path string) (string, error) // of the machine; nil: do not
	log   *slog.Logger

	last    tally
	pending []telemetryRecord
	failing bool
}

// telemetryRecord is a TelemetryRecord of X-Ray's API. Timestamp is in seconds
// since 1970.
type telemetryRecord struct {
	Timestamp                                                                               float64
	SegmentsReceivedCount, SegmentsSentCount, SegmentsSpilloverCount, SegmentsRejectedCount uint64
	BackendConnectionErrors                                                                 telemetryErrors
}

// telemetryErrors counts calls that failed: those that X-Ray refused, and others.
type telemetryErrors struct {
	HTTPCode4XXCount, OtherCount uint64
}

type telemetryCallBody struct {
	EC2InstanceID    string `json:"EC2InstanceId,omitempty"`
	Hostname         string `json:",omitempty"`
	ResourceARN      string `json:",omitempty"`
	TelemetryRecords []telemetryRecord
}

// buildTelemetry makes what reports to X-Ray, if that is wanted.
func (a *Agent) buildTelemetry(ctx context.Context, ac aws.Config) error {
	c := a.cfg.Traces.Telemetry
	if !c.Send {
		return nil
	}
	up, err := awsapi.NewClient(ctx, ac, awsapi.XRay)
	if err != nil {
		return wrap("telemetry", err)
	}
	a.telemetry = &telemetry{cfg: c, up: up, tally: a.tally, log: a.log}
	if a.cfg.AWS.Metadata {
		a.telemetry.ask = imds.New(os.Getenv).Get
	}
	return nil
}

// tally reads the books and the lane of the traces.
func (a *Agent) tally() tally {
	b := a.books.Totals(sidelight.Traces)
	t := tally{
		received: b.Accepted, sent: b.Delivered, spilled: b.Dropped["full"] + b.Dropped["socket_overflow"],
		rejected: b.Dropped["bad_header"] + b.Dropped["bad_document"],
	}
	for _, l := range a.lanes {
		if l.name == tracesLane {
			d := l.delivery.Stats()
			t.refusals, t.failures = d.Throttled+d.Denied+d.Rejected, d.Transient
		}
	}
	return t
}

func (a *Agent) superviseTelemetry(s *supervise.Supervisor) {
	if a.telemetry != nil {
		s.Add(stageCheckpoint, supervise.Actor{Name: "telemetry", Restart: true, Run: a.telemetry.run})
	}
}

// run reports until ctx ends, and then once more.
func (t *telemetry) run(ctx context.Context) error {
	every := time.NewTicker(telemetryEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			t.report(ctx, telemetryWait)
		case <-ctx.Done():
			t.report(context.WithoutCancel(ctx), telemetryLast)
			return nil
		}
	}
}

// report notes what was counted since the last report and sends what is noted.
func (t *telemetry) report(ctx context.Context, wait time.Duration) {
	now := t.tally()
	if now.received == 0 {
		return
	}
	d := now.minus(t.last)
	t.last = now
	t.pending = append(t.pending, telemetryRecord{
		Timestamp:             float64(time.Now().UnixMilli()) / 1000,
		SegmentsReceivedCount: d.received, SegmentsSentCount: d.sent, SegmentsSpilloverCount: d.spilled, SegmentsRejectedCount: d.rejected,
		BackendConnectionErrors: telemetryErrors{HTTPCode4XXCount: d.refusals, OtherCount: d.failures},
	})
	t.pending = t.pending[max(0, len(t.pending)-telemetryKept):]
	t.identify(ctx)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	t.note(t.send(ctx))
}

// send makes calls until nothing is noted any more, or one fails.
func (t *telemetry) send(ctx context.Context) error {
	for len(t.pending) > 0 {
		n := min(len(t.pending), telemetryCall)
		body, err := json.Marshal(telemetryCallBody{t.cfg.InstanceID, t.cfg.Hostname, t.cfg.ResourceARN, t.pending[:n]})
		if err != nil {
			return err
		}
		if _, err := t.up.Post(ctx, &awsapi.Request{
			Op: "put telemetry records", Path: "/TelemetryRecords", Body: body, Sum: sha256.Sum256(body),
			Header: http.Header{"Content-Type": {"application/json"}},
		}); err != nil {
			return err
		}
		t.pending = t.pending[n:]
	}
	return nil
}

// identify asks the machine who it is, once.
func (t *telemetry) identify(ctx context.Context) {
	ask := t.ask
	t.ask = nil
	if ask == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, telemetryAsk)
	defer cancel()
	for path, to := range map[string]*string{imds.Hostname: &t.cfg.Hostname, imds.InstanceID: &t.cfg.InstanceID} {
		if *to != "" {
			continue
		}
		v, err := ask(ctx, path)
		if err != nil {
			t.log.Debug("the machine's metadata service does not say who it is", "value", path, "err", err)
			return
		}
		*to = v
	}
}

// note says when records cannot be sent, and when they can be again.
func (t *telemetry) note(err error) {
	switch {
	case err != nil && !t.failing:
		t.log.Warn("X-Ray takes no records about the agent; traces are not affected", "err", err, "setting", "traces.telemetry")
	case err == nil && t.failing:
		t.log.Info("X-Ray takes records about the agent again")
	}
	t.failing = err != nil
}
