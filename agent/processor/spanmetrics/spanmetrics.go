// Package spanmetrics counts requests from spans: how many each operation of
// each service answered, how many of them failed, how long they took, and whom
// the service called. It counts before anything is left out by sampling, so that
// the numbers are right whatever is kept.
//
// The number of series is bounded by bounds on each of their names. What exceeds
// one is summed under OtherService, OtherRoute or OtherRemote, and counted.
package spanmetrics

import (
	"context"
	"sync"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/dist"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

// Namespace is that of the metrics.
const Namespace = "Sidelight/Traces"

// The names that stand for what exceeds a bound.
const (
	OtherService = "OtherService"
	OtherRoute   = "OtherRoute"
	OtherRemote  = "OtherRemote"
)

// Config shapes a Metrics. Zero fields take the defaults.
type Config struct {
	// Service and Environment are those of senders that do not say theirs. An
	// empty environment makes metrics without that dimension.
	Service, Environment string
	// MaxServices bounds the services, MaxRoutes the operations of each, and
	// MaxRemotes the services that each calls. Defaults 50, 100 and 50.
	MaxServices, MaxRoutes, MaxRemotes int
	// Own makes metrics in Namespace.
	Own bool
	// Signals adds the metrics that Application Signals is made of; see
	// SignalsNamespace.
	Signals bool
	// Platform is the Environment that Application Signals shows for senders
	// without one. Default "generic:default".
	Platform string
}

// unknownOperation is what Application Signals calls the operation that made a
// call, if nobody says it.
const unknownOperation = "UnknownOperation"

func (c Config) withDefaults() Config {
	for _, f := range []struct {
		n   *int
		def int
	}{{&c.MaxServices, 50}, {&c.MaxRoutes, 100}, {&c.MaxRemotes, 50}} {
		if *f.n <= 0 {
			*f.n = f.def
		}
	}
	if c.Platform == "" {
		c.Platform = "generic:default"
	}
	return c
}

// idle is after how many intervals without a request a series is forgotten, and
// its name makes room for another: an hour of minutes.
const idle = 60

// Metrics counts. It is safe for concurrent use.
type Metrics struct {
	cfg Config

	mu       sync.Mutex
	services map[string]*service
	key      []byte
	overflow Overflow
	roots    uint64 // spans without a parent
	seen     seen   // of documents
	again    uint64 // what documents gave and was counted before
}

// Overflow counts requests that were summed under another name than their own.
type Overflow struct {
	Services uint64 `json:"services"`
	Routes   uint64 `json:"routes"`
	Remotes  uint64 `json:"remotes"`
}

// service is a service in one environment.
type service struct {
	name, environment string
	total             counts
	routes, remotes   map[string]*series
	quiet             int
}

// series is an operation, or a call: then remote and what is asked of it.
type series struct {
	counts
	operation, remote, remoteOp string
	// Application Signals has a name of its own for remote, and what is asked of it.
	signal, resource, resourceType string
	quiet                          int
}

// counts is what one interval saw.
type counts struct {
	requests, errors, faults, throttles float64
	latency                             dist.Dist // milliseconds
}

func (c *counts) add(f *spanfact.Fact, ms float64) {
	c.requests++
	switch {
	case f.Fault:
		c.faults++
	case f.Error:
		c.errors++
	}
	if f.Throttle {
		c.throttles++
	}
	c.latency.Add(ms, 1)
}

// New returns a Metrics that has counted nothing.
func New(cfg Config) *Metrics {
	return &Metrics{cfg: cfg.withDefaults(), services: map[string]*service{}}
}

// Record counts the spans that are requests or calls.
func (m *Metrics) Record(facts []spanfact.Fact) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range facts {
		m.record(&facts[i])
	}
}

// Watch returns a Sink for segment documents that counts what next took, and
// what is sent more than once within a short time once.
func (m *Metrics) Watch(next sidelight.Sink) sidelight.Sink {
	var readers sync.Pool
	return sidelight.SinkFunc(func(ctx context.Context, b *sidelight.Batch) error {
		if err := next.Push(ctx, b); err != nil {
			return err
		}
		d, ok := readers.Get().(*spanfact.Document)
		if !ok {
			d = new(spanfact.Document)
		}
		defer readers.Put(d)
		m.mu.Lock()
		defer m.mu.Unlock()
		for i := range b.Events {
			d.Each(b.Events[i].Body, m.recordOnce)
		}
		return nil
	})
}

// recordOnce counts f, which a document gave, unless it was counted lately. m.mu
// is held.
func (m *Metrics) recordOnce(f *spanfact.Fact) {
	if f.Role == spanfact.Local && !f.Root {
		return
	}
	if m.seen.again(f) {
		m.again++
		return
	}
	m.record(f)
}

// record counts f. m.mu is held.
func (m *Metrics) record(f *spanfact.Fact) {
	if f.Root {
		m.roots++
	}
	if f.Role == spanfact.Local {
		return
	}
	// Durations in whole microseconds differ less than in nanoseconds, and
	// are as exact as documents are.
	ms := float64(f.Duration()/1000) / 1000
	s := m.service(f)
	if f.Role == spanfact.Entry {
		s.total.add(f, ms)
		m.route(s, f).add(f, ms)
		return
	}
	m.remote(s, f).add(f, ms)
}

func (m *Metrics) service(f *spanfact.Fact) *service {
	m.key = m.appendService(m.key[:0], f)
	s := m.services[string(m.key)]
	if s == nil {
		s = m.newService(f)
	}
	s.quiet = 0
	return s
}

func (m *Metrics) appendService(key []byte, f *spanfact.Fact) []byte {
	if len(f.Service) > 0 {
		key = append(key, f.Service...)
	} else {
		key = append(key, m.cfg.Service...)
	}
	key = append(key, 0)
	if len(f.Environment) > 0 {
		return append(key, f.Environment...)
	}
	return append(key, m.cfg.Environment...)
}

func (m *Metrics) newService(f *spanfact.Fact) *service {
	s := &service{name: string(f.Service), environment: string(f.Environment), routes: map[string]*series{}, remotes: map[string]*series{}}
	if s.name == "" {
		s.name = m.cfg.Service
	}
	if s.environment == "" {
		s.environment = m.cfg.Environment
	}
	if len(m.services) >= m.cfg.MaxServices {
		m.overflow.Services++
		if other := m.services[OtherService]; other != nil {
			return other
		}
		s.name, s.environment, m.key = OtherService, m.cfg.Environment, append(m.key[:0], OtherService...)
	}
	m.services[string(m.key)] = s
	return s
}

func (m *Metrics) route(s *service, f *spanfact.Fact) *series {
	m.key = f.AppendOperation(m.key[:0])
	x := s.routes[string(m.key)]
	if x == nil {
		if len(s.routes) >= m.cfg.MaxRoutes {
			m.overflow.Routes++
			m.key = append(m.key[:0], OtherRoute...)
		}
		x = find(s.routes, m.key)
		x.operation = string(m.key)
	}
	x.quiet = 0
	return x
}

// remote returns the series of a call. Without Application Signals, calls are
// told apart by whom they call only.
func (m *Metrics) remote(s *service, f *spanfact.Fact) *series {
	m.key = append(m.key[:0], f.Remote...)
	if m.cfg.Signals {
		m.key = appendRemote(append(m.key, 0), f)
		m.key = appendRemoteOperation(append(m.key, 0), f)
		m.key = appendCaller(append(m.key, 0), f)
		m.key = append(append(m.key, 0), f.Resource...)
	}
	x := s.remotes[string(m.key)]
	if x == nil {
		x = m.newRemote(s, f)
	}
	x.quiet = 0
	return x
}

func (m *Metrics) newRemote(s *service, f *spanfact.Fact) *series {
	if len(s.remotes) >= m.cfg.MaxRemotes {
		m.overflow.Remotes++
		m.key = append(m.key[:0], OtherRemote...)
		x := find(s.remotes, m.key)
		x.remote, x.signal, x.remoteOp, x.operation = OtherRemote, OtherRemote, "AllOtherRemoteOperations", "AllOtherOperations"
		return x
	}
	x := find(s.remotes, m.key)
	x.remote, x.signal, x.remoteOp = string(f.Remote), string(appendRemote(nil, f)), string(appendRemoteOperation(nil, f))
	x.operation, x.resource, x.resourceType = string(appendCaller(nil, f)), string(f.Resource), string(f.ResourceType)
	return x
}

func find(list map[string]*series, key []byte) *series {
	x := list[string(key)]
	if x == nil {
		x = &series{}
		list[string(key)] = x
	}
	return x
}

// Stats is a copy of the state.
type Stats struct {
	Services int      `json:"services"`
	Routes   int      `json:"routes"`
	Remotes  int      `json:"remotes"`
	Overflow Overflow `json:"overflow"`
	// Roots are the spans and segments without a parent: each begins a trace.
	Roots uint64 `json:"roots"`
	// Duplicates are the segments and calls of documents that were not counted,
	// because they came before.
	Duplicates uint64 `json:"duplicates"`
}

// Stats returns how many names are known, and what exceeded a bound.
func (m *Metrics) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	st := Stats{Services: len(m.services), Overflow: m.overflow, Roots: m.roots, Duplicates: m.again}
	for _, s := range m.services {
		st.Routes += len(s.routes)
		st.Remotes += len(s.remotes)
	}
	return st
}
