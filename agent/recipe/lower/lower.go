// Package lower resolves a recipe's tree for one environment, account and
// region into the intermediate representation. It is the only place that gives
// meaning to the text of a recipe, and it reports every problem that it finds.
package lower

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/catalogue"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/problem"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// Options say what a recipe is resolved for.
type Options struct {
	// Env is one of the recipe's environments. It may be "" if there is one.
	Env string
	// Region is one of the environment's regions. It may be "".
	Region string
	// Account is the account of the credentials in use, for recipes that do not
	// name one. It may be "".
	Account string
	// Context is what is known of the place; nil means the recipe's own
	// context.offline. Values are strings, numbers, bools and maps of them.
	Context map[string]any
	// Params are values of parameters, which win over those of the recipe.
	Params map[string]string
	// Rev is the recipe's revision.
	Rev int64
	// Syntax checks texts in languages of AWS.
	Syntax Syntax
}

// Syntax checks texts in languages of AWS that recipes carry. What is nil is not
// checked before AWS does.
type Syntax struct {
	// Query checks one of Logs Insights.
	Query func(text string) error
	// Traces checks a filter expression of X-Ray.
	Traces func(text string) error
}

// Lower resolves the recipe. The stack is complete only if no problem is an
// error.
func Lower(root *ast.Node, opts Options) (*ir.Stack, problem.Problems) {
	l := &lowerer{opts: opts, root: root, cat: catalogue.Builtin(), stack: &ir.Stack{Rev: opts.Rev, File: root.Pos.File}}
	if root.Kind != ast.Map {
		l.add("R2001", root.Range(), "a recipe is a map of blocks, and this is %s", root.Kind)
		return nil, l.ps
	}
	l.checkKeys(root, "the recipe", topKeys())
	l.header()
	if !l.environment() {
		l.ps.Sort()
		return l.stack, l.ps
	}
	l.scopes()
	l.routes()
	l.metricDefs()
	l.logs()
	l.alarms()
	l.xray()
	l.dashboards()
	l.unique()
	order.By(l.stack.Resources, func(a, b ir.Resource) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), a.Kind().Rank()-b.Kind().Rank())
	})
	l.ps.Sort()
	return l.stack, l.ps
}

// Place is where an environment lives.
type Place struct {
	Env     string
	Account string
	Regions []string
}

// Places returns where the recipe's environments live.
func Places(root *ast.Node) []Place {
	var out []Place
	for _, env := range Environments(root) {
		n := root.Get("environments").Get(env)
		p := Place{Env: env, Account: firstText(n.Get("account"))}
		if r := n.Get("regions"); r != nil {
			for _, item := range r.Items {
				p.Regions = append(p.Regions, item.Text)
			}
		}
		out = append(out, p)
	}
	return out
}

// Environments returns the names of the recipe's environments.
func Environments(root *ast.Node) []string {
	if e := root.Get("environments"); e != nil && e.Kind == ast.Map {
		return visible(e)
	}
	return nil
}

func visible(n *ast.Node) []string {
	return slices.DeleteFunc(n.Keys(), ast.Ignored)
}

type lowerer struct {
	opts  Options
	root  *ast.Node
	cat   *catalogue.Catalogue
	stack *ir.Stack
	ps    problem.Problems
	env   *ast.Node
	scope expr.Scope
	// metrics and actions are the blocks by id and name.
	metrics map[string]*metricDef
	actions map[string]*route
	tags    map[string]string
	// home is the region that has what is global to the account; "" is any.
	home string
	// declared are the ids of the stack's resources, as they stand in the file.
	declared []*ast.Node
}

func (l *lowerer) add(code string, r problem.Range, format string, args ...any) *problem.Problem {
	l.ps.Add(problem.Problem{Code: code, Range: r, Message: fmt.Sprintf(format, args...)})
	return &l.ps[len(l.ps)-1]
}

func (l *lowerer) warn(code string, r problem.Range, format string, args ...any) *problem.Problem {
	p := l.add(code, r, format, args...)
	p.Severity = problem.Warning
	return p
}

// suggest adds the nearest of the valid names to a problem, or all of them.
func suggest(p *problem.Problem, word string, valid []string) {
	if p.Hint, p.Fix = problem.DidYouMean(word, valid); p.Hint != "" {
		return
	}
	if len(valid) > 0 && len(valid) <= 40 {
		p.Notes = append(p.Notes, "there are: "+strings.Join(slices.Sorted(slices.Values(valid)), ", "))
	}
}

// want reports whether n is of a kind, with a problem if it is there and not.
func (l *lowerer) want(n *ast.Node, kind ast.Kind, what string) bool {
	if n == nil {
		return false
	}
	if n.Kind != kind {
		l.add("R2001", n.Range(), "%s is %s, not %s", what, n.Kind, kind)
		return false
	}
	return true
}

var (
	recipeName = lazyregexp.New(`^[a-z][a-z0-9-]{0,39}$`)
	envName    = lazyregexp.New(`^[a-z][a-z0-9-]{0,39}$`)
	itemID     = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_.-]{0,127}$`)
	paramName  = lazyregexp.New(`^[a-z][a-zA-Z0-9_]{0,63}$`)
)

func (l *lowerer) header() {
	switch v := l.root.Get("recipe"); {
	case v == nil:
		p := l.add("R2002", l.root.Range(), "the recipe does not say its language version")
		p.Hint = "add the line recipe: v1"
	case v.Text != "v1" || v.Kind != ast.String:
		l.add("R2002", v.Range(), "the language version %q is not supported; supported: v1", v.Text)
	}
	switch v := l.root.Get("name"); {
	case v == nil:
		l.add("R2003", l.root.Range(), "the recipe has no name")
	case v.Kind != ast.String || !recipeName.MatchString(v.Text):
		l.add("R2003", v.Range(), "the name %q is not 1 to 40 lower-case letters, digits and hyphens that begin with a letter", v.Text)
	default:
		l.stack.Recipe = v.Text
	}
	for _, key := range []string{"owner", "description"} {
		if v := l.root.Get(key); v != nil && v.Kind != ast.String {
			l.add("R2001", v.Range(), "%s is %s, not a string", key, v.Kind)
		}
	}
	if v := l.root.Get("owner"); v != nil {
		l.stack.Owner = v.Text
	}
}

// unique checks that no two resources of a kind have the same name.
func (l *lowerer) unique() {
	first := map[ir.Key]*ir.Resource{}
	for i := range l.stack.Resources {
		r := &l.stack.Resources[i]
		if f, ok := first[r.Key()]; ok {
			p := l.add("R2301", l.declared[i].Range(), "%q and %q are both the %s %q", f.ID, r.ID, r.Kind().Words(), r.Name)
			p.Related = []ir.Pos{f.Pos}
			continue
		}
		first[r.Key()] = r
	}
}
