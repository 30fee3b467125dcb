//go:build !agentonly

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/recipe/drift"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

func (a *app) driftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drift RECIPE",
		Short: "Show what was changed outside a recipe",
		Long: `Compares what a recipe made with what is there, and shows what somebody changed,
deleted or left behind, the worst first: blind alarms may no longer fire or tell
anybody. It writes nothing. Exit code 2 if there is drift.`,
		Example: `  sidelight drift shop.yaml --sandbox
  sidelight drift shop.yaml --env prod -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: recipeFile,
	}
	f := addRecipeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.drift(cmd.Context(), args[0], f)
	}
	return cmd
}

func (a *app) drift(ctx context.Context, path string, f *recipeFlags) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	ts, err := a.targets(ctx, path, f)
	if err != nil {
		return planError(err)
	}
	if asJSON {
		if err := one(ts, "a report as a document"); err != nil {
			return err
		}
	}
	code := exit.Done
	for i, t := range ts {
		p, err := plan.Make(ctx, t.clients, t.stack)
		if err != nil {
			return planError(err)
		}
		r := drift.Of(p, time.Now())
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		if err := a.printDrift(r, asJSON); err != nil {
			return err
		}
		code = max(code, r.ExitCode())
	}
	if code != exit.Done {
		return &codeError{code: code}
	}
	return nil
}

func (a *app) printDrift(r *drift.Report, asJSON bool) error {
	if asJSON {
		return r.WriteJSON(a.out)
	}
	st := a.style()
	return r.WriteText(a.out, plan.Style{Color: st.Color, ASCII: st.ASCII})
}
