package sdk

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// maxMetadata bounds an answer of the task metadata endpoint.
const maxMetadata = 1 << 20

// ecsTask is what the sdk uses of the task metadata endpoint, version 4.
type ecsTask struct {
	Cluster          string // ARN, or name on older agents
	TaskARN          string
	Family           string
	Revision         string
	AvailabilityZone string
	LaunchType       string // "EC2" or "FARGATE"

	container ecsContainer
}

type ecsContainer struct {
	DockerID     string `json:"DockerId"`
	Name         string
	ContainerARN string
}

// ecsMetadata asks the task metadata endpoint; it returns nil if there is none
// or it does not answer while ctx lasts. The service then lacks these
// attributes, and the agent adds them.
func ecsMetadata(ctx context.Context, base string) *ecsTask {
	if base == "" {
		return nil
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var task ecsTask
	if !getJSON(ctx, client, base+"/task", &task) {
		return nil
	}
	getJSON(ctx, client, base, &task.container)
	return &task
}

func getJSON(ctx context.Context, client *http.Client, url string, out any) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK &&
		json.NewDecoder(io.LimitReader(res.Body, maxMetadata)).Decode(out) == nil
}

// attributes returns the task's attributes by OpenTelemetry's names.
func (t *ecsTask) attributes() map[string]string {
	attrs := map[string]string{
		"cloud.provider":          "aws",
		"cloud.platform":          "aws_ecs",
		"cloud.availability_zone": t.AvailabilityZone,
		"aws.ecs.task.arn":        t.TaskARN,
		"aws.ecs.task.family":     t.Family,
		"aws.ecs.task.revision":   t.Revision,
		"aws.ecs.launchtype":      strings.ToLower(t.LaunchType),
		"aws.ecs.container.arn":   t.container.ContainerARN,
		"container.name":          t.container.Name,
		"container.id":            t.container.DockerID,
	}
	cluster := t.Cluster
	// arn:partition:ecs:region:account:task/…
	if arn := strings.SplitN(t.TaskARN, ":", 6); len(arn) == 6 {
		attrs["cloud.region"], attrs["cloud.account.id"] = arn[3], arn[4]
		if cluster != "" && !strings.HasPrefix(cluster, "arn:") {
			cluster = strings.Join(arn[:5], ":") + ":cluster/" + cluster
		}
	}
	attrs["aws.ecs.cluster.arn"] = cluster
	return attrs
}

// resource describes the service. What the environment says wins over what
// was detected, and the configuration over both.
func (s *settings) resource() *resource.Resource {
	all := map[string]string{}
	if host, err := os.Hostname(); err == nil {
		all["host.name"] = host
	}
	if s.task != nil {
		maps.Copy(all, s.task.attributes())
	}
	maps.Copy(all, s.attrs)
	maps.Copy(all, map[string]string{
		"service.name":                s.Service,
		"service.version":             s.Version,
		"deployment.environment.name": s.Environment,
		"telemetry.sdk.name":          "opentelemetry",
		"telemetry.sdk.language":      "go",
		"telemetry.sdk.version":       otel.Version(),
		"telemetry.distro.name":       "sidelight",
	})
	attrs := make([]attribute.KeyValue, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if all[key] != "" {
			attrs = append(attrs, attribute.String(key, all[key]))
		}
	}
	return resource.NewSchemaless(attrs...)
}
