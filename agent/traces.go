package agent

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/processor/loglink"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

// buildSpanMetrics makes what counts requests from spans, if that is wanted.
func (a *Agent) buildSpanMetrics() {
	c := a.cfg.Traces
	if !c.SpanMetrics && !c.ApplicationSignals {
		return
	}
	a.spans = spanmetrics.New(spanmetrics.Config{
		Service: a.id.Service, Environment: a.id.Environ, Platform: platform(a.id), MaxRoutes: c.MaxRoutes,
		Own: c.SpanMetrics, Signals: c.ApplicationSignals,
	})
}

// platform is the environment that Application Signals knows a service by that
// does not name one.
func platform(id identity.Identity) string {
	switch id.Platform {
	case identity.ECS:
		return "ecs:" + cmp.Or(id.Cluster, "default")
	case identity.Kubernetes:
		return "k8s:" + cmp.Or(id.Cluster, "default") + "/" + cmp.Or(id.Namespace, "default")
	case identity.Lambda:
		return "lambda:default"
	}
	return "generic:default"
}

// logGroupOf returns what tells the group of the logs of a service that sends
// its traces by OTLP, or nil if segments are not to name it. X-Ray's console
// looks for a trace's logs where its segments say.
func (a *Agent) logGroupOf() func(service string) (name, arn string) {
	if !a.cfg.Traces.LinkLogs {
		return nil
	}
	return func(service string) (name, arn string) {
		name = a.names.dest(logsLane, service, "otlp").Value().Group
		return name, loglink.GroupARN(name, a.id.TaskARN)
	}
}

// linkLogs returns a sink that writes the group of the agent's own service, whose
// logs come by its other receivers, into the segments that next takes. Where
// logs of different containers go to different groups, none of them is known to
// be the right one.
func (a *Agent) linkLogs(next sidelight.Sink) sidelight.Sink {
	group := string(a.cfg.Logs.Group)
	if !a.cfg.Traces.LinkLogs || !a.takesLogs() || strings.Contains(group, "{container}") || strings.Contains(group, "{source}") {
		return next
	}
	name := a.names.dest(logsLane, "", "xray").Value().Group
	return loglink.New(loglink.Group{Name: name, ARN: loglink.GroupARN(name, a.id.TaskARN)}).Watch(next)
}

// takesLogs reports whether the agent collects any logs. Where it does not, as in
// the X-Ray daemon's place, the group that they would go to is not there.
func (a *Agent) takesLogs() bool {
	r := a.cfg.Receivers
	for _, addr := range []config.Address{
		r.OTLP.GRPC, r.OTLP.HTTP, r.OTLP.Unix, r.Forward.TCP, r.Forward.Unix, r.Syslog.TCP, r.Syslog.UDP, r.Syslog.Unix, r.Lines.TCP, r.Lines.UDP,
	} {
		if addr.On() {
			return true
		}
	}
	return len(r.Files) > 0 || r.Journald.On() || a.runs
}

// observeSpans returns what takes the facts of spans, or nil.
func (a *Agent) observeSpans() func([]spanfact.Fact) {
	if a.spans == nil {
		return nil
	}
	return a.spans.Record
}

// annotateSpans returns what gives spans the attributes by which Application
// Signals finds the traces of a service, or nil.
func (a *Agent) annotateSpans() func([]otlpwire.Attr, *spanfact.Fact) []otlpwire.Attr {
	if !a.cfg.Traces.ApplicationSignals {
		return nil
	}
	return a.spans.Annotate
}

// indexed returns the attributes that become annotations.
func (a *Agent) indexed() []string {
	if !a.cfg.Traces.ApplicationSignals {
		return a.cfg.Traces.Indexed
	}
	return append(slices.Clone(a.cfg.Traces.Indexed), spanmetrics.Annotations()...)
}

// countSegments returns a sink that counts the segments that next takes.
func (a *Agent) countSegments(next sidelight.Sink) sidelight.Sink {
	if a.spans == nil {
		return next
	}
	return a.spans.Watch(next)
}

func (a *Agent) spanStats() *spanmetrics.Stats {
	if a.spans == nil {
		return nil
	}
	st := a.spans.Stats()
	return &st
}
