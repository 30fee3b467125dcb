package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	// perExport is how many spans one export has: half of what OpenTelemetry's
	// batch processor sends at most.
	perExport = 256
	// senders is how many exports are under way at once.
	senders = 4
)

func otlpGRPC() load {
	return load{
		receivers: func(addr, _ string) string { return fmt.Sprintf(`otlp: {grpc: %q, http: "off"}`, addr) },
		prepare: func(c benchCase, _ string) (give, error) {
			var protocols http.Protocols
			protocols.SetUnencryptedHTTP2(true)
			client := &http.Client{Transport: &http.Transport{Protocols: &protocols}}
			all, err := exports(c.count, func(body []byte) []byte {
				// A frame of gRPC: not compressed, and its length.
				frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body)))
				return append(frame, body...)
			})
			return exporter(client, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "application/grpc", all), err
		},
	}
}

func otlpHTTP() load {
	return load{
		receivers: func(addr, _ string) string { return fmt.Sprintf(`otlp: {grpc: "off", http: %q}`, addr) },
		prepare: func(c benchCase, _ string) (give, error) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
			all, err := exports(c.count, func(body []byte) []byte { return body })
			return exporter(client, "/v1/traces", "application/x-protobuf", all), err
		},
	}
}

// exporter returns what posts all bodies.
func exporter(client *http.Client, path, kind string, all [][]byte) give {
	return func(ctx context.Context, addr string) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		next := make(chan []byte)
		var wg sync.WaitGroup
		for range senders {
			wg.Go(func() {
				for body := range next {
					if err := post(ctx, client, "http://"+addr+path, kind, body); err != nil {
						cancel(err)
					}
				}
			})
		}
		for _, body := range all {
			next <- body
		}
		close(next)
		wg.Wait()
		return context.Cause(ctx)
	}
}

func post(ctx context.Context, client *http.Client, url, kind string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("TE", "trailers")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if status := res.Trailer.Get("Grpc-Status"); res.StatusCode != http.StatusOK || status != "" && status != "0" {
		return fmt.Errorf("export: HTTP %s, gRPC %q: %s", res.Status, status, answer)
	}
	return nil
}

// exports encodes count spans, and wraps the body of each export.
func exports(count int, wrap func([]byte) []byte) ([][]byte, error) {
	var all [][]byte
	now := time.Now()
	for n := 0; n < count; n += perExport {
		req := &collectorpb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
			Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
				text("service.name", "checkout"), text("service.version", "1.42.0"), text("deployment.environment.name", "production"),
				text("cloud.provider", "aws"), text("cloud.platform", "aws_ecs"), text("telemetry.sdk.language", "go"),
			}},
			ScopeSpans: []*tracepb.ScopeSpans{{
				Scope: &commonpb.InstrumentationScope{Name: "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", Version: "0.68.0"},
			}},
		}}}
		spans := &req.ResourceSpans[0].ScopeSpans[0].Spans
		for i := n; i < min(n+perExport, count); i++ {
			*spans = append(*spans, span(i, now))
		}
		body, err := proto.Marshal(req)
		if err != nil {
			return nil, err
		}
		all = append(all, wrap(body))
	}
	return all, nil
}

// span returns span n: every fourth is a server's, the others are its children.
func span(n int, now time.Time) *tracepb.Span {
	trace := binary.BigEndian.AppendUint32(nil, uint32(now.Unix()))
	trace = binary.BigEndian.AppendUint64(append(trace, 0, 0, 0, 1), uint64(n/4)+1)
	id := binary.BigEndian.AppendUint64(nil, uint64(n)+1)
	start := uint64(now.UnixNano())
	s := &tracepb.Span{
		TraceId: trace, SpanId: id, StartTimeUnixNano: start, EndTimeUnixNano: start + uint64(n%97+1)*1_000_000,
		Status: &tracepb.Status{}, Kind: tracepb.Span_SPAN_KIND_SERVER, Name: "POST /v1/orders/{id}",
		Attributes: []*commonpb.KeyValue{
			text("http.request.method", "POST"), text("http.route", "/v1/orders/{id}"), text("url.scheme", "https"),
			text("url.path", fmt.Sprintf("/v1/orders/%08d", n)), text("server.address", "checkout.example.com"), number("server.port", 443),
			number("http.response.status_code", 201), text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
			text("client.address", "203.0.113.7"), text("order.currency", "EUR"),
		},
	}
	if n%4 != 0 {
		s.ParentSpanId = binary.BigEndian.AppendUint64(nil, uint64(n/4*4)+1)
		s.Kind, s.Name = tracepb.Span_SPAN_KIND_CLIENT, "SELECT orders"
		s.Attributes = []*commonpb.KeyValue{
			text("db.system.name", "postgresql"), text("db.namespace", "orders"), text("db.operation.name", "SELECT"),
			text("db.query.text", "SELECT id, state, total FROM orders WHERE id = $1"), text("server.address", "orders-db.internal"), number("server.port", 5432),
		}
	}
	return s
}

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func number(key string, value int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: value}}}
}

// xrayUDP gives segments as the X-Ray SDKs send them, a datagram each.
func xrayUDP() load {
	return load{
		lossy: true,
		// The proxy for sampling calls, on the same port, shows when the agent is
		// ready.
		receivers: func(addr, _ string) string { return fmt.Sprintf("xray: {udp: %q, tcp: %q}", addr, addr) },
		prepare: func(c benchCase, _ string) (give, error) {
			all := make([][]byte, c.count)
			now := time.Now()
			for n := range all {
				all[n] = datagram(n, now)
			}
			return func(ctx context.Context, addr string) error {
				conn, err := (&net.Dialer{}).DialContext(ctx, "udp", addr)
				if err != nil {
					return err
				}
				defer conn.Close()
				return send(ctx, conn, all, c.rate, 1)
			}, nil
		},
	}
}

// datagram returns a segment of some 900 bytes with its header.
func datagram(n int, now time.Time) []byte {
	start := float64(now.UnixMicro()) / 1e6
	return fmt.Appendf(nil, `{"format": "json", "version": 1}`+"\n"+
		`{"trace_id":"1-%08x-%024x","id":"%016x","name":"checkout","start_time":%.6f,"end_time":%.6f,"origin":"AWS::ECS::Container",`+
		`"http":{"request":{"method":"POST","url":"https://checkout.example.com/v1/orders/%08d","user_agent":"Mozilla/5.0 (X11; Linux x86_64)",`+
		`"client_ip":"203.0.113.7"},"response":{"status":201,"content_length":512}},"aws":{"ecs":{"container":"6f2a0d6d84b64c3f"},`+
		`"xray":{"sdk":"X-Ray for Go","sdk_version":"1.8.5","sampling_rule_name":"Default"}},"annotations":{"tenant":"t-%04d","currency":"EUR"},`+
		`"metadata":{"default":{"cart":{"items":3,"total":41.7},"flags":["new-checkout","fast-path"]}},`+
		`"subsegments":[{"id":"%016x","name":"orders-db.internal","start_time":%.6f,"end_time":%.6f,"namespace":"remote",`+
		`"sql":{"database_type":"postgresql","sanitized_query":"SELECT id, state, total FROM orders WHERE id = $1"}}]}`,
		now.Unix(), n+1, n+1, start, start+0.04, n, n%1000, n+1_000_000_000, start+0.001, start+0.03)
}
