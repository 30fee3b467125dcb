// Package identity finds out where the agent runs: on ECS from the task metadata
// endpoint, in a pod from the downward API's variables, else from the machine.
// It never asks the instance metadata service, which answers nobody on Fargate
// and delays the start of those who wait for it.
package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Platform is the kind of place the agent runs in.
type Platform string

// The platforms.
const (
	ECS        Platform = "ecs"
	Kubernetes Platform = "kubernetes"
	AppRunner  Platform = "apprunner"
	Lambda     Platform = "lambda"
	Plain      Platform = "plain"
)

// Identity is what is known of the place. Unknown fields are empty.
type Identity struct {
	Platform  Platform `json:"platform"`
	Region    string   `json:"region,omitempty"`
	Zone      string   `json:"zone,omitempty"`
	Service   string   `json:"service"`
	Environ   string   `json:"environment,omitempty"`
	Cluster   string   `json:"cluster,omitempty"`
	Task      string   `json:"task,omitempty"`     // the id, without the ARN
	TaskARN   string   `json:"task_arn,omitempty"` // whole
	Family    string   `json:"family,omitempty"`
	Revision  string   `json:"revision,omitempty"`
	Launch    string   `json:"launch,omitempty"` // EC2, FARGATE, EXTERNAL
	Container string   `json:"container,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
	Pod       string   `json:"pod,omitempty"`
	Node      string   `json:"node,omitempty"`
	Host      string   `json:"host"`
}

// Options replaces what Detect looks at. The zero value looks at the process's
// own surroundings.
type Options struct {
	Getenv   func(string) string
	HTTP     *http.Client
	Hostname func() (string, error)
	// Program names the service when nothing else does. Default: the
	// executable's name.
	Program string
}

// Detect looks around. It takes at most a second, spent only when the ECS
// metadata endpoint is named but does not answer; the error then says so, and
// the Identity is what could be found without it.
func Detect(ctx context.Context, o Options) (Identity, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Hostname == nil {
		o.Hostname = os.Hostname
	}
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	id := Identity{Platform: Plain, Region: cmp.Or(o.Getenv("AWS_REGION"), o.Getenv("AWS_DEFAULT_REGION"))}
	id.Host, _ = o.Hostname()
	id.fromEnvironment(o.Getenv)
	var err error
	if base := o.Getenv("ECS_CONTAINER_METADATA_URI_V4"); base != "" {
		id.Platform = ECS
		err = id.fromECS(ctx, o.HTTP, base)
	}
	if id.Region == "" {
		id.Region = regionOfFile(o.Getenv("ECS_CONTAINER_METADATA_FILE"))
	}
	id.Service = cmp.Or(id.Service, id.Family, id.workload(), o.Program, filepath.Base(os.Args[0]))
	return id, err
}

func (id *Identity) fromEnvironment(env func(string) string) {
	attrs := attributes(env("OTEL_RESOURCE_ATTRIBUTES"))
	id.Service = cmp.Or(env("OTEL_SERVICE_NAME"), attrs["service.name"])
	id.Environ = cmp.Or(attrs["deployment.environment.name"], attrs["deployment.environment"])
	switch {
	case env("KUBERNETES_SERVICE_HOST") != "":
		id.Platform = Kubernetes
		id.Pod = cmp.Or(env("POD_NAME"), attrs["k8s.pod.name"], id.Host)
		id.Namespace = cmp.Or(env("POD_NAMESPACE"), attrs["k8s.namespace.name"])
		id.Node = cmp.Or(env("NODE_NAME"), attrs["k8s.node.name"])
		id.Container = cmp.Or(env("CONTAINER_NAME"), attrs["k8s.container.name"])
		id.Cluster = cmp.Or(env("CLUSTER_NAME"), attrs["k8s.cluster.name"])
		id.Service = cmp.Or(id.Service, attrs["k8s.deployment.name"])
	case env("AWS_LAMBDA_FUNCTION_NAME") != "":
		id.Platform = Lambda
		id.Service = cmp.Or(id.Service, env("AWS_LAMBDA_FUNCTION_NAME"))
	case strings.Contains(strings.ToUpper(env("AWS_EXECUTION_ENV")), "APP_RUNNER"):
		id.Platform = AppRunner
	}
	// An agent that speaks for a machine from a container of its own, as in a
	// DaemonSet, has another name than the machine, and a new one at each restart.
	id.Host = cmp.Or(attrs["host.name"], id.Host)
}

// attributes parses OTEL_RESOURCE_ATTRIBUTES: a=b,c=d.
func attributes(text string) map[string]string {
	m := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			m[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return m
}

// workload is a pod's name without the two hashes that a Deployment adds.
func (id *Identity) workload() string {
	parts := strings.Split(id.Pod, "-")
	if id.Platform == Kubernetes && len(parts) > 2 {
		return strings.Join(parts[:len(parts)-2], "-")
	}
	return id.Pod
}

type ecsTask struct {
	Cluster, TaskARN, Family, Revision, AvailabilityZone, LaunchType, ServiceName string
}

type ecsContainer struct{ Name, DockerName string }

func (id *Identity) fromECS(ctx context.Context, client *http.Client, base string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var task ecsTask
	if err := get(ctx, client, base+"/task", &task); err != nil {
		return fmt.Errorf("read the ECS task metadata: %w", err)
	}
	var own ecsContainer
	if err := get(ctx, client, base, &own); err != nil {
		return fmt.Errorf("read the ECS container metadata: %w", err)
	}
	id.TaskARN, id.Task = task.TaskARN, last(task.TaskARN)
	id.Cluster = last(task.Cluster)
	id.Family, id.Revision, id.Zone, id.Launch = task.Family, task.Revision, task.AvailabilityZone, task.LaunchType
	id.Container = own.Name
	id.Service = cmp.Or(id.Service, task.ServiceName)
	id.Region = cmp.Or(id.Region, regionOf(task.TaskARN))
	return nil
}

// regionOf returns the region in a task's ARN:
// arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID.
func regionOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 4 {
		return parts[3]
	}
	return ""
}

// regionOfFile returns the region of the task that the file of metadata is about,
// which the ECS agent writes into containers on EC2 where
// ECS_ENABLE_CONTAINER_METADATA is set.
func regionOfFile(path string) string {
	if path == "" {
		return ""
	}
	var task ecsTask
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &task) != nil {
		return ""
	}
	return regionOf(task.TaskARN)
}

func last(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func get(ctx context.Context, client *http.Client, url string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP status %s", resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(v)
}

// Value returns what stands for a placeholder of that name.
func (id Identity) Value(name string) string {
	switch name {
	case "service":
		return id.Service
	case "environment":
		return id.Environ
	case "cluster":
		return id.Cluster
	case "task":
		return id.Task
	case "container":
		return id.Container
	case "namespace":
		return id.Namespace
	case "pod":
		return id.Pod
	case "host":
		return id.Host
	}
	return ""
}

// clusterARN returns the ARN of the task's cluster, which metadata give as a name
// or as an ARN, or "" if the task's is not known.
func (id Identity) clusterARN() string {
	own, _, ok := strings.Cut(id.TaskARN, ":task/")
	if !ok || id.Cluster == "" {
		return ""
	}
	return own + ":cluster/" + id.Cluster
}

// Resource returns OpenTelemetry's resource attributes of the place.
func (id Identity) Resource() map[string]string {
	m := map[string]string{"host.name": id.Host}
	put := func(k, v string) {
		if v != "" {
			m[k] = v
		}
	}
	put("service.name", id.Service)
	put("deployment.environment.name", id.Environ)
	put("cloud.region", id.Region)
	put("cloud.availability_zone", id.Zone)
	switch id.Platform {
	case ECS:
		put("cloud.provider", "aws")
		put("cloud.platform", "aws_ecs")
		put("aws.ecs.task.arn", id.TaskARN)
		put("aws.ecs.task.family", id.Family)
		put("aws.ecs.task.revision", id.Revision)
		put("aws.ecs.launchtype", strings.ToLower(id.Launch))
		put("aws.ecs.cluster.arn", id.clusterARN())
	case Kubernetes:
		put("k8s.pod.name", id.Pod)
		put("k8s.namespace.name", id.Namespace)
		put("k8s.node.name", id.Node)
		put("k8s.cluster.name", id.Cluster)
	case AppRunner:
		put("cloud.provider", "aws")
		put("cloud.platform", "aws_app_runner")
	}
	return m
}
