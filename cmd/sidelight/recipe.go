//go:build !agentonly

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/recipe"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
)

// recipeFlags say what a recipe is resolved for.
type recipeFlags struct {
	env    string
	params []string
}

func addRecipeFlags(cmd *cobra.Command) *recipeFlags {
	f := &recipeFlags{}
	cmd.Flags().StringVarP(&f.env, "env", "e", "", "`ENVIRONMENT` of the recipe; may be left out if it has one")
	cmd.Flags().StringArrayVarP(&f.params, "param", "p", nil, "value of a parameter, `NAME=VALUE`; may be repeated")
	return f
}

// syntax checks what recipes carry with what the sandbox runs.
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

func (f *recipeFlags) options() (recipe.Options, error) {
	o := recipe.Options{Env: f.env, Params: map[string]string{}, Syntax: syntax()}
	for _, p := range f.params {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return o, usage("--param %q: expected name=value", p)
		}
		o.Params[name] = value
	}
	return o, nil
}

// recipeFile completes names of recipes.
func recipeFile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate RECIPE…",
		Short: "Report every problem of recipes",
		Long: `Reads recipes and reports every problem with its place and what was meant, for
one environment or all. It calls nothing. Exit code 2 if a recipe is invalid.`,
		Example: `  sidelight validate shop.yaml
  sidelight validate alarms/*.yaml -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: recipeFile,
	}
	f := addRecipeFlags(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		asJSON, err := a.json()
		if err != nil {
			return err
		}
		o, err := f.options()
		if err != nil {
			return err
		}
		o.Region = a.region
		var all recipe.Problems
		for _, path := range args {
			ps := recipe.Validate(path, o)
			all = append(all, ps...)
			if ps.Errors() == 0 && !asJSON {
				a.note("%s is valid", path)
			}
		}
		if asJSON {
			return a.problemsJSON(all)
		}
		return a.printProblems(all)
	}
	return cmd
}

// target is one stack of a recipe and the clients of the place where it lives.
type target struct {
	stack   *ir.Stack
	clients plan.Clients
}

// targets resolves a recipe for one environment in each of its regions, or in
// that of --region. Where the recipe names its account nothing is called.
func (a *app) targets(ctx context.Context, path string, f *recipeFlags) ([]target, error) {
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	place, err := a.recipePlace(path, o.Env)
	if err != nil {
		return nil, err
	}
	var out []target
	for _, region := range place.Regions {
		cfg, err := a.regionConfig(ctx, region)
		if err != nil {
			return nil, err
		}
		t := target{clients: plan.NewClients(cfg)}
		o.Region = cfg.Region
		if place.Account == "" {
			if o.Account, err = t.clients.Guard(ctx, "", ""); err != nil {
				return nil, err
			}
		}
		stack, ps := recipe.Load(path, o)
		if err := a.printProblems(ps); err != nil {
			return nil, err
		}
		t.stack = stack
		out = append(out, t)
	}
	return out, nil
}

// recipePlace returns where the environment lives. There is at least one region,
// "" for that of the configuration.
func (a *app) recipePlace(path, env string) (recipe.Place, error) {
	places, ps := recipe.Places(path)
	if err := a.printProblems(ps); err != nil {
		return recipe.Place{}, err
	}
	place := recipe.Place{Env: env}
	for _, p := range places {
		if p.Env == env || env == "" && len(places) == 1 {
			place = p
		}
	}
	if a.region != "" || len(place.Regions) == 0 {
		place.Regions = []string{a.region}
	}
	return place, nil
}

// regionConfig is awsConfig for a region, that of the configuration if it is "".
func (a *app) regionConfig(ctx context.Context, region string) (aws.Config, error) {
	if region == "" {
		return a.awsConfig(ctx)
	}
	in := *a
	in.region = region
	return in.awsConfig(ctx)
}

// planError gives an error of planning or applying its exit code, unless it has
// one.
func planError(err error) error {
	if _, has := errors.AsType[*codeError](err); has || err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &codeError{code: plan.ExitCode(err), err: err}
}

// one returns the only target: a command that writes one document needs one.
func one(ts []target, what string) error {
	if len(ts) == 1 {
		return nil
	}
	var regions []string
	for _, t := range ts {
		regions = append(regions, t.stack.Region)
	}
	err := usage("%s is of one region, and the environment lives in %s", what, strings.Join(regions, ", "))
	return &hintError{err: err, hint: "--region " + regions[0]}
}
