package recipe_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sidelight-dev/sidelight/agent/recipe"
)

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// What the guide shows is one recipe, part by part.
func TestDocumentedRecipes(t *testing.T) {
	text, err := os.ReadFile("../../docs/guides/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	blocks := yamlBlock.FindAllSubmatch(text, -1)
	for _, m := range blocks {
		var part map[string]any
		if err := yaml.Unmarshal(m[1], &part); err != nil {
			t.Fatalf("%v in\n%s", err, m[1])
		}
		merge(all, part)
	}
	if len(blocks) < 5 {
		t.Fatalf("only %d blocks were found", len(blocks))
	}
	head := map[string]any{
		"recipe": "v1", "name": "orders", "environments": map[string]any{"dev": map[string]any{"account": "000000000000", "regions": []any{"us-east-1"}}},
		"actions":    map[string]any{"ticket": map[string]any{"alarm": []any{map[string]any{"sns": "tickets"}}}},
		"parameters": map[string]any{"queues": map[string]any{"type": "list<string>", "default": []any{"in"}}},
	}
	for key, value := range head {
		if all[key] == nil {
			all[key] = value
		}
	}
	out, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "guide.yaml")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	if ps := recipe.Validate(file, recipe.Options{Syntax: syntax()}); ps.Errors() > 0 {
		var b strings.Builder
		_ = ps.WriteText(&b)
		t.Errorf("%s\nof\n%s", b.String(), out)
	}
}

func merge(into, part map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(part)) {
		old, both := into[key].(map[string]any)
		if sub, ok := part[key].(map[string]any); ok && both {
			merge(old, sub)
			continue
		}
		into[key] = part[key]
	}
}
