package sandbox

import (
	"path/filepath"
	"slices"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/appsignals"
	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
	"github.com/sidelight-dev/sidelight/internal/sandbox/cloudwatch"
	"github.com/sidelight-dev/sidelight/internal/sandbox/logs"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sts"
	"github.com/sidelight-dev/sidelight/internal/sandbox/tagging"
	"github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

// specs are the protocols of the sandbox's services.
func specs() []awsproto.Spec {
	return []awsproto.Spec{awsproto.Logs(), awsproto.CloudWatch(), awsproto.XRay(), awsproto.STS(), awsproto.Tagging(), awsproto.ApplicationSignals()}
}

// compose makes the services. This is the one place where they are put
// together: the metric service first, as the others record into it.
func (s *Server) compose(o *Options) ([]api.Service, error) {
	metrics := cloudwatch.New(cloudwatch.Options{
		Clock: s.clock, Logger: o.Logger, Notifier: alarmInbox{s, o.Notify},
		Changed:         func() { s.changed("monitoring") },
		EvaluationDelay: o.AlarmDelay, EvaluateEvery: o.AlarmEvery, ReservedNamespaces: o.ReservedNamespaces,
	})
	dir := ""
	if o.Data != "" {
		dir = filepath.Join(o.Data, "events")
	}
	events, err := logs.New(logs.Options{
		Clock: s.clock, Metrics: metrics, Logger: o.Logger, MaxBytes: o.LogBytes, Dir: dir, Sink: o.Subscriptions,
		Changed: func() { s.changed("logs") },
	})
	if err != nil {
		return nil, err
	}
	metrics.UseQueries(events)
	traces := xray.New(xray.Options{Clock: s.clock, Log: o.Logger, MaxBytes: o.TraceBytes})
	own := []api.Service{
		metrics,
		events,
		sts.New(),
		traces,
		tagging.New([]tagging.Source{metrics, events, traces}),
		appsignals.New(metrics),
	}
	// A service of the options takes the place of the sandbox's own.
	own = slices.DeleteFunc(own, func(svc api.Service) bool {
		return slices.ContainsFunc(o.Services, func(given api.Service) bool { return given.Name() == svc.Name() })
	})
	return append(own, o.Services...), nil
}
