package deploy_test

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/iam"
	"github.com/sidelight-dev/sidelight/test/deploy"
)

func template(t *testing.T, elem ...string) deploy.Template {
	t.Helper()
	tm, err := deploy.ParseTemplate(read(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

// policy compares the agent's policy in a template with what is printed for it.
func policy(t *testing.T, tm deploy.Template, a deploy.Agent) {
	t.Helper()
	policies, err := tm.Policies()
	// The CDK gives execution roles policies too.
	maps.DeleteFunc(policies, func(name string, _ iam.Policy) bool { return strings.HasPrefix(name, "TaskExecutionRole") })
	if err != nil || len(policies) != 1 {
		t.Fatalf("policies %v, %v", policies, err)
	}
	l, err := a.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range policies {
		if diff := cmp.Diff(iam.For(l.Config, deploy.Place()), got); diff != "" {
			t.Errorf("%s differs from what iam-policy prints (-):\n%s", name, diff)
		}
	}
}

// The schemas of resources are checked where they are: test/clients.
func TestTemplates(t *testing.T) {
	files, err := filepath.Glob(folder + "/cloudformation/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("templates %q, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			tm := template(t, "cloudformation", filepath.Base(file))
			tasks, err := tm.Tasks()
			if err != nil || len(tasks) != 1 {
				t.Fatalf("%d tasks, %v", len(tasks), err)
			}
			for name, task := range tasks {
				report(t, task.Check(name, image(t)))
				_, a, _ := task.Agent(name)
				policy(t, tm, a)
			}
		})
	}
}

// Express Mode wants the application's container to be called Main.
func TestExpressTemplate(t *testing.T) {
	tasks, err := template(t, "cloudformation", "express.yaml").Tasks()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range tasks["Task"].ContainerDefinitions {
		if c.Name != "sidelight" && (c.Name != "Main" || len(c.PortMappings) != 1 || c.PortMappings[0].Name == "") {
			t.Errorf("container %s with ports %v", c.Name, c.PortMappings)
		}
	}
}

func TestResolve(t *testing.T) {
	tm, err := deploy.ParseTemplate([]byte(`
Parameters: {Name: {Type: String, Default: orders}, Port: {Type: Number, Default: 8080}, Where: {Type: String}}
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      ref: !Ref Name
      number: !Ref Port
      none: !Ref Where
      sub: !Sub "arn:${AWS::Partition}:x:${AWS::Region}:${AWS::AccountId}:${Name}:${Port}"
      att: !GetAtt R.Arn
      join: {"Fn::Join": ["", ["a", {Ref: Name}]]}
      plain: [1, "1", true]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"ref": "orders", "number": 8080.0, "none": "${Where}", "sub": "arn:aws:x:eu-west-1:111111111111:orders:8080", "att": "${[R Arn]}",
		"join": "aorders", "plain": []any{1.0, "1", true},
	}
	if diff := cmp.Diff(want, tm.Resolve(tm.Resources["R"].Properties)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(tm.JSON), `{"Fn::GetAtt":["R","Arn"]}`) {
		t.Errorf("long form %s", tm.JSON)
	}
}

// What App Runner runs is the agent of the image, with the variables of the stack.
func TestAppRunner(t *testing.T) {
	i := image(t)
	file := string(read(t, "apprunner", "Dockerfile"))
	for _, line := range []string{
		"FROM " + i.Name("") + " AS sidelight", "COPY --from=sidelight " + i.Program + " " + i.Program,
		"COPY --from=sidelight --chown=" + i.User + ":" + i.User + " " + i.Queue + " " + i.Queue, "USER " + i.User + ":" + i.User,
		`ENTRYPOINT ["` + i.Program + `", "exec", "--"]`,
	} {
		if !strings.Contains(file, "\n"+line+"\n") {
			t.Errorf("the Dockerfile lacks %s", line)
		}
	}
	tm := template(t, "apprunner", "service.yaml")
	a := deploy.Agent{Where: "App Runner", Environ: map[string]string{}}
	source, _ := tm.Resolve(tm.Resources["Service"].Properties["SourceConfiguration"]).(map[string]any)
	repository, _ := source["ImageRepository"].(map[string]any)
	configuration, _ := repository["ImageConfiguration"].(map[string]any)
	variables, _ := configuration["RuntimeEnvironmentVariables"].([]any)
	for _, v := range variables {
		pair, _ := v.(map[string]any)
		name, _ := pair["Name"].(string)
		a.Environ[name], _ = pair["Value"].(string)
	}
	if a.Environ["SIDELIGHT_SERVICE_NAME"] != "orders" {
		t.Errorf("variables %v", variables)
	}
	policy(t, tm, a)
}

// The snapshots are what the construct makes, which test/clients sees to.
func TestConstruct(t *testing.T) {
	for name, router := range map[string]bool{"router": true, "sidecar": false} {
		tm := template(t, "cdk", "test", name+".template.json")
		tasks, err := tm.Tasks()
		if err != nil || len(tasks) != 1 {
			t.Fatalf("%d tasks, %v", len(tasks), err)
		}
		for _, task := range tasks {
			report(t, task.Check(name, image(t)))
			c, a, _ := task.Agent(name)
			policy(t, tm, a)
			if got := c.FirelensConfiguration != nil; got != router || *c.Essential != router {
				t.Errorf("%s: a router %v, essential %v", name, got, *c.Essential)
			}
		}
	}
}
