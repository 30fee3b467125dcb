package agent_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// signalFields are the members of a document of Application Signals that AWS's
// own validator looks at (application-signals-test-framework, the templates of
// logs for ECS and for calls), and the sets of dimensions (the same, the
// templates of metrics).
type signalFields struct {
	Environment, Service, Operation, RemoteService, RemoteOperation, RemoteResourceIdentifier, RemoteResourceType string
	PlatformType, Version, Host                                                                                   string
	Source                                                                                                        string `json:"Telemetry.Source"`
	Cluster                                                                                                       string `json:"ECS.Cluster"`
	Task                                                                                                          string `json:"ECS.TaskId"`
	Family                                                                                                        string `json:"ECS.TaskDefinitionFamily"`
	Revision                                                                                                      string `json:"ECS.TaskDefinitionRevision"`
}

type signalDocument struct {
	signalFields
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
	Latency, Error, Fault struct{ Count, Sum float64 }
}

// What the agent writes for Application Signals has the form that AWS's
// validator expects of the CloudWatch agent's, and the segments have the
// annotations by which a service's traces are found.
func TestSignalsForm(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Traces.ApplicationSignals = true
	made, err := agent.New(t.Context(), cfg, agent.Deps{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Identity: &identity.Identity{
			Platform: identity.ECS, Service: "orders", Host: "h1", Cluster: "prod", Task: "0123", Family: "shop", Revision: "7",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := run(t, made)
	now := time.Now().UnixNano()
	span := func(id, kind int, more string) string {
		return fmt.Sprintf(`{"traceId":"5759e988bd862e3fe1be46a994272793","spanId":"53995c3f42cd8a%02d"%s,"kind":%d,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}`, id, more, kind, now-2e6, now)
	}
	attrs := func(kv ...string) string {
		var list []string
		for i := 0; i < len(kv); i += 2 {
			list = append(list, fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, kv[i], kv[i+1]))
		}
		return `,"attributes":[` + strings.Join(list, ",") + `]`
	}
	const child = `,"parentSpanId":"53995c3f42cd8a01"`
	post(t, "http://"+a.address(t, "otlp http")+"/v1/traces",
		`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[`+strings.Join([]string{
			span(1, 2, attrs("http.request.method", "GET", "http.route", "/cart/{id}")),
			span(2, 3, child+attrs("rpc.system", "aws-api", "rpc.service", "S3", "rpc.method", "GetBucketLocation", "aws.s3.bucket", "b-1")),
			span(3, 3, child+attrs("http.request.method", "GET", "url.full", "https://www.example.com:443/a/b", "server.address", "www.example.com", "server.port", "443")),
		}, ",")+`]}]}]}`)
	want := map[string]signalFields{
		"": {Operation: "GET /cart/{id}", Source: "LocalRootSpan"},
		"AWS::S3": {
			Operation: "UnknownOperation", RemoteService: "AWS::S3", RemoteOperation: "GetBucketLocation", RemoteResourceIdentifier: "b-1",
			RemoteResourceType: "AWS::S3::Bucket", Source: "ClientSpan",
		},
		"www.example.com:443": {Operation: "UnknownOperation", RemoteService: "www.example.com:443", RemoteOperation: "GET /a", Source: "ClientSpan"},
	}
	for name, w := range want {
		w.Environment, w.Service, w.PlatformType, w.Version, w.Host = "ecs:prod", "cart", "AWS::ECS", "1", "h1"
		w.Cluster, w.Task, w.Family, w.Revision = "prod", "0123", "shop", "7"
		want[name] = w
	}
	got := map[string]signalFields{}
	eventually(t, "three documents", func() bool {
		for _, text := range messages(t, s, spanmetrics.SignalsGroup) {
			var d signalDocument
			if err := json.Unmarshal([]byte(text), &d); err != nil {
				t.Fatal(err)
			}
			got[d.RemoteService] = d.signalFields
			checkSignal(t, &d)
		}
		return len(got) == len(want)
	})
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	checkAnnotations(t, xray.NewFromConfig(sandboxtest.Config(s)))
}

// signalSets are the sets of dimensions by which the validator looks for metrics.
func signalSets(d *signalDocument) (sets [][]string) {
	if d.RemoteService == "" {
		return [][]string{{"Environment", "Operation", "Service"}, {"Environment", "Service"}}
	}
	if d.RemoteResourceType != "" {
		sets = [][]string{
			{"Environment", "Operation", "RemoteOperation", "RemoteResourceIdentifier", "RemoteResourceType", "RemoteService", "Service"},
			{"Environment", "RemoteOperation", "RemoteResourceIdentifier", "RemoteResourceType", "RemoteService", "Service"},
			{"Environment", "RemoteResourceIdentifier", "RemoteResourceType", "RemoteService", "Service"},
			{"RemoteResourceIdentifier", "RemoteResourceType", "RemoteService"},
		}
	}
	return append(sets, []string{"Environment", "Operation", "RemoteOperation", "RemoteService", "Service"},
		[]string{"Environment", "RemoteOperation", "RemoteService", "Service"}, []string{"Environment", "RemoteService", "Service"}, []string{"RemoteService"})
}

func checkSignal(t *testing.T, d *signalDocument) {
	t.Helper()
	m := d.AWS.CloudWatchMetrics
	if len(m) != 1 || m[0].Namespace != "ApplicationSignals" || d.AWS.Timestamp == 0 {
		t.Fatalf("_aws: %+v", d.AWS)
	}
	if diff := cmp.Diff(signalSets(d), m[0].Dimensions); diff != "" {
		t.Errorf("%s: sets of dimensions (-want +got):\n%s", d.RemoteService, diff)
	}
	units := map[string]string{}
	for _, x := range m[0].Metrics {
		units[x.Name] = x.Unit
	}
	if diff := cmp.Diff(map[string]string{"Latency": "Milliseconds", "Error": "", "Fault": ""}, units); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if d.Latency.Count != 1 || d.Latency.Sum != 2 || d.Error.Count != 1 || d.Fault.Count != 1 {
		t.Errorf("values %+v", d)
	}
}

func checkAnnotations(t *testing.T, c *xray.Client) {
	t.Helper()
	for filter, n := range map[string]int{
		`annotation[aws.local.service] = "cart" AND annotation[aws.local.operation] = "GET /cart/{id}" AND annotation[aws.local.environment] = "ecs:prod"`: 1,
		`annotation[aws.remote.service] = "AWS::S3" AND annotation[aws.remote.resource.identifier] = "b-1"`:                                                1,
		`annotation[aws.remote.operation] = "GET /a"`:   1,
		`annotation[aws.remote.operation] = "GET /a/b"`: 0,
	} {
		eventually(t, filter, func() bool {
			out, err := c.GetTraceSummaries(t.Context(), &xray.GetTraceSummariesInput{StartTime: ago(time.Hour), EndTime: ago(-time.Hour), FilterExpression: &filter})
			if err != nil {
				t.Fatal(err)
			}
			return len(out.TraceSummaries) == n
		})
	}
}
