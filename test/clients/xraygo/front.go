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

	local "github.com/aws/aws-xray-sdk-go/strategy/sampling"
	"github.com/aws/aws-xray-sdk-go/xray"
)

// front serves GET /checkout, where the traces of the test with four SDKs begin.
// It samples all of them, answers with the trace's ID, and prints where it
// listens. The file says where the other services do, when the first request
// comes.
func front(peers string) error {
	all, err := local.NewLocalizedStrategyFromJSONBytes([]byte(`{"version": 2, "default": {"fixed_target": 0, "rate": 1}}`))
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	if err := xray.Configure(xray.Config{SamplingStrategy: all}); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening on", l.Addr())
	client := xray.Client(nil)
	return http.Serve(l, xray.Handler(xray.NewFixedSegmentNamer("front"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// That one is turned away is part of the test; the checkout goes on.
		err := errors.Join(
			get(r.Context(), client, peers, "orders", "/order", http.StatusOK),
			get(r.Context(), client, peers, "pricing", "/quota", http.StatusTooManyRequests),
		)
		if err != nil {
			log.Print(err)
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintln(w, xray.TraceID(r.Context()))
	})))
}

// get requests a path of the named service and fails unless it gets the status
// that it wants.
func get(ctx context.Context, client *http.Client, peers, name, path string, want int) error {
	text, err := os.ReadFile(peers)
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
	resp, err := client.Do(req)
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
