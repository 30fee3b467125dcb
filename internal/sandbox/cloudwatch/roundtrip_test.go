package cloudwatch_test

import (
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// refused are the fields of PutMetricAlarmInput that the sandbox refuses; they
// belong to PromQL alarms.
var refused = map[string]bool{"EvaluationCriteria": true, "EvaluationInterval": true}

// fullAlarms together set every field that is not refused.
func fullAlarms() []*sdk.PutMetricAlarmInput {
	dims := []types.Dimension{{Name: aws.String("b"), Value: aws.String("2")}, {Name: aws.String("a"), Value: aws.String("1")}}
	plain := latencyAlarm()
	plain.AlarmName = aws.String("plain é \"quoted\"")
	plain.ActionConfiguration = &types.ActionConfiguration{AlarmTagsPropagation: &types.AlarmTagsPropagation{Enabled: aws.Bool(true), ExcludedTagKeys: []string{"x"}}}
	plain.ActionsEnabled = aws.Bool(false)
	plain.AlarmDescription = aws.String("describes")
	plain.Dimensions = dims
	plain.EvaluationWindow = &types.EvaluationWindowMemberWallClockWindow{Value: types.WallClockWindow{Timezone: aws.String("Europe/Paris")}}
	plain.InsufficientDataActions = []string{topic}
	plain.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
	plain.TreatMissingData = aws.String("ignore")
	plain.Unit = types.StandardUnitMilliseconds
	plain.WarmUpConfiguration = &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: aws.Int32(7), OnlyStartEvaluatingAfterWarmUpPeriodEnds: aws.Bool(true)}

	percentile := latencyAlarm()
	percentile.AlarmName = aws.String("percentile")
	percentile.Statistic, percentile.ExtendedStatistic = "", aws.String("p99.9")
	percentile.EvaluateLowSampleCountPercentile = aws.String("ignore")
	percentile.EvaluationWindow = &types.EvaluationWindowMemberSlidingWindow{}

	math := &sdk.PutMetricAlarmInput{
		AlarmName: aws.String("math"), Threshold: aws.Float64(-2.5), ComparisonOperator: types.ComparisonOperatorLessThanOrEqualToThreshold,
		EvaluationPeriods: aws.Int32(3), DatapointsToAlarm: aws.Int32(2),
		Metrics: []types.MetricDataQuery{
			{Id: aws.String("m1"), AccountId: aws.String("111111111111"), Label: aws.String("l"), ReturnData: aws.Bool(false), MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String("n"), Dimensions: dims},
				Period: aws.Int32(300), Stat: aws.String("TM(10%:90%)"), Unit: types.StandardUnitCount,
			}},
			{Id: aws.String("e1"), Expression: aws.String("m1 / 2"), Period: aws.Int32(300), ReturnData: aws.Bool(true)},
		},
	}
	return []*sdk.PutMetricAlarmInput{plain, percentile, math, bandAlarm()}
}

// TestEveryFieldComesBack puts alarms through AWS's client and reads them back:
// whatever a field of the input was, DescribeAlarms has it.
func TestEveryFieldComesBack(t *testing.T) {
	c, _ := newClient(t)
	covered := map[string]bool{}
	for _, in := range fullAlarms() {
		if _, err := c.PutMetricAlarm(t.Context(), in); err != nil {
			t.Fatalf("%s: %v", *in.AlarmName, err)
		}
		out, err := c.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmNames: []string{*in.AlarmName}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.MetricAlarms) != 1 {
			t.Fatalf("%s: found %d alarms", *in.AlarmName, len(out.MetricAlarms))
		}
		compareAlarm(t, in, &out.MetricAlarms[0], covered)
		tags, err := c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: out.MetricAlarms[0].AlarmArn})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(in.Tags, tags.Tags, cmpopts.EquateEmpty(), exported); d != "" {
			t.Errorf("%s: tags (-put +got):\n%s", *in.AlarmName, d)
		}
	}
	for f := range reflect.TypeFor[sdk.PutMetricAlarmInput]().Fields() {
		if f.IsExported() && !covered[f.Name] && !refused[f.Name] {
			t.Errorf("the test sets no %s", f.Name)
		}
	}
}

var exported = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && f.Name() == "noSmithyDocumentSerde"
}, cmp.Ignore())

func compareAlarm(t *testing.T, in *sdk.PutMetricAlarmInput, got *types.MetricAlarm, covered map[string]bool) {
	t.Helper()
	put, alarm := reflect.ValueOf(in).Elem(), reflect.ValueOf(got).Elem()
	for f, v := range put.Fields() {
		if !f.IsExported() || v.IsZero() {
			continue
		}
		covered[f.Name] = true
		if f.Name == "Tags" {
			continue // not part of the description
		}
		back := alarm.FieldByName(f.Name)
		if !back.IsValid() {
			t.Errorf("DescribeAlarms has no field %s", f.Name)
			continue
		}
		if d := cmp.Diff(v.Interface(), back.Interface(), exported); d != "" {
			t.Errorf("%s: %s (-put +got):\n%s", *in.AlarmName, f.Name, d)
		}
	}
}

func TestAlarmDefaults(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.DatapointsToAlarm, in.AlarmActions, in.OKActions = nil, nil, nil
	r.mustPut(t, in)
	got := r.alarmState(t, "latency")
	if !*got.ActionsEnabled || got.AlarmActions == nil || got.Dimensions == nil || got.DatapointsToAlarm != nil {
		t.Errorf("enabled %v, actions %v, dimensions %v, datapoints %v; want true, [], [], none",
			*got.ActionsEnabled, got.AlarmActions, got.Dimensions, got.DatapointsToAlarm)
	}
	if want := "arn:aws:cloudwatch:us-east-1:000000000000:alarm:latency"; *got.AlarmArn != want {
		t.Errorf("ARN = %s, want %s", *got.AlarmArn, want)
	}
}
