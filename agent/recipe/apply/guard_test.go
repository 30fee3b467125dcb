package apply_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/agent/recipe/apply"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/agent/recipe/recipetest"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

func TestDeleteBrake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		applied(t, cw, load(t, shop(10, 1), 1))
		p := makePlan(t, cw, load(t, shop(7, 1), 2))
		_, err := apply.Run(t.Context(), clients(cw), p, apply.Options{})
		if plan.ExitCode(err) != exit.Refused || len(cw.Names()) != 10 {
			t.Errorf("apply: %v, %d alarms", err, len(cw.Names()))
		}
		if r, err := apply.Run(t.Context(), clients(cw), p, apply.Options{AllowDelete: 3}); err != nil || r.ExitCode() != exit.Done || len(cw.Names()) != 7 {
			t.Errorf("apply with allowance: %v, %d alarms", err, len(cw.Names()))
		}
	})
}

func TestProtection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		guarded := strings.Replace(shop(2, 1), "regions: [us-east-1]", "regions: [us-east-1], protect: [alarms]", 1)
		applied(t, cw, load(t, guarded, 1))
		p := makePlan(t, cw, load(t, strings.Replace(shop(1, 1), "regions: [us-east-1]", "regions: [us-east-1], protect: [alarms]", 1), 2))
		if _, err := apply.Run(t.Context(), clients(cw), p, apply.Options{AllowDelete: 9}); plan.ExitCode(err) != exit.Refused {
			t.Errorf("apply: %v", err)
		}
		d, err := plan.MakeDestroy(t.Context(), clients(cw), load(t, guarded, 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := apply.Run(t.Context(), clients(cw), d, apply.Options{Confirm: "shop/dev"}); plan.ExitCode(err) != exit.Refused || len(cw.Names()) != 2 {
			t.Errorf("destroy: %v", err)
		}
	})
}

func TestDestroy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		s := load(t, shop(12, 1), 1)
		applied(t, cw, s)
		p, err := plan.MakeDestroy(t.Context(), clients(cw), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := apply.Run(t.Context(), clients(cw), p, apply.Options{}); plan.ExitCode(err) != exit.Refused {
			t.Errorf("unconfirmed: %v", err)
		}
		// One loses its mark before the destroy gets there.
		cw.Change("shop-dev-a3", func(_ *types.MetricAlarm, tags map[string]string) { delete(tags, norm.TagRecipe) })
		if _, err := apply.Run(t.Context(), clients(cw), p, apply.Options{Confirm: "shop/dev"}); plan.ExitCode(err) != exit.Refused {
			t.Errorf("stale: %v", err)
		}
		p, err = plan.MakeDestroy(t.Context(), clients(cw), s)
		if err != nil {
			t.Fatal(err)
		}
		r, err := apply.Run(t.Context(), clients(cw), p, apply.Options{Confirm: "shop/dev"})
		if err != nil || r.ExitCode() != exit.Done {
			t.Fatalf("destroy: %v %+v", err, r)
		}
		if got := cw.Names(); !slices.Equal(got, []string{"shop-dev-a3"}) {
			t.Errorf("left = %v", got)
		}
	})
}

// Two that apply the same recipe at the same time both end well.
func TestTwoAppliersConverge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		cw.Lag = time.Second
		applied(t, cw, load(t, shop(6, 1), 1))
		next := load(t, shop(8, 2), 2)
		first, second := makePlan(t, cw, next), makePlan(t, cw, next)
		var wg sync.WaitGroup
		for _, p := range []*plan.Plan{first, second} {
			wg.Go(func() {
				r, err := apply.Run(t.Context(), clients(cw), p, apply.Options{})
				if err != nil || r.ExitCode() != exit.Done {
					t.Errorf("apply: %v %+v", err, r)
				}
			})
		}
		wg.Wait()
		empty(t, cw, next)
	})
}

func TestClientOfAnotherRegionIsRefused(t *testing.T) {
	s := load(t, shop(1, 1), 1)
	cw := recipetest.New()
	c := plan.Clients{APIs: live.APIs{CloudWatch: pace.New(cloudwatch.New(cloudwatch.Options{Region: "eu-west-1"})), Tagging: cw}, Identity: cw}
	if _, err := plan.Make(t.Context(), c, s); plan.ExitCode(err) != exit.Refused {
		t.Errorf("plan: %v", err)
	}
}
