package apply_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sidelight-dev/sidelight/agent/recipe/apply"
	"github.com/sidelight-dev/sidelight/agent/recipe/recipetest"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

// A process that dies at any write leaves what the next run can finish.
func TestDeathAtEveryWrite(t *testing.T) {
	death := errors.New("killed")
	for _, after := range []bool{false, true} {
		for n := 1; n <= 8; n++ {
			t.Run(fmt.Sprintf("%v/%d", after, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cw := recipetest.New()
					applied(t, cw, load(t, shop(4, 1), 1))
					// Two to change, one of them in tags only, one to add, one to delete.
					text := shop(3, 2, "x-n: 1") + "  b0:\n    when: sum(Shop:E) > 1\n"
					text = strings.Replace(text, "s1, b=c}) > 1", "s1, b=c}) > 7", 1)
					next := load(t, text, 2)
					p := makePlan(t, cw, next)

					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					writes := 0
					hook := func(op string) error {
						if strings.HasPrefix(op, "Describe") || strings.HasPrefix(op, "List") {
							return nil
						}
						if writes++; writes == n {
							cancel(death)
							return death
						}
						return nil
					}
					if after {
						cw.After = hook
					} else {
						cw.Before = hook
					}
					_, err := apply.Run(ctx, clients(cw), p, apply.Options{})
					cw.Before, cw.After = nil, nil
					if err != nil {
						t.Fatal(err)
					}
					applied(t, cw, next)
					if got, want := cw.Names(), []string{"shop-dev-a0", "shop-dev-a1", "shop-dev-a2", "shop-dev-b0"}; !slices.Equal(got, want) {
						t.Errorf("alarms = %v, want %v", got, want)
					}
				})
			})
		}
	}
}

func TestDeathBetweenPutAndTagRetags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		applied(t, cw, load(t, shop(1, 1), 1))
		next := load(t, shop(1, 2), 2)
		p := makePlan(t, cw, next)
		cw.Before = func(op string) error {
			if op == "TagResource" {
				return errors.New("killed")
			}
			return nil
		}
		r, err := apply.Run(t.Context(), clients(cw), p, apply.Options{})
		if err != nil || r.ExitCode() != exit.Failed {
			t.Fatalf("apply: %v %v", r, err)
		}
		cw.Before = nil
		if got, want := classes(makePlan(t, cw, next)), "a0:retag:in-sync"; got != want {
			t.Errorf("plan = %s, want %s", got, want)
		}
		puts := cw.Calls("PutMetricAlarm")
		applied(t, cw, next)
		if cw.Calls("PutMetricAlarm") != puts {
			t.Error("the resume wrote the alarm again")
		}
	})
}

func TestPartialFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		applied(t, cw, load(t, shop(1, 1), 1))
		text := strings.ReplaceAll(shop(3, 1), "  a0:", "  z0:")
		p := makePlan(t, cw, load(t, text, 2))
		puts := 0
		cw.Before = func(op string) error {
			if op != "PutMetricAlarm" {
				return nil
			}
			if puts++; puts == 2 {
				return fmt.Errorf("no permission")
			}
			return nil
		}
		r, err := apply.Run(t.Context(), clients(cw), p, apply.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.ExitCode() != exit.Partial || r.Count(apply.Done) != 2 || r.Count(apply.Failed) != 1 || r.Count(apply.Skipped) != 1 {
			t.Errorf("report = %+v", r.Steps)
		}
		if !slices.Contains(cw.Names(), "shop-dev-a0") {
			t.Error("the old alarm was deleted although a creation had failed")
		}
		var b strings.Builder
		_ = r.WriteText(&b)
		if !strings.Contains(b.String(), "2 done, 1 failed, 1 skipped") {
			t.Errorf("report:\n%s", b.String())
		}
	})
}
