// Package catalogue knows the metrics that AWS and the agent publish: their
// units, the dimension sets they come in, and which of them are absent rather
// than zero. Its data is metrics.json, taken from the metric tables of the
// services' user guides.
package catalogue

import (
	_ "embed"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
)

//go:embed metrics.json
var builtin []byte

// Catalogue is a set of namespaces. It is never changed after it was read.
type Catalogue struct {
	namespaces map[string]Namespace
}

// Namespace describes the metrics of one CloudWatch namespace.
type Namespace struct {
	// Open namespaces have further metrics, and dimensions by configuration.
	Open bool `json:"open"`
	// Dimensions are the sets of dimension names, each sorted.
	Dimensions [][]string        `json:"dimensions"`
	Metrics    map[string]Metric `json:"metrics"`
}

// Metric describes one metric.
type Metric struct {
	// Unit is CloudWatch's name for it: "Seconds", "Percent", "None".
	Unit string `json:"unit"`
	// Sparse metrics have no datapoint where others would have a zero.
	Sparse bool `json:"sparse"`
}

// Builtin returns the catalogue that the product ships.
func Builtin() *Catalogue {
	c := &Catalogue{}
	if err := json.Unmarshal(builtin, &c.namespaces); err != nil {
		panic("BUG: read metric catalogue: " + err.Error())
	}
	for _, n := range c.namespaces {
		for _, d := range n.Dimensions {
			slices.Sort(d)
		}
	}
	return c
}

// Namespace returns a namespace and whether the catalogue describes it.
func (c *Catalogue) Namespace(name string) (Namespace, bool) {
	n, ok := c.namespaces[name]
	return n, ok
}

// Names returns the names of the namespaces.
func (c *Catalogue) Names() []string { return slices.Sorted(maps.Keys(c.namespaces)) }

// Metric returns a metric and whether it is known.
func (c *Catalogue) Metric(namespace, name string) (Metric, bool) {
	m, ok := c.namespaces[namespace].Metrics[name]
	return m, ok
}

// HasDimensions reports whether a metric of the namespace may come with exactly
// these dimension names.
func (n Namespace) HasDimensions(names []string) bool {
	if n.Open {
		return true
	}
	want := slices.Sorted(slices.Values(names))
	return slices.ContainsFunc(n.Dimensions, func(d []string) bool { return slices.Equal(d, want) })
}

// Sets writes the dimension sets for a message.
func (n Namespace) Sets() string {
	var parts []string
	for _, d := range n.Dimensions {
		if len(d) == 0 {
			parts = append(parts, "none")
			continue
		}
		parts = append(parts, "{"+strings.Join(d, ", ")+"}")
	}
	return strings.Join(parts, ", ")
}

// unitNames maps what a recipe may write to CloudWatch's names.
func unitNames() map[string]string {
	return map[string]string{
		"seconds": "Seconds", "s": "Seconds", "milliseconds": "Milliseconds", "ms": "Milliseconds", "microseconds": "Microseconds", "us": "Microseconds",
		"bytes": "Bytes", "kilobytes": "Kilobytes", "megabytes": "Megabytes", "gigabytes": "Gigabytes", "terabytes": "Terabytes",
		"bits": "Bits", "kilobits": "Kilobits", "megabits": "Megabits", "gigabits": "Gigabits", "terabits": "Terabits",
		"percent": "Percent", "count": "Count", "none": "None",
		"bytes/second": "Bytes/Second", "kilobytes/second": "Kilobytes/Second", "megabytes/second": "Megabytes/Second", "gigabytes/second": "Gigabytes/Second",
		"bits/second": "Bits/Second", "count/second": "Count/Second",
	}
}

// Unit returns CloudWatch's name for a unit as a recipe writes it.
func Unit(name string) (string, bool) {
	u, ok := unitNames()[strings.ToLower(name)]
	return u, ok
}

// UnitNames lists the units that a recipe may name.
func UnitNames() []string { return slices.Sorted(maps.Keys(unitNames())) }

// per says how many seconds or bytes one of a metric's unit is.
func per(unit string) (expr.Kind, *big.Rat) {
	switch unit {
	case "Seconds":
		return expr.Duration, big.NewRat(1, 1)
	case "Milliseconds":
		return expr.Duration, big.NewRat(1, 1e3)
	case "Microseconds":
		return expr.Duration, big.NewRat(1, 1e6)
	case "Percent":
		return expr.Percent, big.NewRat(1, 1)
	case "Count/Second":
		return expr.Rate, big.NewRat(1, 1)
	}
	// CloudWatch's kilobytes are not defined to be 1,000 or 1,024 bytes; those
	// of Container Insights are binary, which is what is published most.
	size := strings.TrimSuffix(unit, "/Second")
	for i, name := range []string{"Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes"} {
		if size == name {
			return expr.Bytes, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(10*i)))
		}
	}
	return expr.Number, nil
}

// Convert returns a quantity in a metric's unit. A number without a unit is
// taken as it is. It reports false if the quantity's kind does not fit the unit.
func Convert(v expr.Value, unit string) (*big.Rat, bool) {
	if v.Kind == expr.Number {
		return v.Rat, true
	}
	kind, one := per(unit)
	if kind != v.Kind || one == nil {
		return nil, false
	}
	return new(big.Rat).Quo(v.Rat, one), true
}

// Short returns the symbol of a unit for people: "s", "%", "".
func Short(unit string) string {
	switch unit {
	case "Seconds":
		return "s"
	case "Milliseconds":
		return "ms"
	case "Microseconds":
		return "us"
	case "Percent":
		return "%"
	case "Bytes":
		return "B"
	case "Kilobytes":
		return "KiB"
	case "Megabytes":
		return "MiB"
	case "Gigabytes":
		return "GiB"
	case "Bytes/Second":
		return "B/s"
	case "Count/Second":
		return "/s"
	}
	return ""
}
