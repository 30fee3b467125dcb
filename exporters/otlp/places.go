package otlp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// maxPlaces is how many log streams are remembered; beyond it all are asked for
// anew.
const maxPlaces = 4096

// places are log groups and streams that are known to be there. What AWS's
// endpoint answers where one is missing is not documented, so that they are made
// before they are written to.
type places struct {
	make func(ctx context.Context, d sidelight.Dest) error

	mu   sync.Mutex
	made map[sidelight.Dest]bool
}

// prepare makes d, unless it was made before.
func (p *places) prepare(ctx context.Context, d sidelight.Dest) error {
	p.mu.Lock()
	known := p.made[d]
	p.mu.Unlock()
	if known || p.make == nil {
		return nil
	}
	if err := p.make(ctx, d); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.made) >= maxPlaces {
		clear(p.made)
	}
	p.made[d] = true
	return nil
}

func (p *places) forget(d sidelight.Dest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.made, d)
}

// isMissing reports whether AWS says that a group or stream is not there: by the
// code of PutLogEvents, or by its words in a status that has no code.
func isMissing(err error) bool {
	e, ok := errors.AsType[*awsapi.Error](err)
	return ok && (e.Code == "ResourceNotFoundException" || e.Status == http.StatusNotFound || strings.Contains(e.Message, "does not exist"))
}
