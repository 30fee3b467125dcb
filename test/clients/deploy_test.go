//go:build clients

package clients_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sidelight-dev/sidelight/test/deploy"
)

const chart = "../../deploy/helm/sidelight"

// helm runs helm, which run.sh has built.
func helm(t *testing.T, args ...string) string {
	t.Helper()
	return string(run(t, nil, append([]string{os.Getenv("SIDELIGHT_TEST_HELM")}, args...)...))
}

// manifest is what the tests look at in an object of Kubernetes.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		InitContainers        []container `yaml:"initContainers"`
		InternalTrafficPolicy string      `yaml:"internalTrafficPolicy"`
		Selector              yaml.Node
		Ports                 []struct {
			Port     int
			Protocol string
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct{ Containers []container }
		}
	}
}

type container struct {
	Name          string
	Image         string
	Command       []string
	Args          []string
	RestartPolicy string `yaml:"restartPolicy"`
	Env           []variable
}

type variable struct {
	Name  string
	Value string
}

// manifests parses what helm template prints, by kind.
func manifests(t *testing.T, text string) map[string]manifest {
	t.Helper()
	out := map[string]manifest{}
	for part := range strings.SplitSeq(text, "\n---\n") {
		var m manifest
		if err := yaml.Unmarshal([]byte(part), &m); err != nil {
			t.Fatalf("%v\n%s", err, part)
		}
		out[m.Kind] = m
	}
	return out
}

// checkConfig checks a configuration file and an environment as a container has
// them.
func checkConfig(t *testing.T, text string, environ []variable) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sidelight.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var env []string
	for _, v := range environ {
		env = append(env, v.Name+"="+v.Value)
	}
	run(t, env, binary(t), "config", "check", file)
}

func TestChart(t *testing.T) {
	t.Parallel()
	helm(t, "lint", "--strict", chart)
	for name, c := range map[string]struct {
		set   []string
		group string
	}{
		"as it comes": {nil, "/k8s/cluster/containers"},
		"named":       {[]string{"--set", "clusterName=prod", "--set", "region=eu-west-1"}, "/k8s/prod/containers"},
		"changed":     {[]string{"--set", "config.logs.group=/mine", "--set", "config.queue.memory=16MiB"}, "/mine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := manifests(t, helm(t, append([]string{"template", "x", chart, "--kube-version", "1.31"}, c.set...)...))
			kinds := slices.Sorted(maps.Keys(all))
			if want := []string{"ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "ServiceAccount"}; !slices.Equal(kinds, want) {
				t.Fatalf("kinds %v, want %v", kinds, want)
			}
			text := all["ConfigMap"].Data["sidelight.yaml"]
			var cfg struct{ Logs struct{ Group string } }
			if err := yaml.Unmarshal([]byte(text), &cfg); err != nil || cfg.Logs.Group != c.group {
				t.Errorf("group %q, want %q (%v)", cfg.Logs.Group, c.group, err)
			}
			checkConfig(t, text, all["DaemonSet"].Spec.Template.Spec.Containers[0].Env)
		})
	}
}

// The Service before the agents' X-Ray ports finds the DaemonSet's pods, and keeps
// to the node.
func TestChartXRayService(t *testing.T) {
	t.Parallel()
	all := manifests(t, helm(t, "template", "x", chart, "--kube-version", "1.31", "--set", "xray.service.enabled=true"))
	checkXRayService(t, all["Service"], all["DaemonSet"])
}

func checkXRayService(t *testing.T, service, daemonSet manifest) {
	t.Helper()
	if service.Metadata.Name != "xray-service" || service.Spec.InternalTrafficPolicy != "Local" {
		t.Errorf("service %+v", service)
	}
	var ports []string
	for _, p := range service.Spec.Ports {
		ports = append(ports, fmt.Sprint(p.Port, p.Protocol))
	}
	if slices.Sort(ports); !slices.Equal(ports, []string{"2000TCP", "2000UDP"}) {
		t.Errorf("ports %v", ports)
	}
	var selector map[string]string
	if err := service.Spec.Selector.Decode(&selector); err != nil || len(selector) == 0 {
		t.Errorf("selector %v, %v", selector, err)
	}
	for name, value := range selector {
		if got := daemonSet.Spec.Template.Metadata.Labels[name]; got != value {
			t.Errorf("the service selects %s=%s, pods have %q", name, value, got)
		}
	}
}

// The X-Ray daemon's own DaemonSet, but for its image: the command is one that the
// program takes.
func TestXRayDaemonSet(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/kubernetes/xray-daemon.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := manifests(t, string(text))
	checkXRayService(t, all["Service"], all["DaemonSet"])
	c := all["DaemonSet"].Spec.Template.Spec.Containers[0]
	if len(c.Command) != 3 || c.Command[0] != "/usr/bin/xray" || c.Command[2] != "/aws/xray/config.yaml" || !strings.HasSuffix(c.Image, "-xray") {
		t.Fatalf("image %s, command %q", c.Image, c.Command)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(all["ConfigMap"].Data["config.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, nil, binary(t), "config", "import", "--strict", "--from", "xray-daemon", file); !strings.Contains(string(out), "udp: 0.0.0.0:2000") {
		t.Errorf("imported:\n%s", out)
	}
}

// Another chart includes the sidecar into its pods, as the chart's README says.
func TestChartSidecar(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "charts", "sidelight"), os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
		"values.yaml": "sidelight: {daemonset: {enabled: false}, serviceAccount: {create: false}}\n",
		"templates/pod.yaml": `apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  initContainers:
    {{- include "sidelight.sidecar" (dict "Values" .Values.sidelight "Chart" (dict "AppVersion" "0.1")) | nindent 4 }}
  containers: [{name: shop, image: shop}]
`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pod := manifests(t, helm(t, "template", "x", dir, "--kube-version", "1.31"))["Pod"]
	if len(pod.Spec.InitContainers) != 1 {
		t.Fatalf("init containers %v", pod.Spec.InitContainers)
	}
	c := pod.Spec.InitContainers[0]
	if c.RestartPolicy != "Always" || c.Name != "sidelight" {
		t.Errorf("not a native sidecar: %+v", c)
	}
	checkConfig(t, "{}", c.Env)
}

// Requests and task definitions are what AWS's clients send: the one for JavaScript
// knows all operations, botocore the values besides.
func TestTaskDefinitions(t *testing.T) {
	t.Parallel()
	const folder = "../../deploy/ecs/"
	files, err := filepath.Glob(folder + "*.task.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no task definitions: %v", err)
	}
	argv := []string{
		"node", "check_ecs.js", "CreateDaemon", folder + "managed-daemon.create.json",
		"CreateExpressGatewayService", folder + "express.create.json",
	}
	for _, file := range files {
		operation := "RegisterTaskDefinition"
		if strings.HasSuffix(file, "managed-daemon.task.json") {
			operation = "RegisterDaemonTaskDefinition"
		} else {
			run(t, nil, "/usr/bin/python3", "check_ecs.py", file)
		}
		argv = append(argv, operation, file)
	}
	run(t, nil, argv...)
}

// The X-Ray daemon's task but for its image: the command is one that the program
// takes.
func TestXRayDaemonTask(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/ecs/xray-daemon.task.json")
	if err != nil {
		t.Fatal(err)
	}
	task, err := deploy.ParseTask(text)
	if err != nil {
		t.Fatal(err)
	}
	// As its health check does, but after the flags, which are read first.
	argv := append([]string{binary(t), "xray-daemon"}, task.ContainerDefinitions[0].Command...)
	if out := run(t, nil, append(argv, "--version")...); !strings.Contains(string(out), "X-Ray daemon") {
		t.Errorf("it printed %s", out)
	}
}
