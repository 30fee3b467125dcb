package deploy_test

import (
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
