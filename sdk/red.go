package sdk

import (
	"context"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// redBounds are the bucket bounds in seconds that OpenTelemetry's HTTP
// conventions advise.
var redBounds = [...]float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// redIdle is after how many collections without a point a series is
// forgotten.
const redIdle = 10

// redKind tells servers from clients.
type redKind uint8

const (
	redServer redKind = iota
	redClient
	redKinds
)

// redKey names a series. It holds what is at hand in a request, so that a
// lookup makes no string.
type redKey struct {
	kind   redKind
	method string
	target string // the route of a server, the host of a client
	status int    // 0 if there was none
	fault  string // what went wrong if there was no status
	other  bool   // the sum of what exceeds the limit
}

// redSeries is one series since the last collection.
type redSeries struct {
	attrs attribute.Set

	mu       sync.Mutex
	gone     bool // removed from the table; the point belongs elsewhere
	idle     int
	count    uint64
	sum      float64
	min, max float64
	buckets  [len(redBounds) + 1]uint64
}

// redTable counts requests, errors and durations per route. Recording a point
// on a known series takes that series' lock and allocates nothing; the OTel
// metric SDK collects the table as an external producer.
type redTable struct {
	limit  int // series of a kind
	series atomic.Pointer[map[redKey]*redSeries]

	mu    sync.Mutex // held to replace series
	start time.Time  // of the present interval
	used  [redKinds]int
}

var _ sdkmetric.Producer = (*redTable)(nil)

func newRedTable(limit int) *redTable {
	t := &redTable{limit: limit, start: time.Now()}
	t.series.Store(&map[redKey]*redSeries{})
	return t
}

// record adds one request that took d.
func (t *redTable) record(key redKey, d time.Duration) {
	for {
		s := (*t.series.Load())[key]
		if s == nil {
			s = t.add(key)
		}
		if s.record(d.Seconds()) {
			return
		}
	}
}

func (s *redSeries) record(v float64) bool {
	b := 0
	for b < len(redBounds) && v > redBounds[b] {
		b++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return false
	}
	s.count++
	s.sum += v
	s.min, s.max = min(s.min, v), max(s.max, v)
	s.buckets[b]++
	return true
}

// add returns the series of key, which may be the one for all that exceeds the
// limit. The map is copied: additions are rare, lookups take no lock.
func (t *redTable) add(key redKey) *redSeries {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := *t.series.Load()
	if s := old[key]; s != nil {
		return s
	}
	if t.used[key.kind] >= t.limit-1 { // one is kept for the overflow
		key = redKey{kind: key.kind, other: true}
		if s := old[key]; s != nil {
			return s
		}
	}
	s := &redSeries{attrs: key.attributes(), min: math.Inf(1), max: math.Inf(-1)}
	next := make(map[redKey]*redSeries, len(old)+1)
	for k, v := range old {
		next[k] = v
	}
	next[key] = s
	t.used[key.kind]++
	t.series.Store(&next)
	return s
}

func (k *redKey) attributes() attribute.Set {
	if k.other {
		return attribute.NewSet(attribute.Bool("otel.metric.overflow", true))
	}
	attrs := []attribute.KeyValue{attribute.String("http.request.method", k.method)}
	if k.target != "" {
		name := "http.route"
		if k.kind == redClient {
			name = "server.address"
		}
		attrs = append(attrs, attribute.String(name, k.target))
	}
	if k.status != 0 {
		attrs = append(attrs, attribute.Int("http.response.status_code", k.status))
	}
	if fault := k.errorType(); fault != "" {
		attrs = append(attrs, attribute.String("error.type", fault))
	}
	return attribute.NewSet(attrs...)
}

// errorType is the value of error.type: a server fails from 500 on, a client
// already from 400 on.
func (k *redKey) errorType() string {
	if k.status >= 500 || k.kind == redClient && k.status >= 400 {
		return strconv.Itoa(k.status)
	}
	return k.fault
}

// Produce implements [sdkmetric.Producer]: it returns what was recorded since
// the last call and begins anew.
func (t *redTable) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	var points [redKinds][]metricdata.HistogramDataPoint[float64]
	next := make(map[redKey]*redSeries)
	clear(t.used[:])
	for key, s := range *t.series.Load() {
		p, keep := s.collect(t.start, now)
		if keep {
			next[key] = s
			t.used[key.kind]++
		}
		if p.Count > 0 {
			points[key.kind] = append(points[key.kind], p)
		}
	}
	t.series.Store(&next)
	t.start = now
	var out []metricdata.Metrics
	for kind, name := range [redKinds]string{"http.server.request.duration", "http.client.request.duration"} {
		if len(points[kind]) > 0 {
			out = append(out, metricdata.Metrics{
				Name: name, Unit: "s", Description: "Duration of HTTP requests.",
				Data: metricdata.Histogram[float64]{Temporality: metricdata.DeltaTemporality, DataPoints: points[kind]},
			})
		}
	}
	return scoped(out), nil
}

func (s *redSeries) collect(start, now time.Time) (p metricdata.HistogramDataPoint[float64], keep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		s.idle++
		s.gone = s.idle >= redIdle
		return p, !s.gone
	}
	p = metricdata.HistogramDataPoint[float64]{
		Attributes: s.attrs, StartTime: start, Time: now,
		Count: s.count, Sum: s.sum, Min: metricdata.NewExtrema(s.min), Max: metricdata.NewExtrema(s.max),
		Bounds: redBounds[:], BucketCounts: append([]uint64(nil), s.buckets[:]...),
	}
	s.idle, s.count, s.sum = 0, 0, 0
	s.min, s.max = math.Inf(1), math.Inf(-1)
	clear(s.buckets[:])
	return p, true
}

// scoped puts metrics under the package's own scope.
func scoped(metrics []metricdata.Metrics) []metricdata.ScopeMetrics {
	if len(metrics) == 0 {
		return nil
	}
	return []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: scopeName}, Metrics: metrics}}
}
