//go:build !agentonly

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/atomicfile"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

func (a *app) planCommand() *cobra.Command {
	var detailed, all bool
	var out string
	cmd := &cobra.Command{
		Use:   "plan RECIPE",
		Short: "Show what an apply would change",
		Long: `Compares a recipe with what AWS holds and shows what an apply would
change. It writes nothing. With --out the plan is saved for apply.`,
		Example: `  sidelight plan shop.yaml --sandbox
  sidelight plan shop.yaml --env prod --detailed-exitcode --out shop.plan.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: recipeFile,
	}
	f := addRecipeFlags(cmd)
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 if there are changes")
	cmd.Flags().BoolVar(&all, "all", false, "also show what does not change")
	cmd.Flags().StringVar(&out, "out", "", "save the plan to `FILE`, for apply")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		asJSON, err := a.json()
		if err != nil {
			return err
		}
		ts, err := a.targets(ctx, args[0], f)
		if err != nil {
			return planError(err)
		}
		if asJSON || out != "" {
			if err := one(ts, "a plan as a document"); err != nil {
				return err
			}
		}
		code := exit.Done
		for i, t := range ts {
			p, err := plan.Make(ctx, t.clients, t.stack)
			if err != nil {
				return planError(err)
			}
			if i > 0 {
				fmt.Fprintln(a.out)
			}
			if err := a.printPlan(p, asJSON, all); err != nil {
				return err
			}
			if err := a.savePlan(p, out); err != nil {
				return err
			}
			code = max(code, p.ExitCode(detailed))
		}
		if code != exit.Done {
			return &codeError{code: code}
		}
		return nil
	}
	return cmd
}

func (a *app) printPlan(p *plan.Plan, asJSON, all bool) error {
	if asJSON {
		return p.WriteJSON(a.out)
	}
	st := a.style()
	return p.WriteText(a.out, plan.Style{Color: st.Color, ASCII: st.ASCII, All: all})
}

// savePlan writes a plan for apply. It holds names, thresholds and account
// numbers, which are nobody else's business.
func (a *app) savePlan(p *plan.Plan, path string) error {
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := p.WriteJSON(&b); err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	defer root.Close()
	if err := atomicfile.Write(root, filepath.Base(path), b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	a.note("saved to %s: sidelight apply %s", path, path)
	return nil
}

// savedPlan reads the file as a plan. It returns nil if the file is none, and so
// may be a recipe.
func savedPlan(path string) (*plan.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var head struct {
		Format string `json:"format"`
	}
	if json.Unmarshal(text, &head) != nil || !strings.HasPrefix(head.Format, "sidelight.plan/") {
		return nil, nil
	}
	p, err := plan.Read(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
