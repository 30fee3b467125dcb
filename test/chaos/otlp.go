//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// otlpWorkers is how many requests an OTLP sender has under way.
const otlpWorkers = 16

// sendOTLP sends records of s by OTLP/HTTP, each request until it is answered
// with success.
func sendOTLP(ctx context.Context, l *ledger, load load, s source, addr string) error {
	path := "/v1/logs"
	if s == fromOTLPTraces {
		path = "/v1/traces"
	}
	transport := &http.Transport{MaxIdleConnsPerHost: otlpWorkers}
	defer transport.CloseIdleConnections()
	x := &otlpSender{
		ledger: l, load: load, source: s, url: "http://" + addr + path,
		client: &http.Client{Transport: transport, Timeout: time.Minute},
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type span struct{ first, n int }
	todo := make(chan span)
	var wg sync.WaitGroup
	for range otlpWorkers {
		wg.Go(func() {
			for t := range todo {
				if err := x.deliver(ctx, t.first, t.n); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := load.pace(ctx, func(n int) error {
		t := span{l.give(s, n), n}
		select {
		case todo <- t:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(todo)
	wg.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

type otlpSender struct {
	ledger *ledger
	load   load
	source source
	url    string
	client *http.Client
}

// deliver sends a request until it is taken.
func (x *otlpSender) deliver(ctx context.Context, first, n int) error {
	body := x.body(first, n)
	for {
		again, err := x.post(ctx, body)
		if err == nil && again == 0 {
			x.ledger.acknowledge(x.source, first, n)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if again == 0 {
			return err
		}
		if err := pause(ctx, again); err != nil {
			return err
		}
	}
}

// post makes one attempt, and returns after what time to make another, if so.
func (x *otlpSender) post(ctx context.Context, body []byte) (again time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := x.client.Do(req)
	if err != nil {
		return retry, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return retry, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if bytes.Contains(answer, []byte("rejected")) {
			return 0, fmt.Errorf("OTLP records were rejected: %s", answer)
		}
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return max(retry, time.Duration(after)*time.Second), errors.New(resp.Status)
	}
	return 0, fmt.Errorf("OTLP request answered %s: %s", resp.Status, answer)
}

func (x *otlpSender) body(first, n int) []byte {
	var b bytes.Buffer
	kind, scope, list := "resourceLogs", "scopeLogs", "logRecords"
	if x.source == fromOTLPTraces {
		kind, scope, list = "resourceSpans", "scopeSpans", "spans"
	}
	fmt.Fprintf(&b, `{%q:[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"chaos"}}]},%q:[{%q:[`, kind, scope, list)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		at := x.load.at(first + i).UnixNano()
		if x.source == fromOTLPTraces {
			fmt.Fprintf(&b, `{"traceId":%q,"spanId":%q,"name":"work","kind":2,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}`,
				x.load.traceID(first+i), id(x.source, first+i), at-1e6, at)
			continue
		}
		fmt.Fprintf(&b, `{"timeUnixNano":"%d","body":{"stringValue":%q}}`, at, x.load.text(x.source, first+i))
	}
	b.WriteString("]}]}]}")
	return b.Bytes()
}
