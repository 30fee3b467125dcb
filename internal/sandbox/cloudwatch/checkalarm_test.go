package cloudwatch_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

func metricQuery(id string, returns bool) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), ReturnData: aws.Bool(returns), MetricStat: &types.MetricStat{
		Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String(id)}, Period: aws.Int32(60), Stat: aws.String("Sum"),
	}}
}

func expressionQuery(id, expression string, returns bool) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), Expression: aws.String(expression), ReturnData: aws.Bool(returns)}
}

// watching makes an alarm on queries.
func watching(queries ...types.MetricDataQuery) func(*sdk.PutMetricAlarmInput) {
	return func(in *sdk.PutMetricAlarmInput) {
		in.Namespace, in.MetricName, in.Statistic, in.Period, in.Metrics = nil, nil, "", nil, queries
	}
}

func TestPutMetricAlarmRules(t *testing.T) {
	type input = sdk.PutMetricAlarmInput
	tests := map[string]struct {
		change func(*input)
		want   string // part of the message, empty if it is accepted
	}{
		"valid":                {func(*input) {}, ""},
		"no name":              {func(in *input) { in.AlarmName = nil }, "AlarmName is required"},
		"255 runes":            {func(in *input) { in.AlarmName = aws.String(strings.Repeat("é", 255)) }, ""},
		"256 runes":            {func(in *input) { in.AlarmName = aws.String(strings.Repeat("é", 256)) }, "at most 255"},
		"control character":    {func(in *input) { in.AlarmName = aws.String("a\nb") }, "control characters"},
		"long description":     {func(in *input) { in.AlarmDescription = aws.String(strings.Repeat("d", 1025)) }, "AlarmDescription"},
		"no metric":            {func(in *input) { in.MetricName = nil }, "one of MetricName, Metrics"},
		"no namespace":         {func(in *input) { in.Namespace = nil }, "Namespace is required"},
		"no period":            {func(in *input) { in.Period = nil }, "Period is required"},
		"odd period":           {func(in *input) { in.Period = aws.Int32(45) }, "multiple of 60"},
		"ten seconds":          {func(in *input) { in.Period = aws.Int32(10) }, ""},
		"no statistic":         {func(in *input) { in.Statistic = "" }, "exactly one of Statistic"},
		"two statistics":       {func(in *input) { in.ExtendedStatistic = aws.String("p9") }, "exactly one of Statistic"},
		"unknown statistic":    {func(in *input) { in.Statistic = "Median" }, "not a Statistic"},
		"unknown extended":     {func(in *input) { in.Statistic, in.ExtendedStatistic = "", aws.String("p101") }, "between 0 and 100"},
		"plain as extended":    {func(in *input) { in.Statistic, in.ExtendedStatistic = "", aws.String("Sum") }, "is a Statistic"},
		"IQM":                  {func(in *input) { in.Statistic, in.ExtendedStatistic = "", aws.String("IQM") }, ""},
		"unknown unit":         {func(in *input) { in.Unit = "Stone" }, "not a Unit"},
		"no periods":           {func(in *input) { in.EvaluationPeriods = nil }, "EvaluationPeriods is required"},
		"zero periods":         {func(in *input) { in.EvaluationPeriods = aws.Int32(0) }, "at least 1"},
		"M above N":            {func(in *input) { in.DatapointsToAlarm = aws.Int32(3) }, "between 1 and the 2"},
		"M of zero":            {func(in *input) { in.DatapointsToAlarm = aws.Int32(0) }, "at least 1"},
		"beyond a day":         {func(in *input) { in.EvaluationPeriods = aws.Int32(1441) }, "must not exceed"},
		"a week of hours":      {func(in *input) { in.Period, in.EvaluationPeriods = aws.Int32(3600), aws.Int32(168) }, ""},
		"beyond a week":        {func(in *input) { in.Period, in.EvaluationPeriods = aws.Int32(3600), aws.Int32(169) }, "must not exceed"},
		"no operator":          {func(in *input) { in.ComparisonOperator = "" }, "ComparisonOperator is required"},
		"unknown operator":     {func(in *input) { in.ComparisonOperator = "Above" }, "not a ComparisonOperator"},
		"no threshold":         {func(in *input) { in.Threshold = nil }, "Threshold is required"},
		"missing data":         {func(in *input) { in.TreatMissingData = aws.String("zero") }, "treatment of missing data"},
		"low samples":          {func(in *input) { in.EvaluateLowSampleCountPercentile = aws.String("maybe") }, "evaluate or ignore"},
		"six actions":          {func(in *input) { in.AlarmActions = []string{topic, topic, topic, topic, topic, topic} }, "at most 5"},
		"not an ARN":           {func(in *input) { in.OKActions = []string{"mail@example.com"} }, "invalid action ARN"},
		"bucket":               {func(in *input) { in.OKActions = []string{"arn:aws:s3:::b"} }, "invalid action ARN"},
		"function":             {func(in *input) { in.OKActions = []string{"arn:aws:lambda:us-east-1:000000000000:function:f:live"} }, ""},
		"EC2 without instance": {func(in *input) { in.AlarmActions = []string{"arn:aws:automate:us-east-1:ec2:reboot"} }, "InstanceId"},
		"EC2": {func(in *input) {
			in.AlarmActions = []string{"arn:aws:automate:us-east-1:ec2:reboot"}
			in.Dimensions = []types.Dimension{{Name: aws.String("InstanceId"), Value: aws.String("i-1")}}
		}, ""},
		"dimension without a value": {func(in *input) { in.Dimensions = []types.Dimension{{Name: aws.String("a")}} }, "Dimensions.member.1.Value"},
		"tag without a key":         {func(in *input) { in.Tags = []types.Tag{{Value: aws.String("v")}} }, "Tags.member.1.Key"},
		"reserved tag":              {func(in *input) { in.Tags = []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("v")}} }, "aws:"},
		"PromQL":                    {func(in *input) { in.EvaluationCriteria = &types.EvaluationCriteriaMemberPromQLCriteria{} }, "does not support alarms on PromQL"},
		"interval":                  {func(in *input) { in.EvaluationInterval = aws.Int32(60) }, "EvaluationInterval"},
		"band":                      {func(in *input) { in.ThresholdMetricId = aws.String("b") }, "comparison operators of anomaly bands"},
		"wall clock": {func(in *input) {
			in.EvaluationWindow = &types.EvaluationWindowMemberWallClockWindow{}
			in.Period = aws.Int32(120)
		}, "wall clock"},
		"wall clock zone": {func(in *input) {
			in.EvaluationWindow = &types.EvaluationWindowMemberWallClockWindow{Value: types.WallClockWindow{Timezone: aws.String("Mars")}}
		}, "time zone"},
		"warm-up": {func(in *input) {
			in.WarmUpConfiguration = &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: aws.Int32(2881)}
		}, "between 1 and 2880"},
		"whole band":           {func(in *input) { *in = *bandAlarm() }, ""},
		"band and threshold":   {func(in *input) { *in = *bandAlarm(); in.Threshold = aws.Float64(1) }, "mutually exclusive"},
		"band operator alone":  {func(in *input) { *in = *bandAlarm(); in.ThresholdMetricId = nil }, "they need it"},
		"band that is none":    {func(in *input) { *in = *bandAlarm(); in.ThresholdMetricId = aws.String("m1") }, "must be the Id"},
		"band that is unknown": {func(in *input) { *in = *bandAlarm(); in.ThresholdMetricId = aws.String("zz") }, "exactly one"},
		"band and scaling": {func(in *input) {
			*in = *bandAlarm()
			in.AlarmActions = []string{"arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1-2:resource/ecs/service/c/s:policyName/up"}
		}, "Auto Scaling"},
		"both kinds of tag keys": {func(in *input) {
			in.ActionConfiguration = &types.ActionConfiguration{AlarmTagsPropagation: &types.AlarmTagsPropagation{Enabled: aws.Bool(true), IncludedTagKeys: []string{"a"}, ExcludedTagKeys: []string{"b"}}}
		}, "mutually exclusive"},
		"math":                     {watching(metricQuery("m1", false), expressionQuery("e1", "m1 * 2", true)), ""},
		"one metric in a list":     {watching(metricQuery("m1", true)), ""},
		"metric and list":          {func(in *input) { in.Metrics = []types.MetricDataQuery{metricQuery("m1", true)} }, "mutually exclusive"},
		"period beside the list":   {func(in *input) { watching(metricQuery("m1", true))(in); in.Period = aws.Int32(60) }, "Period cannot be specified together"},
		"nothing returned":         {watching(metricQuery("m1", false)), "exactly one member"},
		"two returned":             {watching(metricQuery("m1", true), metricQuery("m2", true)), "exactly one member"},
		"unknown ID":               {watching(metricQuery("m1", false), expressionQuery("e1", "m2 * 2", true)), `"m2"`},
		"ID twice":                 {watching(metricQuery("m1", false), metricQuery("m1", true)), "repeats"},
		"bad ID":                   {watching(metricQuery("M1", true)), "lower-case"},
		"loop":                     {watching(metricQuery("m1", false), expressionQuery("e1", "m1 + e2", true), expressionQuery("e2", "e1", false)), "refers to itself"},
		"syntax":                   {watching(metricQuery("m1", false), expressionQuery("e1", "m1 *", true)), "column 5"},
		"array result":             {watching(metricQuery("m1", false), expressionQuery("e1", "METRICS()", true)), "single time series"},
		"number result":            {watching(metricQuery("m1", false), expressionQuery("e1", "AVG(m1)", true)), "not a time series"},
		"search":                   {watching(metricQuery("m1", false), expressionQuery("e1", "SUM(SEARCH('{App} x', 'Sum', 60))", true)), "cannot use SEARCH"},
		"Metrics Insights":         {watching(expressionQuery("e1", "SELECT AVG(x) FROM y", true)), ""},
		"Metrics Insights by host": {watching(expressionQuery("e1", "SELECT AVG(x) FROM y GROUP BY host", true)), ""},
		"math on a query by host":  {watching(expressionQuery("q1", "SELECT AVG(x) FROM y GROUP BY host", false), expressionQuery("e1", "SUM(q1)", true)), "GROUP BY"},
		"EC2 action on math": {func(in *input) {
			watching(metricQuery("m1", true))(in)
			in.AlarmActions = []string{"arn:aws:automate:us-east-1:ec2:stop"}
		}, "cannot be used with Metrics"},
		"eleven metrics":      {watching(elevenMetrics()...), "at most 10 metrics"},
		"stat and expression": {watching(func() types.MetricDataQuery { q := metricQuery("m1", true); q.Expression = aws.String("1"); return q }()), "not both"},
		"another period": {watching(metricQuery("m1", false), func() types.MetricDataQuery {
			q := metricQuery("m2", true)
			q.MetricStat.Period = aws.Int32(120)
			return q
		}()), "same Period"},
		"metric stat of no stat": {watching(func() types.MetricDataQuery {
			q := metricQuery("m1", true)
			q.MetricStat.Stat = aws.String("Mode")
			return q
		}()), "not a statistic"},
		"threshold out of bounds": {func(in *input) { in.Threshold = aws.Float64(1e300) }, "2^360"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			in := latencyAlarm()
			tt.change(in)
			_, err := r.PutMetricAlarm(t.Context(), in)
			if tt.want == "" {
				if err != nil {
					t.Errorf("error = %v, want none", err)
				}
				return
			}
			if got := refusal(t, err); !strings.Contains(got.Message, tt.want) {
				t.Errorf("error = %v, want one about %q", got, tt.want)
			}
			out, err := r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{})
			if err != nil {
				t.Fatal(err)
			}
			if len(out.MetricAlarms) != 0 {
				t.Error("the refused alarm was stored")
			}
		})
	}
}

func elevenMetrics() []types.MetricDataQuery {
	queries := []types.MetricDataQuery{expressionQuery("e1", "m1", true)}
	for i := range 11 {
		queries = append(queries, metricQuery("m"+strconv.Itoa(i), false))
	}
	return queries
}
