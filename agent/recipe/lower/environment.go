package lower

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

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
