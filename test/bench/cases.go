package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// settle is how long the agent idles before the load.
const settle = 2 * time.Second

// benchCase is one row of the table.
type benchCase struct {
	name    string
	load    load
	count   int
	rate    int // zero: as fast as it goes
	durable string
}

// load is one way into the agent.
type load struct {
	// receivers is the part of the configuration that opens addr.
	receivers func(addr, dir string) string
	// prepare makes the records and returns what gives them to the agent.
	prepare func(c benchCase, dir string) (give, error)
	// lossy says that what the agent cannot take is lost, as with datagrams.
	lossy bool
}

// give sends what was prepared to the agent at addr.
type give func(ctx context.Context, addr string) error

// result is what one run cost.
type result struct {
	records, bytes int64
	lost           int64
	took, cpu      time.Duration
	idle, peak     int64
}

func cases(o options) []benchCase {
	if o.signal == "traces" {
		return []benchCase{
			{name: "OTLP over gRPC, from memory", load: otlpGRPC(), count: o.count, durable: "memory"},
			{name: "OTLP over gRPC, written ahead", load: otlpGRPC(), count: o.count, durable: "always"},
			{name: "OTLP over HTTP, written ahead", load: otlpHTTP(), count: o.count, durable: "always"},
			{name: "X-Ray over UDP, 20000/s", load: xrayUDP(), count: min(o.count, 200_000), rate: 20_000, durable: "always"},
			{name: "X-Ray over UDP, 60000/s", load: xrayUDP(), count: o.count, rate: 60_000, durable: "always"},
		}
	}
	return []benchCase{
		{name: "forward, from memory", load: forward(), count: o.count, durable: "memory"},
		{name: "forward, written ahead", load: forward(), count: o.count, durable: "always"},
		{name: "forward, spilling", load: forward(), count: o.count, durable: "spill"},
		{name: fmt.Sprintf("forward, paced at %d/s", o.rate), load: forward(), count: min(o.count, 20*o.rate), rate: o.rate, durable: "always"},
		{name: "file tail", load: fileTail(), count: o.count, durable: "always"},
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
	receivers := map[string]string{
		"otlp": `{grpc: "off", http: "off"}`, "xray": `{udp: "off", tcp: "off"}`, "statsd": `{udp: "off"}`, "emf": `{tcp: "off", udp: "off"}`, "forward": `{tcp: "off"}`,
	}
	var b strings.Builder
	own := c.load.receivers(addr, dir)
	for _, name := range []string{"emf", "forward", "otlp", "statsd", "xray"} {
		if !strings.Contains(own, name+":") {
			fmt.Fprintf(&b, "  %s: %s\n", name, receivers[name])
		}
	}
	return fmt.Sprintf(`service: {name: bench}
aws: {region: us-east-1, endpoint: %q}
receivers:
  %s
%squeue: {dir: %q, durable: %s}
status: {listen: "off"}
`, endpoint, own, b.String(), filepath.Join(dir, "queue"), c.durable)
}

// observe gives the agent its load and returns what that cost.
func (c benchCase) observe(ctx context.Context, a *agent, s *sink, addr, dir string) (res result, err error) {
	if err := ready(ctx, addr); err != nil {
		return res, fmt.Errorf("connect to the agent: %w", err)
	}
	give, err := c.load.prepare(c, dir)
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
	if err := give(ctx, addr); err != nil {
		return res, fmt.Errorf("send: %w", err)
	}
	if res.lost, err = s.wait(ctx, int64(c.count)); err != nil {
		return res, err
	}
	if res.lost > 0 && !c.load.lossy {
		return res, fmt.Errorf("only %d of %d arrived", s.events.Load(), c.count)
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
