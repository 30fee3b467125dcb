package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// telemetryCloud takes records, or fails.
type telemetryCloud struct {
	mu    sync.Mutex
	calls []telemetryCallBody
	err   error
}

func (c *telemetryCloud) taken() []telemetryCallBody {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

func (c *telemetryCloud) Post(_ context.Context, r *awsapi.Request) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	var body telemetryCallBody
	if err := json.Unmarshal(r.Body, &body); err != nil || r.Path != "/TelemetryRecords" {
		return nil, errors.New("not a call of PutTelemetryRecords")
	}
	c.calls = append(c.calls, body)
	return []byte("{}"), nil
}

// X-Ray hears each minute what was counted in it, from the first segment on, and
// the rest at the end. The machine's name is asked for where none is given.
func TestTelemetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := &telemetryCloud{}
		var now atomic.Pointer[tally]
		now.Store(&tally{})
		x := &telemetry{
			cfg: config.Telemetry{ResourceARN: "arn:aws:ec2:::i", Hostname: "given"}, up: cloud, tally: func() tally { return *now.Load() },
			ask: func(_ context.Context, path string) (string, error) { return "asked " + path, nil }, log: slog.New(slog.DiscardHandler),
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- x.run(ctx) }()
		minute := func(c tally) {
			now.Store(&c)
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		minute(tally{})
		if got := cloud.taken(); len(got) != 0 {
			t.Errorf("calls before the first segment: %+v", got)
		}
		minute(tally{received: 10, sent: 7, spilled: 1, rejected: 2, refusals: 3, failures: 4})
		minute(tally{received: 15, sent: 13, spilled: 1, rejected: 2, refusals: 3, failures: 5})
		now.Store(&tally{received: 15, sent: 14, spilled: 1, rejected: 2, refusals: 3, failures: 5})
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		var got []telemetryRecord
		for _, c := range cloud.taken() {
			if c.EC2InstanceID != "asked instance-id" || c.Hostname != "given" || c.ResourceARN != "arn:aws:ec2:::i" {
				t.Errorf("call of %+v", c)
			}
			got = append(got, c.TelemetryRecords...)
		}
		at := float64(time.Now().Unix())
		want := []telemetryRecord{
			{at - 60, 10, 7, 1, 2, telemetryErrors{3, 4}},
			{at, 5, 6, 0, 0, telemetryErrors{0, 1}},
			{at, 0, 1, 0, 0, telemetryErrors{}},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("records (-want +got):\n%s", d)
		}
	})
}

// While X-Ray takes none, the last half hour is kept, and sent by tens.
func TestTelemetryOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := &telemetryCloud{err: errors.New("refused")}
		var n uint64
		x := &telemetry{up: cloud, tally: func() tally { n++; return tally{received: n} }, log: slog.New(slog.DiscardHandler)}
		for range telemetryKept + 5 {
			x.report(t.Context(), telemetryWait)
		}
		cloud.err = nil
		x.report(t.Context(), telemetryWait)
		var sizes []int
		for _, c := range cloud.taken() {
			sizes = append(sizes, len(c.TelemetryRecords))
		}
		if d := cmp.Diff([]int{10, 10, 10}, sizes); d != "" || len(x.pending) != 0 {
			t.Errorf("records in each call (-want +got):\n%s%d wait", d, len(x.pending))
		}
	})
}
