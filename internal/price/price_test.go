package price_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/price"
)

// What is printed to be changed is read as what it says.
func TestTemplate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prices.yaml")
	want := price.List()
	want.Region, want.Metric = "eu-central-1", 0.31
	want.OTLP = map[string]float64{"logs": 0.5, "metrics": 0.25, "traces": 0}
	if err := os.WriteFile(path, want.AppendYAML(nil), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := price.Load(path)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-printed +read):\n%s", err, d)
	}
}

func TestLoad(t *testing.T) {
	for name, c := range map[string]struct {
		file, fails string
	}{
		"own prices":  {"region: eu-central-1\ndate: 2026-01\nlogs: {standard: 0.63}\n", ""},
		"unknown key": {"region: x\ndate: y\nmetrics: 3\n", "metrics"},
		"no date":     {"region: eu-central-1\nmetric: 0.3\n", "date"},
		"empty":       {"", "date"},
		"no number":   {"region: x\ndate: y\nmetric: much\n", "much"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "prices.yaml")
			if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := price.Load(path)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || !strings.Contains(err.Error(), path) {
					t.Fatalf("error %v, want one of %q", err, c.fails)
				}
				return
			}
			if err != nil || p.Logs["standard"] != 0.63 || p.Logs["infrequent_access"] != 0.25 || p.Metric != 0.30 || p.Region != "eu-central-1" {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}
