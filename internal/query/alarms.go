package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// AlarmsAPI is what Alarms needs of the CloudWatch client.
type AlarmsAPI interface {
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
}

// Alarms asks CloudWatch for alarms. It is safe for concurrent use if its API is.
type Alarms struct{ API AlarmsAPI }

// AlarmState is a state as CloudWatch writes it.
type AlarmState string

// The states of an alarm.
const (
	StateAlarm  AlarmState = "ALARM"
	StateNoData AlarmState = "INSUFFICIENT_DATA"
	StateOK     AlarmState = "OK"
)

// AlarmStates returns the states, the most pressing first.
func AlarmStates() []AlarmState { return []AlarmState{StateAlarm, StateNoData, StateOK} }

// Alarm is an alarm of any type.
type Alarm struct {
	Name, ARN, Description string
	// Type is "metric", "composite" or "log".
	Type  string
	State AlarmState
	// Since is when it came into the state; Updated when its reason was last
	// written.
	Since, Updated time.Time
	Reason         string
	// Actions says whether its actions are enabled.
	Actions bool
}

// AlarmsQuery says which alarms to list.
type AlarmsQuery struct {
	// Prefix is the beginning of their names.
	Prefix string
	// State, if not "", is the state they are in.
	State AlarmState
}

// List returns alarms of all types, those in alarm first, then by name.
func (a *Alarms) List(ctx context.Context, q AlarmsQuery) ([]Alarm, error) {
	in := &cloudwatch.DescribeAlarmsInput{
		// Without types the service returns metric alarms alone.
		AlarmTypes: types.AlarmType("").Values(), StateValue: types.StateValue(q.State), MaxRecords: aws.Int32(100),
	}
	if q.Prefix != "" {
		in.AlarmNamePrefix = &q.Prefix
	}
	var out []Alarm
	for {
		page, err := a.API.DescribeAlarms(ctx, in)
		if err != nil {
			return out, fmt.Errorf("list alarms: %w", err)
		}
		out = appendAlarms(out, page)
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	order.Stable(out, func(a, b Alarm) int {
		return cmp.Or(cmp.Compare(rank(a.State), rank(b.State)), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}

func rank(s AlarmState) int { return slices.Index(AlarmStates(), s) }

func appendAlarms(out []Alarm, page *cloudwatch.DescribeAlarmsOutput) []Alarm {
	for _, m := range page.MetricAlarms {
		out = append(out, Alarm{
			Name: aws.ToString(m.AlarmName), ARN: aws.ToString(m.AlarmArn), Description: aws.ToString(m.AlarmDescription), Type: "metric",
			State: AlarmState(m.StateValue), Since: since(m.StateTransitionedTimestamp, m.StateUpdatedTimestamp),
			Updated: aws.ToTime(m.StateUpdatedTimestamp), Reason: aws.ToString(m.StateReason), Actions: aws.ToBool(m.ActionsEnabled),
		})
	}
	for _, c := range page.CompositeAlarms {
		out = append(out, Alarm{
			Name: aws.ToString(c.AlarmName), ARN: aws.ToString(c.AlarmArn), Description: aws.ToString(c.AlarmDescription), Type: "composite",
			State: AlarmState(c.StateValue), Since: since(c.StateTransitionedTimestamp, c.StateUpdatedTimestamp),
			Updated: aws.ToTime(c.StateUpdatedTimestamp), Reason: aws.ToString(c.StateReason), Actions: aws.ToBool(c.ActionsEnabled),
		})
	}
	for _, l := range page.LogAlarms {
		out = append(out, Alarm{
			Name: aws.ToString(l.AlarmName), ARN: aws.ToString(l.AlarmArn), Description: aws.ToString(l.AlarmDescription), Type: "log",
			State: AlarmState(l.StateValue), Since: since(l.StateTransitionedTimestamp, l.StateUpdatedTimestamp),
			Updated: aws.ToTime(l.StateUpdatedTimestamp), Reason: aws.ToString(l.StateReason), Actions: aws.ToBool(l.ActionsEnabled),
		})
	}
	return out
}

// since is the time of the transition; alarms that never had one have only the
// time of an update.
func since(transition, update *time.Time) time.Time {
	if transition != nil {
		return *transition
	}
	return aws.ToTime(update)
}
