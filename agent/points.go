package agent

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatch"
	"github.com/sidelight-dev/sidelight/exporters/otlp"
	"github.com/sidelight-dev/sidelight/exporters/remotewrite"
	"github.com/sidelight-dev/sidelight/internal/emf"
)

// pushFunc takes the points of an interval. It borrows them.
type pushFunc func(context.Context, []sidelight.Point) error

// metricWays are the ways of points out of the agent: the one that a point names,
// and those of all points.
type metricWays struct {
	via  map[config.MetricsVia]pushFunc
	also []pushFunc
}

// pushTime is how long points wait for room in a queue. Then they are given up and
// counted, and make place for newer ones.
const pushTime = 5 * time.Second

// sendPoints returns what takes the points of an interval: to /metrics, to the
// further destinations, and to the one destination that each has.
func (a *Agent) sendPoints() pushFunc {
	m := &a.metrics
	m.via["emf"] = a.documents(sidelight.Logs, func() sidelight.Sink { return a.out.emf }, a.metricDest())
	m.via["none"] = func(context.Context, []sidelight.Point) error { return nil }
	m.via[""] = m.via[a.cfg.Metrics.Via]
	send := m.send
	if a.cfg.Traces.ApplicationSignals {
		s := &signalsPusher{next: m.send, logs: func() sidelight.Sink { return a.out.emf }, dest: sidelight.Dest{
			Exporter: logsLane, Group: spanmetrics.SignalsGroup, Stream: a.metricStream(),
		}.Handle(), place: appendPlace(nil, a.id)}
		send = s.push
	}
	expose := a.cfg.Metrics.Expose || slices.ContainsFunc(a.cfg.Metrics.Also, func(x config.Also) bool { return x.Kind() == "remote_write" })
	return func(ctx context.Context, points []sidelight.Point) error {
		if expose {
			a.shown.Take(points)
		}
		return send(ctx, points)
	}
}

// send gives points to the further destinations and each to its own.
func (m *metricWays) send(ctx context.Context, points []sidelight.Point) error {
	var errs []error
	for _, push := range m.also {
		errs = append(errs, push(ctx, points))
	}
	for via, list := range byVia(points) {
		errs = append(errs, m.way(via)(ctx, list))
	}
	return errors.Join(errs...)
}

// byVia sorts points out by the way they name.
func byVia(points []sidelight.Point) map[string][]sidelight.Point {
	if !slices.ContainsFunc(points, func(p sidelight.Point) bool { return p.Via != "" }) {
		return map[string][]sidelight.Point{"": points}
	}
	lists := map[string][]sidelight.Point{}
	for i := range points {
		lists[points[i].Via] = append(lists[points[i].Via], points[i])
	}
	return lists
}

// way is that of points which name via.
func (m *metricWays) way(via string) pushFunc {
	if push := m.via[config.MetricsVia(via)]; push != nil {
		return push
	}
	return m.via[""]
}

// metricDest is where documents in the embedded metric format go.
func (a *Agent) metricDest() sidelight.DestHandle {
	return sidelight.Dest{Exporter: logsLane, Group: a.names.expand(a.cfg.Metrics.EMFGroup, "", ""), Stream: a.metricStream()}.Handle()
}

func (a *Agent) metricStream() string {
	return streamName(a.id.Value("service") + "/" + a.id.Value("host"))
}

// documents returns a way for points as documents in the embedded metric format.
func (a *Agent) documents(signal sidelight.Signal, to func() sidelight.Sink, dest sidelight.DestHandle) pushFunc {
	return func(ctx context.Context, points []sidelight.Point) error {
		b := sidelight.Batch{Signal: signal, Dest: dest, Events: emf.Documents(points)}
		return a.pushInTime(ctx, to(), &b)
	}
}

// pointEncoder appends a point as the documents that a destination takes, and returns
// where each ends.
type pointEncoder func(dst []byte, p *sidelight.Point, end func(dst []byte))

// datumEncoder encodes for PutMetricData.
func datumEncoder(dst []byte, p *sidelight.Point, end func([]byte)) {
	for part := range p.Parts(cloudwatch.MaxValues) {
		dst = cloudwatch.AppendDatum(dst, &part)
		end(dst)
	}
}

// otlpEncoder encodes for OTLP.
func otlpEncoder(interval time.Duration) pointEncoder {
	return func(dst []byte, p *sidelight.Point, end func([]byte)) {
		span := interval
		if p.Resolution == 1 {
			span = min(span, time.Second)
		}
		end(otlp.AppendMetric(dst, p, span))
	}
}

// encoded returns a way for points as encode makes them, a batch for each
// namespace in a row.
func (a *Agent) encoded(exporter string, to sidelight.Sink, encode pointEncoder) pushFunc {
	return func(ctx context.Context, points []sidelight.Point) error {
		var buf []byte
		var errs []error
		for len(points) > 0 {
			n := 1
			for n < len(points) && points[n].Namespace == points[0].Namespace {
				n++
			}
			b := sidelight.Batch{Signal: sidelight.Metrics, Dest: sidelight.Dest{Exporter: exporter, Group: points[0].Namespace}.Handle()}
			var ends []int
			buf = buf[:0]
			for i := range n {
				encode(buf, &points[i], func(dst []byte) {
					buf, ends = dst, append(ends, len(dst))
					b.Events = append(b.Events, sidelight.Event{Time: points[i].Time})
				})
			}
			from := 0
			for i, end := range ends {
				b.Events[i].Body = buf[from:end]
				from = end
			}
			errs = append(errs, a.pushInTime(ctx, to, &b))
			points = points[n:]
		}
		return errors.Join(errs...)
	}
}

// samples returns a way for points as remote write takes them: sums are those
// since the agent began.
func (a *Agent) samples(exporter string, to sidelight.Sink) pushFunc {
	dest := sidelight.Dest{Exporter: exporter, Group: "prometheus"}.Handle()
	at := int64(0)
	return func(ctx context.Context, points []sidelight.Point) error {
		if len(points) == 0 {
			return nil
		}
		// A series takes one sample at a time: the running interval, which ends
		// early, has the time of none before it.
		at++
		for i := range points {
			at = max(at, points[i].Time)
		}
		b := sidelight.Batch{Signal: sidelight.Metrics, Dest: dest}
		a.shown.Each(func(labels []sidelight.Dimension, v float64) {
			b.Events = append(b.Events, sidelight.Event{Time: at, Body: remotewrite.AppendSeries(nil, labels, v, at)})
		})
		return a.pushInTime(ctx, to, &b)
	}
}

// pushInTime pushes b, or counts it as lost.
func (a *Agent) pushInTime(ctx context.Context, to sidelight.Sink, b *sidelight.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, pushTime)
	defer cancel()
	err := to.Push(ctx, b)
	if err != nil {
		a.books.Lose(b.Signal, "full", len(b.Events))
	}
	return err
}
