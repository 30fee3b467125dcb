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

// bandAlarm watches App/latency for leaving a band of two deviations.
func bandAlarm() *sdk.PutMetricAlarmInput {
	m1 := metricQuery("m1", true)
	m1.MetricStat.Metric.MetricName = aws.String("latency")
	m1.MetricStat.Stat = aws.String("Average")
	return &sdk.PutMetricAlarmInput{
		AlarmName: aws.String("odd"), EvaluationPeriods: aws.Int32(1), DatapointsToAlarm: aws.Int32(1),
		Metrics:            []types.MetricDataQuery{m1, expressionQuery("b1", "ANOMALY_DETECTION_BAND(m1, 2)", true)},
		ThresholdMetricId:  aws.String("b1"),
		ComparisonOperator: types.ComparisonOperatorLessThanLowerOrGreaterThanUpperThreshold,
	}
}

func TestBandAlarm(t *testing.T) {
	r := newRig(t)
	r.mustPut(t, bandAlarm())
	states := ""
	for _, v := range []float64{10, 12, 10, 12, 10, 12, 30, 11, 1} {
		r.minute(t, v)
		states += string(r.alarmState(t, "odd").StateValue[0])
	}
	// Three points train the model; 30 and, after it widened the band, not 1.
	if want := "IIIOOOAOO"; states != want {
		t.Errorf("states = %s, want %s", states, want)
	}
	out, err := r.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{HistoryItemType: "StateUpdate", ScanBy: "TimestampAscending"})
	if err != nil {
		t.Fatal(err)
	}
	if got := *out.AlarmHistoryItems[1].HistoryData; !strings.Contains(got, `"recentLowerThresholds":[9.0],"recentUpperThresholds":[13.0]`) {
		t.Errorf("history data = %s, want a band from 9 to 13", got)
	}
}

// TestBandData reads the band with GetMetricData: it rests on data before the
// start of the request.
func TestBandData(t *testing.T) {
	r := newRig(t)
	for m, v := range []float64{10, 12, 10, 12, 11} {
		r.putAt(t, noon.Add(time.Duration(m)*time.Minute), v)
	}
	r.advance(t, 5*time.Minute)
	got := show(r.get(t, 4*time.Minute, 5*time.Minute, nil, latency("m1", "Sum", 60), expressionQuery("b1", "ANOMALY_DETECTION_BAND(m1, 3)", true),
		expressionQuery("e1", "m1 - FIRST(b1)", true)).MetricDataResults)
	if d := cmp.Diff([]string{"m1: 12:04=11", "b1: 12:04=8", "b1: 12:04=14", "e1: 12:04=3"}, got); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
}
