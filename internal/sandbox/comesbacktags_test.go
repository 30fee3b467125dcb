package sandbox_test

import (
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"
)

// tagger tags the things of one service.
type tagger struct {
	tag   func(arn string, tags map[string]string) error
	untag func(arn string, keys ...string) error
	list  func(arn string) (map[string]string, error)
}

func metricTagger(t *testing.T, c *cloudwatch.Client) tagger {
	return tagger{
		tag: func(arn string, tags map[string]string) error {
			in := &cloudwatch.TagResourceInput{ResourceARN: &arn}
			for k, v := range tags {
				in.Tags = append(in.Tags, cwtypes.Tag{Key: &k, Value: &v})
			}
			_, err := c.TagResource(t.Context(), in)
			return err
		},
		untag: func(arn string, keys ...string) error {
			_, err := c.UntagResource(t.Context(), &cloudwatch.UntagResourceInput{ResourceARN: &arn, TagKeys: keys})
			return err
		},
		list: func(arn string) (map[string]string, error) {
			out, err := c.ListTagsForResource(t.Context(), &cloudwatch.ListTagsForResourceInput{ResourceARN: &arn})
			if err != nil {
				return nil, err
			}
			tags := make(map[string]string)
			for _, tag := range out.Tags {
				tags[*tag.Key] = *tag.Value
			}
			return tags, nil
		},
	}
}

func logTagger(t *testing.T, c *cloudwatchlogs.Client) tagger {
	return tagger{
		tag: func(arn string, tags map[string]string) error {
			_, err := c.TagResource(t.Context(), &cloudwatchlogs.TagResourceInput{ResourceArn: &arn, Tags: tags})
			return err
		},
		untag: func(arn string, keys ...string) error {
			_, err := c.UntagResource(t.Context(), &cloudwatchlogs.UntagResourceInput{ResourceArn: &arn, TagKeys: keys})
			return err
		},
		list: func(arn string) (map[string]string, error) {
			out, err := c.ListTagsForResource(t.Context(), &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &arn})
			if err != nil {
				return nil, err
			}
			return out.Tags, nil
		},
	}
}

func traceTagger(t *testing.T, c *xray.Client) tagger {
	return tagger{
		tag: func(arn string, tags map[string]string) error {
			in := &xray.TagResourceInput{ResourceARN: &arn}
			for k, v := range tags {
				in.Tags = append(in.Tags, xraytypes.Tag{Key: &k, Value: &v})
			}
			_, err := c.TagResource(t.Context(), in)
			return err
		},
		untag: func(arn string, keys ...string) error {
			_, err := c.UntagResource(t.Context(), &xray.UntagResourceInput{ResourceARN: &arn, TagKeys: keys})
			return err
		},
		list: func(arn string) (map[string]string, error) {
			out, err := c.ListTagsForResource(t.Context(), &xray.ListTagsForResourceInput{ResourceARN: &arn})
			if err != nil {
				return nil, err
			}
			tags := make(map[string]string)
			for _, tag := range out.Tags {
				tags[*tag.Key] = *tag.Value
			}
			return tags, nil
		},
	}
}

// makeTaggable makes one of each kind that takes tags, and returns their ARNs
// by kind.
func makeTaggable(t *testing.T, c *clients) (metrics, logs, traces map[string]string) {
	t.Helper()
	makeGroups(t, c)
	makeGroup(t, c)
	metric := plainAlarm()
	metric.AlarmName, metric.Tags = ptr("metric"), nil
	mustGet(c.metrics.PutMetricAlarm(t.Context(), metric))(t)
	mustGet(c.metrics.PutCompositeAlarm(t.Context(), &cloudwatch.PutCompositeAlarmInput{AlarmName: ptr("composite"), AlarmRule: ptr("FALSE")}))(t)
	ofLogs := fullLogAlarm()
	ofLogs.AlarmName, ofLogs.Tags = ptr("logs"), nil
	mustGet(c.metrics.PutLogAlarm(t.Context(), ofLogs))(t)
	mustGet(c.metrics.PutAlarmMuteRule(t.Context(), &cloudwatch.PutAlarmMuteRuleInput{
		Name: ptr("mute"), Rule: &cwtypes.Rule{Schedule: &cwtypes.Schedule{Expression: ptr("cron(0 2 * * *)"), Duration: ptr("PT1H")}},
	}))(t)
	mustGet(c.metrics.PutDashboard(t.Context(), &cloudwatch.PutDashboardInput{DashboardName: ptr("board"), DashboardBody: ptr(`{"widgets":[]}`)}))(t)
	schedule := fullSchedule()
	schedule.Tags = nil
	table := &cloudwatchlogs.CreateLookupTableInput{LookupTableName: ptr("table"), TableBody: ptr("a,b\n1,2\n")}
	rule := &xray.CreateSamplingRuleInput{SamplingRule: samplingRule(func(*xraytypes.SamplingRule) {})}
	const alarm = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:"
	metrics = map[string]string{
		"metric alarm": alarm + "metric", "composite alarm": alarm + "composite", "log alarm": alarm + "logs",
		"mute rule": *mustGet(c.metrics.GetAlarmMuteRule(t.Context(), &cloudwatch.GetAlarmMuteRuleInput{AlarmMuteRuleName: ptr("mute")}))(t).AlarmMuteRuleArn,
		"dashboard": *mustGet(c.metrics.GetDashboard(t.Context(), &cloudwatch.GetDashboardInput{DashboardName: ptr("board")}))(t).DashboardArn,
	}
	logs = map[string]string{
		"log group":       logARN + "log-group:/app",
		"lookup table":    *mustGet(c.logs.CreateLookupTable(t.Context(), table))(t).LookupTableArn,
		"scheduled query": *mustGet(c.logs.CreateScheduledQuery(t.Context(), schedule))(t).ScheduledQueryArn,
	}
	traces = map[string]string{
		"group":         *mustGet(c.traces.GetGroup(t.Context(), &xray.GetGroupInput{GroupName: ptr("slow")}))(t).Group.GroupARN,
		"sampling rule": *mustGet(c.traces.CreateSamplingRule(t.Context(), rule))(t).SamplingRuleRecord.SamplingRule.RuleARN,
	}
	return metrics, logs, traces
}

// TestTagsComeBack tags one of each kind, twice, changes a tag and takes one off.
func TestTagsComeBack(t *testing.T) {
	c := newClients(t)
	metrics, logs, traces := makeTaggable(t, c)
	for _, service := range []struct {
		tagger
		arns map[string]string
	}{{metricTagger(t, c.metrics), metrics}, {logTagger(t, c.logs), logs}, {traceTagger(t, c.traces), traces}} {
		for kind, arn := range service.arns {
			t.Run(kind, func(t *testing.T) { checkTags(t, service.tagger, arn) })
		}
	}
}

func checkTags(t *testing.T, s tagger, arn string) {
	want := make(map[string]string)
	expect := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.list(arn)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, want) {
			t.Errorf("tags (-want +got):\n%s", cmp.Diff(want, got))
		}
	}
	expect(nil)
	want = map[string]string{"a": "1", "é": "", "c:d/e": "x y"}
	expect(s.tag(arn, want))
	expect(s.tag(arn, want))
	want["a"] = "2"
	expect(s.tag(arn, map[string]string{"a": "2"}))
	delete(want, "c:d/e")
	expect(s.untag(arn, "c:d/e", "none"))
}
