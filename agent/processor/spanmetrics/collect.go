package spanmetrics

import (
	"github.com/sidelight-dev/sidelight"
)

// The names of dimensions.
const (
	dimEnvironment     = "Environment"
	dimService         = "Service"
	dimOperation       = "Operation"
	dimRemoteService   = "RemoteService"
	dimRemoteOperation = "RemoteOperation"
	dimResource        = "RemoteResourceIdentifier"
	dimResourceType    = "RemoteResourceType"
)

// Collect hands what was counted since the last call to rec, and forgets what
// has been quiet for long.
func (m *Metrics) Collect(rec sidelight.Recorder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := &emitter{rec: rec, own: m.cfg.Own, signals: m.cfg.Signals}
	for key, s := range m.services {
		e.service(s, m.cfg.Platform)
		if s.quiet++; s.quiet > idle {
			delete(m.services, key)
		}
	}
}

// emitter records the metrics of one interval.
type emitter struct {
	rec            sidelight.Recorder
	own, signals   bool
	values, counts []float64 // of one distribution
}

func (e *emitter) service(s *service, platform string) {
	var own []sidelight.Dimension
	if s.environment != "" {
		own = append(own, sidelight.Dimension{Name: dimEnvironment, Value: s.environment})
		platform = s.environment
	}
	own = append(own, sidelight.Dimension{Name: dimService, Value: s.name})
	e.metrics(&s.total, own)
	s.total.reset()
	signals := []sidelight.Dimension{
		{Name: dimEnvironment, Value: cut(platform, maxSignalEnvironment)}, {Name: dimService, Value: cut(s.name, maxSignalService)},
	}
	e.series(s.routes, func(x *series) {
		op := sidelight.Dimension{Name: dimOperation, Value: x.operation}
		e.metrics(&x.counts, with(own, op))
		e.signal(&x.counts, with(signals, op))
	})
	e.series(s.remotes, func(x *series) {
		e.metrics(&x.counts, with(own, sidelight.Dimension{Name: dimRemoteService, Value: x.remote}))
		dims := with(signals, sidelight.Dimension{Name: dimOperation, Value: x.operation},
			sidelight.Dimension{Name: dimRemoteOperation, Value: x.remoteOp},
			sidelight.Dimension{Name: dimRemoteService, Value: cut(x.signal, maxSignalService)})
		if x.resource != "" {
			dims = append(dims, sidelight.Dimension{Name: dimResource, Value: x.resource}, sidelight.Dimension{Name: dimResourceType, Value: x.resourceType})
		}
		e.signal(&x.counts, dims)
	})
}

func with(dims []sidelight.Dimension, more ...sidelight.Dimension) []sidelight.Dimension {
	return append(dims[:len(dims):len(dims)], more...)
}

// series records each series that saw something, and empties it.
func (*emitter) series(list map[string]*series, record func(*series)) {
	for key, x := range list {
		record(x)
		x.reset()
		if x.quiet++; x.quiet > idle {
			delete(list, key)
		}
	}
}

func (c *counts) reset() {
	c.requests, c.errors, c.faults, c.throttles = 0, 0, 0, 0
	c.latency.Reset()
}

// metrics records those of our own form. Errors, Faults and Throttles that
// did not happen are not recorded: CloudWatch bills each metric that exists.
func (e *emitter) metrics(c *counts, dims []sidelight.Dimension) {
	if !e.own || c.requests == 0 {
		return
	}
	for _, x := range [...]struct {
		name string
		n    float64
	}{{"Requests", c.requests}, {"Errors", c.errors}, {"Faults", c.faults}, {"Throttles", c.throttles}} {
		if x.n > 0 {
			e.rec.Record(&sidelight.Measurement{
				Namespace: Namespace, Name: x.name, Unit: "Count", Dimensions: dims, Kind: sidelight.Sum, Value: x.n,
			})
		}
	}
	e.latency(c, Namespace, dims)
}

func (e *emitter) latency(c *counts, namespace string, dims []sidelight.Dimension) {
	e.values, e.counts = c.latency.Append(e.values[:0], e.counts[:0])
	for i, v := range e.values {
		e.rec.Record(&sidelight.Measurement{
			Namespace: namespace, Name: "Latency", Unit: "Milliseconds", Dimensions: dims, Kind: sidelight.Sample, Value: v, Count: e.counts[i],
		})
	}
}
