package cloudwatch_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatch"
	"github.com/sidelight-dev/sidelight/exporters/exportertest"
	"github.com/sidelight-dev/sidelight/internal/dist"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// sandboxError is what the sandbox's own sketch adds for many values.
const sandboxError = 0.006

// Percentiles that CloudWatch computes are within the error that a distribution
// states; counts, sums, minima and maxima are exact.
func TestPercentiles(t *testing.T) {
	s := sandboxtest.New(t)
	x := open(t, sandboxtest.Config(s))
	client := sdk.NewFromConfig(sandboxtest.Config(s))
	at := time.Now().Add(-5 * time.Minute).Truncate(time.Minute)
	r := rand.New(rand.NewPCG(8, 9))
	for name, c := range map[string]struct {
		next  func() float64
		bound float64
	}{
		"uniform":   {func() float64 { return 1 + 999*r.Float64() }, 1.0 / 32},
		"lognormal": {func() float64 { return math.Exp(3 + r.NormFloat64()) }, 1.0 / 32},
		"bimodal":   {func() float64 { return []float64{2, 3000}[r.IntN(2)] * (1 + 0.3*r.Float64()) }, 1.0 / 128},
		"integers":  {func() float64 { return float64(r.IntN(150)) }, 0},
	} {
		var d dist.Dist
		all, sum := make([]float64, 20_000), 0.0
		for i := range all {
			all[i] = c.next()
			sum += all[i]
			d.Add(all[i], 1)
		}
		slices.Sort(all)
		p := sidelight.Point{Name: name, Time: at.UnixMilli()}
		p.Values, p.Counts = d.Append(nil, nil)
		var events []sidelight.Event
		for part := range p.Parts(cloudwatch.MaxValues) {
			events = append(events, sidelight.Event{Time: p.Time, Body: cloudwatch.AppendDatum(nil, &part)})
		}
		for _, b := range exportertest.Pack(t, x, sidelight.Dest{Group: "App"}, events, true) {
			if _, err := x.Export(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		rank := func(q float64) float64 { return all[int(math.Ceil(q*float64(len(all))))-1] }
		for stat, want := range map[string]float64{
			"p50": rank(0.5), "p90": rank(0.9), "p99": rank(0.99),
			"Sum": sum, "SampleCount": float64(len(all)), "Minimum": all[0], "Maximum": all[len(all)-1],
		} {
			limit := 1e-12
			if stat[0] == 'p' {
				limit = c.bound
				if c.bound > 0 {
					limit += sandboxError
				}
			}
			if got := ask(t, client, name, stat, at); math.Abs(got-want) > limit*want {
				t.Errorf("%s: %s is %v, want %v within %v", name, stat, got, want, limit)
			}
		}
	}
}

// ask returns one statistic of the metric name, in the namespace App.
func ask(t *testing.T, client *sdk.Client, name, stat string, at time.Time) float64 {
	t.Helper()
	out, err := client.GetMetricData(t.Context(), &sdk.GetMetricDataInput{
		StartTime: aws.Time(at), EndTime: aws.Time(at.Add(time.Minute)),
		MetricDataQueries: []types.MetricDataQuery{{Id: aws.String("m"), MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String(name)}, Period: aws.Int32(60), Stat: aws.String(stat),
		}}},
	})
	if err != nil || len(out.MetricDataResults[0].Values) != 1 {
		t.Fatalf("%s of %s: %+v, %v", stat, name, out, err)
	}
	return out.MetricDataResults[0].Values[0]
}
