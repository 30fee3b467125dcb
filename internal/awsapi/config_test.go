package awsapi

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"
)

// Endpoints are where the rules of each service say, in every partition, also in
// regions that are newer than the rules.
func TestEndpointsFollowTheServicesRules(t *testing.T) {
	logs, monitoring, traces := cloudwatchlogs.NewDefaultEndpointResolverV2(), cloudwatch.NewDefaultEndpointResolverV2(), xray.NewDefaultEndpointResolverV2()
	for _, region := range []string{
		"us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-1", "ap-southeast-7", "ca-west-1", "il-central-1", "mx-central-1", "sa-east-1", "af-south-1", "me-south-1",
		"cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1", "us-iso-east-1", "us-iso-west-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1", "eusc-de-east-1",
		"eu-north-9", "cn-south-9", "us-gov-north-9", "local", "",
	} {
		want := map[Service]string{}
		if e, err := logs.ResolveEndpoint(t.Context(), cloudwatchlogs.EndpointParameters{Region: &region}); err != nil {
			t.Fatal(err)
		} else {
			want[Logs] = e.URI.String()
		}
		if e, err := monitoring.ResolveEndpoint(t.Context(), cloudwatch.EndpointParameters{Region: &region}); err != nil {
			t.Fatal(err)
		} else {
			want[Monitoring] = e.URI.String()
		}
		if e, err := traces.ResolveEndpoint(t.Context(), xray.EndpointParameters{Region: &region}); err != nil {
			t.Fatal(err)
		} else {
			want[XRay] = e.URI.String()
		}
		for s, url := range want {
			if got, err := resolve(t.Context(), region, s); err != nil || got != url {
				t.Errorf("resolve(%q, %s) = %q, %v, want %q", region, s, got, err, url)
			}
		}
	}
}
