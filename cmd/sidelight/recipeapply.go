//go:build !agentonly

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/recipe/apply"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

// applyFlags are those of apply and destroy.
type applyFlags struct {
	*recipeFlags
	yes         bool
	allowDelete int
}

func (a *app) applyCommand() *cobra.Command {
	f := &applyFlags{}
	cmd := &cobra.Command{
		Use:   "apply RECIPE|PLAN",
		Short: "Make AWS what a recipe says",
		Long: `Plans, asks, and carries the plan out; a saved plan is carried out as it is, if
nothing has changed since. Nothing is touched that the recipe does not own. Exit
code 3 if a guard refuses, 4 if only some changes were made.`,
		Example: `  sidelight apply shop.yaml --sandbox
  sidelight apply shop.plan.json --yes`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: recipeFile,
	}
	f.recipeFlags = addRecipeFlags(cmd)
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().IntVar(&f.allowDelete, "allow-delete", 0, "allow `N` deletions, whatever the recipe's brake says")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		saved, err := savedPlan(args[0])
		switch {
		case errors.Is(err, os.ErrNotExist):
			return usage("%v", err)
		case err != nil:
			return err
		case saved != nil:
			return a.applySaved(cmd.Context(), saved, f)
		}
		return a.applyRecipe(cmd.Context(), args[0], f, plan.Make)
	}
	return cmd
}

func (a *app) destroyCommand() *cobra.Command {
	f := &applyFlags{}
	cmd := &cobra.Command{
		Use:   "destroy RECIPE",
		Short: "Delete what a recipe owns",
		Long: `Deletes what is provably of the recipe and the environment, and nothing else.
Log groups stay, with what they hold, unless the recipe lets them go. It asks
for the name of the stack, recipe/env, unless --yes.`,
		Example: `  sidelight destroy shop.yaml --sandbox
  sidelight destroy shop.yaml --env dev --yes`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: recipeFile,
	}
	f.recipeFlags = addRecipeFlags(cmd)
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.applyRecipe(cmd.Context(), args[0], f, plan.MakeDestroy)
	}
	return cmd
}

type makePlan = func(context.Context, plan.Clients, *ir.Stack) (*plan.Plan, error)

// applyRecipe plans and applies in each region of the environment, and stops at
// the first where not all went well.
func (a *app) applyRecipe(ctx context.Context, path string, f *applyFlags, makePlan makePlan) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	ts, err := a.targets(ctx, path, f.recipeFlags)
	if err != nil {
		return planError(err)
	}
	if asJSON {
		if err := one(ts, "a report as a document"); err != nil {
			return err
		}
	}
	for _, t := range ts {
		p, err := makePlan(ctx, t.clients, t.stack)
		if err != nil {
			return planError(err)
		}
		if err := a.applyPlan(ctx, t.clients, p, f); err != nil {
			return err
		}
	}
	return nil
}

// applySaved carries out a plan that was saved.
func (a *app) applySaved(ctx context.Context, p *plan.Plan, f *applyFlags) error {
	if f.env != "" || len(f.params) > 0 {
		return usage("a saved plan has its environment and parameters: --env and --param go with a recipe")
	}
	cfg, err := a.regionConfig(ctx, p.Stack.Region)
	if err != nil {
		return err
	}
	c := plan.NewClients(cfg)
	return a.applyPlan(ctx, c, p, f)
}

// applyPlan shows a plan, asks, and carries it out.
func (a *app) applyPlan(ctx context.Context, c plan.Clients, p *plan.Plan, f *applyFlags) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	if !asJSON {
		if err := a.printPlan(p, false, false); err != nil {
			return err
		}
	}
	if err := p.Refusal(f.allowDelete); err != nil {
		// The plan has told the reasons, but not with deletions allowed.
		return planError(err)
	}
	o := apply.Options{AllowDelete: f.allowDelete}
	if p.Changed() && !f.yes {
		if err := a.confirmPlan(ctx, p); err != nil {
			return err
		}
	}
	if p.Destroy {
		o.Confirm = p.Stack.ID()
	}
	done, total := 0, 0
	for _, ch := range p.Changes {
		if ch.Action != plan.None {
			total++
		}
	}
	pr := a.progress()
	o.Progress = func(s apply.Step) {
		done++
		pr.show("%d of %d  %s %s", done, total, s.Action, s.Name)
	}
	report, err := apply.Run(ctx, c, p, o)
	pr.clear()
	if report == nil {
		return planError(err)
	}
	return a.printReport(report, asJSON, err)
}

func (a *app) printReport(r *apply.Report, asJSON bool, err error) error {
	if asJSON {
		if err := a.printJSON(r); err != nil {
			return err
		}
	} else if len(r.Steps) > 0 {
		fmt.Fprintln(a.out)
		if err := r.WriteText(a.out); err != nil {
			return err
		}
	}
	if err != nil {
		return planError(err)
	}
	if code := r.ExitCode(); code != exit.Done {
		return &codeError{code: code}
	}
	return nil
}

// confirmPlan asks for a yes, or for the name of a stack that is to be destroyed.
func (a *app) confirmPlan(ctx context.Context, p *plan.Plan) error {
	if p.Destroy {
		answer, err := a.ask(ctx, fmt.Sprintf("\nType %s to delete it: ", p.Stack.ID()), "--yes")
		if err != nil {
			return err
		}
		if answer != p.Stack.ID() {
			return &codeError{code: exit.Refused, err: fmt.Errorf("not confirmed: nothing was deleted")}
		}
		return nil
	}
	yes, err := a.confirm(ctx, "\nApply these changes?", "--yes")
	if err != nil {
		return err
	}
	if !yes {
		return &codeError{code: exit.Refused, err: fmt.Errorf("not confirmed: nothing was changed")}
	}
	return nil
}
