package query_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	cw := cloudwatch.NewFromConfig(sandboxtest.Config(w.Server))
	base := time.Now().Truncate(time.Minute).Add(-10 * time.Minute)
	for i, route := range []string{"/pay", "/cart", "/pay"} {
		_, err := cw.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: []types.MetricDatum{{
			MetricName: aws.String("ms"), Value: aws.Float64(float64(10 * (i + 1))), Timestamp: aws.Time(base.Add(time.Duration(i) * time.Minute)),
			Dimensions: []types.Dimension{{Name: aws.String("route"), Value: &route}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		q    query.MetricsQuery
		want []string
		more bool
	}{
		"all":       {query.MetricsQuery{}, []string{"Shop:ms{route=/cart}", "Shop:ms{route=/pay}"}, false},
		"dimension": {query.MetricsQuery{Namespace: "Shop", Dimensions: []query.Dimension{{Name: "route", Value: "/pay"}}}, []string{"Shop:ms{route=/pay}"}, false},
		"limit":     {query.MetricsQuery{Name: "ms", Limit: 1}, []string{"Shop:ms{route=/cart}"}, true},
		"none":      {query.MetricsQuery{Namespace: "Other"}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := w.Metrics.List(t.Context(), tc.q)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range l.Metrics {
				got = append(got, m.String())
			}
			if d := cmp.Diff(tc.want, got); d != "" || l.More != tc.more {
				t.Errorf("more %v, (-want +got):\n%s", l.More, d)
			}
		})
	}
	q := query.DataQuery{From: base, To: base.Add(4 * time.Minute), Period: time.Minute}
	for _, text := range []string{"avg(Shop:ms{route=/pay})", "count(Shop:ms{route=/cart})", "p99(Shop:none)"} {
		o, err := query.ParseOperand(text, "")
		if err != nil {
			t.Fatal(err)
		}
		q.Operands = append(q.Operands, o)
	}
	series, err := w.Metrics.Data(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]float64
	for _, s := range series {
		got = append(got, s.Grid(q.From, q.To, q.Period))
	}
	no := math.NaN()
	want := [][]float64{{10, no, 30, no}, {no, 1, no, no}, {no, no, no, no}}
	if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAutoPeriod(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for name, tc := range map[string]struct{ ago, length, want time.Duration }{
		"an hour":           {time.Hour, time.Hour, time.Minute},
		"two hours":         {2 * time.Hour, 2 * time.Hour, time.Minute},
		"three hours":       {3 * time.Hour, 3 * time.Hour, 5 * time.Minute},
		"a day":             {day, day, 15 * time.Minute},
		"a week":            {7 * day, 7 * day, 6 * time.Hour},
		"an hour long ago":  {20 * day, time.Hour, 5 * time.Minute},
		"an hour last year": {300 * day, time.Hour, time.Hour},
		"a year":            {365 * day, 365 * day, 7 * day},
	} {
		if got := query.AutoPeriod(now.Add(-tc.ago), now.Add(-tc.ago+tc.length), now); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestAlarms(t *testing.T) {
	w := newWorld(t)
	cw := cloudwatch.NewFromConfig(sandboxtest.Config(w.Server))
	for _, name := range []string{"b-quiet", "a-loud"} {
		_, err := cw.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
			AlarmName: &name, Namespace: aws.String("Shop"), MetricName: aws.String("ms"), Statistic: types.StatisticAverage, Period: aws.Int32(60),
			EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cw.PutCompositeAlarm(t.Context(), &cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("c-both"), AlarmRule: aws.String(`ALARM("a-loud")`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := cw.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("b-quiet"), StateValue: types.StateValueAlarm, StateReason: aws.String("test")}); err != nil {
		t.Fatal(err)
	}
	list := func(q query.AlarmsQuery) (out []string) {
		alarms, err := w.Alarms.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range alarms {
			if a.Since.IsZero() || a.ARN == "" || a.Reason == "" || !a.Actions {
				t.Errorf("incomplete: %+v", a)
			}
			out = append(out, a.Name+" "+a.Type)
		}
		return out
	}
	if all := fmt.Sprint(list(query.AlarmsQuery{})); all != "[b-quiet metric a-loud metric c-both composite]" {
		t.Errorf("all: %s", all)
	}
	if got := fmt.Sprint(list(query.AlarmsQuery{State: query.StateAlarm})); got != "[b-quiet metric]" {
		t.Errorf("in alarm: %s", got)
	}
	if got := fmt.Sprint(list(query.AlarmsQuery{Prefix: "c-"})); got != "[c-both composite]" {
		t.Errorf("by prefix: %s", got)
	}
}
