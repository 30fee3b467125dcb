// Package lower resolves a recipe's tree for one environment, account and
// region into the intermediate representation. It is the only place that gives
// meaning to the text of a recipe, and it reports every problem that it finds.
package lower

import (
	"cmp"
	"fmt"
	"maps"
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

// environment chooses the environment and lays its overrides over the recipe.
// It reports false if there is none to go on with.
func (l *lowerer) environment() bool {
	envs := l.root.Get("environments")
	if envs != nil && !l.want(envs, ast.Map, "environments") {
		return false
	}
	names := Environments(l.root)
	l.environmentBlocks(envs)
	if l.opts.Env == "" && len(names) == 1 {
		l.opts.Env = names[0]
	}
	switch {
	case l.opts.Env == "":
		p := l.add("R2005", l.root.Range(), "which environment? The recipe has %d", len(names))
		p.Notes = append(p.Notes, "name one with --env: "+strings.Join(names, ", "))
		return false
	case envs == nil && !envName.MatchString(l.opts.Env):
		l.add("R2005", l.root.Range(), "the environment %q is not 1 to 40 lower-case letters, digits and hyphens that begin with a letter", l.opts.Env)
		return false
	case envs != nil && !slices.Contains(names, l.opts.Env):
		suggest(l.add("R2005", l.root.Key("environments").Range(), "the recipe has no environment %q", l.opts.Env), l.opts.Env, names)
		return false
	}
	l.stack.Env = l.opts.Env
	if l.env = envs.Get(l.opts.Env); l.env == nil || l.env.Kind != ast.Map {
		l.env = nil
	}
	l.place()
	l.override()
	return true
}

func (l *lowerer) environmentBlocks(envs *ast.Node) {
	if envs == nil {
		return
	}
	for _, e := range envs.Entries {
		if ast.Ignored(e.Key.Text) {
			continue
		}
		if !envName.MatchString(e.Key.Text) {
			l.add("R2005", e.Key.Range(), "the environment %q is not 1 to 40 lower-case letters, digits and hyphens that begin with a letter", e.Key.Text)
		}
		if e.Value.Kind == ast.Null || !l.want(e.Value, ast.Map, "an environment") {
			continue
		}
		l.checkKeys(e.Value, fmt.Sprintf("environment %q", e.Key.Text), envKeys())
		if a := e.Value.Get("account"); a != nil && (a.Kind != ast.String || !accountID.MatchString(a.Text)) {
			p := l.add("R3003", a.Range(), "an account is a string of 12 digits")
			if a.Kind == ast.Number {
				p.Hint, p.Fix = fmt.Sprintf("quote it: %q", a.Text), fmt.Sprintf("%q", a.Text)
			}
		}
		if o := e.Value.Get("override"); o != nil && l.want(o, ast.Map, "override") {
			l.checkKeys(o, "override", overrideKeys())
		}
	}
}

var accountID = lazyregexp.New(`^[0-9]{12}$`)

// place decides on account, region and partition.
func (l *lowerer) place() {
	offline := l.root.Get("context").Get("offline")
	s := l.stack
	s.Account = firstText(l.env.Get("account"), l.contextText("account"), l.opts.Account, offline.Get("account"))
	var regions []string
	if r := l.env.Get("regions"); r != nil && l.want(r, ast.List, "regions") {
		for _, item := range r.Items {
			regions = append(regions, item.Text)
		}
	}
	s.Region = firstText(l.opts.Region, l.contextText("region"))
	switch off := offline.Get("region"); {
	case s.Region != "" && len(regions) > 0 && !slices.Contains(regions, s.Region):
		p := l.add("R2006", l.env.Get("regions").Range(), "environment %q does not live in the region %q", s.Env, s.Region)
		suggest(p, s.Region, regions)
	case s.Region != "":
	case off != nil && (len(regions) == 0 || slices.Contains(regions, off.Text)):
		s.Region = off.Text
	case len(regions) > 0:
		s.Region = regions[0]
	}
	s.Partition = partition(s.Region)
	l.homeRegion(regions)
	if n := l.env.Get("max_delete"); n != nil {
		s.MaxDelete = l.whole(n, 1, 1e6, "max_delete")
	}
	if p := l.env.Get("protect"); p != nil && l.want(p, ast.List, "protect") {
		for _, item := range p.Items {
			kind, ok := protectable()[item.Text]
			if !ok {
				names := slices.Sorted(maps.Keys(protectable()))
				suggest(l.add("R2104", item.Range(), "the kind %q cannot be protected; supported: %s", item.Text, strings.Join(names, ", ")), item.Text, names)
				continue
			}
			s.Protect = append(s.Protect, kind)
		}
	}
}

// homeRegion decides where what is global to the account is declared.
func (l *lowerer) homeRegion(regions []string) {
	if len(regions) > 0 {
		l.home = regions[0]
	}
	n := l.env.Get("home_region")
	if n == nil {
		return
	}
	if !slices.Contains(regions, n.Text) {
		suggest(l.add("R2006", n.Range(), "the home region %q is none of the environment's regions", n.Text), n.Text, regions)
		return
	}
	l.home = n.Text
}

// protectable are the kinds that an environment can protect, as recipes call them.
func protectable() map[string]ir.Kind {
	return map[string]ir.Kind{
		"alarms": ir.MetricAlarmKind, "log-groups": ir.LogGroupKind, "metric-filters": ir.MetricFilterKind, "queries": ir.QueryKind,
		"dashboards": ir.DashboardKind, "xray-groups": ir.XRayGroupKind, "sampling-rules": ir.SamplingRuleKind,
	}
}

// partition is that of the region's name, as AWS documents it.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "eusc-"):
		return "aws-eusc"
	}
	return "aws"
}

func firstText(candidates ...any) string {
	for _, c := range candidates {
		switch c := c.(type) {
		case string:
			if c != "" {
				return c
			}
		case *ast.Node:
			if c != nil && c.Scalar() && c.Text != "" {
				return c.Text
			}
		}
	}
	return ""
}

func (l *lowerer) contextText(key string) string {
	s, _ := l.opts.Context[key].(string)
	return s
}

// override lays the environment's overrides over the blocks of the recipe. An
// id that does not exist is an error, so that a typo leaves nothing in place.
func (l *lowerer) override() {
	over := l.env.Get("override")
	if over == nil || over.Kind != ast.Map {
		return
	}
	unknown := map[*ast.Node]bool{}
	for _, block := range []string{"alarms", "metrics", "actions"} {
		o := over.Get(block)
		if o == nil || !l.want(o, ast.Map, block) {
			continue
		}
		for _, e := range o.Entries {
			if base := l.root.Get(block); base.Get(e.Key.Text) == nil && !ast.Ignored(e.Key.Text) {
				p := l.add("R2105", e.Key.Range(), "override of %q, which %s does not have", e.Key.Text, block)
				suggest(p, e.Key.Text, base.Keys())
				unknown[e.Key] = true
			}
		}
	}
	l.root = ast.Merge(l.root, dropped(over, unknown))
}

// dropped returns the overrides without the entries that have no counterpart.
func dropped(over *ast.Node, unknown map[*ast.Node]bool) *ast.Node {
	out := *over
	out.Entries = nil
	for _, e := range over.Entries {
		if e.Value.Kind == ast.Map {
			block := *e.Value
			block.Entries = slices.DeleteFunc(slices.Clone(block.Entries), func(e ast.Entry) bool { return unknown[e.Key] })
			e.Value = &block
		}
		out.Entries = append(out.Entries, e)
	}
	return &out
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
