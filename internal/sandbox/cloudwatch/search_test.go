package cloudwatch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

func TestSearch(t *testing.T) {
	r := newRig(t)
	for _, m := range []struct{ ns, name, dims string }{
		{"App", "latency", "host=eu-1"},
		{"App", "latency", "host=us-1"},
		{"App", "errors", "host=eu-1"},
		{"App", "latency", "host=eu-1 path=/a"},
		{"App", "latency", ""},
		{"Other", "latency", "host=eu-1"},
	} {
		d := types.MetricDatum{MetricName: aws.String(m.name), Value: aws.Float64(1)}
		for _, pair := range strings.Fields(m.dims) {
			k, v, _ := strings.Cut(pair, "=")
			d.Dimensions = append(d.Dimensions, types.Dimension{Name: &k, Value: &v})
		}
		if _, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: &m.ns, MetricData: []types.MetricDatum{d}}); err != nil {
			t.Fatal(err)
		}
	}
	r.advance(t, time.Minute)
	for search, want := range map[string]string{
		`{App, host}`:                            "eu-1 errors, eu-1 latency, us-1 latency",
		`{App,"host"} MetricName="latency"`:      "eu-1 latency, us-1 latency",
		`{App} latency`:                          "latency",
		`{App, path, host}`:                      "eu-1 /a latency",
		`{App, host} LATE eu`:                    "eu-1 latency",
		`{App, host} "late"`:                     "",
		`{App, host} NOT errors`:                 "eu-1 latency, us-1 latency",
		`{App, host} (eu AND errors) OR us`:      "eu-1 errors, us-1 latency",
		`{App, host} host=us`:                    "us-1 latency",
		`{App, host} host="us"`:                  "",
		`Namespace="Other"`:                      "eu-1 latency",
		`Namespace=app MetricName=err`:           "eu-1 errors",
		`{App, host} NOT (host=eu-1 OR host=us)`: "",
	} {
		out := r.get(t, 0, time.Minute, nil, expressionQuery("e1", "SEARCH('"+search+"', 'Sum', 60)", true))
		var labels []string
		for _, res := range out.MetricDataResults {
			labels = append(labels, *res.Label)
			if len(res.Values) != 1 || *res.Id != "e1" {
				t.Errorf("%s: result %s has %v", search, *res.Id, res.Values)
			}
		}
		if d := cmp.Diff(want, strings.Join(labels, ", ")); d != "" {
			t.Errorf("%s (-want +got):\n%s", search, d)
		}
	}
	got := show(r.get(t, 0, time.Minute, nil, expressionQuery("e1", "SUM(SEARCH('{App, host} latency', 'Sum', 60))", true)).MetricDataResults)
	if d := cmp.Diff([]string{"e1: 12:00=2"}, got); d != "" {
		t.Errorf("sum of a search (-want +got):\n%s", d)
	}
}

func TestSearchErrors(t *testing.T) {
	r := newRig(t)
	for search, want := range map[string]string{
		`SEARCH('', 'Sum', 60)`:                                        "empty",
		`SEARCH('{App', 'Sum', 60)`:                                    "open brace",
		`SEARCH('{App} "x', 'Sum', 60)`:                                "quote",
		`SEARCH('{App} (x', 'Sum', 60)`:                                "open parenthesis",
		`SEARCH('{App} x)', 'Sum', 60)`:                                "unexpected",
		`SEARCH('{App} x OR', 'Sum', 60)`:                              "lacks a word",
		`SEARCH('{App} x', 'Mode', 60)`:                                "not a statistic",
		`SEARCH('{App} x', 'Sum', 61)`:                                 "multiple of 60",
		`SEARCH('{App} ` + strings.Repeat("(", 99) + `', 'Sum', 60)`:   "nested too deeply",
		`SEARCH('{App} ` + strings.Repeat("x", 1030) + `', 'Sum', 60)`: "at most 1024",
	} {
		_, err := r.GetMetricData(t.Context(), &sdk.GetMetricDataInput{
			StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(time.Minute)),
			MetricDataQueries: []types.MetricDataQuery{expressionQuery("e1", search, true)},
		})
		if got := refusal(t, err); got.Shape != badValue || !strings.Contains(got.Message, want) {
			t.Errorf("%.60s: %v, want one about %q", search, got, want)
		}
	}
}
