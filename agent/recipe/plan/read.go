package plan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
)

// Identity tells whose credentials are in use. *sts.Client satisfies it.
type Identity interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

var _ Identity = (*sts.Client)(nil)

// Clients are the APIs that plans are made from. The clients must be of the
// stack's region.
type Clients struct {
	CloudWatch pace.CloudWatch
	Identity   Identity
}

// Guard returns a *Refused unless the credentials in use are of the account and
// the client is of the region. It returns the account. An empty account or
// region means any.
func (c Clients) Guard(ctx context.Context, account, region string) (string, error) {
	who, err := c.Identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("get caller identity: %w", err)
	}
	got := aws.ToString(who.Account)
	if account != "" && got != account {
		return got, &Refused{Reasons: []string{fmt.Sprintf("the credentials are of account %s, and the environment lives in %s", got, account)}}
	}
	if r := c.region(); region != "" && r != "" && r != region {
		return got, &Refused{Reasons: []string{fmt.Sprintf("the client is of the region %s, and the stack lives in %s", r, region)}}
	}
	return got, nil
}

// region returns that of the client, as far as the client tells.
func (c Clients) region() string {
	if o, ok := c.CloudWatch.(interface{ Options() cloudwatch.Options }); ok {
		return o.Options().Region
	}
	return ""
}

// Live is an alarm as CloudWatch holds it.
type Live struct {
	Name  string
	ARN   string
	Alarm ir.MetricAlarm
	// Tags are read for metric alarms only.
	Tags map[string]string
	// Other is "composite alarm" or "log alarm" if the name belongs to one.
	Other string
}

// Hash stands for everything that a write or a deletion depends on.
func (l *Live) Hash() string {
	if l == nil {
		return ""
	}
	tags := maps.Clone(l.Tags)
	maps.DeleteFunc(tags, func(k, _ string) bool { return strings.HasPrefix(k, "aws:") })
	return norm.Of(l.Alarm, tags, "").Hash(ir.Kind(l.Other + string(ir.MetricAlarmKind)))
}

// maxNames is how many alarms one DescribeAlarms takes and returns.
const maxNames = 100

// Look reads the alarms of the given names and, if prefix is not "", those whose
// names begin with it, with their tags.
func Look(ctx context.Context, cw pace.CloudWatch, names []string, prefix string) (map[string]*Live, error) {
	found := map[string]*Live{}
	for batch := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(names))), maxNames) {
		if err := describe(ctx, cw, &cloudwatch.DescribeAlarmsInput{AlarmNames: batch}, found); err != nil {
			return nil, err
		}
	}
	if prefix != "" {
		if err := describe(ctx, cw, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: &prefix}, found); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		l := found[name]
		if l.Other != "" {
			continue
		}
		out, err := cw.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: &l.ARN})
		if notFound(err) {
			delete(found, name) // deleted in between
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list tags of alarm %q: %w", name, err)
		}
		l.Tags = norm.TagMap(out.Tags)
	}
	return found, nil
}

func notFound(err error) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.HasPrefix(e.ErrorCode(), "ResourceNotFound")
}

func describe(ctx context.Context, cw pace.CloudWatch, in *cloudwatch.DescribeAlarmsInput, found map[string]*Live) error {
	// Without the types only metric alarms are returned, and the name of any
	// other alarm would look free.
	in.AlarmTypes = []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm, types.AlarmTypeLogAlarm}
	in.MaxRecords = aws.Int32(maxNames)
	for {
		out, err := cw.DescribeAlarms(ctx, in)
		if err != nil {
			return fmt.Errorf("describe alarms: %w", err)
		}
		for _, a := range out.MetricAlarms {
			name := aws.ToString(a.AlarmName)
			found[name] = &Live{Name: name, ARN: aws.ToString(a.AlarmArn), Alarm: norm.Live(a)}
		}
		for _, a := range out.CompositeAlarms {
			name := aws.ToString(a.AlarmName)
			found[name] = &Live{Name: name, ARN: aws.ToString(a.AlarmArn), Other: "composite alarm"}
		}
		for _, a := range out.LogAlarms {
			name := aws.ToString(a.AlarmName)
			found[name] = &Live{Name: name, ARN: aws.ToString(a.AlarmArn), Other: "log alarm"}
		}
		if aws.ToString(out.NextToken) == "" {
			return nil
		}
		in.NextToken = out.NextToken
	}
}
