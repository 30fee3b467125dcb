package cloudwatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// latency is a query of App/latency.
func latency(id, stat string, period int32) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), MetricStat: &types.MetricStat{
		Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String("latency")}, Period: aws.Int32(period), Stat: aws.String(stat),
	}}
}

// show writes results as "id label: 12:00=1 12:01=2".
func show(results []types.MetricDataResult) []string {
	var out []string
	for _, r := range results {
		s := *r.Id + ":"
		for i, v := range r.Values {
			s += fmt.Sprintf(" %s=%v", r.Timestamps[i].Format("15:04"), v)
		}
		if r.StatusCode != types.StatusCodeComplete {
			s += " " + string(r.StatusCode)
		}
		out = append(out, s)
	}
	return out
}

func (r *rig) get(t *testing.T, from, to time.Duration, change func(*sdk.GetMetricDataInput), queries ...types.MetricDataQuery) *sdk.GetMetricDataOutput {
	t.Helper()
	in := &sdk.GetMetricDataInput{
		StartTime: aws.Time(noon.Add(from)), EndTime: aws.Time(noon.Add(to)), MetricDataQueries: queries, ScanBy: types.ScanByTimestampAscending,
	}
	if change != nil {
		change(in)
	}
	out, err := r.GetMetricData(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// filled has App/latency of 1, 2, … 10 in the ten minutes from noon, and stands
// at their end.
func filled(t *testing.T) *rig {
	r := newRig(t)
	for m := range 10 {
		r.putAt(t, noon.Add(time.Duration(m)*time.Minute+20*time.Second), float64(m+1))
	}
	r.advance(t, 10*time.Minute)
	return r
}

func TestGetMetricData(t *testing.T) {
	expr := func(id, text string) types.MetricDataQuery {
		return types.MetricDataQuery{Id: aws.String(id), Expression: aws.String(text)}
	}
	hidden := latency("m1", "Sum", 60)
	hidden.ReturnData = aws.Bool(false)
	tests := map[string]struct {
		from, to time.Duration
		change   func(*sdk.GetMetricDataInput)
		queries  []types.MetricDataQuery
		want     []string
	}{
		"end is exclusive":     {0, 2 * time.Minute, nil, []types.MetricDataQuery{latency("m1", "Sum", 60)}, []string{"m1: 12:00=1 12:01=2"}},
		"start is rounded":     {30 * time.Second, 2 * time.Minute, nil, []types.MetricDataQuery{latency("m1", "Sum", 60)}, []string{"m1: 12:00=1 12:01=2"}},
		"windows follow start": {time.Minute, 7 * time.Minute, nil, []types.MetricDataQuery{latency("m1", "Sum", 300)}, []string{"m1: 12:01=20 12:06=7"}},
		"descending": {
			0, 3 * time.Minute, func(in *sdk.GetMetricDataInput) { in.ScanBy = "" },
			[]types.MetricDataQuery{latency("m1", "Sum", 60)},
			[]string{"m1: 12:02=3 12:01=2 12:00=1"},
		},
		"several statistics":  {0, 10 * time.Minute, nil, []types.MetricDataQuery{latency("a", "Average", 600), latency("b", "p90", 600), latency("c", "TM(:50%)", 600)}, []string{"a: 12:00=5.5", "b: 12:00=9", "c: 12:00=3"}},
		"expression":          {0, 2 * time.Minute, nil, []types.MetricDataQuery{hidden, expr("e1", "m1 * 2"), expr("e2", "e1 + 1")}, []string{"e1: 12:00=2 12:01=4", "e2: 12:00=3 12:01=5"}},
		"array":               {0, time.Minute, nil, []types.MetricDataQuery{latency("m1", "Sum", 60), latency("m2", "Maximum", 60), expr("e1", "METRICS() * 10")}, []string{"m1: 12:00=1", "m2: 12:00=1", "e1: 12:00=10", "e1: 12:00=10"}},
		"fill":                {-2 * time.Minute, time.Minute, nil, []types.MetricDataQuery{hidden, expr("e1", "FILL(m1, 7)")}, []string{"e1: 11:58=7 11:59=7 12:00=1"}},
		"too fine":            {0, 2 * time.Minute, nil, []types.MetricDataQuery{latency("m1", "Sum", 10)}, []string{"m1:"}},
		"nothing there":       {-time.Hour, -time.Minute, nil, []types.MetricDataQuery{latency("m1", "Sum", 60)}, []string{"m1:"}},
		"long ago":            {-10000 * 24 * time.Hour, 2 * time.Minute, nil, []types.MetricDataQuery{latency("m1", "Sum", 60)}, []string{"m1: 12:00=1 12:01=2"}},
		"far into the future": {0, 10000 * 24 * time.Hour, nil, []types.MetricDataQuery{latency("m1", "SampleCount", 3600)}, []string{"m1: 12:00=10"}},
	}
	r := filled(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := show(r.get(t, tt.from, tt.to, tt.change, tt.queries...).MetricDataResults)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("results (-want +got):\n%s", d)
			}
		})
	}
}

// TestGetMetricDataPages reads seven points a page and finds all, each once.
func TestGetMetricDataPages(t *testing.T) {
	r := filled(t)
	var pages []string
	var token *string
	for {
		out := r.get(t, 0, 10*time.Minute, func(in *sdk.GetMetricDataInput) { in.MaxDatapoints, in.NextToken = aws.Int32(7), token },
			latency("a", "Sum", 300), latency("b", "Sum", 60))
		pages = append(pages, strings.Join(show(out.MetricDataResults), "; "))
		if token = out.NextToken; token == nil {
			break
		}
	}
	want := []string{
		"a: 12:00=15 12:05=40; b: 12:00=1 12:01=2 12:02=3 12:03=4 12:04=5 PartialData",
		"b: 12:05=6 12:06=7 12:07=8 12:08=9 12:09=10",
	}
	if d := cmp.Diff(want, pages); d != "" {
		t.Errorf("pages (-want +got):\n%s", d)
	}
}

func TestGetMetricDataRules(t *testing.T) {
	tests := map[string]struct {
		change func(*sdk.GetMetricDataInput)
		shape  string
		part   string
	}{
		"no queries":      {func(in *sdk.GetMetricDataInput) { in.MetricDataQueries = nil }, required, "MetricDataQueries"},
		"501 queries":     {func(in *sdk.GetMetricDataInput) { in.MetricDataQueries = make([]types.MetricDataQuery, 501) }, badValue, "500"},
		"no start":        {func(in *sdk.GetMetricDataInput) { in.StartTime = nil }, required, "StartTime"},
		"no end":          {func(in *sdk.GetMetricDataInput) { in.EndTime = nil }, required, "EndTime"},
		"end before":      {func(in *sdk.GetMetricDataInput) { in.EndTime = in.StartTime }, badValue, "less than"},
		"scan":            {func(in *sdk.GetMetricDataInput) { in.ScanBy = "Random" }, badValue, "ScanBy"},
		"max":             {func(in *sdk.GetMetricDataInput) { in.MaxDatapoints = aws.Int32(100801) }, badValue, "MaxDatapoints"},
		"token":           {func(in *sdk.GetMetricDataInput) { in.NextToken = aws.String("!") }, "InvalidNextToken", ""},
		"another's token": {func(in *sdk.GetMetricDataInput) { in.NextToken = aws.String("YWJj") }, "InvalidNextToken", ""},
		"period":          {func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Period = aws.Int32(15) }, badValue, "multiple of 60"},
		"statistic":       {func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Stat = aws.String("Mode") }, badValue, "Mode"},
		"number": {func(in *sdk.GetMetricDataInput) {
			in.MetricDataQueries = []types.MetricDataQuery{{Id: aws.String("e1"), Expression: aws.String("1 + 1")}}
		}, badValue, "not a time series"},
		"insights": {func(in *sdk.GetMetricDataInput) {
			in.MetricDataQueries = []types.MetricDataQuery{{Id: aws.String("e1"), Expression: aws.String("SELECT SUM(x)")}}
		}, badValue, "FROM is expected"},
		"time zone": {func(in *sdk.GetMetricDataInput) { in.LabelOptions = &types.LabelOptions{Timezone: aws.String("moon")} }, badValue, "Timezone"},
	}
	r := newRig(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := &sdk.GetMetricDataInput{StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(time.Minute)), MetricDataQueries: []types.MetricDataQuery{latency("m1", "Sum", 60)}}
			tt.change(in)
			_, err := r.GetMetricData(t.Context(), in)
			if got := refusal(t, err); got.Shape != tt.shape || !strings.Contains(got.Message, tt.part) {
				t.Errorf("error = %v, want %s about %q", got, tt.shape, tt.part)
			}
		})
	}
}

func TestLabels(t *testing.T) {
	r := filled(t)
	q := latency("m1", "Sum", 60)
	for label, want := range map[string]string{
		"":                                           "latency",
		"plain":                                      "plain",
		"${LABEL} of ${PROP('Namespace')}":           "latency of App",
		"${PROP('Stat')} ${PROP('Period')}":          "Sum 60",
		"${PROP('Region')}/${PROP('AccountId')}":     "us-east-1/000000000000",
		"${MIN}-${MAX} avg ${AVG} sum ${SUM}":        "1-3 avg 2 sum 6",
		"${FIRST} ${LAST} ${DATAPOINT_COUNT}":        "1 3 3",
		"${MAX_TIME}":                                "2026-01-05 13:02:00 CET",
		"${UNKNOWN} ${PROP('Dim.none')}|":            "${UNKNOWN} |",
		"${PROP('MetricName')}: $MAX {MAX} ${LABEL}": "latency: $MAX {MAX} latency",
	} {
		q.Label = aws.String(label)
		out := r.get(t, 0, 3*time.Minute, func(in *sdk.GetMetricDataInput) {
			in.LabelOptions = &types.LabelOptions{Timezone: aws.String("Europe/Paris")}
		}, q)
		if got := *out.MetricDataResults[0].Label; got != want {
			t.Errorf("label %q = %q, want %q", label, got, want)
		}
	}
}

// TestNoAggregationOverDimensions: a metric is its exact set of dimensions.
func TestNoAggregationOverDimensions(t *testing.T) {
	r := newRig(t)
	host := []types.Dimension{{Name: aws.String("host"), Value: aws.String("a")}}
	_, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
		{MetricName: aws.String("latency"), Value: aws.Float64(1), Dimensions: host},
	}})
	if err != nil {
		t.Fatal(err)
	}
	with := latency("m2", "Sum", 60)
	with.MetricStat.Metric.Dimensions = host
	got := show(r.get(t, 0, time.Minute, nil, latency("m1", "Sum", 60), with).MetricDataResults)
	if d := cmp.Diff([]string{"m1:", "m2: 12:00=1"}, got); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
}

// TestScopes: metrics and alarms belong to an account and a region.
func TestScopes(t *testing.T) {
	r := filled(t)
	r.mustPut(t, latencyAlarm())
	elsewhere := api.WithCaller(t.Context(), api.Caller{Account: "000000000000", Region: "eu-west-1"})
	list, err := r.ListMetrics(elsewhere, &sdk.ListMetricsInput{})
	if err != nil {
		t.Fatal(err)
	}
	alarms, err := r.DescribeAlarms(elsewhere, &sdk.DescribeAlarmsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Metrics) != 0 || len(alarms.MetricAlarms) != 0 {
		t.Errorf("another region sees %d metrics and %d alarms", len(list.Metrics), len(alarms.MetricAlarms))
	}
}

func TestGetMetricStatistics(t *testing.T) {
	r := filled(t)
	_, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
		{MetricName: aws.String("latency"), Value: aws.Float64(70), Unit: types.StandardUnitSeconds, Timestamp: aws.Time(noon)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	base := sdk.GetMetricStatisticsInput{
		Namespace: aws.String("App"), MetricName: aws.String("latency"), Period: aws.Int32(300),
		StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(5 * time.Minute)),
		Statistics: []types.Statistic{types.StatisticSum, types.StatisticSampleCount}, ExtendedStatistics: []string{"p50", "tm90"},
	}
	out, err := r.GetMetricStatistics(t.Context(), &base)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range out.Datapoints {
		got = append(got, fmt.Sprintf("%s n=%v sum=%v p50=%v tm90=%v", p.Unit, *p.SampleCount, *p.Sum, p.ExtendedStatistics["p50"], p.ExtendedStatistics["tm90"]))
	}
	want := []string{"None n=5 sum=15 p50=3 tm90=3", "Seconds n=1 sum=70 p50=70 tm90=70"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("datapoints (-want +got):\n%s", d)
	}
	one := base
	one.Unit = types.StandardUnitSeconds
	if out, err = r.GetMetricStatistics(t.Context(), &one); err != nil || len(out.Datapoints) != 1 {
		t.Errorf("in seconds: %d datapoints (%v), want 1", len(out.Datapoints), err)
	}
	for name, tt := range map[string]struct {
		change func(*sdk.GetMetricStatisticsInput)
		shape  string
	}{
		"no period":         {func(in *sdk.GetMetricStatisticsInput) { in.Period = nil }, required},
		"odd period":        {func(in *sdk.GetMetricStatisticsInput) { in.Period = aws.Int32(90) }, badValue},
		"no statistics":     {func(in *sdk.GetMetricStatisticsInput) { in.Statistics, in.ExtendedStatistics = nil, nil }, required},
		"unknown statistic": {func(in *sdk.GetMetricStatisticsInput) { in.Statistics = []types.Statistic{"Median"} }, badValue},
		"plain as extended": {func(in *sdk.GetMetricStatisticsInput) { in.ExtendedStatistics = []string{"Sum"} }, badValue},
		"too many points": {func(in *sdk.GetMetricStatisticsInput) {
			in.Period, in.EndTime = aws.Int32(60), aws.Time(noon.Add(1441*time.Minute))
		}, badCombination},
		"no name": {func(in *sdk.GetMetricStatisticsInput) { in.MetricName = nil }, required},
	} {
		in := base
		tt.change(&in)
		_, err := r.GetMetricStatistics(t.Context(), &in)
		if got := refusal(t, err).Shape; got != tt.shape {
			t.Errorf("%s: %s, want %s", name, got, tt.shape)
		}
	}
}

func TestListMetrics(t *testing.T) {
	r := newRig(t)
	put := func(ns, name string, dims ...string) {
		t.Helper()
		d := types.MetricDatum{MetricName: &name, Value: aws.Float64(1)}
		for i := 0; i < len(dims); i += 2 {
			d.Dimensions = append(d.Dimensions, types.Dimension{Name: &dims[i], Value: &dims[i+1]})
		}
		if _, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: &ns, MetricData: []types.MetricDatum{d}}); err != nil {
			t.Fatal(err)
		}
	}
	put("A", "old")
	r.advance(t, 15*24*time.Hour)
	put("A", "yesterday", "h", "1")
	r.advance(t, 24*time.Hour)
	put("A", "m", "h", "1", "z", "eu")
	put("A", "m", "h", "2")
	put("B", "m")
	filter := func(name, value string) []types.DimensionFilter {
		f := types.DimensionFilter{Name: &name}
		if value != "" {
			f.Value = &value
		}
		return []types.DimensionFilter{f}
	}
	for name, tt := range map[string]struct {
		in   sdk.ListMetricsInput
		want string
	}{
		"all but the silent": {sdk.ListMetricsInput{}, "A/m h=1 z=eu, A/m h=2, A/yesterday h=1, B/m"},
		"namespace":          {sdk.ListMetricsInput{Namespace: aws.String("B")}, "B/m"},
		"name":               {sdk.ListMetricsInput{MetricName: aws.String("yesterday")}, "A/yesterday h=1"},
		"dimension":          {sdk.ListMetricsInput{Dimensions: filter("h", "")}, "A/m h=1 z=eu, A/m h=2, A/yesterday h=1"},
		"dimension value":    {sdk.ListMetricsInput{Dimensions: filter("h", "2")}, "A/m h=2"},
		"recent":             {sdk.ListMetricsInput{RecentlyActive: "PT3H", Dimensions: filter("h", "1")}, "A/m h=1 z=eu"},
		"other account":      {sdk.ListMetricsInput{OwningAccount: aws.String("111111111111")}, ""},
	} {
		out, err := r.ListMetrics(t.Context(), &tt.in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range out.Metrics {
			s := *m.Namespace + "/" + *m.MetricName
			for _, d := range m.Dimensions {
				s += " " + *d.Name + "=" + *d.Value
			}
			got = append(got, s)
		}
		if d := cmp.Diff(tt.want, strings.Join(got, ", ")); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	for i := range 1100 {
		put("Many", fmt.Sprintf("m%d", i))
	}
	seen := map[string]bool{}
	pages := 0
	in := &sdk.ListMetricsInput{Namespace: aws.String("Many"), IncludeLinkedAccounts: aws.Bool(true)}
	for {
		out, err := r.ListMetrics(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, m := range out.Metrics {
			seen[*m.MetricName] = true
		}
		if len(out.OwningAccounts) != len(out.Metrics) {
			t.Errorf("%d owners of %d metrics", len(out.OwningAccounts), len(out.Metrics))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if pages != 3 || len(seen) != 1100 {
		t.Errorf("%d pages with %d metrics, want 3 and 1100", pages, len(seen))
	}
}
