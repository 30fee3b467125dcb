package cloudwatch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/fxamacker/cbor/v2"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatch"
	"github.com/sidelight-dev/sidelight/exporters/exportertest"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

func open(t *testing.T, cfg aws.Config) sidelight.Exporter {
	t.Helper()
	x, err := cloudwatch.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func datum(n, size int) sidelight.Event {
	p := sidelight.Point{Name: strings.Repeat("m", min(size, 250)), Time: int64(n) * 1000, Values: []float64{float64(n)}, Counts: []float64{1}}
	return sidelight.Event{Time: p.Time, Body: cloudwatch.AppendDatum(nil, &p)}
}

func TestContract(t *testing.T) {
	exportertest.Run(t, exportertest.Suite{New: open, Event: datum, Dest: sidelight.Dest{Group: "App"}})
}

func TestDatum(t *testing.T) {
	p := sidelight.Point{
		Name: "took", Unit: "Milliseconds", Time: 1_795_348_800_500, Resolution: 1,
		Dimensions: []sidelight.Dimension{{Name: "route", Value: "/x"}},
		Values:     []float64{1.5, 2}, Counts: []float64{3, 1},
	}
	var got map[string]any
	if err := cbor.Unmarshal(cloudwatch.AppendDatum(nil, &p), &got); err != nil {
		t.Fatal(err)
	}
	if got["MetricName"] != "took" || got["StorageResolution"] != uint64(1) || len(got["Values"].([]any)) != 2 || got["Counts"].([]any)[0] != uint64(3) {
		t.Errorf("datum reads as %v", got)
	}
	if at := got["Timestamp"].(time.Time).UnixMilli(); at != p.Time {
		t.Errorf("time %d, want %d", at, p.Time)
	}
}

// What the aggregate hands out comes back from the sandbox, to the digit.
func TestSandbox(t *testing.T) {
	s := sandboxtest.New(t)
	x := open(t, sandboxtest.Config(s))
	at := time.Now().Add(-5 * time.Minute).Truncate(time.Minute)
	points := []sidelight.Point{
		{Name: "took", Unit: "Milliseconds", Values: []float64{10, 20, 90}, Counts: []float64{8, 1, 1}},
		{Name: "requests", Unit: "Count", Values: []float64{7}, Counts: []float64{1}, Dimensions: []sidelight.Dimension{{Name: "route", Value: "/x"}}},
		{Name: "folded", Stats: sidelight.Stats{Count: 4, Sum: 10, Min: 1, Max: 5}},
	}
	var events []sidelight.Event
	for i := range points {
		points[i].Time = at.UnixMilli()
		events = append(events, sidelight.Event{Time: points[i].Time, Body: cloudwatch.AppendDatum(nil, &points[i])})
	}
	for _, gzip := range []bool{false, true} {
		for _, b := range exportertest.Pack(t, x, sidelight.Dest{Group: "App"}, events, gzip) {
			if r, err := x.Export(t.Context(), b); err != nil || r.Accepted != 3 {
				t.Fatalf("receipt %+v, %v", r, err)
			}
		}
	}
	client := sdk.NewFromConfig(sandboxtest.Config(s))
	// Both requests were taken: sums and counts are twice those of the points.
	for _, c := range []struct {
		name, stat string
		dims       []types.Dimension
		want       float64
	}{
		{"took", "Sum", nil, 380},
		{"took", "SampleCount", nil, 20},
		{"took", "p50", nil, 10},
		{"took", "Maximum", nil, 90},
		{"requests", "Sum", []types.Dimension{{Name: aws.String("route"), Value: aws.String("/x")}}, 14},
		{"folded", "Average", nil, 2.5},
	} {
		out, err := client.GetMetricData(t.Context(), &sdk.GetMetricDataInput{
			StartTime: aws.Time(at), EndTime: aws.Time(at.Add(time.Minute)),
			MetricDataQueries: []types.MetricDataQuery{{Id: aws.String("m"), MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String(c.name), Dimensions: c.dims},
				Period: aws.Int32(60), Stat: aws.String(c.stat),
			}}},
		})
		if err != nil || len(out.MetricDataResults[0].Values) != 1 || out.MetricDataResults[0].Values[0] != c.want {
			t.Errorf("%s(%s) = %+v, %v; want %v", c.stat, c.name, out.MetricDataResults, err, c.want)
		}
	}
}
