package apply_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/agent/recipe"
	"github.com/sidelight-dev/sidelight/agent/recipe/apply"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/agent/recipe/recipetest"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

// load resolves the text of a recipe at a revision.
func load(t *testing.T, text string, rev int64) *ir.Stack {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recipe.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, ps := recipe.Load(path, recipe.Options{Env: "dev", Rev: rev})
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// shop is a recipe with n alarms, of which the first has the threshold.
func shop(n int, threshold float64, more ...string) string {
	var b strings.Builder
	b.WriteString("recipe: v1\nname: shop\ntags: {team: shop}\nenvironments: {dev: {account: \"000000000000\", regions: [us-east-1]}}\n")
	b.WriteString("actions: {page: {alarm: [{sns: b}, {sns: a}], ok: [{sns: a}]}}\n")
	for _, m := range more {
		b.WriteString(m + "\n")
	}
	b.WriteString("alarms:\n")
	for i := range n {
		fmt.Fprintf(&b, "  a%d:\n    when: sum(Shop:Errors{service=s%d, b=c}) > %v\n    severity: page\n", i, i, threshold)
		threshold = 1
	}
	return b.String()
}

func clients(cw *recipetest.CloudWatch) plan.Clients {
	return plan.Clients{APIs: live.APIs{CloudWatch: cw, Tagging: cw}, Identity: cw}
}

func makePlan(t *testing.T, cw *recipetest.CloudWatch, s *ir.Stack) *plan.Plan {
	t.Helper()
	p, err := plan.Make(t.Context(), clients(cw), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// applied plans and applies, and checks that nothing is left to do.
func applied(t *testing.T, cw *recipetest.CloudWatch, s *ir.Stack) *plan.Plan {
	t.Helper()
	p := makePlan(t, cw, s)
	r, err := apply.Run(t.Context(), clients(cw), p, apply.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.ExitCode() != exit.Done {
		t.Fatalf("apply: %+v", r.Steps)
	}
	empty(t, cw, s)
	return p
}

func empty(t *testing.T, cw *recipetest.CloudWatch, s *ir.Stack) {
	t.Helper()
	after := makePlan(t, cw, s)
	if after.Changed() || after.ExitCode(true) != exit.Done {
		var b strings.Builder
		_ = after.WriteText(&b, plan.Style{})
		t.Fatalf("the plan after the apply is not empty:\n%s", b.String())
	}
}

func classes(p *plan.Plan) string {
	var out []string
	for _, c := range p.Changes {
		out = append(out, fmt.Sprintf("%s:%s:%s", c.ID, c.Action, c.Class))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestExampleAppliesAndSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		cw.Lag = 2 * time.Second
		s, ps := recipe.Load("../../../examples/recipes/shop.yaml", recipe.Options{Rev: 7})
		if len(ps) > 0 {
			t.Fatal(ps)
		}
		applied(t, cw, s)
		a, tags := cw.Alarm("shop-dev-orders-errors")
		if a == nil || *a.Threshold != 3 || *a.Period != 60 || *a.EvaluationPeriods != 1 || a.Statistic != types.StatisticSum {
			t.Fatalf("orders-errors = %+v", a)
		}
		if got, want := a.AlarmActions, []string{"arn:aws:sns:us-east-1:000000000000:shop-alerts"}; !slices.Equal(got, want) {
			t.Errorf("actions = %v, want %v", got, want)
		}
		if tags["team"] != "shop" || tags[norm.TagRecipe] != "shop" || tags[norm.TagRev] != "7" || !strings.HasPrefix(tags[norm.TagHash], "n1-") {
			t.Errorf("tags = %v", tags)
		}
		if a, _ := cw.Alarm("shop-dev-checkout-slow"); a == nil || *a.Threshold != 500 || *a.ExtendedStatistic != "p99" {
			t.Errorf("checkout-slow = %+v", a)
		}
		if got := cw.Calls("TagResource"); got != 0 {
			t.Errorf("TagResource was called %d times for new alarms", got)
		}
	})
}

func TestUpdateDriftAndOrphans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		applied(t, cw, load(t, shop(3, 1), 1))

		// Another version: Put, then tags.
		two := load(t, shop(3, 2, "x-note: 1"), 2)
		p := makePlan(t, cw, two)
		if got, want := classes(p), "a0:update:skew a1:none:in-sync a2:none:in-sync"; got != want {
			t.Fatalf("plan = %s, want %s", got, want)
		}
		if f := p.Changes[0].Fields; len(f) != 2 || f[1].Path != "Threshold" || f[1].Drift || f[1].Before != 1.0 || f[1].After != 2.0 {
			t.Fatalf("fields = %+v", f)
		}
		applied(t, cw, two)

		// Changed by hand: drift, and mended.
		cw.Change("shop-dev-a0", func(a *types.MetricAlarm, tags map[string]string) {
			a.Threshold = aws.Float64(50)
			a.AlarmActions = nil
			tags["team"] = "other"
			tags["mine"] = "kept"
		})
		p = makePlan(t, cw, two)
		if got, want := classes(p), "a0:update:drift a1:none:in-sync a2:none:in-sync"; got != want {
			t.Fatalf("plan = %s, want %s", got, want)
		}
		for _, f := range p.Changes[0].Fields {
			if !f.Drift {
				t.Errorf("%s is not marked as drift", f.Path)
			}
		}
		applied(t, cw, two)
		if _, tags := cw.Alarm("shop-dev-a0"); tags["team"] != "shop" || tags["mine"] != "kept" {
			t.Errorf("tags after mending = %v", tags)
		}

		// Drift and another version at once: told apart field by field.
		cw.Change("shop-dev-a0", func(a *types.MetricAlarm, _ map[string]string) { a.TreatMissingData = aws.String("breaching") })
		p = makePlan(t, cw, load(t, shop(3, 9), 3))
		if got, want := classes(p), "a0:update:drift+skew a1:none:in-sync a2:none:in-sync"; got != want {
			t.Fatalf("plan = %s, want %s", got, want)
		}
		for _, f := range p.Changes[0].Fields {
			if f.Drift != (f.Path == "TreatMissingData") {
				t.Errorf("%s: drift = %v", f.Path, f.Drift)
			}
		}

		// Removed from the recipe.
		p = applied(t, cw, load(t, shop(2, 9), 4))
		if got := cw.Names(); !slices.Equal(got, []string{"shop-dev-a0", "shop-dev-a1"}) || p.Summary.Delete != 1 {
			t.Errorf("alarms = %v", got)
		}
	})
}

func TestUserTagsThatGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		applied(t, cw, load(t, shop(1, 1, "x-a: 1"), 1))
		cw.Change("shop-dev-a0", func(_ *types.MetricAlarm, tags map[string]string) { tags["foreign"] = "1" })
		without := strings.Replace(shop(1, 1), "tags: {team: shop}", "tags: {}", 1)
		puts := cw.Calls("PutMetricAlarm")
		p := applied(t, cw, load(t, without, 2))
		if got, want := classes(p), "a0:update:skew"; got != want {
			t.Errorf("plan = %s, want %s", got, want)
		}
		if _, tags := cw.Alarm("shop-dev-a0"); tags["team"] != "" || tags["foreign"] != "1" {
			t.Errorf("tags = %v", tags)
		}
		if got := cw.Calls("PutMetricAlarm"); got != puts {
			t.Errorf("a change of tags wrote the alarm")
		}
	})
}

func TestStrangersAreNeverWritten(t *testing.T) {
	stranger := func(tags map[string]string) func(*testing.T, *recipetest.CloudWatch) {
		return func(t *testing.T, cw *recipetest.CloudWatch) {
			in := live.AlarmInput("shop-dev-a0", &ir.MetricAlarm{
				Namespace: "Other", MetricName: "M", Statistic: "Sum", Period: 60, EvaluationPeriods: 1,
				ComparisonOperator: "GreaterThanThreshold", Threshold: aws.Float64(1),
			}, tags)
			if _, err := cw.PutMetricAlarm(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]func(*testing.T, *recipetest.CloudWatch){
		"untagged":      stranger(nil),
		"other recipe":  stranger(map[string]string{norm.TagRecipe: "other", norm.TagEnv: "dev"}),
		"other env":     stranger(map[string]string{norm.TagRecipe: "shop", norm.TagEnv: "prod"}),
		"terraform":     stranger(map[string]string{norm.TagRecipe: "shop", norm.TagEnv: "dev", norm.TagVia: "terraform"}),
		"formation":     stranger(map[string]string{"aws:cloudformation:stack-name": "x", norm.TagRecipe: "shop", norm.TagEnv: "dev"}),
		"composite":     func(_ *testing.T, cw *recipetest.CloudWatch) { cw.PutComposite("shop-dev-a0") },
		"same in style": func(t *testing.T, cw *recipetest.CloudWatch) { identical(t, cw) },
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cw := recipetest.New()
				prepare(t, cw)
				before, tags := cw.Alarm("shop-dev-a0")
				p := makePlan(t, cw, load(t, shop(2, 1), 1))
				if got, want := classes(p), "a0:none:conflict a1:create:missing"; got != want {
					t.Errorf("plan = %s, want %s", got, want)
				}
				_, err := apply.Run(t.Context(), clients(cw), p, apply.Options{})
				if got := plan.ExitCode(err); got != exit.Refused {
					t.Errorf("apply: %v, exit %d", err, got)
				}
				// Nor is it deleted: not as an orphan, and not by a destroy.
				none := strings.Split(shop(1, 1), "alarms:")[0]
				applied(t, cw, load(t, none, 1))
				d, err := plan.MakeDestroy(t.Context(), clients(cw), load(t, shop(2, 1), 1))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := apply.Run(t.Context(), clients(cw), d, apply.Options{Confirm: "shop/dev"}); err != nil {
					t.Fatal(err)
				}
				after, tagsAfter := cw.Alarm("shop-dev-a0")
				if after == nil || fmt.Sprint(before.Threshold, tags) != fmt.Sprint(after.Threshold, tagsAfter) || cw.Calls("DeleteAlarms") != 0 {
					t.Errorf("the stranger was touched: %v %v", after, tagsAfter)
				}
			})
		})
	}
}

func identical(t *testing.T, cw *recipetest.CloudWatch) {
	s := load(t, shop(1, 1), 1)
	if _, err := cw.PutMetricAlarm(t.Context(), live.AlarmInput("shop-dev-a0", s.Resources[0].Body.(*ir.MetricAlarm), nil)); err != nil {
		t.Fatal(err)
	}
}

func TestRevisionsConverge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		newer, older := load(t, shop(2, 5), 20), load(t, shop(3, 4), 10)
		applied(t, cw, older)
		applied(t, cw, newer)
		p := makePlan(t, cw, older)
		if got, want := classes(p), "a0:none:superseded a1:none:in-sync a2:create:missing"; got != want {
			t.Errorf("plan = %s, want %s", got, want)
		}
		_, err := apply.Run(t.Context(), clients(cw), p, apply.Options{})
		if plan.ExitCode(err) != exit.Refused {
			t.Errorf("apply of the older revision: %v", err)
		}
		empty(t, cw, newer)
	})
}

func TestThrottlingIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		n := 0
		cw.Before = func(op string) error {
			if n++; n%3 != 0 {
				return recipetest.Throttled()
			}
			return nil
		}
		start := time.Now()
		applied(t, cw, load(t, shop(20, 1), 1))
		if d := time.Since(start); d < 8*time.Second {
			t.Errorf("20 alarms took %s, faster than two a second", d)
		}
	})
}

func TestWrongAccountIsRefused(t *testing.T) {
	cw := recipetest.New()
	s := load(t, shop(1, 1), 1)
	s.Account = "111111111111"
	if _, err := plan.Make(t.Context(), clients(cw), s); plan.ExitCode(err) != exit.Refused {
		t.Errorf("plan: %v", err)
	}
	p := &plan.Plan{Stack: plan.Stack{Account: "111111111111"}}
	if _, err := apply.Run(t.Context(), clients(cw), p, apply.Options{}); plan.ExitCode(err) != exit.Refused {
		t.Errorf("apply: %v", err)
	}
	if cw.Calls("DescribeAlarms") != 0 {
		t.Error("another account was read")
	}
}

func TestSavedPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		s := load(t, shop(2, 1), 1)
		var b strings.Builder
		if err := makePlan(t, cw, s).WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		p, err := plan.Read(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := apply.Run(t.Context(), clients(cw), p, apply.Options{}); err != nil {
			t.Fatal(err)
		}
		empty(t, cw, s)
		// Again: all is done already. After a change by hand: stale.
		if r, err := apply.Run(t.Context(), clients(cw), p, apply.Options{}); err != nil || r.ExitCode() != exit.Done {
			t.Errorf("second apply: %v", err)
		}
		cw.Change("shop-dev-a1", func(a *types.MetricAlarm, _ map[string]string) { a.Period = aws.Int32(300) })
		if _, err := apply.Run(t.Context(), clients(cw), p, apply.Options{}); plan.ExitCode(err) != exit.Refused {
			t.Errorf("stale plan: %v", err)
		}
	})
}

func TestThousandAlarmsAreReadInFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		s := load(t, shop(1000, 1), 1)
		makePlan(t, cw, s)
		if got := cw.Calls("DescribeAlarms"); got > 25 {
			t.Errorf("%d calls of DescribeAlarms, want at most 25", got)
		}
	})
}

// The fake is what the tests believe CloudWatch to be; its traps are checked.
func TestFakeHasTheTraps(t *testing.T) {
	cw := recipetest.New()
	put := func(tags map[string]string) {
		in := live.AlarmInput("x", &ir.MetricAlarm{Namespace: "N", MetricName: "M", Statistic: "Sum", Period: 60, EvaluationPeriods: 1, ComparisonOperator: "GreaterThanThreshold", Threshold: aws.Float64(1)}, tags)
		if _, err := cw.PutMetricAlarm(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	put(map[string]string{"a": "1"})
	put(map[string]string{"a": "2"})
	if _, tags := cw.Alarm("x"); tags["a"] != "1" {
		t.Errorf("tags in a second Put counted: %v", tags)
	}
	cw.PutComposite("y")
	out, err := cw.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
	if err != nil || len(out.MetricAlarms) != 1 || len(out.CompositeAlarms) != 0 {
		t.Errorf("DescribeAlarms = %+v, %v", out, err)
	}
}
