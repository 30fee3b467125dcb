package sandbox

import (
	"slices"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
	"github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

// specs are the protocols of the sandbox's services.
func specs() []awsproto.Spec {
	return []awsproto.Spec{awsproto.Logs(), awsproto.CloudWatch(), awsproto.XRay(), awsproto.STS()}
}

// compose makes the services. This is the one place where they are put
// together: the metric service first, as the others record into it.
func (s *Server) compose(o *Options) ([]api.Service, error) {
	own := []api.Service{
		xray.New(xray.Options{Clock: s.clock, Log: o.Logger}),
	}
	// A service of the options takes the place of the sandbox's own.
	own = slices.DeleteFunc(own, func(svc api.Service) bool {
		return slices.ContainsFunc(o.Services, func(given api.Service) bool { return given.Name() == svc.Name() })
	})
	return append(own, o.Services...), nil
}
