package cloudwatch_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/cloudwatch"
)

const (
	badValue       = "InvalidParameterValueException"
	badCombination = "InvalidParameterCombinationException"
	required       = "MissingRequiredParameterException"
)

func TestPutMetricDataRules(t *testing.T) {
	many := func(n int) []float64 { return make([]float64, n) }
	dims := func(n int) []types.Dimension {
		out := make([]types.Dimension, n)
		for i := range out {
			out[i] = types.Dimension{Name: aws.String("d" + strings.Repeat("x", i)), Value: aws.String("v")}
		}
		return out
	}
	dim := func(name, value string) []types.Dimension {
		return []types.Dimension{{Name: aws.String(name), Value: aws.String(value)}}
	}
	set := func(n, sum, low, high float64) *types.StatisticSet {
		return &types.StatisticSet{SampleCount: &n, Sum: &sum, Minimum: &low, Maximum: &high}
	}
	tests := map[string]struct {
		change func(*sdk.PutMetricDataInput, *types.MetricDatum)
		want   string // shape of the error, empty for none
	}{
		"valid":              {func(*sdk.PutMetricDataInput, *types.MetricDatum) {}, ""},
		"no namespace":       {func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) { in.Namespace = nil }, required},
		"colon namespace":    {func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) { in.Namespace = aws.String(":a") }, badValue},
		"reserved namespace": {func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) { in.Namespace = aws.String("AWS/EC2") }, badValue},
		"long namespace": {func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) {
			in.Namespace = aws.String(strings.Repeat("a", 256))
		}, badValue},
		"control in namespace": {func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) { in.Namespace = aws.String("a\x00b") }, badValue},
		"no data":              {func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) { in.MetricData = nil }, required},
		"1000 datums":          {func(in *sdk.PutMetricDataInput, d *types.MetricDatum) { in.MetricData = repeat(*d, 999) }, ""},
		"1001 datums":          {func(in *sdk.PutMetricDataInput, d *types.MetricDatum) { in.MetricData = repeat(*d, 1000) }, badValue},
		"no name":              {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.MetricName = nil }, required},
		"long name": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.MetricName = aws.String(strings.Repeat("a", 256))
		}, badValue},
		"30 dimensions":          {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Dimensions = dims(30) }, ""},
		"31 dimensions":          {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Dimensions = dims(31) }, badValue},
		"empty dimension value":  {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Dimensions = dim("a", "") }, badValue},
		"blank dimension value":  {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Dimensions = dim("a", "  ") }, badValue},
		"colon dimension":        {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Dimensions = dim(":a", "b") }, badValue},
		"dimension beyond ASCII": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Dimensions = dim("a", "é") }, badValue},
		"long dimension value": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = dim("a", strings.Repeat("v", 1025))
		}, badValue},
		"dimension without value": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = []types.Dimension{{Name: aws.String("a")}}
		}, required},
		"dimension twice": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = append(dim("a", "b"), dim("a", "c")...)
		}, badValue},
		"no value":         {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value = nil }, required},
		"value and values": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Values = []float64{1} }, badCombination},
		"value and set":    {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.StatisticValues = set(1, 1, 1, 1) }, badCombination},
		"values and set": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values, d.StatisticValues = nil, []float64{1}, set(1, 1, 1, 1)
		}, badCombination},
		"counts alone": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value, d.Counts = nil, []float64{1} }, badCombination},
		"150 values":   {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value, d.Values = nil, many(150) }, ""},
		"151 values":   {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Value, d.Values = nil, many(151) }, badValue},
		"counts of another length": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values, d.Counts = nil, many(2), many(3)
		}, badValue},
		"negative count": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values, d.Counts = nil, many(1), []float64{-1}
		}, badValue},
		"NaN":                 {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { *d.Value = math.NaN() }, badValue},
		"infinity":            {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { *d.Value = math.Inf(-1) }, badValue},
		"greatest value":      {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { *d.Value = -math.Ldexp(1, 360) }, ""},
		"beyond the greatest": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { *d.Value = math.Ldexp(1, 361) }, badValue},
		"NaN among values": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values = nil, []float64{1, math.NaN()}
		}, badValue},
		"set": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.StatisticValues = nil, set(3, 6, 1, 3)
		}, ""},
		"set with a hole": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.StatisticValues = nil, &types.StatisticSet{Sum: aws.Float64(1)}
		}, required},
		"set upside down": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.StatisticValues = nil, set(3, 6, 3, 1)
		}, badValue},
		"negative sample count": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.StatisticValues = nil, set(-3, 6, 1, 3)
		}, badValue},
		"two weeks old": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Timestamp = aws.Time(noon.Add(-14 * 24 * time.Hour))
		}, ""},
		"older": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Timestamp = aws.Time(noon.Add(-14*24*time.Hour - time.Second))
		}, badValue},
		"two hours ahead": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Timestamp = aws.Time(noon.Add(2 * time.Hour)) }, ""},
		"further ahead": {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) {
			d.Timestamp = aws.Time(noon.Add(2*time.Hour + time.Second))
		}, badValue},
		"unit":                    {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Unit = types.StandardUnitBytesSecond }, ""},
		"unknown unit":            {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.Unit = "Furlongs" }, badValue},
		"high resolution":         {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.StorageResolution = aws.Int32(1) }, ""},
		"odd resolution":          {func(_ *sdk.PutMetricDataInput, d *types.MetricDatum) { d.StorageResolution = aws.Int32(30) }, badValue},
		"entities without strict": {func(in *sdk.PutMetricDataInput, d *types.MetricDatum) { in.EntityMetricData = entities(1, *d) }, required},
		"entities": {func(in *sdk.PutMetricDataInput, d *types.MetricDatum) {
			in.EntityMetricData, in.StrictEntityValidation = entities(2, *d), aws.Bool(true)
		}, ""},
		"three entities": {func(in *sdk.PutMetricDataInput, d *types.MetricDatum) {
			in.EntityMetricData, in.StrictEntityValidation = entities(3, *d), aws.Bool(true)
		}, badValue},
		"bad datum of an entity": {func(in *sdk.PutMetricDataInput, _ *types.MetricDatum) {
			in.EntityMetricData, in.StrictEntityValidation = entities(1, types.MetricDatum{}), aws.Bool(false)
		}, required},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			// The first datum is good: it must not be stored if the other is bad.
			in := &sdk.PutMetricDataInput{Namespace: aws.String("App")}
			d := types.MetricDatum{MetricName: aws.String("n"), Value: aws.Float64(1)}
			tt.change(in, &d)
			if name != "no data" {
				in.MetricData = append([]types.MetricDatum{{MetricName: aws.String("good"), Value: aws.Float64(1)}}, in.MetricData...)
				if len(in.MetricData) == 1 {
					in.MetricData = append(in.MetricData, d)
				}
			}
			_, err := r.PutMetricData(t.Context(), in)
			stored := 1
			if tt.want != "" {
				stored = 0
				if got := refusal(t, err); got.Shape != tt.want {
					t.Errorf("error = %v, want %s", got, tt.want)
				}
			} else if err != nil {
				t.Errorf("error = %v, want none", err)
			}
			out, err := r.ListMetrics(t.Context(), &sdk.ListMetricsInput{MetricName: aws.String("good")})
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Metrics) != stored {
				t.Errorf("%d metrics of the good datum are stored, want %d", len(out.Metrics), stored)
			}
		})
	}
}

func repeat(d types.MetricDatum, n int) []types.MetricDatum {
	out := make([]types.MetricDatum, n)
	for i := range out {
		out[i] = d
	}
	return out
}

func entities(n int, d types.MetricDatum) []types.EntityMetricData {
	out := make([]types.EntityMetricData, n)
	for i := range out {
		out[i] = types.EntityMetricData{
			Entity:     &types.Entity{KeyAttributes: map[string]string{"Type": "Service", "Name": "n"}},
			MetricData: []types.MetricDatum{d},
		}
	}
	return out
}

func TestQueryCodes(t *testing.T) {
	r := newRig(t)
	_, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{})
	if got := refusal(t, err).QueryCode; got != "MissingParameter" {
		t.Errorf("query code = %q, want MissingParameter", got)
	}
}

func TestReservedNamespacesOption(t *testing.T) {
	r := newRig(t, func(o *cloudwatch.Options) { o.ReservedNamespaces = true })
	_, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{
		Namespace: aws.String("AWS/EC2"), MetricData: []types.MetricDatum{{MetricName: aws.String("n"), Value: aws.Float64(1)}},
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRecord checks the way in from the log service: it takes AWS's namespaces
// and drops what PutMetricData would refuse.
func TestRecord(t *testing.T) {
	r := newRig(t)
	point := func(name string, at time.Time, values ...float64) api.Datapoint {
		return api.Datapoint{Namespace: "AWS/Logs", Name: name, Time: at, Values: values, Counts: make([]float64, len(values)), Dimensions: [][2]string{{"b", "2"}, {"a", "1"}}}
	}
	good := point("good", noon, 5)
	good.Counts[0] = 3
	nan := point("nan", noon, math.NaN())
	nan.Counts[0] = 1
	short := point("short", noon, 1)
	short.Counts = nil
	r.Record(t.Context(), []api.Datapoint{good, nan, short, point("old", noon.Add(-15*24*time.Hour), 1), point("zero", noon, 1)})
	out, err := r.ListMetrics(t.Context(), &sdk.ListMetricsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Metrics) != 1 || *out.Metrics[0].MetricName != "good" {
		t.Fatalf("listed %d metrics, want only good", len(out.Metrics))
	}
	got, err := r.GetMetricStatistics(t.Context(), &sdk.GetMetricStatisticsInput{
		Namespace: aws.String("AWS/Logs"), MetricName: aws.String("good"), Dimensions: out.Metrics[0].Dimensions,
		StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(time.Minute)), Period: aws.Int32(60), Statistics: []types.Statistic{types.StatisticSum},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Datapoints) != 1 || *got.Datapoints[0].Sum != 15 || got.Datapoints[0].Unit != types.StandardUnitNone {
		t.Errorf("datapoints = %+v, want one of sum 15 and unit None", got.Datapoints)
	}
}
