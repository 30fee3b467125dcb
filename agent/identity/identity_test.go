package identity_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/identity"
)

func detect(t *testing.T, env map[string]string) (identity.Identity, error) {
	t.Helper()
	return identity.Detect(t.Context(), identity.Options{
		Getenv:   func(k string) string { return env[k] },
		Hostname: func() (string, error) { return "ip-10-0-0-1", nil },
		Program:  "prog",
	})
}

func TestECS(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/task") {
			// Unknown fields appear with every release of the agent.
			w.Write([]byte(`{"Cluster":"arn:aws:ecs:eu-west-1:1:cluster/prod","TaskARN":"arn:aws:ecs:eu-west-1:1:task/prod/abc","Family":"orders","Revision":"7","AvailabilityZone":"eu-west-1a","LaunchType":"FARGATE","Containers":[],"New":{"x":1}}`))
			return
		}
		w.Write([]byte(`{"Name":"sidelight","DockerName":"x"}`))
	}))
	defer srv.Close()
	got, err := detect(t, map[string]string{"ECS_CONTAINER_METADATA_URI_V4": srv.URL + "/v4/id"})
	if err != nil {
		t.Fatal(err)
	}
	want := identity.Identity{
		Platform: identity.ECS, Region: "eu-west-1", Zone: "eu-west-1a", Service: "orders", Cluster: "prod", Task: "abc",
		TaskARN: "arn:aws:ecs:eu-west-1:1:task/prod/abc", Family: "orders", Revision: "7", Launch: "FARGATE", Container: "sidelight", Host: "ip-10-0-0-1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("identity (-want +got):\n%s", d)
	}
	if r := got.Resource(); r["cloud.platform"] != "aws_ecs" || r["aws.ecs.launchtype"] != "fargate" || r["aws.ecs.cluster.arn"] != "arn:aws:ecs:eu-west-1:1:cluster/prod" {
		t.Errorf("resource = %v", r)
	}
}

func TestECSNotAnswering(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	got, err := detect(t, map[string]string{"ECS_CONTAINER_METADATA_URI_V4": srv.URL, "AWS_REGION": "us-east-1"})
	if err == nil || got.Platform != identity.ECS || got.Region != "us-east-1" || got.Service != "prog" {
		t.Errorf("identity %+v, err %v", got, err)
	}
}

// On EC2 the ECS agent writes a file into containers where it is told to; the
// region is in it, if nothing else says it.
func TestECSMetadataFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "metadata.json")
	if err := os.WriteFile(file, []byte(`{"Cluster":"default","TaskARN":"arn:aws:ecs:us-west-2:1:task/default/2b88","MetadataFileStatus":"READY"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, env := range map[string]map[string]string{
		"us-west-2": {"ECS_CONTAINER_METADATA_FILE": file},
		"eu-west-1": {"ECS_CONTAINER_METADATA_FILE": file, "AWS_REGION": "eu-west-1"},
		"":          {"ECS_CONTAINER_METADATA_FILE": file + ".none"},
	} {
		if got, err := detect(t, env); err != nil || got.Region != want {
			t.Errorf("%v: region %q, %v, want %q", env, got.Region, err, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	cases := map[string]struct {
		env  map[string]string
		want identity.Identity
	}{
		"pod": {
			map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_NAME": "orders-api-5d4f8c7b9-x2x4z", "POD_NAMESPACE": "shop"},
			identity.Identity{Platform: identity.Kubernetes, Service: "orders-api", Pod: "orders-api-5d4f8c7b9-x2x4z", Namespace: "shop", Host: "ip-10-0-0-1"},
		},
		"attributes": {
			map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=a, deployment.environment.name=prod"},
			identity.Identity{Platform: identity.Plain, Service: "a", Environ: "prod", Host: "ip-10-0-0-1"},
		},
		"name wins": {
			map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=a", "OTEL_SERVICE_NAME": "b"},
			identity.Identity{Platform: identity.Plain, Service: "b", Host: "ip-10-0-0-1"},
		},
		"for a node": {
			map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1", "NODE_NAME": "node-1", "OTEL_RESOURCE_ATTRIBUTES": "host.name=node-1"},
			identity.Identity{Platform: identity.Kubernetes, Service: "ip-10-0", Pod: "ip-10-0-0-1", Node: "node-1", Host: "node-1"},
		},
		"nothing": {nil, identity.Identity{Platform: identity.Plain, Service: "prog", Host: "ip-10-0-0-1"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := detect(t, c.env)
			if d := cmp.Diff(c.want, got); d != "" || err != nil {
				t.Errorf("err %v, identity (-want +got):\n%s", err, d)
			}
		})
	}
}
