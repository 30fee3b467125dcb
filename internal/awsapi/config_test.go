package awsapi

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// ruled returns the endpoints by the rules of each service, and what they refuse.
func ruled(t *testing.T, region string, k endpointKind) (urls map[Service]string, errs map[Service]error) {
	t.Helper()
	urls, errs = map[Service]string{}, map[Service]error{}
	note := func(s Service, e smithyendpoints.Endpoint, err error) { urls[s], errs[s] = e.URI.String(), err }
	e, err := cloudwatchlogs.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), cloudwatchlogs.EndpointParameters{Region: &region, UseFIPS: &k.fips, UseDualStack: &k.dualStack})
	note(Logs, e, err)
	e, err = cloudwatch.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), cloudwatch.EndpointParameters{Region: &region, UseFIPS: &k.fips, UseDualStack: &k.dualStack})
	note(Monitoring, e, err)
	e, err = xray.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), xray.EndpointParameters{Region: &region, UseFIPS: &k.fips, UseDualStack: &k.dualStack})
	note(XRay, e, err)
	return urls, errs
}

// Endpoints are where the rules of each service say, in every partition, also in
// regions that are newer than the rules.
func TestEndpointsFollowTheServicesRules(t *testing.T) {
	for _, k := range []endpointKind{{}, {fips: true}, {dualStack: true}, {fips: true, dualStack: true}} {
		for _, region := range []string{
			"us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-1", "ap-southeast-7", "ca-west-1", "il-central-1", "mx-central-1", "sa-east-1", "af-south-1", "me-south-1",
			"cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1", "us-iso-east-1", "us-iso-west-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1", "eusc-de-east-1",
			"eu-north-9", "cn-south-9", "us-gov-north-9", "local", "",
		} {
			urls, errs := ruled(t, region, k)
			for s, url := range urls {
				got, err := resolve(t.Context(), region, s, k)
				if (err != nil) != (errs[s] != nil) || err == nil && got != url {
					t.Errorf("resolve(%q, %s, %+v) = %q, %v, want %q, %v", region, s, k, got, err, url, errs[s])
				}
			}
		}
	}
}

// What the environment and a profile ask for is heeded.
func TestKindOfEndpoint(t *testing.T) {
	for name, c := range map[string]struct {
		env     map[string]string
		profile string
		want    string
	}{
		"neither":    {nil, "", "https://logs.us-east-1.amazonaws.com"},
		"fips":       {map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, "", "https://logs-fips.us-east-1.amazonaws.com"},
		"dual stack": {map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "", "https://logs.us-east-1.api.aws"},
		"a profile":  {nil, "use_fips_endpoint = true\nuse_dualstack_endpoint = true\n", "https://logs-fips.us-east-1.api.aws"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte("[default]\nregion = us-east-1\n"+c.profile), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONFIG_FILE", path)
			t.Setenv("AWS_ENDPOINT_URL", "")
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := endpoint(t.Context(), cfg, Logs); err != nil || got != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}
