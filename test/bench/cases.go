package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// settle is how long the agent idles before the load.
const settle = 2 * time.Second

// benchCase is one row of the table.
type benchCase struct {
	name    string
	count   int
	rate    int // zero: as fast as it goes
	durable string
	file    bool
}

// result is what one run cost.
type result struct {
	records, bytes int64
	took, cpu      time.Duration
	idle, peak     int64
}

func cases(o options) []benchCase {
	return []benchCase{
		{name: "forward, from memory", count: o.count, durable: "memory"},
		{name: "forward, written ahead", count: o.count, durable: "always"},
		{name: fmt.Sprintf("forward, paced at %d/s", o.rate), count: min(o.count, 20*o.rate), rate: o.rate, durable: "always"},
		{name: "file tail", count: o.count, durable: "always", file: true},
	}
}

// measure runs the case once.
func (c benchCase) measure(ctx context.Context, o options) (res result, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := newSink()
	defer s.server.Close()
	addr, err := freePort()
	if err != nil {
		return res, err
	}
	a, err := startAgent(ctx, o, dir, c.config(dir, s.server.URL, addr))
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, a.stop()) }()
	return c.observe(ctx, a, s, addr, dir)
}

func (c benchCase) config(dir, endpoint, addr string) string {
	logs := fmt.Sprintf("forward: {tcp: %q}", addr)
	if c.file {
		// Forward shows when the agent is ready.
		logs += fmt.Sprintf("\n  files: [{include: [%q]}]", filepath.Join(dir, "*.log"))
	}
	return fmt.Sprintf(`service: {name: bench}
aws: {region: us-east-1, endpoint: %q}
receivers:
  otlp: {grpc: "off", http: "off"}
  xray: {udp: "off", tcp: "off"}
  statsd: {udp: "off"}
  %s
queue: {dir: %q, durable: %s}
status: {listen: "off"}
`, endpoint, logs, filepath.Join(dir, "queue"), c.durable)
}

// observe gives the agent its load and returns what that cost.
func (c benchCase) observe(ctx context.Context, a *agent, s *sink, addr, dir string) (res result, err error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return res, fmt.Errorf("connect to the agent: %w", err)
	}
	defer conn.Close()
	give, err := c.load(dir)
	if err != nil {
		return res, err
	}
	if err := sleep(ctx, settle); err != nil {
		return res, err
	}
	if res.idle, err = a.memory("VmRSS"); err != nil {
		return res, err
	}
	before, err := a.cpu()
	if err != nil {
		return res, err
	}
	start := time.Now()
	if err := give(ctx, conn); err != nil {
		return res, fmt.Errorf("send: %w", err)
	}
	if err := s.wait(ctx, int64(c.count)); err != nil {
		return res, err
	}
	res.took, res.records, res.bytes = time.Since(start), s.events.Load(), s.bytes.Load()
	after, err := a.cpu()
	if err != nil {
		return res, err
	}
	res.cpu = after - before
	res.peak, err = a.memory("VmHWM")
	return res, err
}

// load prepares the load and returns what sets it off.
func (c benchCase) load(dir string) (func(context.Context, net.Conn) error, error) {
	if !c.file {
		all := messages(c.count)
		return func(ctx context.Context, conn net.Conn) error { return send(ctx, conn, all, c.rate) }, nil
	}
	// The file is there at once when it gets its name.
	hidden := filepath.Join(dir, "app.hidden")
	if err := writeFile(hidden, c.count); err != nil {
		return nil, err
	}
	return func(context.Context, net.Conn) error { return os.Rename(hidden, filepath.Join(dir, "app.log")) }, nil
}
