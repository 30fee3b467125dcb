package agent

import (
	"context"
	"net"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/statsd"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// collect hands out, at an interval's end, what is summed elsewhere.
func (a *Agent) collect(to sidelight.Recorder) {
	if a.spans != nil {
		a.spans.Collect(to)
	}
	if r := a.statsd.Load(); r != nil {
		r.Collect(to)
	}
}

func (a *Agent) buildStatsD(context.Context, aws.Config) error {
	c := a.cfg.Receivers.StatsD
	cfg := statsd.Config{UDP: on(c.UDP), Unix: on(c.Unix), Stream: on(c.Stream)}
	if cfg.UDP == "" && cfg.Unix == "" && cfg.Stream == "" {
		return nil
	}
	var out sidelight.Sink
	if c.Events == "logs" {
		var err error
		if out, err = a.process("statsd", logsLane, a.out.logs, input{}); err != nil {
			return err
		}
		cfg.Events = a.names.dest(logsLane, "", "statsd")
	}
	r, err := receive(a, "statsd", out, func() (*statsd.Receiver, error) {
		r, err := statsd.New(cfg, a.aggregate, &a.books, a.log.With("receiver", "statsd"))
		if err == nil {
			a.statsd.Store(r)
		}
		return r, err
	})
	if err != nil {
		return err
	}
	a.listen("statsd", r.Addr())
	for _, path := range []string{cfg.Unix, cfg.Stream} {
		if path != "" {
			a.listen("statsd unix", &net.UnixAddr{Name: path, Net: "unix"})
		}
	}
	return nil
}

// registerStatsD makes the counters of the StatsD receiver readable.
func (a *Agent) registerStatsD(m *meter.Set) {
	if a.statsd.Load() == nil {
		return
	}
	for name, x := range map[string]struct {
		help string
		read func(statsd.Stats) uint64
	}{
		"datagrams": {"StatsD datagrams taken", func(s statsd.Stats) uint64 { return s.Datagrams }},
		"lost":      {"StatsD datagrams that the kernel threw away as its buffer was full", func(s statsd.Stats) uint64 { return s.Overflow }},
		"samples":   {"StatsD samples taken", func(s statsd.Stats) uint64 { return s.Samples }},
		"events":    {"DogStatsD events and service checks taken", func(s statsd.Stats) uint64 { return s.Events + s.Checks }},
	} {
		m.Func("sidelight_statsd_"+name+"_total", x.help, func() float64 { return float64(x.read(a.statsd.Load().Stats())) })
	}
	m.Collect("sidelight_statsd_invalid_total", "StatsD lines that were not taken", "counter", func(emit func(float64, ...string)) {
		for cause, n := range a.statsd.Load().Stats().Invalid {
			emit(float64(n), "cause", cause)
		}
	})
}
