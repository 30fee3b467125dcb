package importer_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/config/importer"
)

var update = flag.Bool("update", false, "rewrite golden files")

// options reads from testdata, where a file lies that none of the other agents
// would have in its place.
func options(name string) importer.Options {
	return importer.Options{
		Path:   name,
		Read:   func(path string) ([]byte, error) { return os.ReadFile(filepath.Join("testdata", path)) },
		Getenv: func(name string) string { return map[string]string{"AWS_REGION": "eu-west-1"}[name] },
	}
}

func TestImport(t *testing.T) {
	for name, format := range map[string]importer.Format{
		"fluent-bit.conf":       importer.FluentBit,
		"fluent-bit.yaml":       importer.FluentBit,
		"cloudwatch-agent.json": importer.CloudWatchAgent,
		"collector.yaml":        importer.Collector,
		"xray-daemon.yaml":      importer.XRayDaemon,
	} {
		t.Run(name, func(t *testing.T) {
			r, err := importer.Import(options(name))
			if err != nil {
				t.Fatal(err)
			}
			if r.Format != format {
				t.Errorf("taken for %s", r.Format)
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, r.Config, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(r.Config)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if _, problems := config.Load("", []string{"SIDELIGHT_CONFIG=" + string(r.Config)}); len(problems) > 0 {
				t.Errorf("what was imported is not valid: %v", problems)
			}
		})
	}
}

func TestImportFails(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		format importer.Format
		want   string
	}{
		"of nobody":      {"a: b", "", "say which: fluent-bit"},
		"not yaml":       {"a: [", "", "not in a format that is known"},
		"another format": {"- a", importer.XRayDaemon, "expected a mapping"},
		"unknown format": {"a: b", "vector", `"vector" is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := importer.Import(importer.Options{
				Path: "x", Format: c.format,
				Read: func(string) ([]byte, error) { return []byte(c.text), nil },
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := importer.Import(options("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func FuzzImport(f *testing.F) {
	for _, name := range []string{"fluent-bit.conf", "fluent-bit.yaml", "cloudwatch-agent.json", "collector.yaml", "xray-daemon.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		for _, format := range append(importer.Formats(), "") {
			f.Add(string(text), string(format))
		}
	}
	f.Fuzz(func(t *testing.T, text, format string) {
		o := importer.Options{Path: "x", Format: importer.Format(format), Getenv: func(string) string { return "" }}
		o.Read = func(path string) ([]byte, error) {
			if path == "x" {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		}
		r, err := importer.Import(o)
		if err != nil {
			return
		}
		// What other agents let pass may be refused here, but not as YAML.
		_, problems := config.Load("", []string{"SIDELIGHT_CONFIG=" + string(r.Config)})
		for _, p := range problems {
			if p.Code == "C1001" {
				t.Errorf("%v\n%s", p, r.Config)
			}
		}
	})
}
