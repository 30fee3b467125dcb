package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/iam"
	"github.com/sidelight-dev/sidelight/test/deploy"
)

const (
	root   = "../.."
	folder = root + "/deploy"
)

func image(t *testing.T) deploy.Image {
	t.Helper()
	i, err := deploy.ReadImage(root)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{folder}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func report(t *testing.T, problems []string) {
	t.Helper()
	for _, p := range problems {
		t.Error(p)
	}
}

// The Dockerfile exposes what the agent listens on unless told otherwise, and
// declares what it writes to.
func TestImage(t *testing.T) {
	i := image(t)
	if i.Program != "/sidelight" || i.User != "65532" || i.Repository == "" || i.Version == "" {
		t.Errorf("image %+v", i)
	}
	if !slices.Contains(i.Volumes, i.Queue) {
		t.Errorf("volumes %q lack %s", i.Volumes, i.Queue)
	}
	open := deploy.Listeners(config.Default())
	for _, p := range i.Ports {
		if !strings.Contains(p, "/") {
			p += "/tcp"
		}
		if _, ok := open[p]; !ok {
			t.Errorf("EXPOSE %s, where nothing listens by default", p)
		}
		delete(open, p)
	}
	for p, host := range open {
		t.Errorf("the agent listens on %s of %s by default, which the Dockerfile does not expose", p, host)
	}
}

func TestTaskDefinitions(t *testing.T) {
	files, err := filepath.Glob(folder + "/ecs/*.task.json")
	if err != nil || len(files) < 7 {
		t.Fatalf("task definitions %q: %v", files, err)
	}
	i := image(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			task, err := deploy.ParseTask(read(t, "ecs", filepath.Base(file)))
			if err != nil {
				t.Fatal(err)
			}
			if task.Family == "xray-daemon" {
				c := task.ContainerDefinitions[0]
				if c.Image != i.Name("-xray") || c.HealthCheck == nil || c.HealthCheck.Command[1] != "/xray" {
					t.Errorf("image %s, health check %v", c.Image, c.HealthCheck)
				}
				return
			}
			report(t, task.Check(filepath.Base(file), i))
		})
	}
}

// Express Mode takes task definitions with a container Main that has one named
// port, and roles only from there.
func TestExpress(t *testing.T) {
	task, err := deploy.ParseTask(read(t, "ecs", "express.task.json"))
	if err != nil {
		t.Fatal(err)
	}
	c := task.ContainerDefinitions[0]
	if c.Name != "Main" || len(c.PortMappings) != 1 || c.PortMappings[0].Name == "" {
		t.Errorf("%s has ports %+v", c.Name, c.PortMappings)
	}
	service := string(read(t, "ecs", "express.create.json"))
	for _, key := range []string{"primaryContainer", "executionRoleArn", "taskRoleArn", `"cpu"`, `"memory"`, "cpuArchitecture"} {
		if strings.Contains(service, key) {
			t.Errorf("%s cannot stand beside taskDefinitionArn", key)
		}
	}
}

// The policies beside the task definitions are what is printed for them.
func TestPolicies(t *testing.T) {
	for policy, tasks := range map[string][]string{
		"task-role.policy.json":   {"fargate", "sidecar", "ec2-bridge", "express"},
		"daemon-role.policy.json": {"daemon", "managed-daemon"},
	} {
		got := string(read(t, "ecs", policy))
		for _, name := range tasks {
			task, err := deploy.ParseTask(read(t, "ecs", name+".task.json"))
			if err != nil {
				t.Fatal(err)
			}
			_, a, _ := task.Agent(name)
			l, err := a.Load()
			if err != nil {
				t.Fatal(err)
			}
			want, err := json.MarshalIndent(iam.For(l.Config, iam.Where{Account: "111111111111"}), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want)+"\n", got); diff != "" {
				t.Errorf("%s differs from what iam-policy prints for %s (-):\n%s", policy, name, diff)
			}
		}
	}
}

// A check that finds nothing wrong with anything would pass above.
func TestCheckFinds(t *testing.T) {
	i := image(t)
	good := func() deploy.Agent {
		return deploy.Agent{
			Where: "x", Image: i.Name(""), Command: []string{"run"}, User: "65532:65532", ReadOnly: true,
			Environ: map[string]string{"SIDELIGHT_RECEIVERS_OTLP_HTTP": "0.0.0.0:4318"}, Mounts: []string{i.Queue},
			Probes: [][]string{{"/sidelight", "ready"}}, Stop: time.Minute, Ports: []string{"4318/tcp"},
		}
	}
	if got := good().Check(i); len(got) > 0 {
		t.Fatalf("a good agent: %q", got)
	}
	for want, spoil := range map[string]func(*deploy.Agent){
		"image":                     func(a *deploy.Agent) { a.Image = i.Repository + ":latest" },
		"user":                      func(a *deploy.Agent) { a.User = "0" },
		"root can be written":       func(a *deploy.Agent) { a.ReadOnly = false },
		"command":                   func(a *deploy.Agent) { a.Command = []string{"--run"} },
		"nothing is mounted":        func(a *deploy.Agent) { a.Mounts = []string{"/var/lib"} },
		"no probe":                  func(a *deploy.Agent) { a.Probes = nil },
		"probe [\"/bin/sh\"":        func(a *deploy.Agent) { a.Probes = [][]string{{"/bin/sh", "ready"}} },
		"is killed after":           func(a *deploy.Agent) { a.Stop = 29 * time.Second },
		"port 4317/tcp":             func(a *deploy.Agent) { a.Ports = []string{"4317/tcp"} },
		"port 1/udp":                func(a *deploy.Agent) { a.Ports = []string{"1/udp"} },
		"SIDELIGHT_RECEIVERS_OTLPP": func(a *deploy.Agent) { a.Environ["SIDELIGHT_RECEIVERS_OTLPP_HTTP"] = "x" },
		"logz":                      func(a *deploy.Agent) { a.Config = "logz: {group: /x}" },
	} {
		a := good()
		spoil(&a)
		if got := a.Check(i); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
	for value, local := range map[string]bool{"http://127.0.0.1:4319": true, "http://sidelight:4318": true, "http://127.0.0.1:4318": false, "http://sidelight": false} {
		s := deploy.Sender{Where: "app", Environ: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": value}}
		if got := good().CheckSender(s, local); len(got) != 1 {
			t.Errorf("%s, local %v: %q", value, local, got)
		}
	}
}

// And neither would one of tasks.
func TestTaskCheckFinds(t *testing.T) {
	i := image(t)
	text := string(read(t, "ecs", "ec2-bridge.task.json"))
	for want, change := range map[string][2]string{
		"does not depend":     {`"condition": "HEALTHY"`, `"condition": "START"`},
		"not linked":          {`"links": ["sidelight"],`, ``},
		"router has to be":    {`"essential": true,` + "\n" + `      "command": ["run"]`, `"essential": false, "command": ["run"]`},
		"Fargate allows":      {`"stopTimeout": 60`, `"stopTimeout": 121`},
		"is awsfirelens":      {`"logDriver": "awsfirelens", `, `"logDriver": "awslogs", `},
		"would go through":    {`"logDriver": "awslogs"`, `"logDriver": "awsfirelens"`},
		"listens on 127.0.0.": {`"value": "0.0.0.0:4318"`, `"value": "127.0.0.1:4318"`},
		"is told nothing":     {`"OTEL_EXPORTER_OTLP_ENDPOINT"`, `"OTEL_EXPORTER"`},
		"no container":        {`"name": "sidelight",`, `"name": "agent",`},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if changed == text {
			t.Errorf("%s: %q is not there", want, change[0])
			continue
		}
		task, err := deploy.ParseTask([]byte(changed))
		if err != nil {
			t.Fatal(err)
		}
		if got := task.Check("x", i); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}

// The chart's manifests are checked where helm is: test/clients.
func TestManifests(t *testing.T) {
	objects, err := deploy.ParseObjects(read(t, "kubernetes", "xray-daemon.yaml"))
	if err != nil || len(deploy.Find(objects, "DaemonSet")) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	report(t, deploy.CheckObjects(objects, image(t)))
}

func TestObjectCheckFinds(t *testing.T) {
	i := image(t)
	text := `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: a}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: sidelight
          image: ` + i.Name("") + `
          args: [run, --config, /etc/sidelight/sidelight.yaml]
          ports: [{name: http, containerPort: 4318}]
          livenessProbe: {exec: {command: [/sidelight, health]}}
          resources: {requests: {cpu: 1m}, limits: {memory: 1Mi}}
          securityContext: {runAsNonRoot: true, runAsUser: 65532, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
          volumeMounts: [{name: c, mountPath: /etc/sidelight, readOnly: true}, {name: q, mountPath: /var/lib/sidelight}]
      volumes: [{name: c, configMap: {name: a}}]
---
kind: ConfigMap
metadata: {name: a}
data: {sidelight.yaml: "{receivers: {otlp: {http: '0.0.0.0:4318'}}, shutdown: {grace: 50s}}"}
---
kind: Service
metadata: {name: a}
spec: {selector: {app: a}, ports: [{port: 4318, targetPort: http}]}
---
kind: HorizontalPodAutoscaler
spec: {scaleTargetRef: {kind: DaemonSet, name: a}}
---
kind: NetworkPolicy
spec: {podSelector: {matchLabels: {app: a}}}
`
	for want, change := range map[string][2]string{
		"":                     {"", ""},
		"published":            {"0.0.0.0:4318", "127.0.0.1:4318"},
		"is killed":            {"terminationGracePeriodSeconds: 60", ""},
		"probe":                {"[/sidelight, health]", "[/bin/sidelight, health]"},
		"gain privileges":      {"allowPrivilegeEscalation: false, ", ""},
		"may be root":          {"runAsNonRoot: true, ", ""},
		"no limit":             {"{memory: 1Mi}", "{}"},
		"unknown key":          {"receivers:", "receiver:"},
		"lacks a ConfigMap":    {"configMap: {name: a}", "configMap: {name: b}"},
		"selects no pods":      {"spec: {selector: {app: a}", "spec: {selector: {app: b}"},
		"has its port":         {"targetPort: http", "targetPort: grpc"},
		"scales":               {"kind: DaemonSet, name: a", "kind: Deployment, name: a"},
		"NetworkPolicy  selec": {"podSelector: {matchLabels: {app: a}}", "podSelector: {matchLabels: {app: b}}"},
	} {
		objects, err := deploy.ParseObjects([]byte(strings.Replace(text, change[0], change[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		got := deploy.CheckObjects(objects, i)
		if want == "" && len(got) > 0 || want != "" && (len(got) == 0 || !strings.Contains(got[0], want)) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}
