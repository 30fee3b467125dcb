package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/test/deploy"
)

func TestUnit(t *testing.T) {
	u := deploy.ParseUnit(read(t, "systemd", "sidelight.service"))
	a, err := u.Agent(string(read(t, "systemd", "sidelight.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	report(t, a.Check(image(t)))
	for key, want := range map[string]string{"DynamicUser": "yes", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ExecStart": "/usr/local/bin/sidelight run --config /etc/sidelight/sidelight.yaml"} {
		if got := u[key]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
}

func TestCompose(t *testing.T) {
	i := image(t)
	services, err := deploy.ParseCompose(read(t, "docker", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := services["sidelight"].Agent("compose")
	if err != nil {
		t.Fatal(err)
	}
	report(t, a.Check(i))
	app := services["orders"]
	report(t, a.CheckSender(deploy.Sender{Where: "orders", Environ: app.Environment}, app.NetworkMode == "service:sidelight"))
	if len(app.Environment) < 3 || services["sandbox"].Image != i.Name("-tool") || !slices.Equal(services["sidelight"].CapDrop, []string{"ALL"}) {
		t.Errorf("services %+v", services)
	}
}

// The module is run where terraform is: test/clients. What it starts from is known
// here.
func TestTerraformModule(t *testing.T) {
	i := image(t)
	for file, lines := range map[string][]string{
		"variables.tf": {`  default     = "` + i.Name("") + `"`, "  default     = 60"},
		"main.tf":      {`      user                   = "` + i.User + `"`, `      command                = ["run"]`},
	} {
		text := string(read(t, "terraform", file))
		for _, line := range lines {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("%s lacks %s", file, line)
			}
		}
	}
}

// The guide says what the artefacts have in common, and leads to what is there.
func TestGuide(t *testing.T) {
	i := image(t)
	text := string(read(t, "..", "docs", "guides", "deploy.md"))
	for _, want := range []string{"`" + i.Name("") + "`", i.User, "`" + i.Queue + "`", "`" + i.Program + " ready`", "`" + i.Program + " health`"} {
		if !strings.Contains(text, want) {
			t.Errorf("the guide lacks %s", want)
		}
	}
	links := regexp.MustCompile(`\]\(([^)#]+)`)
	guides := []string{"docs/guides/deploy.md"}
	for _, name := range []string{"apprunner", "cdk", "cloudformation", "docker", "ecs", "helm/sidelight", "systemd", "terraform"} {
		if !strings.Contains(text, "/deploy/"+name+"/README.md") {
			t.Errorf("the guide does not lead to %s", name)
		}
		guides = append(guides, "deploy/"+name+"/README.md")
	}
	for _, guide := range guides {
		for _, link := range links.FindAllStringSubmatch(string(read(t, "..", guide)), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(guide), link[1])); err != nil {
				t.Errorf("%s: %v", guide, err)
			}
		}
	}
}
