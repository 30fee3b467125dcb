// Package recipe is the declarative half of the product: a YAML file says which
// alarms, log groups, dashboards and more a service needs, and this package loads
// it. The packages below it make a plan of it and carry the plan out:
//
//	stack, problems := recipe.Load("shop.yaml", recipe.Options{Env: "prod"})
//	p, err := plan.Make(ctx, clients, stack)
//	report, err := apply.Run(ctx, clients, p, apply.Options{})
//
// They build on each other in one direction: ir and expr know nothing of the
// others; ast reads text; catalogue describes metrics; lower turns text into ir;
// norm gives resources a comparable form; pace calls AWS no faster than it allows;
// live reads and writes the resources of each kind; plan compares; apply writes.
package recipe

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/lower"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/internal/problem"
)

// Options say what a recipe is resolved for. All fields may be empty.
type Options = lower.Options

// Syntax checks texts in languages of AWS that recipes carry.
type Syntax = lower.Syntax

// Problems are what is wrong with a recipe. Problems.Err tells whether one of
// them is an error; the rest are warnings. Their codes are stable: R1xxx YAML,
// R2xxx schema and references, R3xxx types and units, R4xxx catalogue, R5xxx AWS
// limits, L lint.
type Problems = problem.Problems

// Load reads the file and resolves it for one environment. The stack may be used
// only if problems.Err() is nil. A file that cannot be read is a problem too.
// If opts.Rev is 0 it is found with [Revision].
func Load(path string, opts Options) (*ir.Stack, Problems) {
	root, ps := read(path)
	if ps.Errors() > 0 {
		return nil, ps
	}
	if opts.Rev == 0 {
		opts.Rev = Revision(path)
	}
	stack, more := lower.Lower(root, opts)
	return stack, append(ps, more...)
}

// Validate reads the file and resolves it for opts.Env, or, if that is empty, for
// every environment it declares. It reports every problem once.
func Validate(path string, opts Options) Problems {
	root, ps := read(path)
	if ps.Errors() > 0 {
		return ps
	}
	envs := []string{opts.Env}
	if declared := lower.Environments(root); opts.Env == "" && len(declared) > 0 {
		envs = declared
	}
	for _, env := range envs {
		opts.Env = env
		_, more := lower.Lower(root, opts)
		ps = append(ps, more...)
	}
	ps.Sort()
	return ps
}

func read(path string) (*ast.Node, Problems) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, Problems{{Code: "R1000", Severity: problem.Error, Message: err.Error(), Range: problem.Range{Pos: ir.Pos{File: path}}}}
	}
	root, ps := ast.Parse(path, text)
	if root == nil && ps.Errors() == 0 {
		ps.Add(problem.Problem{Code: "R1009", Message: "the file is empty", Range: problem.Range{Pos: ir.Pos{File: path}}})
	}
	return root, ps
}

// Revision returns the revision of a recipe file in Unix seconds: the time of
// its last commit if it is in a Git work tree and unchanged since, else the time
// at which the file was last written. It returns 0 if there is no such file.
func Revision(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	git := func(args ...string) (string, error) {
		// A file system monitor of the work tree's configuration would be a
		// program of somebody else's choice.
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", filepath.Dir(path), "-c", "core.fsmonitor=false"}, args...)...)
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	file := filepath.Base(path)
	if changed, err := git("status", "--porcelain", "--", file); err == nil && changed == "" {
		if out, err := git("log", "-1", "--format=%ct", "--", file); err == nil {
			if sec, err := strconv.ParseInt(out, 10, 64); err == nil {
				return sec
			}
		}
	}
	return info.ModTime().Unix()
}

// Place is where an environment lives.
type Place = lower.Place

// Places returns where the recipe's environments live, in the order of the file,
// for a command that works on each of their regions in turn.
func Places(path string) ([]Place, Problems) {
	root, ps := read(path)
	if ps.Errors() > 0 {
		return nil, ps
	}
	return lower.Places(root), ps
}

// Explain prints every field of a resource, by id or name, with its value and
// where in the recipe it was written. It reports false if there is none.
func Explain(w io.Writer, s *ir.Stack, name string) (bool, error) {
	i := slices.IndexFunc(s.Resources, func(r ir.Resource) bool { return r.ID == name || r.Name == name })
	if i < 0 {
		return false, nil
	}
	r := &s.Resources[i]
	form := norm.Of(r.Body, r.Tags, s.Account)
	if _, err := fmt.Fprintf(w, "%s  %s  declared at %s\n", r.Kind().Words(), r.Name, r.Pos); err != nil {
		return true, err
	}
	for _, field := range norm.Fields(r.Kind()) {
		value := form.Field(field)
		if value == "" {
			continue
		}
		origin := "default"
		if p, ok := r.Origins[field]; ok {
			origin = p.String()
		}
		if _, err := fmt.Fprintf(w, "  %-33s %s   (%s)\n", field, value, origin); err != nil {
			return true, err
		}
	}
	return true, nil
}
