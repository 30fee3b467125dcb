package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/receiver/prometheus"
	"github.com/sidelight-dev/sidelight/agent/receiver/statsd"
	"github.com/sidelight-dev/sidelight/agent/scraper/ecstask"
	"github.com/sidelight-dev/sidelight/agent/status"
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

// sampleNotes returns the counters of StatsD and of Prometheus jobs that are not
// zero.
func (a *Agent) sampleNotes() map[string]status.ReceiverNote {
	notes := map[string]status.ReceiverNote{}
	note := func(receiver, what string, n uint64) {
		if n == 0 {
			return
		}
		if notes[receiver] == nil {
			notes[receiver] = status.ReceiverNote{}
		}
		notes[receiver][what] = n
	}
	if r := a.statsd.Load(); r != nil {
		s := r.Stats()
		note("statsd", "samples", s.Samples)
		note("statsd", "events", s.Events+s.Checks)
		note("statsd", "datagrams lost", s.Overflow)
		for cause, n := range s.Invalid {
			note("statsd", "lines "+cause, n)
		}
	}
	for _, j := range a.jobs {
		s, name := j.stats(), "prometheus "+j.name
		note(name, "samples", s.Samples)
		note(name, "exemplars ignored", s.Exemplars)
		note(name, "not finite", s.NotFinite)
		note(name, "lines invalid", s.Invalid)
		note(name, "series refused", s.Refused)
	}
	return notes
}

// buildPrometheus makes a receiver of each job.
func (a *Agent) buildPrometheus(context.Context, aws.Config) error {
	for i, j := range a.cfg.Receivers.Prometheus {
		label := cmp.Or(j.Job, fmt.Sprintf("#%d", i))
		name := "prometheus " + label
		cfg, err := scrapeConfig(j)
		if err != nil {
			return wrap(name, err)
		}
		r, err := receive(a, name, nil, func() (runner[*prometheus.Receiver], error) {
			r, err := prometheus.New(cfg, a.aggregate, a.log.With("receiver", name))
			return runner[*prometheus.Receiver]{r}, err
		})
		if err != nil {
			return err
		}
		a.jobs = append(a.jobs, job{name: label, stats: r.part.Stats})
	}
	return nil
}

// job is a Prometheus receiver that can be asked how it does.
type job struct {
	name  string
	stats func() prometheus.Stats
}

func scrapeConfig(j config.Prometheus) (prometheus.Config, error) {
	password, err := j.BasicAuth.Password.Value()
	if err != nil {
		return prometheus.Config{}, fmt.Errorf("basic_auth: %w", err)
	}
	cfg := prometheus.Config{
		Job: j.Job, Targets: words(j.Targets), Interval: j.Interval, Timeout: j.Timeout, Path: j.Path, Namespace: j.Namespace,
		Dimensions: j.Dimensions, Keep: string(j.Keep), Drop: string(j.Drop), TokenFile: j.TokenFile,
		User: j.BasicAuth.Username, Password: password, CA: j.TLS.CA, Insecure: j.TLS.Insecure,
		HonorTimestamps: j.HonorTimestamps, MaxSeries: j.MaxSeries, MaxBody: int64(j.MaxBody),
	}
	switch j.Discover {
	case "ecs":
		endpoint := os.Getenv(ecstask.EndpointVariable)
		if endpoint == "" {
			return cfg, fmt.Errorf("discover: ecs needs the variable %s, which ECS sets", ecstask.EndpointVariable)
		}
		cfg.Discover = prometheus.ECSTask{Endpoint: endpoint, Path: j.Path}
	case "kubernetes":
		kubelet := j.Kubelet
		if node := cmp.Or(os.Getenv("HOST_IP"), os.Getenv("NODE_NAME")); kubelet == "" && node != "" {
			kubelet = "https://" + net.JoinHostPort(node, "10250")
		}
		if kubelet == "" {
			return cfg, errors.New("discover: kubernetes needs kubelet, or the node's address in the variable HOST_IP")
		}
		cfg.Discover = prometheus.Pods{Kubelet: kubelet, Path: j.Path, Insecure: j.TLS.Insecure}
	}
	return cfg, nil
}

// registerOTLP makes readable what is ignored of OTLP.
func (a *Agent) registerOTLP(m *meter.Set) {
	if a.exemplars != nil {
		m.Func("sidelight_otlp_exemplars_total", "exemplars of OTLP's metrics, which are ignored", func() float64 { return float64(a.exemplars()) })
	}
}

// registerPrometheus makes the counters of the jobs readable.
func (a *Agent) registerPrometheus(m *meter.Set) {
	for _, j := range a.jobs {
		m.Func("sidelight_prometheus_targets", "targets of a job", func() float64 { return float64(j.stats().Targets) }, "job", j.name)
		m.Func("sidelight_prometheus_up", "targets that answered the last scrape", func() float64 { return float64(j.stats().Up) }, "job", j.name)
		for name, x := range map[string]struct {
			help string
			read func(prometheus.Stats) uint64
		}{
			"samples":    {"samples read from targets", func(s prometheus.Stats) uint64 { return s.Samples }},
			"invalid":    {"lines of targets that are not in the format", func(s prometheus.Stats) uint64 { return s.Invalid }},
			"exemplars":  {"exemplars, which are ignored", func(s prometheus.Stats) uint64 { return s.Exemplars }},
			"not_finite": {"samples that are not finite numbers", func(s prometheus.Stats) uint64 { return s.NotFinite }},
			"refused":    {"series of a scrape beyond max_series", func(s prometheus.Stats) uint64 { return s.Refused }},
		} {
			m.Func("sidelight_prometheus_"+name+"_total", x.help, func() float64 { return float64(x.read(j.stats())) }, "job", j.name)
		}
	}
}
