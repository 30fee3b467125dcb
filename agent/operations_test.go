package agent_test

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// The metrics that the agent serves are those that docs/operations.md explains.
func TestMetricsAreDocumented(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Logs.Also = []config.Also{{OTLP: config.OTLPOut{Endpoint: config.EndpointURL(s.URL())}}}
	cfg.Traces.Sample.Rate = 50
	cfg.Receivers.Prometheus = []config.Prometheus{{Job: "none", Targets: []config.Target{"127.0.0.1:1"}}}
	files := config.Files{Include: []string{t.TempDir() + "/*.log"}}
	cfg.Receivers.Files = []config.Files{files, files} // no name is registered twice
	cfg.Receivers.Journald.Directories = []string{t.TempDir()}
	a := start(t, cfg)
	resp, err := http.Get("http://" + a.address(t, "status") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	served, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	names := func(text []byte, form string) []string {
		var out []string
		for _, m := range regexp.MustCompile(form).FindAllSubmatch(text, -1) {
			out = append(out, string(m[1]))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	if d := cmp.Diff(names(doc, "\\| `(sidelight_[a-z_]+)`"), names(served, `# TYPE (sidelight_[a-z_]+)`)); d != "" {
		t.Errorf("metrics (-documented +served):\n%s", d)
	}
}
