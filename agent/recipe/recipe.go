// Package recipe is the declarative half of the product: a YAML file says which
// alarms a service needs, and this package loads it. The packages below it make
// a plan of it and carry the plan out:
//
//	stack, problems := recipe.Load("shop.yaml", recipe.Options{Env: "prod"})
//	p, err := plan.Make(ctx, clients, stack)
//	report, err := apply.Run(ctx, clients, p, apply.Options{})
//
// They build on each other in one direction: ir and expr know nothing of the
// others; ast reads text; catalogue describes metrics; lower turns text into ir;
// norm gives ir and live resources a comparable form; pace calls the API no
// faster than it allows; plan compares; apply writes.
package recipe

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/lower"
)

// Options say what a recipe is resolved for. All fields may be empty.
type Options = lower.Options

// Problems are what is wrong with a recipe. Problems.Err tells whether one of
// them is an error; the rest are warnings.
type Problems = ast.Problems

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
		return nil, Problems{{Code: "R1000", Severity: ast.Error, Message: err.Error(), Range: ast.Range{Pos: ir.Pos{File: path}}}}
	}
	root, ps := ast.Parse(path, text)
	if root == nil && ps.Errors() == 0 {
		ps.Add(ast.Problem{Code: "R1009", Message: "the file is empty", Range: ast.Range{Pos: ir.Pos{File: path}}})
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
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(context.Background(), "git", append([]string{"-C", filepath.Dir(path)}, args...)...)
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

// Describe returns one line about a stack: "orders/prod  222222222222  eu-west-1".
func Describe(s *ir.Stack) string {
	return fmt.Sprintf("%s  %s  %s", s.ID(), s.Account, s.Region)
}
