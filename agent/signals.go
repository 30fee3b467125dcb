package agent

import (
	"context"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/identity"
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
	// place are members of every document: where the service runs.
	place []byte
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
	b := sidelight.Batch{Signal: sidelight.Logs, Dest: p.dest, Events: signalDocuments(points[from:to], p.place)}
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
func signalDocuments(points []sidelight.Point, place []byte) []sidelight.Event {
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
		events[i] = sidelight.Event{Time: groups[k][0].Time, Body: appendSignal(nil, groups[k], place)}
	}
	return events
}

// The sets of dimensions that the CloudWatch agent declares for requests, for
// calls, and for calls of which it is known what they ask for (its default
// configuration of the EMF exporter for Application Signals).
const (
	entrySets = `[["Environment","Operation","Service"],["Environment","Service"]]`
	callSets  = `["Environment","Operation","RemoteOperation","RemoteService","Service"],` +
		`["Environment","RemoteOperation","RemoteService","Service"],["Environment","RemoteService","Service"],["RemoteService"]]`
	resourceSets = `["Environment","Operation","RemoteOperation","RemoteResourceIdentifier","RemoteResourceType","RemoteService","Service"],` +
		`["Environment","RemoteOperation","RemoteResourceIdentifier","RemoteResourceType","RemoteService","Service"],` +
		`["Environment","RemoteResourceIdentifier","RemoteResourceType","RemoteService","Service"],` +
		`["RemoteResourceIdentifier","RemoteResourceType","RemoteService"],`
)

// setsOf returns what the points are of, as Telemetry.Source has it, and the sets
// of dimensions that go with it.
func setsOf(p *sidelight.Point) (source, sets string) {
	source, sets = "LocalRootSpan", entrySets
	for _, d := range p.Dimensions {
		switch d.Name {
		case "RemoteService":
			if source == "LocalRootSpan" {
				source, sets = "ClientSpan", "["+callSets
			}
		case "RemoteResourceType":
			source, sets = "ClientSpan", "["+resourceSets+callSets
		}
	}
	return source, sets
}

// appendPlace appends members that say where the service runs, by the names of
// the CloudWatch agent's processor for Application Signals. A name without a
// value is left out.
func appendPlace(dst []byte, id identity.Identity) []byte {
	kind := "Generic"
	var more [][2]string
	switch id.Platform {
	case identity.ECS:
		kind = "AWS::ECS"
		more = [][2]string{
			{"ECS.Cluster", id.Cluster},
			{"ECS.TaskId", id.Task},
			{"ECS.TaskDefinitionFamily", id.Family},
			{"ECS.TaskDefinitionRevision", id.Revision},
		}
	case identity.Kubernetes:
		kind = "K8s"
		more = [][2]string{{"K8s.Cluster", id.Cluster}, {"K8s.Namespace", id.Namespace}, {"K8s.Pod", id.Pod}, {"K8s.Node", id.Node}}
	case identity.Lambda:
		kind = "AWS::Lambda"
	}
	for _, m := range append([][2]string{{"PlatformType", kind}, {"Host", id.Host}}, more...) {
		if m[1] != "" {
			dst = wire.AppendString(append(dst, ','), []byte(m[0]))
			dst = wire.AppendString(append(dst, ':'), []byte(m[1]))
		}
	}
	return dst
}

func appendSignal(dst []byte, points []*sidelight.Point, place []byte) []byte {
	source, sets := setsOf(points[0])
	dst = strconv.AppendInt(append(dst, `{"_aws":{"Timestamp":`...), points[0].Time, 10)
	dst = append(append(append(dst, `,"CloudWatchMetrics":[{"Namespace":"`...), spanmetrics.SignalsNamespace...), `","Dimensions":`...)
	dst = append(append(dst, sets...), `,"Metrics":[`...)
	for i, p := range points {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = emf.AppendDefinition(dst, p)
	}
	dst = append(append(append(dst, `]}]},"Version":"1","Telemetry.Source":"`...), source...), '"')
	dst = append(dst, place...)
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
