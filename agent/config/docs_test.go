package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sidelight-dev/sidelight/agent/config"
)

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// notOurs are keys at the top of what is not the agent's: recipes, Kubernetes'
// objects, task definitions and compose files.
var notOurs = []string{"alarms", "apiVersion", "containerDefinitions", "services"}

// foreignBlock reports whether a block is the file of something else.
func foreignBlock(t *testing.T, text string) bool {
	t.Helper()
	var top map[string]any
	if err := yaml.Unmarshal([]byte(text), &top); err != nil {
		t.Errorf("not YAML: %v", err)
		return true
	}
	for _, key := range notOurs {
		if _, ok := top[key]; ok {
			return true
		}
	}
	return false
}

// Each configuration that the guides and the README show is one.
func TestDocumentedConfigs(t *testing.T) {
	names, err := filepath.Glob("../../docs/guides/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range append(names, "../../README.md", "../../docs/operations.md") {
		if filepath.Base(name) == "recipes.md" {
			continue // package recipe checks it
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range yamlBlock.FindAllSubmatchIndex(text, -1) {
			block := string(text[m[2]:m[3]])
			if foreignBlock(t, block) {
				continue
			}
			found++
			if _, ps := config.Load(block, nil); len(ps) != 0 {
				t.Errorf("%s:%d:\n%s%v", strings.TrimPrefix(name, "../../"), 1+strings.Count(string(text[:m[0]]), "\n"), block, ps)
			}
		}
	}
	if found < 9 {
		t.Errorf("only %d configurations were found", found)
	}
}
