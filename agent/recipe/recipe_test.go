package recipe_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/recipe"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func fixtures(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in %s: %v", dir, err)
	}
	return files
}

// shorten makes the output independent of where the fixtures are.
func shorten(s string) string {
	return strings.ReplaceAll(s, "testdata"+string(filepath.Separator), "")
}

func syntax() recipe.Syntax {
	return recipe.Syntax{
		Query: func(text string) error {
			_, err := insights.Parse(text)
			return err
		},
		Traces: func(text string) error {
			_, err := filterexpr.Parse(text, filterexpr.Options{})
			return err
		},
	}
}

func TestBadRecipes(t *testing.T) {
	for _, file := range fixtures(t, "bad") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ps := recipe.Validate(file, recipe.Options{Syntax: syntax()})
			if ps.Errors() == 0 {
				t.Error("the recipe has no error")
			}
			for _, p := range ps {
				if p.Range.Pos.Line == 0 {
					t.Errorf("no place: %v", p)
				}
			}
			var b strings.Builder
			if err := ps.WriteText(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", shorten(b.String()))
		})
	}
}

func TestGoodRecipes(t *testing.T) {
	files := append(fixtures(t, "good"), "../../examples/recipes/shop.yaml", "../../examples/recipes/service.yaml")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			s, ps := recipe.Load(file, recipe.Options{Env: "dev", Rev: 1763820000, Syntax: syntax()})
			if err := ps.Err(); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, p := range ps {
				b.WriteString(p.Error() + "\n")
			}
			p, err := plan.Make(t.Context(), plan.NewClients(sandboxtest.Config(sandboxtest.New(t))), s)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.WriteText(&b, plan.Style{}); err != nil {
				t.Fatal(err)
			}
			b.WriteString("\n")
			for _, r := range s.Resources {
				b.WriteString(dump(t, r))
			}
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			golden(t, filepath.Join("testdata", "good", name+".txt"), shorten(b.String()))

			again, _ := recipe.Load(file, recipe.Options{Env: "dev", Rev: 1763820000, Syntax: syntax()})
			if diff := cmp.Diff(s, again); diff != "" {
				t.Errorf("a second load gives another stack:\n%s", diff)
			}
		})
	}
}

func dump(t *testing.T, r ir.Resource) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(struct {
		Name string
		Kind ir.Kind
		Body ir.Body
		Tags map[string]string `json:",omitempty"`
	}{r.Name, r.Kind(), r.Body, r.Tags})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every key of a good recipe, misspelt, is an error on its line.
func TestMisspeltKeys(t *testing.T) {
	const file = "../../examples/recipes/shop.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	tried := 0
	for i, line := range lines {
		key, _, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(key, "#") || strings.HasPrefix(key, "x-") || free(key) {
			continue
		}
		tried++
		bad := append([]string(nil), lines...)
		bad[i] = strings.Replace(line, key, key+"q", 1)
		path := filepath.Join(t.TempDir(), "bad.yaml")
		if err := os.WriteFile(path, []byte(strings.Join(bad, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		ps := recipe.Validate(path, recipe.Options{})
		found := false
		for _, p := range ps {
			found = found || p.Range.Pos.Line == i+1 && p.Severity == "error" && strings.Contains(p.Message, key+"q")
		}
		if !found {
			t.Errorf("line %d, %q misspelt: %v", i+1, key, ps)
		}
	}
	if tried < 30 {
		t.Errorf("only %d keys were tried", tried)
	}
}

// free are names that the recipe chooses: misspelt they are other names.
func free(key string) bool {
	switch key {
	case "dev", "max_errors", "slowest", "queues", "page", "ticket", "checkout_ms", "orders-errors", "checkout-slow", "queue-age", "host-memory":
		return true
	}
	return false
}

func TestMissingFileIsAProblem(t *testing.T) {
	if _, ps := recipe.Load(filepath.Join(t.TempDir(), "none.yaml"), recipe.Options{}); ps.Errors() != 1 {
		t.Errorf("problems = %v", ps)
	}
}

func TestPlaces(t *testing.T) {
	got, ps := recipe.Places("testdata/good/everything.yaml")
	want := []recipe.Place{{Env: "dev", Account: "000000000000", Regions: []string{"us-east-1"}}, {Env: "prod", Account: "222222222222", Regions: []string{"eu-west-1", "us-east-1"}}}
	if diff := cmp.Diff(want, got); diff != "" || len(ps) > 0 {
		t.Errorf("%v -want +got:\n%s", ps, diff)
	}
}

func TestExplain(t *testing.T) {
	s, _ := recipe.Load("testdata/good/everything.yaml", recipe.Options{Env: "dev", Rev: 1})
	var b strings.Builder
	if ok, err := recipe.Explain(&b, s, "slow"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	golden(t, "testdata/good/explain.txt", shorten(b.String()))
	if ok, _ := recipe.Explain(&b, s, "none"); ok {
		t.Error("an alarm that is not there was explained")
	}
}

func TestRevision(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.yaml")
	if got := recipe.Revision(path); got != 0 {
		t.Errorf("no file: %d", got)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	when := time.Unix(1763820000, 0)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
	if got := recipe.Revision(path); got != when.Unix() {
		t.Errorf("outside a repository: %d", got)
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", filepath.Dir(path), "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=1700000000 +0000", "GIT_AUTHOR_DATE=1600000000 +0000")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "x")
	if got := recipe.Revision(path); got != 1700000000 {
		t.Errorf("committed: %d", got)
	}
	if err := os.WriteFile(path, []byte("recipe: v1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := recipe.Revision(path); got <= when.Unix() {
		t.Errorf("changed since: %d", got)
	}
}

func TestJSONProblems(t *testing.T) {
	var b strings.Builder
	if err := recipe.Validate("testdata/bad/keys.yaml", recipe.Options{}).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/bad/keys.json", shorten(b.String()))
}
