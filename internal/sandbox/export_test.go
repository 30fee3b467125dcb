package sandbox

import (
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
)

// Registry is what the server offers and how it is reached.
func (s *Server) Registry() ([]api.Service, []awsproto.Spec) { return s.services, specs() }
