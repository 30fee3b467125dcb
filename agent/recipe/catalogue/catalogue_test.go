package catalogue_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/recipe/catalogue"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
)

// The data keeps CloudWatch's own rules: unit names, sorted dimension sets.
func TestBuiltin(t *testing.T) {
	c := catalogue.Builtin()
	for _, want := range []string{"AWS/ECS", "AWS/ApplicationELB", "AWS/SQS", "AWS/Lambda", "AWS/RDS", "AWS/DynamoDB", "AWS/ApiGateway", "AWS/Logs", "CWAgent", "ECS/ContainerInsights", "Sidelight/Agent", "Sidelight/Traces"} {
		if !slices.Contains(c.Names(), want) {
			t.Errorf("no namespace %s", want)
		}
	}
	for _, name := range c.Names() {
		n, _ := c.Namespace(name)
		if !n.Open && (len(n.Dimensions) == 0 || len(n.Metrics) == 0) {
			t.Errorf("%s is closed and has no dimension sets or no metrics", name)
		}
		for m, d := range n.Metrics {
			if u, ok := catalogue.Unit(d.Unit); !ok || u != d.Unit {
				t.Errorf("%s:%s has the unit %q", name, m, d.Unit)
			}
		}
		for _, d := range n.Dimensions {
			if !slices.IsSorted(d) || len(slices.Compact(slices.Clone(d))) != len(d) || !n.HasDimensions(d) {
				t.Errorf("%s has the dimension set %v", name, d)
			}
		}
	}
	ecs, _ := c.Namespace("AWS/ECS")
	if !ecs.HasDimensions([]string{"ServiceName", "ClusterName"}) || ecs.HasDimensions([]string{"ServiceName"}) || ecs.HasDimensions(nil) {
		t.Error("AWS/ECS has the wrong dimension sets")
	}
	if got := ecs.Sets(); got != "{ClusterName}, {ClusterName, ServiceName}" {
		t.Errorf("sets = %s", got)
	}
}

func TestConvert(t *testing.T) {
	for in, want := range map[string]string{
		"500ms Seconds": "0.5", "500ms Milliseconds": "500", "2m Microseconds": "120000000", "5 Seconds": "5", "5 ": "5", "20% Percent": "20",
		"2GiB Bytes": "2147483648", "1GiB Megabytes": "1024", "1GiB Gigabytes": "1", "1MiB Bytes/Second": "1048576", "10/s Count/Second": "10",
		"5% Seconds": "", "5s Percent": "", "5s None": "", "5s ": "", "1GiB Count": "", "5/s Count": "", "5% None": "",
	} {
		text, unit, _ := strings.Cut(in, " ")
		q, ok := expr.Quantity(text)
		if !ok {
			t.Fatal(text)
		}
		got := ""
		if r, ok := catalogue.Convert(q, unit); ok {
			got = expr.Decimal(r)
		}
		if got != want {
			t.Errorf("%s in %q = %q, want %q", text, unit, got, want)
		}
	}
}
