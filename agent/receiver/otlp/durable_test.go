package otlp_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/agent/receiver/otlp"
	"github.com/sidelight-dev/sidelight/exporters/xray"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
)

// behind starts a receiver before a real packer and q, and returns it with the
// books.
func behind(t *testing.T, q sidelight.Queue) (*running, *meter.Account) {
	t.Helper()
	enc, err := xray.New(t.Context(), aws.Config{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	account := &meter.Account{}
	packer := pack.New(pack.Config{Age: 20 * time.Millisecond}, enc, q, account, log)
	cfg := otlp.Config{
		GRPC: "127.0.0.1:0", AckWait: 5 * time.Second, PushWait: 50 * time.Millisecond,
		Logs: func(string) sidelight.Dest { return sidelight.Dest{} },
	}
	r, err := otlp.New(cfg, nil, account, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	received, packed := make(chan error, 1), make(chan error, 1)
	go func() { received <- r.Run(ctx, packer) }()
	go func() { packed <- packer.Run(context.WithoutCancel(ctx)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-received; err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := packer.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		<-packed
	})
	return &running{Receiver: r}, account
}

// TestDurable expects an answer as soon as the data is written ahead, with
// nothing delivered.
func TestDurable(t *testing.T) {
	q, err := queue.Open(queue.Config{Dir: t.TempDir(), Finish: func(*sidelight.Block) {}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	x, account := behind(t, q)
	if _, err := coltracepb.NewTraceServiceClient(dialGRPC(t, x)).Export(t.Context(), traceRequest("a")); err != nil {
		t.Fatal(err)
	}
	if got := account.Totals(sidelight.Traces); got.Accepted != 1 || got.Queued() != 1 {
		t.Errorf("books = %+v", got)
	}
}

// TestDelivered expects no answer from behind a queue in memory until the data
// is delivered, and a refusal while it is full.
func TestDelivered(t *testing.T) {
	q := memq.New(memq.Config{Limit: 1})
	x, account := behind(t, q)
	export := coltracepb.NewTraceServiceClient(dialGRPC(t, x)).Export
	answered := make(chan error, 1)
	go func() {
		_, err := export(t.Context(), traceRequest("first"))
		answered <- err
	}()
	lease, err := q.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if body := string(lease.Block().Body); !strings.Contains(body, `\"name\":\"first\"`) {
		t.Errorf("body = %s", body)
	}
	if _, err := export(t.Context(), traceRequest("second")); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("while the queue is full: %v", err)
	}
	select {
	case err := <-answered:
		t.Errorf("answered before delivery: %v", err)
	default:
	}
	if err := lease.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("after delivery: %v", err)
	}
	if got := account.Totals(sidelight.Traces); got.Accepted != 1 {
		t.Errorf("books = %+v", got)
	}
}
