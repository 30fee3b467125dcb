package agent

import (
	"context"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/internal/emf"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// signalsPusher sends the points of Application Signals as documents in the
// embedded metric format, all other points to next.
type signalsPusher struct {
	next func(context.Context, []sidelight.Point) error
	logs func() sidelight.Sink
	dest sidelight.DestHandle
}

func (p *signalsPusher) push(ctx context.Context, points []sidelight.Point) error {
	// Points are in the order of their namespaces.
	from := 0
	for from < len(points) && points[from].Namespace != spanmetrics.SignalsNamespace {
		from++
	}
	to := from
	for to < len(points) && points[to].Namespace == spanmetrics.SignalsNamespace {
		to++
	}
	if from == to {
		return p.next(ctx, points)
	}
	b := sidelight.Batch{Signal: sidelight.Logs, Dest: p.dest, Events: signalDocuments(points[from:to])}
	if err := p.logs().Push(ctx, &b); err != nil {
		return err
	}
	if rest := append(points[:from:from], points[to:]...); len(rest) > 0 {
		return p.next(ctx, rest)
	}
	return nil
}

// documentValues is how many values of one metric a document in the embedded
// metric format may carry.
const documentValues = 100

// signalDocuments makes one document of all metrics with the same dimensions, or
// more where one would have too many values.
func signalDocuments(points []sidelight.Point) []sidelight.Event {
	groups := map[string][]*sidelight.Point{}
	var keys []string
	for i := range points {
		var key strings.Builder
		for _, d := range points[i].Dimensions {
			key.WriteString(d.Value)
			key.WriteByte(0)
		}
		for part := range points[i].Parts(documentValues) {
			k := key.String()
			if groups[k] == nil {
				keys = append(keys, k)
			}
			groups[k] = append(groups[k], &part)
			key.WriteByte(1)
		}
	}
	events := make([]sidelight.Event, len(keys))
	for i, k := range keys {
		events[i] = sidelight.Event{Time: groups[k][0].Time, Body: appendSignal(nil, groups[k])}
	}
	return events
}

// The sets of dimensions that the CloudWatch agent declares for requests and for
// calls.
const (
	entrySets = `[["Environment","Operation","Service"],["Environment","Service"]]`
	callSets  = `[["Environment","Operation","RemoteOperation","RemoteService","Service"],` +
		`["Environment","RemoteOperation","RemoteService","Service"],["Environment","RemoteService","Service"],["RemoteService"]]`
)

func appendSignal(dst []byte, points []*sidelight.Point) []byte {
	source, sets := "ServerSpan", entrySets
	for _, d := range points[0].Dimensions {
		if d.Name == "RemoteService" {
			source, sets = "ClientSpan", callSets
		}
	}
	dst = strconv.AppendInt(append(dst, `{"_aws":{"Timestamp":`...), points[0].Time, 10)
	dst = append(append(append(dst, `,"CloudWatchMetrics":[{"Namespace":"`...), spanmetrics.SignalsNamespace...), `","Dimensions":`...)
	dst = append(append(dst, sets...), `,"Metrics":[`...)
	for i, p := range points {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = emf.AppendDefinition(dst, p)
	}
	dst = append(append(append(dst, `]}]},"Version":"0","Telemetry.Source":"`...), source...), '"')
	for _, d := range points[0].Dimensions {
		dst = wire.AppendString(append(dst, ','), []byte(d.Name))
		dst = wire.AppendString(append(dst, ':'), []byte(d.Value))
	}
	for _, p := range points {
		dst = append(wire.AppendString(append(dst, ','), []byte(p.Name)), ':')
		dst = emf.AppendDistribution(dst, p)
	}
	return append(dst, '}')
}
