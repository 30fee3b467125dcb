package sandbox_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

const (
	keptTags = "tags are of the creation; later ones are for TagResource"
	identity = "it names the thing"
)

func topics(name string) []string { return []string{"arn:aws:sns:us-east-1:000000000000:" + name} }

func metricTags(value string) []types.Tag { return []types.Tag{{Key: ptr("k"), Value: &value}} }

func tagsOf(t *testing.T, c *clients, arn *string) tagged {
	t.Helper()
	return tagged{mustGet(c.metrics.ListTagsForResource(t.Context(), &cloudwatch.ListTagsForResourceInput{ResourceARN: arn}))(t).Tags}
}

func described(t *testing.T, c *clients, name *string, kind types.AlarmType) *cloudwatch.DescribeAlarmsOutput {
	t.Helper()
	return mustGet(c.metrics.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{*name}, AlarmTypes: []types.AlarmType{kind}}))(t)
}

func propagate(included, excluded []string) *types.ActionConfiguration {
	return &types.ActionConfiguration{AlarmTagsPropagation: &types.AlarmTagsPropagation{Enabled: ptr(true), IncludedTagKeys: included, ExcludedTagKeys: excluded}}
}

func dimensions(value string) []types.Dimension {
	return []types.Dimension{{Name: ptr("b"), Value: &value}, {Name: ptr("a"), Value: ptr("1")}}
}

func plainAlarm() *cloudwatch.PutMetricAlarmInput {
	return &cloudwatch.PutMetricAlarmInput{
		AlarmName: ptr(`é "quoted"`), AlarmDescription: ptr("describes"), ActionsEnabled: ptr(false), ActionConfiguration: propagate([]string{"i"}, nil),
		AlarmActions: topics("a"), OKActions: topics("o"), InsufficientDataActions: topics("i"), Tags: metricTags("v"),
		Namespace: ptr("App"), MetricName: ptr("latency"), Dimensions: dimensions("2"), Statistic: types.StatisticAverage, Unit: types.StandardUnitMilliseconds,
		Period: ptr(int32(60)), EvaluationPeriods: ptr(int32(3)), DatapointsToAlarm: ptr(int32(2)), Threshold: ptr(100.5),
		ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, TreatMissingData: ptr("ignore"),
		EvaluationWindow:    &types.EvaluationWindowMemberWallClockWindow{Value: types.WallClockWindow{Timezone: ptr("Europe/Paris")}},
		WarmUpConfiguration: &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: ptr(int32(7)), OnlyStartEvaluatingAfterWarmUpPeriodEnds: ptr(true)},
	}
}

// alarmOfQueries is an alarm on math, of a threshold or of a band.
func alarmOfQueries(expression string, set func(*cloudwatch.PutMetricAlarmInput)) *cloudwatch.PutMetricAlarmInput {
	in := &cloudwatch.PutMetricAlarmInput{
		AlarmName: ptr(`é "quoted"`), EvaluationPeriods: ptr(int32(3)), DatapointsToAlarm: ptr(int32(2)), Metrics: []types.MetricDataQuery{
			{Id: ptr("m1"), AccountId: ptr("111111111111"), Label: ptr("l"), ReturnData: ptr(false), MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: ptr("App"), MetricName: ptr("n"), Dimensions: dimensions("3")},
				Period: ptr(int32(300)), Stat: ptr("TM(10%:90%)"), Unit: types.StandardUnitCount,
			}},
			{Id: ptr("e1"), Expression: &expression, Period: ptr(int32(300)), ReturnData: ptr(true)},
		},
	}
	set(in)
	return in
}

func TestMetricAlarmsComeBack(t *testing.T) {
	(&kept[cloudwatch.PutMetricAlarmInput]{
		variants: func() []*cloudwatch.PutMetricAlarmInput {
			percentile := plainAlarm()
			percentile.Statistic, percentile.ExtendedStatistic, percentile.EvaluateLowSampleCountPercentile = "", ptr("p99.9"), ptr("ignore")
			percentile.EvaluationWindow, percentile.ActionConfiguration = &types.EvaluationWindowMemberSlidingWindow{}, propagate(nil, []string{"x"})
			return []*cloudwatch.PutMetricAlarmInput{
				plainAlarm(), percentile,
				alarmOfQueries("m1 / 2", func(in *cloudwatch.PutMetricAlarmInput) {
					in.Threshold, in.ComparisonOperator = ptr(-2.5), types.ComparisonOperatorLessThanOrEqualToThreshold
				}),
				alarmOfQueries("ANOMALY_DETECTION_BAND(m1, 2)", func(in *cloudwatch.PutMetricAlarmInput) {
					in.ThresholdMetricId, in.ComparisonOperator = ptr("e1"), types.ComparisonOperatorLessThanLowerOrGreaterThanUpperThreshold
					in.Metrics[0].ReturnData = ptr(true)
				}),
			}
		},
		other: func() *cloudwatch.PutMetricAlarmInput {
			return &cloudwatch.PutMetricAlarmInput{
				AlarmDescription: ptr("other"), ActionsEnabled: ptr(true), ActionConfiguration: propagate([]string{"j"}, nil),
				AlarmActions: topics("b"), OKActions: nil, InsufficientDataActions: topics("j"),
				Namespace: ptr("Other"), MetricName: ptr("n"), Dimensions: dimensions("9"), Statistic: types.StatisticSum, Unit: types.StandardUnitBytes,
				Period: ptr(int32(300)), EvaluationPeriods: ptr(int32(4)), DatapointsToAlarm: ptr(int32(1)), Threshold: ptr(0.0),
				ComparisonOperator: types.ComparisonOperatorLessThanThreshold, TreatMissingData: ptr("breaching"),
				EvaluationWindow:    &types.EvaluationWindowMemberSlidingWindow{},
				WarmUpConfiguration: &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: ptr(int32(9)), OnlyStartEvaluatingAfterWarmUpPeriodEnds: ptr(false)},
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatch.PutMetricAlarmInput) error {
			_, err := c.metrics.PutMetricAlarm(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatch.PutMetricAlarmInput) []any {
			a := only(t, described(t, c, in.AlarmName, types.AlarmTypeMetricAlarm).MetricAlarms)
			return []any{a, tagsOf(t, c, a.AlarmArn)}
		},
		unset: map[string]string{
			"EvaluationCriteria": "the sandbox refuses alarms on PromQL", "EvaluationInterval": "the sandbox refuses alarms on PromQL",
		},
		fixed: map[string]string{"AlarmName": identity, "Tags": keptTags},
	}).check(t)
}

func TestCompositeAlarmsComeBack(t *testing.T) {
	composite := func(set func(*cloudwatch.PutCompositeAlarmInput)) *cloudwatch.PutCompositeAlarmInput {
		in := &cloudwatch.PutCompositeAlarmInput{
			AlarmName: ptr("both"), AlarmDescription: ptr("describes"), AlarmRule: ptr(`ALARM(one) OR  ALARM("two")`), ActionsEnabled: ptr(false),
			ActionConfiguration: propagate(nil, []string{"x"}), ActionsSuppressor: ptr("two"),
			ActionsSuppressorExtensionPeriod: ptr(int32(20)), ActionsSuppressorWaitPeriod: ptr(int32(10)),
			AlarmActions: topics("a"), OKActions: topics("o"), InsufficientDataActions: topics("i"), Tags: metricTags("v"),
		}
		set(in)
		return in
	}
	(&kept[cloudwatch.PutCompositeAlarmInput]{
		variants: func() []*cloudwatch.PutCompositeAlarmInput {
			return []*cloudwatch.PutCompositeAlarmInput{
				composite(func(*cloudwatch.PutCompositeAlarmInput) {}),
				composite(func(in *cloudwatch.PutCompositeAlarmInput) { in.ActionConfiguration = propagate([]string{"i"}, nil) }),
				{AlarmName: ptr("both"), AlarmRule: ptr("FALSE")},
			}
		},
		other: func() *cloudwatch.PutCompositeAlarmInput {
			return &cloudwatch.PutCompositeAlarmInput{
				AlarmDescription: ptr("other"), AlarmRule: ptr("OK(one)"), ActionsEnabled: ptr(true), ActionConfiguration: propagate([]string{"y"}, nil), ActionsSuppressor: ptr("one"),
				ActionsSuppressorExtensionPeriod: ptr(int32(0)), ActionsSuppressorWaitPeriod: ptr(int32(11)), AlarmActions: topics("b"), InsufficientDataActions: topics("j"),
			}
		},
		before: func(t *testing.T, c *clients) {
			for _, name := range []string{"one", "two"} {
				in := plainAlarm()
				in.AlarmName = &name
				mustGet(c.metrics.PutMetricAlarm(t.Context(), in))(t)
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatch.PutCompositeAlarmInput) error {
			_, err := c.metrics.PutCompositeAlarm(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatch.PutCompositeAlarmInput) []any {
			a := only(t, described(t, c, in.AlarmName, types.AlarmTypeCompositeAlarm).CompositeAlarms)
			return []any{a, tagsOf(t, c, a.AlarmArn)}
		},
		fixed: map[string]string{"AlarmName": identity, "Tags": keptTags},
	}).check(t)
}

func fullLogAlarm() *cloudwatch.PutLogAlarmInput {
	return &cloudwatch.PutLogAlarmInput{
		AlarmName: ptr("errors"), AlarmDescription: ptr("describes"), ActionsEnabled: ptr(false), ActionConfiguration: propagate(nil, []string{"x"}),
		AlarmActions: topics("a"), OKActions: topics("o"), InsufficientDataActions: topics("i"), Tags: metricTags("v"),
		ActionLogLineCount: ptr(int32(0)), ActionLogLineRoleArn: ptr("arn:aws:iam::000000000000:role/lines"),
		ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, Threshold: ptr(2.5), QueryResultsToAlarm: ptr(int32(2)), QueryResultsToEvaluate: ptr(int32(3)),
		TreatMissingData:    ptr("notBreaching"),
		WarmUpConfiguration: &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: ptr(int32(7)), OnlyStartEvaluatingAfterWarmUpPeriodEnds: ptr(true)},
		ScheduledQueryConfiguration: &types.ScheduledQueryConfiguration{
			AggregationExpression: ptr("count(*)"), QueryString: ptr("filter @message like /ERROR/"), LogGroupIdentifiers: []string{"/app"},
			ScheduledQueryRoleARN: ptr("arn:aws:iam::000000000000:role/query"), Tags: metricTags("query"),
			ScheduleConfiguration: &types.ScheduleConfiguration{ScheduleExpression: ptr("rate(5 minutes)"), StartTimeOffset: ptr(int64(600)), EndTimeOffset: ptr(int64(60))},
		},
	}
}

func TestLogAlarmsComeBack(t *testing.T) {
	(&kept[cloudwatch.PutLogAlarmInput]{
		variants: func() []*cloudwatch.PutLogAlarmInput {
			second := fullLogAlarm()
			second.ActionConfiguration, second.AlarmDescription, second.WarmUpConfiguration = propagate([]string{"i"}, nil), nil, nil
			return []*cloudwatch.PutLogAlarmInput{fullLogAlarm(), second}
		},
		other: func() *cloudwatch.PutLogAlarmInput {
			query := fullLogAlarm().ScheduledQueryConfiguration
			query.AggregationExpression, query.LogGroupIdentifiers, query.Tags = ptr("max(n)"), []string{"/app", "/other"}, metricTags("other")
			return &cloudwatch.PutLogAlarmInput{
				AlarmDescription: ptr("other"), ActionsEnabled: ptr(true), ActionConfiguration: propagate([]string{"y"}, nil), AlarmActions: topics("b"), InsufficientDataActions: topics("j"),
				ActionLogLineRoleArn: ptr("arn:aws:iam::000000000000:role/other"), ComparisonOperator: types.ComparisonOperatorLessThanThreshold, Threshold: ptr(0.0),
				QueryResultsToAlarm: ptr(int32(1)), QueryResultsToEvaluate: ptr(int32(4)), TreatMissingData: ptr("missing"),
				WarmUpConfiguration:         &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: ptr(int32(9)), OnlyStartEvaluatingAfterWarmUpPeriodEnds: ptr(false)},
				ScheduledQueryConfiguration: query,
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatch.PutLogAlarmInput) error {
			_, err := c.metrics.PutLogAlarm(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatch.PutLogAlarmInput) []any {
			a := only(t, described(t, c, in.AlarmName, types.AlarmTypeLogAlarm).LogAlarms)
			return []any{a, tagsOf(t, c, a.AlarmArn)}
		},
		unset: map[string]string{"ScheduledQueryConfiguration.QueryARN": "it is an output: the ARN of the query that the alarm makes"},
		fixed: map[string]string{"AlarmName": identity, "Tags": keptTags, "ActionLogLineCount": "the sandbox refuses log lines in notifications; only 0 may be put"},
	}).check(t)
}

func TestMuteRulesComeBack(t *testing.T) {
	(&kept[cloudwatch.PutAlarmMuteRuleInput]{
		variants: func() []*cloudwatch.PutAlarmMuteRuleInput {
			return []*cloudwatch.PutAlarmMuteRuleInput{
				{
					Name: ptr("nights"), Description: ptr("describes"), Tags: metricTags("v"),
					Rule:        &types.Rule{Schedule: &types.Schedule{Expression: ptr("cron(0 2 * * *)"), Duration: ptr("PT90M"), Timezone: ptr("Europe/Paris")}},
					MuteTargets: &types.MuteTargets{AlarmNames: []string{"b", "a"}},
					StartDate:   ptr(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)), ExpireDate: ptr(time.Date(2027, 11, 23, 0, 0, 0, 0, time.UTC)),
				},
				{Name: ptr("nights"), Rule: &types.Rule{Schedule: &types.Schedule{Expression: ptr("at(2026-12-01T10:00)"), Duration: ptr("P1D")}}},
			}
		},
		other: func() *cloudwatch.PutAlarmMuteRuleInput {
			return &cloudwatch.PutAlarmMuteRuleInput{
				Description: ptr("other"), Rule: &types.Rule{Schedule: &types.Schedule{Expression: ptr("cron(0 3 * * *)"), Duration: ptr("PT1H"), Timezone: ptr("UTC")}},
				MuteTargets: &types.MuteTargets{AlarmNames: []string{"c"}},
				StartDate:   ptr(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)), ExpireDate: ptr(time.Date(2028, 11, 23, 0, 0, 0, 0, time.UTC)),
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatch.PutAlarmMuteRuleInput) error {
			_, err := c.metrics.PutAlarmMuteRule(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatch.PutAlarmMuteRuleInput) []any {
			out := mustGet(c.metrics.GetAlarmMuteRule(t.Context(), &cloudwatch.GetAlarmMuteRuleInput{AlarmMuteRuleName: in.Name}))(t)
			return []any{out, tagsOf(t, c, out.AlarmMuteRuleArn)}
		},
		fixed: map[string]string{"Name": identity, "Tags": keptTags},
	}).check(t)
}

func TestDashboardsComeBack(t *testing.T) {
	(&kept[cloudwatch.PutDashboardInput]{
		variants: func() []*cloudwatch.PutDashboardInput {
			return []*cloudwatch.PutDashboardInput{
				{DashboardName: ptr("board"), DashboardBody: ptr(` {"widgets":[ ], "start":"-PT1H"}`), Tags: metricTags("v")},
				{DashboardName: ptr("board"), DashboardBody: ptr(`{"widgets":[]}`)},
			}
		},
		other: func() *cloudwatch.PutDashboardInput {
			return &cloudwatch.PutDashboardInput{DashboardBody: ptr(`{"widgets":[{"type":"text","properties":{"markdown":"é"}}]}`)}
		},
		put: func(t *testing.T, c *clients, in *cloudwatch.PutDashboardInput) error {
			_, err := c.metrics.PutDashboard(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatch.PutDashboardInput) []any {
			out := mustGet(c.metrics.GetDashboard(t.Context(), &cloudwatch.GetDashboardInput{DashboardName: in.DashboardName}))(t)
			return []any{out, tagsOf(t, c, out.DashboardArn)}
		},
		fixed: map[string]string{"DashboardName": identity, "Tags": keptTags},
	}).check(t)
}

func detectorSettings(zone string, at int) *types.AnomalyDetectorConfiguration {
	day := time.Date(2026, 11, at, 0, 0, 0, 0, time.UTC)
	return &types.AnomalyDetectorConfiguration{
		AdaptationSpeed: types.AnomalyDetectorAdaptationSpeed("").Values()[0], OutlierFilteringStrength: types.AnomalyDetectorOutlierFilteringStrength("").Values()[0],
		MetricTimezone: &zone, ExcludedTimeRanges: []types.Range{{StartTime: ptr(day), EndTime: ptr(day.Add(time.Hour))}},
	}
}

func TestAnomalyDetectorsComeBack(t *testing.T) {
	(&kept[cloudwatch.PutAnomalyDetectorInput]{
		variants: func() []*cloudwatch.PutAnomalyDetectorInput {
			return []*cloudwatch.PutAnomalyDetectorInput{
				{
					Namespace: ptr("App"), MetricName: ptr("n"), Dimensions: dimensions("2"), Stat: ptr("p90"),
					Configuration: detectorSettings("Europe/Paris", 1), MetricCharacteristics: &types.MetricCharacteristics{PeriodicSpikes: ptr(true)},
				},
				{SingleMetricAnomalyDetector: &types.SingleMetricAnomalyDetector{
					AccountId: ptr("111111111111"), Namespace: ptr("App"), MetricName: ptr("n"), Dimensions: dimensions("2"), Stat: ptr("p90"),
				}},
			}
		},
		other: func() *cloudwatch.PutAnomalyDetectorInput {
			return &cloudwatch.PutAnomalyDetectorInput{Configuration: detectorSettings("UTC", 2), MetricCharacteristics: &types.MetricCharacteristics{PeriodicSpikes: ptr(false)}}
		},
		put: putDetector,
		get: func(t *testing.T, c *clients, _ *cloudwatch.PutAnomalyDetectorInput) []any {
			return []any{only(t, mustGet(c.metrics.DescribeAnomalyDetectors(t.Context(), &cloudwatch.DescribeAnomalyDetectorsInput{}))(t).AnomalyDetectors)}
		},
		unset: map[string]string{"MetricMathAnomalyDetector": "TestMathDetectorsComeBack sets it; it names another thing"},
		fixed: map[string]string{"Namespace": identity, "MetricName": identity, "Dimensions": identity, "Stat": identity, "SingleMetricAnomalyDetector": identity},
	}).check(t)
}

func putDetector(t *testing.T, c *clients, in *cloudwatch.PutAnomalyDetectorInput) error {
	_, err := c.metrics.PutAnomalyDetector(t.Context(), in)
	return err
}

func TestMathDetectorsComeBack(t *testing.T) {
	queries := alarmOfQueries("m1 / 2", func(*cloudwatch.PutMetricAlarmInput) {}).Metrics
	const single = "TestAnomalyDetectorsComeBack sets it"
	(&kept[cloudwatch.PutAnomalyDetectorInput]{
		variants: func() []*cloudwatch.PutAnomalyDetectorInput {
			return []*cloudwatch.PutAnomalyDetectorInput{{
				MetricMathAnomalyDetector: &types.MetricMathAnomalyDetector{MetricDataQueries: queries},
				Configuration:             detectorSettings("Europe/Paris", 1), MetricCharacteristics: &types.MetricCharacteristics{PeriodicSpikes: ptr(true)},
			}}
		},
		other: func() *cloudwatch.PutAnomalyDetectorInput {
			return &cloudwatch.PutAnomalyDetectorInput{Configuration: detectorSettings("UTC", 2)}
		},
		put: putDetector,
		get: func(t *testing.T, c *clients, _ *cloudwatch.PutAnomalyDetectorInput) []any {
			return []any{only(t, mustGet(c.metrics.DescribeAnomalyDetectors(t.Context(), &cloudwatch.DescribeAnomalyDetectorsInput{
				AnomalyDetectorTypes: []types.AnomalyDetectorType{types.AnomalyDetectorTypeMetricMath},
			}))(t).AnomalyDetectors)}
		},
		unset: map[string]string{"Namespace": single, "MetricName": single, "Dimensions": single, "Stat": single, "SingleMetricAnomalyDetector": single},
		fixed: map[string]string{"MetricMathAnomalyDetector": identity},
	}).check(t)
}
