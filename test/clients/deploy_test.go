//go:build clients

package clients_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/iam"
	"github.com/sidelight-dev/sidelight/test/deploy"
)

const chart = "../../deploy/helm/sidelight"

// helm runs helm, which run.sh has built.
func helm(t *testing.T, args ...string) string {
	t.Helper()
	return string(run(t, nil, append([]string{os.Getenv("SIDELIGHT_TEST_HELM")}, args...)...))
}

// image is what all artefacts are compared with.
func image(t *testing.T) deploy.Image {
	t.Helper()
	i, err := deploy.ReadImage("../..")
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// objects decodes manifests into Kubernetes' own types, which refuse what they do
// not know, and checks what they say of the agent.
func objects(t *testing.T, text []byte) []deploy.Object {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("SIDELIGHT_TEST_KUBECHECK"))
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	all, err := deploy.ParseObjects(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range deploy.CheckObjects(all, image(t)) {
		t.Error(p)
	}
	return all
}

// checkAgent checks the configuration of an agent as the program does.
func checkAgent(t *testing.T, a deploy.Agent) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sidelight.yaml")
	if err := os.WriteFile(file, []byte(a.Config), 0o600); err != nil {
		t.Fatal(err)
	}
	var env []string
	for name, value := range a.Environ {
		env = append(env, name+"="+value)
	}
	run(t, env, binary(t), "config", "check", file)
}

// template renders the chart.
func template(t *testing.T, set ...string) []deploy.Object {
	t.Helper()
	return objects(t, []byte(helm(t, append([]string{"template", "x", chart, "--namespace", "telemetry", "--kube-version", "1.31"}, set...)...)))
}

func TestChart(t *testing.T) {
	t.Parallel()
	helm(t, "lint", "--strict", chart)
	node := []string{"ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "Service", "ServiceAccount"}
	for name, c := range map[string]struct {
		set   []string
		kinds []string
		group string
	}{
		"as it comes": {nil, node, "/k8s/cluster/containers"},
		"named":       {[]string{"--set", "clusterName=prod", "--set", "region=eu-west-1"}, node, "/k8s/prod/containers"},
		"changed":     {[]string{"--set", "config.logs.group=/mine", "--set", "config.queue.memory=16MiB"}, node, "/mine"},
		"least":       {[]string{"--set", "daemonset.kubelet.enabled=false,daemonset.service.enabled=false,daemonset.hostPort=false"}, []string{"ConfigMap", "DaemonSet", "ServiceAccount"}, "/k8s/cluster/containers"},
		"gateway":     {[]string{"--set", "daemonset.enabled=false,gateway.enabled=true"}, []string{"ConfigMap", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service", "ServiceAccount"}, "/sidelight/{service}"},
		"gateway, changed": {
			[]string{"--set", "daemonset.enabled=false,gateway.enabled=true,gateway.graceSeconds=80,gateway.config.logs.group=/mine,networkPolicy.enabled=true"},
			[]string{"ConfigMap", "Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"},
			"/mine",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := template(t, c.set...)
			var kinds []string
			for _, o := range all {
				kinds = append(kinds, o.Kind)
			}
			if slices.Sort(kinds); !slices.Equal(kinds, c.kinds) {
				t.Fatalf("kinds %v, want %v", kinds, c.kinds)
			}
			agents := deploy.Agents(all)
			if len(agents) != 1 {
				t.Fatalf("%d agents", len(agents))
			}
			l, err := agents[0].Load()
			if err != nil {
				t.Fatal(err)
			}
			if string(l.Config.Logs.Group) != c.group {
				t.Errorf("group %s, want %s", l.Config.Logs.Group, c.group)
			}
			checkAgent(t, agents[0])
		})
	}
}

// Everything at once: no name is used twice, and each policy and Service finds the
// pods of its component and no others.
func TestChartWhole(t *testing.T) {
	t.Parallel()
	from := "networkPolicy.from[0].namespaceSelector.matchLabels.telemetry=yes"
	all := template(t, "--set", "gateway.enabled=true,networkPolicy.enabled=true,xray.service.enabled=true,"+from, "--set-string", "serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::111111111111:role/sidelight")
	names := map[string]bool{}
	for _, o := range all {
		key := o.Kind + " " + o.Metadata.Name
		if names[key] {
			t.Errorf("%s is there twice", key)
		}
		names[key] = true
	}
	if len(all) != 14 || len(deploy.Agents(all)) != 2 {
		t.Errorf("%d objects, %d agents: %v", len(all), len(deploy.Agents(all)), names)
	}
	service := named(t, all, "Service", "xray-service")
	var ports []string
	for _, p := range service.Spec.Ports {
		ports = append(ports, fmt.Sprint(p.Port, p.Protocol))
	}
	if slices.Sort(ports); service.Spec.InternalTrafficPolicy != "Local" || !slices.Equal(ports, []string{"2000TCP", "2000UDP"}) {
		t.Errorf("ports %v, traffic %s", ports, service.Spec.InternalTrafficPolicy)
	}
}

func named(t *testing.T, all []deploy.Object, kind, name string) deploy.Object {
	t.Helper()
	for _, o := range deploy.Find(all, kind) {
		if o.Metadata.Name == name {
			return o
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return deploy.Object{}
}

// Values that the schema does not have are refused, with their place.
func TestChartSchema(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{
		"daemonset.hostports=true":           "hostports",
		"gateway.replicas.min=0":             "/gateway/replicas/min",
		"image.pullPolicy=Sometimes":         "/image/pullPolicy",
		"sidecar.queueSize=much":             "/sidecar/queueSize",
		"daemonset.graceSeconds=soon":        "/daemonset/graceSeconds",
		"networkPolicy.from.namespace=mine":  "/networkPolicy/from",
		"serviceAccount.annotations.x.y=arn": "/serviceAccount/annotations",
	} {
		out, err := exec.CommandContext(t.Context(), os.Getenv("SIDELIGHT_TEST_HELM"), "template", "x", chart, "--set", set).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, want %s: %s", set, err, want, out)
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
	all := objects(t, text)
	c := named(t, all, "DaemonSet", "xray-daemon").Spec.Template.Spec.Containers[0]
	if len(c.Command) != 3 || c.Command[0] != "/usr/bin/xray" || c.Command[2] != "/aws/xray/config.yaml" || c.Image != image(t).Name("-xray") {
		t.Fatalf("image %s, command %q", c.Image, c.Command)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(named(t, all, "ConfigMap", "xray-config").Data["config.yaml"]), 0o600); err != nil {
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
  volumes:
    {{- include "sidelight.volumes" (dict "Values" .Values.sidelight) | nindent 4 }}
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
	all := objects(t, []byte(helm(t, "template", "x", dir, "--kube-version", "1.31")))
	pod := named(t, all, "Pod", "shop").Spec
	if len(pod.InitContainers) != 1 || pod.InitContainers[0].RestartPolicy != "Always" || pod.InitContainers[0].StartupProbe == nil {
		t.Fatalf("not a native sidecar: %+v", pod.InitContainers)
	}
	checkAgent(t, deploy.Agents(all)[0])
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

// Templates are what CloudFormation's schemas of resources say. cfn-lint knows more rules, and no resource that is younger than it:
// it is asked of those where there is one.
func TestTemplates(t *testing.T) {
	t.Parallel()
	argv := []string{"node", "check_cfn.js"}
	for _, name := range []string{"cloudformation/sidecar.yaml", "cloudformation/express.yaml", "cloudformation/managed-daemon.yaml", "apprunner/service.yaml"} {
		text, err := os.ReadFile("../../deploy/" + name)
		if err != nil {
			t.Fatal(err)
		}
		tm, err := deploy.ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), filepath.Base(name)+".json")
		if err := os.WriteFile(file, tm.JSON, 0o600); err != nil {
			t.Fatal(err)
		}
		argv = append(argv, file)
	}
	run(t, nil, argv...)
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Log("cfn-lint is not on this machine: templates are checked by the schemas alone")
		return
	}
	run(t, nil, lint, "../../deploy/cloudformation/sidecar.yaml", "../../deploy/apprunner/service.yaml")
}

// A checker that finds nothing would pass above.
func TestTemplateCheckFinds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/cloudformation/managed-daemon.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string][2]string{
		"AgentLog.RetentionInDay: unknown":     {"RetentionInDays: 30", "RetentionInDay: 30"},
		"StopTimeout: want an integer":         {"StopTimeout: 60", "StopTimeout: a minute"},
		"Essential: want a boolean":            {"Essential: true", "Essential: always"},
		"no type AWS::ECS::Deamon":             {"Type: AWS::ECS::Daemon\n", "Type: AWS::ECS::Deamon\n"},
		"TaskRole has no attribute ARN":        {"TaskRole.Arn", "TaskRole.ARN"},
		"Clusters is not there":                {"!Ref ClusterArn", "!Ref Clusters"},
		"Image: required":                      {"          Image: !Ref SidelightImage\n", ""},
		"CapacityProviderArns: want a list":    {"CapacityProviderArns: !Ref CapacityProviderArns", "CapacityProviderArns: all"},
		"template.Resources.TaskRole.Properti": {"${AWS::AccountId}", "${Account}"},
	} {
		tm, err := deploy.ParseTemplate(bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "template.json")
		if err := os.WriteFile(file, tm.JSON, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "node", "check_cfn.js", file).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("want %q: %v, %s", want, err, out)
		}
	}
}

// systemd takes the unit as it is, and finds little that it may do.
func TestUnit(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/systemd/sidelight.service")
	if err != nil {
		t.Fatal(err)
	}
	// systemd looks whether the program is there.
	file := filepath.Join(t.TempDir(), "sidelight.service")
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("/usr/local/bin/sidelight"), []byte(binary(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, nil, "systemd-analyze", "verify", file); len(out) > 0 {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	// The exposure is of 10, in tenths: networks and the list of processes are what
	// the agent is for.
	run(t, nil, "systemd-analyze", "security", "--offline=true", "--threshold=20", file)
	run(t, nil, binary(t), "config", "check", "../../deploy/systemd/sidelight.yaml")
}

// The Terraform module has no provider, so all of it can be run: what it gives are
// task definition and policy as elsewhere. The example needs AWS's provider, which
// comes from a registry: its form alone is checked.
func TestTerraform(t *testing.T) {
	t.Parallel()
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Log("terraform is not on this machine, and no package of Debian's: the module is not run")
		return
	}
	run(t, nil, terraform, "fmt", "-check", "-recursive", "../../deploy/terraform")
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "module"), os.DirFS("../../deploy/terraform")); err != nil {
		t.Fatal(err)
	}
	module := "-chdir=" + filepath.Join(dir, "module")
	run(t, nil, terraform, module, "init", "-backend=false", "-no-color")
	run(t, nil, terraform, module, "validate", "-no-color")
	run(t, nil, terraform, module, "test", "-no-color")
	main := `
module "sidelight" {
  source     = "./module"
  service    = "orders"
  region     = "eu-west-1"
  account    = "111111111111"
  containers = [{ name = "orders", image = "orders:1", essential = true }]
}
output "task" { value = module.sidelight.container_definitions }
output "policy" { value = module.sidelight.policy }
`
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	root := "-chdir=" + dir
	run(t, nil, terraform, root, "init", "-no-color")
	run(t, nil, terraform, root, "apply", "-auto-approve", "-no-color")
	task, err := deploy.ParseTask(fmt.Appendf(nil, `{"networkMode": "awsvpc", "containerDefinitions": %s}`, run(t, nil, terraform, root, "output", "-raw", "task")))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range task.Check("terraform", image(t)) {
		t.Error(p)
	}
	_, a, _ := task.Agent("terraform")
	l, err := a.Load()
	if err != nil {
		t.Fatal(err)
	}
	var got iam.Policy
	if err := json.Unmarshal(run(t, nil, terraform, root, "output", "-raw", "policy"), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(iam.For(l.Config, deploy.Place()), got); diff != "" {
		t.Errorf("the policy differs from what iam-policy prints (-):\n%s", diff)
	}
}

// The construct compiles, and makes the templates that are kept beside it: after a
// change of it, npm run synth and copy them.
func TestConstruct(t *testing.T) {
	t.Parallel()
	const folder = "../../deploy/cdk"
	dir := t.TempDir()
	run(t, nil, "node", filepath.Join(folder, "node_modules/typescript/bin/tsc"), "--project", folder, "--outDir", filepath.Join(dir, "dist"))
	modules, err := filepath.Abs(filepath.Join(folder, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, []string{"NODE_PATH=" + modules, "CDK_OUTDIR=" + filepath.Join(dir, "out")}, "node", filepath.Join(dir, "dist", "test", "app.js"))
	for _, name := range []string{"router.template.json", "sidecar.template.json"} {
		kept := filepath.Join(folder, "test", name)
		want, err := os.ReadFile(kept)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "out", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-):\n%s", kept, diff)
		}
		run(t, nil, "node", "check_cfn.js", kept)
	}
}

// Compose takes the file as it is, with and without what can be set.
func TestCompose(t *testing.T) {
	t.Parallel()
	const file = "../../deploy/docker/compose.yaml"
	for want, env := range map[string][]string{"orders:1": nil, "shop:2": {"IMAGE=shop:2"}} {
		if out := run(t, env, "/usr/bin/docker-compose", "-f", file, "config"); !strings.Contains(string(out), "image: "+want+"\n") {
			t.Errorf("no image %s in\n%s", want, out)
		}
	}
}
