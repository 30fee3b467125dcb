package cloudwatch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// transition is a state of an alarm whose actions are to be carried out.
type transition struct {
	sc              scope
	name, arn       string
	kind            types.AlarmType
	previous, state types.StateValue
	actions         []string
	at              time.Time
	message         any // the document for SNS

	contributor string // the ID of the one it is about, or empty
	attributes  map[string]string
}

// act carries out the actions of a transition, unless a mute rule is active,
// and writes their outcome to the history.
func (s *Service) act(ctx context.Context, t transition) {
	if len(t.actions) == 0 {
		return
	}
	s.mu.Lock()
	rule, muted := s.alarmSetLocked(t.sc).muted(t.name, t.at)
	s.mu.Unlock()
	if muted {
		s.opts.Logger.Info("alarm actions are muted", "source", t.name, "by", rule)
		s.hold(&t)
		return
	}
	n := Notification{Time: t.at, Alarm: t.arn, Subject: t.subject(), Message: string(mustMarshal(t.message))}
	for _, arn := range t.actions {
		var err error
		if s.opts.Notifier != nil {
			n.Action = arn
			err = s.opts.Notifier.Notify(ctx, n)
		}
		if err != nil {
			s.opts.Logger.Error("alarm action failed", "source", t.name, "dest", arn, "err", err)
		}
		s.mu.Lock()
		s.addHistoryLocked(s.alarmSetLocked(t.sc), actionItem(&t, arn, n.Message, err))
		s.mu.Unlock()
	}
}

// maxSubject is SNS's limit of a subject line.
const maxSubject = 100

func (t *transition) subject() string {
	subject := fmt.Sprintf("%s: %q in %s", t.state, t.name, regionName(t.sc.region))
	if len(subject) > maxSubject {
		subject = strings.ToValidUTF8(subject[:maxSubject-3], "") + "..."
	}
	return subject
}

// snsAlarm is the message that CloudWatch publishes to SNS: Trigger for a metric
// alarm, the embedded members for a composite one.
type snsAlarm struct {
	AlarmName                          *string
	AlarmDescription                   *string
	AWSAccountId                       string
	AlarmConfigurationUpdatedTimestamp string
	NewStateValue                      types.StateValue
	NewStateReason                     *string
	StateChangeTime                    string
	Region                             string
	AlarmArn                           *string
	OldStateValue                      types.StateValue
	OKActions                          []string
	AlarmActions                       []string
	InsufficientDataActions            []string
	// What the members about a contributor are called AWS does not document; the
	// history calls them so.
	AlarmContributorId         string            `json:",omitempty"`
	AlarmContributorAttributes map[string]string `json:",omitempty"`
	Trigger                    any               `json:",omitempty"` // *snsTrigger or *logTrigger
	*snsComposite
	// Tags are sent if ActionConfiguration.AlarmTagsPropagation says so. AWS does
	// not document the name of this member.
	Tags map[string]string `json:",omitempty"`
}

// snsTrigger is what the alarm watches: one metric, or Metrics.
type snsTrigger struct {
	*snsMetric
	Metrics                          []snsQuery `json:",omitempty"`
	Period                           int32
	EvaluationPeriods                *int32
	DatapointsToAlarm                *int32 `json:",omitempty"`
	ComparisonOperator               types.ComparisonOperator
	Threshold                        *float64
	ThresholdMetricId                *string `json:",omitempty"`
	TreatMissingData                 string
	EvaluateLowSampleCountPercentile string
}

// snsMetric are the members of the trigger of an alarm on one metric.
type snsMetric struct {
	MetricName        *string
	Namespace         *string
	StatisticType     string
	Statistic         string  `json:",omitempty"`
	ExtendedStatistic *string `json:",omitempty"`
	Unit              *string
	Dimensions        []dimensionObject
}

type snsQuery struct {
	Id         *string
	Expression *string        `json:",omitempty"`
	Label      *string        `json:",omitempty"`
	MetricStat *snsMetricStat `json:",omitempty"`
	ReturnData bool
}

type snsMetricStat struct {
	Metric struct {
		Dimensions []dimensionObject
		MetricName *string
		Namespace  *string
	}
	Period *int32
	Stat   *string
}

// dimensionObject has its members in lower case, unlike everything around it.
type dimensionObject struct {
	Value string `json:"value"`
	Name  string `json:"name"`
}

func dimensionObjects(in []types.Dimension) []dimensionObject {
	out := []dimensionObject{}
	for _, d := range in {
		out = append(out, dimensionObject{aws.ToString(d.Value), aws.ToString(d.Name)})
	}
	return out
}

// snsComposite are the members of the message of a composite alarm.
type snsComposite struct {
	AlarmRule          *string
	TriggeringChildren []triggeringChild
}

// triggeringChild is a child that changed a composite alarm's state.
type triggeringChild struct {
	Arn   string
	State struct{ Value, Timestamp string }
}

func metricMessage(sc scope, d *types.MetricAlarm, tags map[string]string, previous types.StateValue, at time.Time) snsAlarm {
	return snsAlarm{
		AlarmName: d.AlarmName, AlarmDescription: d.AlarmDescription, AWSAccountId: sc.account,
		AlarmConfigurationUpdatedTimestamp: stamp(*d.AlarmConfigurationUpdatedTimestamp),
		NewStateValue:                      d.StateValue, NewStateReason: d.StateReason, StateChangeTime: stamp(at),
		Region: regionName(sc.region), AlarmArn: d.AlarmArn, OldStateValue: previous,
		OKActions: d.OKActions, AlarmActions: d.AlarmActions, InsufficientDataActions: d.InsufficientDataActions,
		Trigger: trigger(d), Tags: propagated(d.ActionConfiguration, tags),
	}
}

func trigger(d *types.MetricAlarm) *snsTrigger {
	tr := &snsTrigger{
		Period: aws.ToInt32(d.Period), EvaluationPeriods: d.EvaluationPeriods, DatapointsToAlarm: d.DatapointsToAlarm,
		ComparisonOperator: d.ComparisonOperator, Threshold: d.Threshold, ThresholdMetricId: d.ThresholdMetricId,
		TreatMissingData:                 aws.ToString(d.TreatMissingData),
		EvaluateLowSampleCountPercentile: aws.ToString(d.EvaluateLowSampleCountPercentile),
	}
	if d.MetricName != nil {
		tr.snsMetric = metricObject(d)
		return tr
	}
	for _, m := range d.Metrics {
		tr.Metrics = append(tr.Metrics, queryObject(m))
		if m.MetricStat != nil {
			tr.Period = max(aws.ToInt32(m.MetricStat.Period), aws.ToInt32(m.Period))
		}
	}
	return tr
}

func metricObject(d *types.MetricAlarm) *snsMetric {
	m := &snsMetric{
		MetricName: d.MetricName, Namespace: d.Namespace, Dimensions: dimensionObjects(d.Dimensions),
		StatisticType: "Statistic", Statistic: strings.ToUpper(string(d.Statistic)),
	}
	if d.ExtendedStatistic != nil {
		m.StatisticType, m.ExtendedStatistic = "ExtendedStatistic", d.ExtendedStatistic
	}
	if d.Unit != "" {
		m.Unit = aws.String(string(d.Unit))
	}
	return m
}

func queryObject(m types.MetricDataQuery) snsQuery {
	q := snsQuery{Id: m.Id, Expression: m.Expression, Label: m.Label, ReturnData: m.ReturnData == nil || *m.ReturnData}
	if m.MetricStat == nil {
		return q
	}
	q.MetricStat = &snsMetricStat{Period: m.MetricStat.Period, Stat: m.MetricStat.Stat}
	q.MetricStat.Metric.Dimensions = dimensionObjects(m.MetricStat.Metric.Dimensions)
	q.MetricStat.Metric.MetricName = m.MetricStat.Metric.MetricName
	q.MetricStat.Metric.Namespace = m.MetricStat.Metric.Namespace
	return q
}

// propagated are the tags that go out with notifications.
func propagated(cfg *types.ActionConfiguration, tags map[string]string) map[string]string {
	if cfg == nil || cfg.AlarmTagsPropagation == nil || !aws.ToBool(cfg.AlarmTagsPropagation.Enabled) {
		return nil
	}
	p := cfg.AlarmTagsPropagation
	out := maps.Clone(tags)
	maps.DeleteFunc(out, func(k, _ string) bool {
		if len(p.IncludedTagKeys) > 0 {
			return !slices.Contains(p.IncludedTagKeys, k)
		}
		return slices.Contains(p.ExcludedTagKeys, k)
	})
	return out
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000-0700") }

// regionName is the name that CloudWatch writes into messages, or the code of
// regions that are not listed here.
func regionName(code string) string {
	switch code {
	case "us-east-1":
		return "US East (N. Virginia)"
	case "us-east-2":
		return "US East (Ohio)"
	case "us-west-1":
		return "US West (N. California)"
	case "us-west-2":
		return "US West (Oregon)"
	case "ca-central-1":
		return "Canada (Central)"
	case "eu-central-1":
		return "EU (Frankfurt)"
	case "eu-north-1":
		return "EU (Stockholm)"
	case "eu-west-1":
		return "EU (Ireland)"
	case "eu-west-2":
		return "EU (London)"
	case "eu-west-3":
		return "EU (Paris)"
	case "ap-northeast-1":
		return "Asia Pacific (Tokyo)"
	case "ap-southeast-1":
		return "Asia Pacific (Singapore)"
	case "ap-southeast-2":
		return "Asia Pacific (Sydney)"
	}
	return code
}
