package main

import (
	"errors"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/lower"
	"github.com/sidelight-dev/sidelight/internal/query"
)

// The metrics of "metrics get" are written as in the conditions of a recipe: what
// one takes the other does, and both see the same metric.
func TestOperandsAreThoseOfRecipes(t *testing.T) {
	noExpr := func(*expr.Expr) (expr.Value, error) { return expr.Value{}, errors.New("no expressions here") }
	for _, text := range []string{
		"avg(AWS/ECS:CPUUtilization)", "p99.9(Shop:ms{route=/pay, env = prod })", `sum(Shop:"a (b)"{x="}, \""})`, "tm(10%:90%)(Shop:ms)", "pr(:300)(Shop:ms{})",
		"max( Shop : ms )", "avg(Shop:ms", "avg(Shop)", "avg(:ms)", "avg(Shop:ms{a})", "avg(Shop:ms{a=})", "avg(Shop:ms{a=1,})", `avg(Shop:ms{a="1})`, "avg(Shop:ms{=1})",
		"avg(Shop:ms{a=1}{b=2})", "avg(Shop:a:b)", "avg(Shop:ms{a=b=c})",
	} {
		o, err := query.ParseOperand(text, "")
		c, whenErr := lower.ParseWhen(text+" > 1", noExpr)
		// A recipe may also name a metric of its own, by a word without a colon.
		if whenErr == nil && c.Ident != "" {
			whenErr = errors.New("the id of a metric")
		}
		if (err == nil) != (whenErr == nil) {
			t.Errorf("%q: metrics get says %v, a recipe %v", text, err, whenErr)
			continue
		}
		if err != nil {
			continue
		}
		m := query.Metric{Namespace: c.Namespace, Name: c.Name}
		for _, d := range c.Dims {
			m.Dimensions = append(m.Dimensions, query.Dimension{Name: d.Name, Value: d.Value})
		}
		stat, ok := query.Statistic(c.Stat)
		if o.Metric.String() != m.String() || o.Stat != stat || !ok {
			t.Errorf("%q: metrics get sees %s %v, a recipe %s %v", text, o.Stat, o.Metric, c.Stat, m)
		}
	}
}
