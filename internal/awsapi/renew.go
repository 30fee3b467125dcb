package awsapi

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// fromFile begins the source of credentials that stand in a shared file.
const fromFile = "SharedConfigCredentials"

// renewed hands out credentials and reads those of a shared file again once AWS
// has called them expired. The SDK reads the file once in a process's life, but on
// machines outside AWS something else renews it.
type renewed struct {
	load func(context.Context) (aws.CredentialsProvider, error)

	mu      sync.Mutex
	current aws.CredentialsProvider
	stale   bool
}

// Retrieve implements aws.CredentialsProvider.
func (r *renewed) Retrieve(ctx context.Context) (aws.Credentials, error) {
	p, stale := r.provider()
	c, err := p.Retrieve(ctx)
	if err != nil || !stale || !strings.HasPrefix(c.Source, fromFile) {
		return c, err
	}
	if p, err = r.load(ctx); err != nil {
		return aws.Credentials{}, err
	}
	r.mu.Lock()
	r.current = p
	r.mu.Unlock()
	return p.Retrieve(ctx)
}

// provider returns the provider to ask, and whether what it had is known to have
// expired, which it tells once.
func (r *renewed) provider() (aws.CredentialsProvider, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stale := r.stale
	r.stale = false
	return r.current, stale
}

// Invalidate says that AWS takes the credentials for expired.
func (r *renewed) Invalidate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stale = true
	if c, ok := r.current.(*aws.CredentialsCache); ok {
		c.Invalidate()
	}
}
