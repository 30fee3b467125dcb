package cloudwatch

import (
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// actionARNs are the shapes of action ARNs. CloudWatch checks the shape and not
// whether the target exists.
var actionARNs = []*lazyregexp.Regexp{
	lazyregexp.New(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]{1,256}$`),
	lazyregexp.New(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?$`),
	lazyregexp.New(`^arn:aws[a-z-]*:autoscaling:[a-z0-9-]+:\d{12}:scalingPolicy:[A-Za-z0-9-]+:.+policyName/.+$`),
	lazyregexp.New(`^arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:opsitem:[1-4](#CATEGORY=.+)?$`),
	lazyregexp.New(`^arn:aws[a-z-]*:ssm-incidents::\d{12}:responseplan/.+$`),
	lazyregexp.New(`^arn:aws[a-z-]*:aiops:[a-z0-9-]+:\d{12}:investigation-group:?/?.+$`),
	ec2Action,
}

// ec2Action stops, terminates, reboots or recovers the instance of the metric.
var ec2Action = lazyregexp.New(`^arn:aws[a-z-]*:(automate:[a-z0-9-]+:ec2:(stop|terminate|reboot|recover)` +
	`|swf:[a-z0-9-]+:\d{12}:action/actions/AWS_EC2\.InstanceId\.(Stop|Terminate|Reboot|Recover)/1\.0)$`)

// checkActions checks the three lists of actions of a metric alarm.
func checkActions(a *metricAlarm) error {
	return eachAction(a.desc.AlarmActions, a.desc.OKActions, a.desc.InsufficientDataActions,
		func(list, arn string) error { return checkAction(list, arn, a) })
}

// checkCompositeActions checks those of a composite alarm, which can notify,
// call functions and open items, but neither scale nor touch instances.
func checkCompositeActions(d *types.CompositeAlarm) error {
	return eachAction(d.AlarmActions, d.OKActions, d.InsufficientDataActions, func(list, arn string) error {
		if err := checkActionShape(list, arn); err != nil {
			return err
		}
		if scaling(arn) || ec2Action.MatchString(arn) {
			return invalidAlarm("%s: a composite alarm cannot have the action %q", list, arn)
		}
		return nil
	})
}

func eachAction(alarm, ok, insufficient []string, check func(list, arn string) error) error {
	for _, list := range []struct {
		name string
		arns []string
	}{{"AlarmActions", alarm}, {"OKActions", ok}, {"InsufficientDataActions", insufficient}} {
		if len(list.arns) > maxActions {
			return invalidAlarm("%s must have at most %d members", list.name, maxActions)
		}
		for _, arn := range list.arns {
			if err := check(list.name, arn); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkActionShape(list, arn string) error {
	if arn == "" || utf8.RuneCountInString(arn) > maxActionLength {
		return invalidAlarm("%s: an action must have 1 to %d characters", list, maxActionLength)
	}
	known := false
	for _, shape := range actionARNs {
		known = known || shape.MatchString(arn)
	}
	if !known {
		return invalidAlarm("%s: invalid action ARN %q", list, arn)
	}
	return nil
}

func checkAction(list, arn string, a *metricAlarm) error {
	if err := checkActionShape(list, arn); err != nil {
		return err
	}
	if a.band != nil && scaling(arn) {
		return invalidAlarm("%s: Auto Scaling actions cannot be used with anomaly bands", list)
	}
	if !ec2Action.MatchString(arn) {
		return nil
	}
	if len(a.desc.Metrics) > 0 {
		return invalidAlarm("%s: EC2 actions cannot be used with Metrics", list)
	}
	for _, d := range a.watched.metric.dims {
		if d.name == "InstanceId" {
			return nil
		}
	}
	return invalidAlarm("%s: EC2 actions need a metric with the dimension InstanceId", list)
}

// scaling reports whether an action is one of Auto Scaling, which alone repeats
// while the state lasts.
func scaling(arn string) bool { return strings.Contains(arn, ":autoscaling:") }
