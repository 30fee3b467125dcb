// Package sandboxtest starts sandboxes for tests.
package sandboxtest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"

	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
)

// New starts a sandbox on a free loopback port and stops it when the test
// ends. Each opt may change the options.
func New(tb testing.TB, opts ...func(*sandbox.Options)) *sandbox.Server {
	tb.Helper()
	o := sandbox.Options{Listen: "127.0.0.1:0"}
	for _, opt := range opts {
		opt(&o)
	}
	s, err := sandbox.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.WithoutCancel(tb.Context())) }()
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close sandbox: %v", err)
		}
		if err := <-done; err != nil {
			tb.Errorf("sandbox ended: %v", err)
		}
	})
	return s
}

// Config is a configuration for clients of s. Clients made of it try once.
func Config(s *sandbox.Server) aws.Config { return ConfigFor(s.URL()) }

// ConfigFor is Config for a sandbox in another process, by its URL.
func ConfigFor(url string) aws.Config {
	return aws.Config{
		Region:       sandbox.DefaultRegion,
		BaseEndpoint: aws.String(url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}, nil
		}),
		RetryMaxAttempts: 1,
		APIOptions:       []func(*middleware.Stack) error{awsapi.SteadyBody},
	}
}

// The credentials of Config, for servers that verify signatures.
const (
	AccessKey = "AKIDSANDBOX"
	SecretKey = "sandbox-secret"
)
