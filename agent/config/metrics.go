package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/aggregate"
	"github.com/sidelight-dev/sidelight/internal/expr"
)

// MetricRule changes the metrics that match means.
type MetricRule struct {
	Match      Expr          `key:"match" doc:"which metrics: over namespace, name, unit, kind, and dimensions by their names; without it all"`
	Drop       bool          `key:"drop" doc:"leave the metric out"`
	Namespace  string        `key:"namespace" doc:"a new one"`
	Rename     string        `key:"rename" doc:"a new name; {name} stands for the old one"`
	Unit       Unit          `key:"unit" doc:"a new one, such as Milliseconds; values stay as they are"`
	Resolution Resolution    `key:"resolution" doc:"1s or 60s"`
	MaxSeries  int           `key:"max_series" min:"1" max:"1000000" doc:"instead of max_series_per_metric"`
	Dimensions DimensionEdit `key:"dimensions" short:"keep"`
	Rollup     [][]string    `key:"rollup" doc:"sets of dimensions with which the metric is published once more"`
	Via        MetricsVia    `key:"via" doc:"api, emf, otlp or none"`
}

// DimensionEdit changes the dimensions of metrics: keep first, then drop, then add.
type DimensionEdit struct {
	Keep []string  `key:"keep" doc:"those that stay"`
	Drop []string  `key:"drop" doc:"those that go"`
	Add  Templates `key:"add" doc:"names and values; placeholders as in logs.group"`
}

// On reports whether e says anything.
func (e DimensionEdit) On() bool { return e.Keep != nil || len(e.Drop) > 0 || len(e.Add) > 0 }

// DerivedMetric is a metric that is computed from others.
type DerivedMetric struct {
	Name      string  `key:"name"`
	Namespace string  `key:"namespace" doc:"default metrics.namespace"`
	From      string  `key:"from" doc:"namespace of the metrics in value; default namespace"`
	Unit      Unit    `key:"unit"`
	Value     Formula `key:"value" doc:"such as 100 * mem_used / mem_limit; of a metric with values sum, avg, min, max or count"`
}

// Formula is an expression that has a number as its value.
type Formula string

func (f *Formula) parse(text string) error {
	if _, err := expr.ParseFormula(text); err != nil {
		if x, ok := errors.AsType[*expr.Error](err); ok {
			return &placeError{x.Offset, x.Width, x.Msg, x.Hint}
		}
		return err
	}
	*f = Formula(text)
	return nil
}

// Unit is one of CloudWatch's.
type Unit string

func (u *Unit) parse(text string) error {
	units := aggregate.Units()
	if !slices.Contains(units, text) {
		return &choiceError{choices: units}
	}
	*u = Unit(text)
	return nil
}

// Resolution is a storage resolution in seconds.
type Resolution int

func (r *Resolution) parse(text string) error {
	switch text {
	case "1", "1s":
		*r = 1
	case "60", "60s", "1m":
		*r = 60
	default:
		return errors.New("expected 1s or 60s")
	}
	return nil
}

// String returns r as it is written in a file.
func (r Resolution) String() string { return fmt.Sprintf("%ds", int(r)) }

// checkMetrics looks at what is done with metrics.
func (d *decoder) checkMetrics(cfg *Config, clash clashFunc) {
	for i, r := range cfg.Metrics.Rules {
		path := fmt.Sprintf("metrics.rules[%d]", i)
		changes := r.Namespace != "" || r.Rename != "" || r.Unit != "" || r.Resolution != 0 || r.MaxSeries != 0 ||
			r.Dimensions.On() || r.Rollup != nil || r.Via != ""
		switch {
		case r.Drop && changes:
			clash(path+".drop", "what is dropped needs nothing else", "remove drop, or the rest")
		case r.Drop && r.Match == "" && !d.given(path+".match"):
			clash(path, "a rule without match would drop everything", `add match: name = "noise"`)
		case !r.Drop && !changes && !d.spoiled(path):
			clash(path, "changes nothing", "add drop, namespace, rename, unit, resolution, max_series, dimensions, rollup or via")
		}
		for _, x := range r.Dimensions.Add {
			if strings.HasPrefix(x.Name, ":") || strings.TrimSpace(x.Name) == "" {
				clash(path+".dimensions.add", fmt.Sprintf("%q is not a name of a dimension", x.Name), "names are not empty and do not begin with a colon")
			}
		}
	}
	for i, m := range cfg.Metrics.Derived {
		d.checkDerived(fmt.Sprintf("metrics.derived[%d]", i), m, clash)
	}
}

// spoiled reports whether something at path was given that could not be read.
func (d *decoder) spoiled(path string) bool {
	for _, key := range []string{"namespace", "rename", "unit", "resolution", "max_series", "dimensions", "rollup", "via", "drop"} {
		if d.given(path + "." + key) {
			return true
		}
	}
	return false
}

func (d *decoder) checkDerived(path string, m DerivedMetric, clash clashFunc) {
	if m.Name == "" {
		clash(path, "has no name", "add name: mem_used_percent")
	}
	if m.Value == "" && !d.given(path+".value") {
		clash(path, "has no value", "add value: 100 * mem_used / mem_limit")
	}
	f, err := expr.ParseFormula(string(m.Value))
	if err != nil || m.From != "" && m.From != m.Namespace {
		return
	}
	for _, o := range f.Operands() {
		if o.Name == m.Name {
			clash(path+".value", fmt.Sprintf("%s is computed from itself", m.Name), "give the result another name or namespace")
		}
	}
}
