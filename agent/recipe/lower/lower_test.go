package lower_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/lower"
)

const head = "recipe: v1\nname: shop\n"

func lowered(t *testing.T, text string, opts lower.Options) (*ir.Stack, ast.Problems) {
	t.Helper()
	root, ps := ast.Parse("x.yaml", []byte(text))
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	return lower.Lower(root, opts)
}

func TestEnvironmentIsChosen(t *testing.T) {
	const two = head + "environments:\n  dev: {account: \"111111111111\", regions: [eu-west-1]}\n  prod: {account: \"222222222222\", regions: [eu-west-1, us-east-1]}\n"
	for name, c := range map[string]struct {
		text    string
		opts    lower.Options
		account string
		region  string
		code    string
	}{
		"of two":             {two, lower.Options{Env: "prod"}, "222222222222", "eu-west-1", ""},
		"region":             {two, lower.Options{Env: "prod", Region: "us-east-1"}, "222222222222", "us-east-1", ""},
		"wrong region":       {two, lower.Options{Env: "dev", Region: "us-east-1"}, "", "", "R2006"},
		"none named":         {two, lower.Options{}, "", "", "R2005"},
		"misspelt":           {two, lower.Options{Env: "prd"}, "", "", "R2005"},
		"only one":           {head + "environments:\n  dev: {account: \"111111111111\"}\n", lower.Options{}, "111111111111", "", ""},
		"none declared":      {head, lower.Options{Env: "dev", Account: "333333333333", Region: "us-east-1"}, "333333333333", "us-east-1", ""},
		"from the context":   {head, lower.Options{Env: "dev", Context: map[string]any{"account": "444444444444", "region": "us-west-2"}}, "444444444444", "us-west-2", ""},
		"from offline":       {head + "context: {offline: {account: \"555555555555\", region: eu-north-1}}\n", lower.Options{Env: "dev"}, "555555555555", "eu-north-1", ""},
		"not for the region": {two + "context: {offline: {region: eu-north-1}}\n", lower.Options{Env: "dev"}, "111111111111", "eu-west-1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, ps := lowered(t, c.text, c.opts)
			if c.code != "" {
				if len(ps) != 1 || ps[0].Code != c.code {
					t.Errorf("problems = %v, want %s", ps, c.code)
				}
				return
			}
			if ps.Errors() > 0 || s.Account != c.account || s.Region != c.region {
				t.Errorf("account %s, region %s, %v", s.Account, s.Region, ps)
			}
		})
	}
}

func TestParametersComeInOrder(t *testing.T) {
	text := head + `environments: {dev: {account: "000000000000", regions: [us-east-1], set: {b: 2, c: 2}}}
parameters: {a: {type: int, default: 1}, b: {type: int, default: 1}, c: {type: int, default: 1}, l: {type: list<string>, default: [x]}}
alarms:
  t: {when: sum(S:E) > $(param.a * 100 + param.b * 10 + param.c)}
  l: {when: sum(S:E) > 1, for_each: $(param.l)}
`
	s, ps := lowered(t, text, lower.Options{Params: map[string]string{"c": "3", "l": "p, q"}})
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	var ids []string
	for _, r := range s.Resources {
		ids = append(ids, r.ID)
	}
	if got := strings.Join(ids, " "); got != "l/p l/q t" {
		t.Errorf("ids = %s", got)
	}
	if got := *s.Resources[2].Alarm.Threshold; got != 123 {
		t.Errorf("threshold = %v, want 123", got)
	}
	if _, ps := lowered(t, text, lower.Options{Params: map[string]string{"z": "1"}}); ps.Errors() != 1 {
		t.Errorf("an unknown parameter: %v", ps)
	}
	if _, ps := lowered(t, text, lower.Options{Params: map[string]string{"c": "three"}}); ps.Errors() != 1 {
		t.Errorf("a bad parameter: %v", ps)
	}
}

func TestOriginsPointToTheRecipe(t *testing.T) {
	s, ps := lowered(t, head+`environments: {dev: {account: "000000000000", regions: [us-east-1]}}
defaults:
  for: 3 of 5
alarms:
  a:
    when: sum(S:E) > 1
    every: 5m
`, lower.Options{})
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	r := s.Resources[0]
	for field, want := range map[string]string{"Threshold": "x.yaml:8:11", "Period": "x.yaml:9:12", "EvaluationPeriods": "x.yaml:5:8", "TreatMissingData": "x.yaml:7:3"} {
		if got := r.Origin(field).String(); got != want {
			t.Errorf("%s comes from %s, want %s", field, got, want)
		}
	}
}

func TestDiscoveredListThatIsEmptyIsKept(t *testing.T) {
	text := head + `environments: {dev: {account: "000000000000", regions: [us-east-1]}}
parameters: {queues: {type: list<string>, default: $(ctx.queues)}, fixed: {type: list<string>, default: []}}
alarms:
  found: {when: sum(S:E) > 1, for_each: $(param.queues)}
  direct: {when: sum(S:E) > 1, for_each: $(ctx.queues)}
`
	s, ps := lowered(t, text, lower.Options{Context: map[string]any{"queues": []any{}}})
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	if got := strings.Join(s.Keep, " "); got != "found/ direct/" {
		t.Errorf("kept = %q", got)
	}
}

// Lowering is total: whatever the text, it ends with a stack or with problems.
func FuzzLower(f *testing.F) {
	for _, pattern := range []string{"../testdata/good/*.yaml", "../testdata/bad/*.yaml", "../../../examples/recipes/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds in %s: %v", pattern, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		root, ps := ast.Parse("x.yaml", []byte(text))
		if root == nil {
			return
		}
		s, more := lower.Lower(root, lower.Options{Env: "dev"})
		for _, p := range append(ps, more...) {
			if p.Range.Pos.Line < 1 || p.Message == "" || p.Code == "" {
				t.Fatalf("%q: %+v", text, p)
			}
		}
		if s == nil && more.Errors() == 0 {
			t.Fatalf("%q: neither a stack nor an error", text)
		}
		if more.Errors() > 0 {
			return
		}
		for _, r := range s.Resources {
			if r.Name == "" || r.Alarm.MetricName == "" && len(r.Alarm.Metrics) == 0 && r.Alarm.EvaluationCriteria == nil {
				t.Fatalf("%q: %+v", text, r)
			}
		}
	})
}
