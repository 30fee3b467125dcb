package otlp_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/otlp"
)

func dialGRPC(t *testing.T, x *running) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(x.GRPCAddr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableRetry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}

func traceRequest(name string) *coltracepb.ExportTraceServiceRequest {
	return &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{
		Spans: []*tracepb.Span{{TraceId: bytes.Repeat([]byte{1}, 16), SpanId: bytes.Repeat([]byte{2}, 8), Name: name, StartTimeUnixNano: 1e18, EndTimeUnixNano: 2e18}},
	}}}}}
}

func TestGRPCStatus(t *testing.T) {
	x := start(t, func(c *otlp.Config) {
		c.MaxBody, c.RetryAfter, c.AckWait = 4096, 1500*time.Millisecond, 300*time.Millisecond
	})
	cc := dialGRPC(t, x)
	export := coltracepb.NewTraceServiceClient(cc).Export
	check := func(name string, err error, code codes.Code, retry time.Duration, text string) {
		t.Helper()
		s := status.Convert(err)
		var after time.Duration
		for _, d := range s.Details() {
			if info, ok := d.(*errdetails.RetryInfo); ok {
				after = info.RetryDelay.AsDuration()
			}
		}
		if s.Code() != code || after != retry || !strings.Contains(s.Message(), text) {
			t.Errorf("%s: %v %q, retry after %v; want %v, %q, %v", name, s.Code(), s.Message(), after, code, text, retry)
		}
	}
	_, err := export(t.Context(), traceRequest("fine"))
	check("fine", err, codes.OK, 0, "")
	_, err = export(t.Context(), traceRequest(strings.Repeat("x", 5000)))
	check("long", err, codes.ResourceExhausted, 0, "too long")
	check("method", cc.Invoke(t.Context(), "/opentelemetry.proto.collector.trace.v1.TraceService/Import", &emptypb.Empty{}, &emptypb.Empty{}), codes.Unimplemented, 0, "unknown method")
	x.out.set(func() { x.out.err = sidelight.ErrFull })
	_, err = export(t.Context(), traceRequest("full"))
	check("full", err, codes.ResourceExhausted, 1500*time.Millisecond, "full")
	x.out.set(func() { x.out.err = sidelight.ErrClosed })
	_, err = export(t.Context(), traceRequest("closed"))
	check("closed", err, codes.Unavailable, 1500*time.Millisecond, "closed")
	x.out.set(func() { x.out.err, x.out.keep = nil, true })
	_, err = export(t.Context(), traceRequest("never safe"))
	check("never safe", err, codes.Unavailable, 1500*time.Millisecond, "not safe yet")
}

// TestStopFinishes expects a request that waits for its data to be safe to be
// answered though the receiver stops.
func TestStopFinishes(t *testing.T) {
	pushed, ticket := make(chan struct{}), (*sidelight.Ticket)(nil)
	out := sidelight.SinkFunc(func(_ context.Context, b *sidelight.Batch) error {
		b.Ticket.Hold()
		ticket = b.Ticket
		close(pushed)
		return nil
	})
	r, err := otlp.New(otlp.Config{GRPC: "127.0.0.1:0", Logs: func(string) sidelight.Dest { return sidelight.Dest{} }}, nil, &books{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, out) }()
	cc := dialGRPC(t, &running{Receiver: r})
	answered := make(chan error, 1)
	go func() {
		_, err := coltracepb.NewTraceServiceClient(cc).Export(t.Context(), traceRequest("a"))
		answered <- err
	}()
	<-pushed
	cancel()
	ticket.Release(nil)
	if err := <-answered; err != nil {
		t.Errorf("Export = %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}

// BenchmarkRequests sends traces over gRPC and through the whole receiver.
func BenchmarkRequests(b *testing.B) {
	out := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil })
	r, err := otlp.New(otlp.Config{GRPC: "127.0.0.1:0", Logs: func(string) sidelight.Dest { return sidelight.Dest{} }}, nil, &books{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, out) }()
	cc, err := grpc.NewClient(r.GRPCAddr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	m := traceRequest("op")
	spans := &m.ResourceSpans[0].ScopeSpans[0].Spans
	for len(*spans) < 100 {
		*spans = append(*spans, (*spans)[0])
	}
	export := coltracepb.NewTraceServiceClient(cc).Export
	b.ReportAllocs()
	for b.Loop() {
		if _, err := export(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "spans/s")
	cc.Close()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
