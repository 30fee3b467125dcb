// Package awsapi is the one place that talks to AWS without a generated client:
// it loads credentials, region and endpoints by the SDK's own rules, and posts
// finished bodies signed with the SDK's signer. The bodies that the agent moves
// are encoded once, long before they are sent, so there is nothing left for a
// generated client to serialize. Control calls use the generated clients, with
// the configuration that Load returns.
package awsapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Options says where and as whom to call AWS. Zero fields are found by the
// SDK's rules: environment, shared files, container and instance roles.
type Options struct {
	Region  string
	Profile string
	// Endpoint replaces every service's endpoint: a sandbox.
	Endpoint string
	// XRay replaces X-Ray's endpoint alone, also that of AWS_ENDPOINT_URL_XRAY.
	XRay string
	// RoleARN is assumed, if set.
	RoleARN string
	// Proxy is the URL of an HTTP proxy for every call but those for credentials
	// to this machine or its link. Empty: HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
	Proxy string
	// Unverified skips the check of certificates.
	Unverified bool
	// Metadata asks the machine's metadata service for the region if nothing else
	// says it, for some seconds at most.
	Metadata bool
	// HTTP is the client to use. Nil: one fit for a few hosts and small memory.
	HTTP aws.HTTPClient
}

// Load returns the SDK's configuration. It makes no call, but for the region if
// o.Metadata is set; credentials are fetched when they are first needed. With a custom endpoint on a loopback
// address and no credentials in the environment, made-up ones are used, as a
// sandbox takes any.
func Load(ctx context.Context, o Options) (aws.Config, error) {
	if o.HTTP == nil {
		client, err := httpClient(o)
		if err != nil {
			return aws.Config{}, err
		}
		o.HTTP = client
	}
	opts := []func(*config.LoadOptions) error{config.WithHTTPClient(o.HTTP)}
	if o.Region != "" {
		opts = append(opts, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Endpoint != "" {
		opts = append(opts, config.WithBaseEndpoint(o.Endpoint))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load AWS configuration: %w", err)
	}
	if cfg.Region == "" && o.Metadata {
		cfg.Region = regionByMetadata(ctx, opts)
	}
	cfg.APIOptions = append(cfg.APIOptions, SteadyBody)
	if cfg.Credentials != nil {
		cfg.Credentials = &renewed{current: cfg.Credentials, load: func(ctx context.Context) (aws.CredentialsProvider, error) {
			again, err := config.LoadDefaultConfig(ctx, opts...)
			return again.Credentials, err
		}}
	}
	if o.XRay != "" {
		cfg.ConfigSources = append(cfg.ConfigSources, xrayEndpoint(o.XRay))
	}
	if cfg.BaseEndpoint != nil && isLoopback(*cfg.BaseEndpoint) || isLoopback(o.XRay) {
		if os.Getenv("AWS_ACCESS_KEY_ID") == "" && o.Profile == "" {
			cfg.Credentials = sandboxCredentials()
		}
		if cfg.Region == "" {
			cfg.Region = "us-east-1"
		}
	}
	if o.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), o.RoleARN)
		cfg.Credentials = aws.NewCredentialsCache(role)
	}
	return cfg, nil
}

// metadataWait bounds how long the metadata service is asked for the region.
const metadataWait = 5 * time.Second

// regionByMetadata returns the region that the machine is in, "" if it has no
// metadata service.
func regionByMetadata(ctx context.Context, opts []func(*config.LoadOptions) error) string {
	ctx, cancel := context.WithTimeout(ctx, metadataWait)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(ctx, append(opts[:len(opts):len(opts)], config.WithEC2IMDSRegion())...)
	if err != nil {
		return ""
	}
	return cfg.Region
}

// httpClient returns the SDK's own kind of client, to which it can add the root
// certificates of AWS_CA_BUNDLE.
func httpClient(o Options) (aws.HTTPClient, error) {
	proxy, err := proxyFor(o)
	if err != nil {
		return nil, err
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		if proxy != nil {
			t.Proxy = proxy
		}
		if o.Unverified {
			if t.TLSClientConfig == nil {
				t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			t.TLSClientConfig.InsecureSkipVerify = true // the user's word, which the agent warns of
		}
		// HTTP/1.1 costs less CPU and memory for a few large posts, and the OTLP
		// endpoints of AWS speak nothing else.
		t.ForceAttemptHTTP2 = false
		t.MaxIdleConnsPerHost = 8
		t.MaxIdleConns = 32
		t.IdleConnTimeout = 50 * time.Second
		t.ResponseHeaderTimeout = 60 * time.Second
		dial := t.DialContext
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return wideConn{c}, nil
		}
	}), nil
}

// Service is a service as SigV4 names it.
type Service string

// The services that finished bodies are posted to.
const (
	Logs       Service = "logs"
	Monitoring Service = "monitoring"
	XRay       Service = "xray"
	// Prometheus is Amazon's managed service, whose endpoints are each a
	// workspace's.
	Prometheus Service = "aps"
)

// xrayEndpoint is the Options.XRay that a configuration was loaded with.
type xrayEndpoint string

// endpoint returns the base URL of s for cfg by the SDK's rules.
func endpoint(ctx context.Context, cfg aws.Config, s Service) (string, error) {
	for _, source := range cfg.ConfigSources {
		if own, ok := source.(xrayEndpoint); ok && s == XRay {
			return string(own), nil
		}
	}
	base := cfg.BaseEndpoint
	// AWS_ENDPOINT_URL_<SERVICE> wins over AWS_ENDPOINT_URL.
	if u := os.Getenv("AWS_ENDPOINT_URL_" + envNames[s]); u != "" {
		base = aws.String(u)
	}
	if base != nil {
		return *base, nil
	}
	kind, err := kindOf(ctx, cfg)
	if err != nil {
		return "", err
	}
	uri, err := resolve(ctx, cfg.Region, s, kind)
	if err != nil {
		return "", fmt.Errorf("resolve the endpoint of %s in region %q: %w", s, cfg.Region, err)
	}
	return uri, nil
}

var envNames = map[Service]string{Logs: "CLOUDWATCH_LOGS", Monitoring: "CLOUDWATCH", XRay: "XRAY"}

// endpointKind says which of a service's endpoints are wanted.
type endpointKind struct{ fips, dualStack bool }

// kindOf finds what the environment and the shared files say of endpoints, as the
// SDK's own clients do: AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, and
// the keys of the same names in a profile.
func kindOf(ctx context.Context, cfg aws.Config) (k endpointKind, err error) {
	for _, source := range cfg.ConfigSources {
		if x, ok := source.(interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		}); ok && !k.fips {
			state, _, bad := x.GetUseFIPSEndpoint(ctx)
			k.fips, err = state == aws.FIPSEndpointStateEnabled, errors.Join(err, bad)
		}
		if x, ok := source.(interface {
			GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
		}); ok && !k.dualStack {
			state, _, bad := x.GetUseDualStackEndpoint(ctx)
			k.dualStack, err = state == aws.DualStackEndpointStateEnabled, errors.Join(err, bad)
		}
	}
	return k, err
}

// resolve returns the default endpoint of s. Of all services STS alone is linked
// in any case, for the credentials; where its endpoint in a region is, those of the
// others are, but for the first label of the name. Their own rules fill tables at
// each start that are larger than all else in this package.
func resolve(ctx context.Context, region string, s Service, k endpointKind) (string, error) {
	e, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{
		Region: &region, UseFIPS: &k.fips, UseDualStack: &k.dualStack,
	})
	if err != nil {
		return "", err
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(e.URI.Host, "sts"), "-fips")
	e.URI.Host = string(s) + rest
	if k.fips && !plainIsFIPS(region, s, k) {
		e.URI.Host = string(s) + "-fips" + rest
	}
	return e.URI.String(), nil
}

// plainIsFIPS reports whether the service's endpoint conforms to FIPS under its
// plain name, as some do in GovCloud.
func plainIsFIPS(region string, s Service, k endpointKind) bool {
	switch {
	case !strings.HasPrefix(region, "us-gov-"):
		return false
	case s == Logs:
		return !k.dualStack && (region == "us-gov-east-1" || region == "us-gov-west-1")
	}
	return s == Monitoring
}
