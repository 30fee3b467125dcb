package lower_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/lower"
	"github.com/sidelight-dev/sidelight/internal/problem"
)

const head = "recipe: v1\nname: shop\n"

func lowered(t *testing.T, text string, opts lower.Options) (*ir.Stack, problem.Problems) {
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
	if got := *s.Resources[2].Body.(*ir.MetricAlarm).Threshold; got != 123 {
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
			a, ok := r.Body.(*ir.MetricAlarm)
			if r.Name == "" || ok && a.MetricName == "" && len(a.Metrics) == 0 && a.EvaluationCriteria == nil {
				t.Fatalf("%q: %+v", text, r)
			}
		}
	})
}

func TestParameterTypesAndConstraints(t *testing.T) {
	for in, want := range map[string]string{
		`{type: int, default: 1.5}`:                                                  "not of type int",
		`{type: int, default: 0x10, min: 17}`:                                        "16 is beyond the min of 17",
		`{type: int, default: 0o17, max: 15}`:                                        "",
		`{type: number, default: 1e400}`:                                             "beyond what can be computed",
		`{type: number, default: .5, min: 1s}`:                                       "min is a duration, and the parameter is a number",
		`{type: bool, default: "true"}`:                                              "",
		`{type: bool, default: yes}`:                                                 "not of type bool",
		`{type: arn, default: "arn:aws:sqs:us-east-1:000000000000:q", service: sns}`: "not an ARN of the service sns",
		`{type: arn, default: topic}`:                                                "is not an ARN",
		`{type: string, default: abc, pattern: "^b"}`:                                "does not match ^b",
		`{type: string, default: abc, pattern: "("}`:                                 "not a regular expression",
		`{type: string, default: abc, length: 1-2}`:                                  "the length 3 is not in 1-2",
		`{type: string, default: abc, length: 3}`:                                    "",
		`{type: list<int>, default: [1, 2], length: 1-x}`:                            "length is a number or a range",
		`{type: list<int>, default: [1, a]}`:                                         "item 2:",
		`{type: list<int>, default: 1}`:                                              "not a list",
		`{type: map<duration>, default: {a: 5m, b: 5}}`:                              "b:",
		`{type: map<duration>, default: [5m]}`:                                       "not a map",
		`{type: map<list<int>>, default: {}}`:                                        "unknown type",
		`{type: string, default: x, enum: x}`:                                        "enum is a string, not a list",
		`{type: duration, default: "5m"}`:                                            "",
		`{type: percent, default: 5}`:                                                "not of type percent",
		`{type: string, default: [a]}`:                                               "not of type string",
		`{type: string, default: $(1 + }`:                                            "expected a value",
		`{type: string, default: $(param.q)}`:                                        `no parameter "q"`,
	} {
		_, ps := lowered(t, head+"parameters:\n  p: "+in+"\n", lower.Options{Env: "dev"})
		switch {
		case want == "" && len(ps) > 0:
			t.Errorf("%s: %v", in, ps)
		case want != "" && (len(ps) == 0 || !strings.Contains(ps[0].Message, want)):
			t.Errorf("%s: %v, want %q", in, ps, want)
		}
	}
}

func TestPartitions(t *testing.T) {
	for region, want := range map[string]string{"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc"} {
		s, ps := lowered(t, head+"actions: {page: {alarm: [{sns: t}]}}\nalarms: {a: {when: sum(S:E) > 1, severity: page}}\n",
			lower.Options{Env: "dev", Region: region, Account: "000000000000"})
		if len(ps) > 0 {
			t.Fatal(ps)
		}
		if got := s.Resources[0].Body.(*ir.MetricAlarm).AlarmActions[0]; got != "arn:"+want+":sns:"+region+":000000000000:t" {
			t.Errorf("%s: %s", region, got)
		}
	}
	_, ps := lowered(t, head+"actions: {page: {alarm: [{sns: t}]}}\n", lower.Options{Env: "dev"})
	if len(ps) != 1 || !strings.Contains(ps[0].Message, "needs the account and the region") {
		t.Errorf("no account: %v", ps)
	}
}

func TestEnvironmentSettings(t *testing.T) {
	env := func(s string) string { return head + "environments: {dev: {account: \"000000000000\", " + s + "}}\n" }
	for in, want := range map[string]string{
		"max_delete: 0": "max_delete is a whole number", "max_delete: x": "max_delete is a string", "protect: [alarm]": "cannot be protected",
		"protect: alarms": "protect is a string", "regions: eu-west-1": "regions is a string", "override: {alarms: {x: {}}}": "which alarms does not have",
		"override: {name: x}": "unknown key", "home_region: x": "none of the environment's regions", "set: {x: 1}": "no parameter",
	} {
		if _, ps := lowered(t, env(in), lower.Options{}); len(ps) == 0 || !strings.Contains(ps[0].Message, want) {
			t.Errorf("%s: %v, want %q", in, ps, want)
		}
	}
	s, ps := lowered(t, env("max_delete: 3, protect: [alarms]"), lower.Options{})
	if len(ps) > 0 || s.MaxDelete != 3 || len(s.Protect) != 1 {
		t.Errorf("%+v %v", s, ps)
	}
}
