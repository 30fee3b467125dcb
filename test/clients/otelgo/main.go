// Command otelgo is the service orders of the test with four SDKs, under
// OpenTelemetry's SDK and HTTP instrumentation for Go. It sends its spans by
// OTLP over gRPC to the address in its first argument and prints where it
// listens. The file in its second argument says where the others do, when the
// first request comes. With metrics, an address and a temporality it uses every
// instrument and ends.
//
// It is a module of its own: the instrumentation brings modules that the
// product must not have.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "metrics" {
		if err := metrics(context.Background(), os.Args[2], os.Args[3]); err != nil {
			log.Fatal(err)
		}
		return
	}
	if len(os.Args) != 3 {
		log.Fatal("usage: otelgo AGENT PEERS, or otelgo metrics AGENT delta|cumulative")
	}
	if err := serve(context.Background(), os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, agent, peers string) error {
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(agent), otlptracegrpc.WithInsecure())
	if err != nil {
		return fmt.Errorf("make exporter: %w", err)
	}
	otel.SetTracerProvider(trace.NewTracerProvider(
		trace.WithBatcher(exporter, trace.WithBatchTimeout(100*time.Millisecond)),
		trace.WithIDGenerator(xray.NewIDGenerator()),
		trace.WithResource(resource.NewSchemaless(attribute.String("service.name", "orders"))),
	))
	otel.SetTextMapPropagator(xray.Propagator{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening on", l.Addr())
	return http.Serve(l, otelhttp.NewHandler(routes(&caller{
		http:  http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)},
		peers: peers,
	}), "orders"))
}

func routes(c *caller) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /order", func(w http.ResponseWriter, r *http.Request) {
		// That the ledger fails here is part of the test; the order stands.
		err := errors.Join(
			c.get(r.Context(), "pricing", "/price", http.StatusOK),
			c.get(r.Context(), "ledger", "/broken", http.StatusInternalServerError),
		)
		if err != nil {
			log.Print(err)
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	mux.HandleFunc("GET /audit", func(http.ResponseWriter, *http.Request) {})
	return mux
}

// caller calls the other services.
type caller struct {
	http  http.Client
	peers string // the file that says where they are
}

// get requests a path of the named service and fails unless it gets the status
// that it wants.
func (c *caller) get(ctx context.Context, name, path string, want int) error {
	text, err := os.ReadFile(c.peers)
	if err != nil {
		return err
	}
	var where map[string]string
	if err := json.Unmarshal(text, &where); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where[name]+path, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s%s: %s", name, path, resp.Status)
	}
	return nil
}
