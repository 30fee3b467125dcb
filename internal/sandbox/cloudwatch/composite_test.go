package cloudwatch_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

// withChildren is a rig with metric alarms of the names, without actions.
func withChildren(t *testing.T, names ...string) *rig {
	t.Helper()
	r := newRig(t)
	for _, name := range names {
		in := latencyAlarm()
		in.AlarmName, in.AlarmActions, in.OKActions = &name, nil, nil
		in.MetricName = aws.String(name)
		r.mustPut(t, in)
	}
	return r
}

func (r *rig) putComposite(t *testing.T, name, rule string, change ...func(*sdk.PutCompositeAlarmInput)) error {
	t.Helper()
	in := &sdk.PutCompositeAlarmInput{AlarmName: &name, AlarmRule: &rule, AlarmActions: []string{topic}, OKActions: []string{topic}}
	for _, c := range change {
		c(in)
	}
	_, err := r.PutCompositeAlarm(t.Context(), in)
	return err
}

func (r *rig) set(t *testing.T, name string, state types.StateValue) {
	t.Helper()
	_, err := r.SetAlarmState(t.Context(), &sdk.SetAlarmStateInput{AlarmName: &name, StateValue: state, StateReason: aws.String("test")})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) composite(t *testing.T, name string) types.CompositeAlarm {
	t.Helper()
	out, err := r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmNames: []string{name}, AlarmTypes: []types.AlarmType{types.AlarmTypeCompositeAlarm}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.CompositeAlarms) != 1 || len(out.MetricAlarms) != 0 {
		t.Fatalf("found %d composite alarms named %s", len(out.CompositeAlarms), name)
	}
	return out.CompositeAlarms[0]
}

func (r *rig) subjects() []string {
	var out []string
	for _, n := range r.sent.all() {
		out = append(out, strings.TrimSuffix(n.Subject, " in US East (N. Virginia)"))
	}
	return out
}

func TestCompositeFollowsChildren(t *testing.T) {
	r := withChildren(t, "cpu", "disk")
	if err := r.putComposite(t, "both", `ALARM(cpu) AND ALARM("disk")`); err != nil {
		t.Fatal(err)
	}
	if err := r.putComposite(t, "top", "NOT ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:both)"); err != nil {
		t.Fatal(err)
	}
	if got := r.composite(t, "both"); got.StateValue != types.StateValueInsufficientData {
		t.Errorf("a new composite alarm is %s", got.StateValue)
	}
	r.EvaluateNow(t.Context())
	if got := r.composite(t, "both"); got.StateValue != types.StateValueOk || !strings.HasSuffix(*got.StateReason, "alarm:both was created and its alarm rule evaluates to OK") {
		t.Errorf("after the first evaluation: %s, %s", got.StateValue, *got.StateReason)
	}
	r.set(t, "cpu", "ALARM")
	if got := r.composite(t, "both").StateValue; got != types.StateValueOk {
		t.Errorf("with one child in ALARM: %s, want OK", got)
	}
	r.set(t, "disk", "ALARM")
	got := r.composite(t, "both")
	wantReason := "arn:aws:cloudwatch:us-east-1:000000000000:alarm:disk transitioned to ALARM at Monday 05 January, 2026 12:00:00 UTC"
	wantData := `{"triggeringAlarms":[{"arn":"arn:aws:cloudwatch:us-east-1:000000000000:alarm:disk","state":{"value":"ALARM","timestamp":"2026-01-05T12:00:00.000+0000"}}]}`
	if got.StateValue != types.StateValueAlarm || *got.StateReason != wantReason || *got.StateReasonData != wantData {
		t.Errorf("with both in ALARM: %s\n%s\n%s", got.StateValue, *got.StateReason, *got.StateReasonData)
	}
	want := []string{`OK: "both"`, `ALARM: "top"`, `ALARM: "both"`, `OK: "top"`}
	if d := cmp.Diff(want, r.subjects()); d != "" {
		t.Errorf("notifications (-want +got):\n%s", d)
	}
	var message map[string]any
	if err := json.Unmarshal([]byte(r.sent.all()[2].Message), &message); err != nil {
		t.Fatal(err)
	}
	child := map[string]any{"Arn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:disk", "State": map[string]any{"Value": "ALARM", "Timestamp": "2026-01-05T12:00:00.000+0000"}}
	if d := cmp.Diff([]any{child}, message["TriggeringChildren"]); d != "" || message["AlarmRule"] != `ALARM(cpu) AND ALARM("disk")` || message["Trigger"] != nil {
		t.Errorf("message %v has the wrong children (-want +got):\n%s", message, d)
	}
}

// TestCompositeInEvaluation: a metric alarm's own evaluation reaches its
// parents in the same round.
func TestCompositeInEvaluation(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.EvaluationPeriods, in.DatapointsToAlarm, in.AlarmActions = aws.Int32(1), aws.Int32(1), nil
	r.mustPut(t, in)
	if err := r.putComposite(t, "parent", "ALARM(latency)"); err != nil {
		t.Fatal(err)
	}
	r.EvaluateNow(t.Context())
	r.minute(t, 500)
	if got := r.composite(t, "parent").StateValue; got != types.StateValueAlarm {
		t.Errorf("parent is %s, want ALARM", got)
	}
}

func TestSuppression(t *testing.T) {
	suppressed := func(in *sdk.PutCompositeAlarmInput) {
		in.ActionsSuppressor = aws.String("quiet")
		in.ActionsSuppressorWaitPeriod, in.ActionsSuppressorExtensionPeriod = aws.Int32(60), aws.Int32(120)
	}
	// Each step sets alarms, moves the clock, evaluates, and looks at what holds
	// the actions and how many were sent.
	type step struct {
		set   string // name=STATE
		after time.Duration
		by    types.ActionsSuppressedBy
		sent  int
	}
	for name, steps := range map[string][]step{
		"wait runs out": {{"cpu=ALARM", 30 * time.Second, "WaitPeriod", 0}, {"", 30 * time.Second, "", 1}},
		"suppressor in time": {
			{"cpu=ALARM", 30 * time.Second, "WaitPeriod", 0},
			{"quiet=ALARM", 10 * time.Minute, "Alarm", 0},
			{"quiet=OK", 60 * time.Second, "ExtensionPeriod", 0},
			{"", 60 * time.Second, "", 1},
		},
		"suppressor before": {{"quiet=ALARM", time.Second, "", 0}, {"cpu=ALARM", time.Second, "Alarm", 0}},
		"suppressor again": {
			{"quiet=ALARM", time.Second, "", 0},
			{"cpu=ALARM", time.Second, "Alarm", 0},
			{"quiet=OK", time.Second, "ExtensionPeriod", 0},
			{"quiet=ALARM", 10 * time.Minute, "Alarm", 0},
		},
		"a new transition waits anew": {{"cpu=ALARM", 50 * time.Second, "WaitPeriod", 0}, {"cpu=OK", 50 * time.Second, "WaitPeriod", 0}, {"", 10 * time.Second, "", 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := withChildren(t, "cpu", "quiet")
			if err := r.putComposite(t, "main", "ALARM(cpu)", suppressed); err != nil {
				t.Fatal(err)
			}
			r.set(t, "cpu", "OK")
			r.advance(t, 2*time.Minute)
			r.set(t, "quiet", "OK") // a change that lets the first wait end
			before := len(r.sent.all())
			for i, st := range steps {
				if name, state, ok := strings.Cut(st.set, "="); ok {
					r.set(t, name, types.StateValue(state))
				}
				r.advance(t, st.after)
				r.nudge(t)
				got := r.composite(t, "main")
				if got.ActionsSuppressedBy != st.by || len(r.sent.all())-before != st.sent {
					t.Errorf("step %d: suppressed by %q, %d sent; want %q, %d", i, got.ActionsSuppressedBy, len(r.sent.all())-before, st.by, st.sent)
				}
				if (got.ActionsSuppressedReason != nil) != (st.by != "") {
					t.Errorf("step %d: reason %v for %q", i, got.ActionsSuppressedReason, st.by)
				}
			}
		})
	}
}

// nudge lets suppression move on without evaluating metric alarms: it sets the
// state of an alarm that no rule names.
func (r *rig) nudge(t *testing.T) {
	t.Helper()
	in := latencyAlarm()
	in.AlarmName, in.AlarmActions, in.OKActions = aws.String("nudge"), nil, nil
	r.mustPut(t, in)
	state := types.StateValueOk
	if r.alarmState(t, "nudge").StateValue == state {
		state = types.StateValueAlarm
	}
	r.set(t, "nudge", state)
}

func TestCompositeRules(t *testing.T) {
	for name, tt := range map[string]struct {
		name, rule string
		change     func(*sdk.PutCompositeAlarmInput)
		want       string
	}{
		"valid":                {"c", "ALARM(cpu)", nil, ""},
		"constant":             {"c", "FALSE", nil, ""},
		"syntax":               {"c", "ALARM(cpu", nil, "AlarmRule: column"},
		"unknown child":        {"c", "ALARM(cpu) OR ALARM(nope)", nil, `["nope"] in the alarm rule do not exist`},
		"another region":       {"c", "ALARM(arn:aws:cloudwatch:eu-west-1:000000000000:alarm:cpu)", nil, "do not exist"},
		"name of a metric one": {"cpu", "FALSE", nil, "metric alarm with the name"},
		"no name":              {"", "FALSE", nil, "AlarmName is required"},
		"wait without":         {"c", "FALSE", func(in *sdk.PutCompositeAlarmInput) { in.ActionsSuppressorWaitPeriod = aws.Int32(1) }, "need ActionsSuppressor"},
		"suppressor alone":     {"c", "FALSE", func(in *sdk.PutCompositeAlarmInput) { in.ActionsSuppressor = aws.String("cpu") }, "needs ActionsSuppressorWaitPeriod"},
		"unknown suppressor": {"c", "FALSE", func(in *sdk.PutCompositeAlarmInput) {
			in.ActionsSuppressor, in.ActionsSuppressorWaitPeriod, in.ActionsSuppressorExtensionPeriod = aws.String("nope"), aws.Int32(1), aws.Int32(1)
		}, "does not exist"},
		"scaling": {"c", "FALSE", func(in *sdk.PutCompositeAlarmInput) {
			in.AlarmActions = []string{"arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1-2:resource/ecs/service/c/s:policyName/up"}
		}, "cannot have the action"},
		"no ARN": {"c", "FALSE", func(in *sdk.PutCompositeAlarmInput) { in.AlarmActions = []string{"x"} }, "invalid action ARN"},
	} {
		t.Run(name, func(t *testing.T) {
			r := withChildren(t, "cpu")
			var changes []func(*sdk.PutCompositeAlarmInput)
			if tt.change != nil {
				changes = append(changes, tt.change)
			}
			err := r.putComposite(t, tt.name, tt.rule, changes...)
			if tt.want == "" {
				if err != nil {
					t.Errorf("error = %v, want none", err)
				}
				return
			}
			if got := refusal(t, err); !strings.Contains(got.Message, tt.want) {
				t.Errorf("error = %v, want one about %q", got, tt.want)
			}
		})
	}
}

// TestCompositeCycle: alarms in a cycle are not evaluated and cannot be
// deleted until the cycle is broken.
func TestCompositeCycle(t *testing.T) {
	r := withChildren(t, "cpu")
	for _, rule := range [][2]string{{"a", "ALARM(cpu)"}, {"b", "ALARM(a)"}, {"a", "ALARM(cpu) OR ALARM(b)"}, {"self", "ALARM(cpu) OR ALARM(self)"}} {
		if err := r.putComposite(t, rule[0], rule[1]); err != nil {
			t.Fatal(err)
		}
	}
	r.set(t, "cpu", "ALARM")
	for _, name := range []string{"a", "b", "self"} {
		if got := r.composite(t, name).StateValue; got != types.StateValueInsufficientData {
			t.Errorf("%s is %s, want it not evaluated", name, got)
		}
	}
	remove := func(names ...string) error {
		_, err := r.DeleteAlarms(t.Context(), &sdk.DeleteAlarmsInput{AlarmNames: names})
		return err
	}
	for _, name := range []string{"a", "b", "cpu"} {
		if got := refusal(t, remove(name)); !strings.Contains(got.Message, "composite alarm(s) depending on it") {
			t.Errorf("delete %s: %v", name, got)
		}
	}
	if err := r.putComposite(t, "a", "FALSE"); err != nil {
		t.Fatal(err)
	}
	r.set(t, "cpu", "OK")
	if got := r.composite(t, "b").StateValue; got != types.StateValueOk {
		t.Errorf("b is %s after the cycle was broken, want OK", got)
	}
	if err := remove("b"); err != nil {
		t.Error(err)
	}
	if err := remove("a"); err != nil {
		t.Error(err)
	}
	if got := refusal(t, remove("cpu")); !strings.Contains(got.Message, "self") {
		t.Errorf("delete cpu: %v, want it kept by self", got)
	}
}

func TestDescribeRelatives(t *testing.T) {
	r := withChildren(t, "cpu", "disk")
	for _, rule := range [][2]string{{"inner", "ALARM(cpu)"}, {"outer", "ALARM(inner) OR ALARM(disk)"}} {
		if err := r.putComposite(t, rule[0], rule[1]); err != nil {
			t.Fatal(err)
		}
	}
	out, err := r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{ChildrenOfAlarmName: aws.String("outer")})
	if err != nil {
		t.Fatal(err)
	}
	if alarmNames(out.MetricAlarms) != "disk" || len(out.CompositeAlarms) != 1 || *out.CompositeAlarms[0].AlarmName != "inner" || out.CompositeAlarms[0].AlarmRule != nil {
		t.Errorf("children of outer = %+v, %+v", out.MetricAlarms, out.CompositeAlarms)
	}
	out, err = r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{ParentsOfAlarmName: aws.String("cpu")})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.MetricAlarms) != 0 || len(out.CompositeAlarms) != 1 || *out.CompositeAlarms[0].AlarmName != "inner" {
		t.Errorf("parents of cpu = %+v", out.CompositeAlarms)
	}
	both, err := r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{"MetricAlarm", "CompositeAlarm"}, MaxRecords: aws.Int32(3)})
	if err != nil {
		t.Fatal(err)
	}
	if len(both.MetricAlarms) != 2 || len(both.CompositeAlarms) != 1 || both.NextToken == nil {
		t.Errorf("first page: %d metric and %d composite alarms", len(both.MetricAlarms), len(both.CompositeAlarms))
	}
}

// TestEveryCompositeFieldComesBack is TestEveryFieldComesBack for composite
// alarms.
func TestEveryCompositeFieldComesBack(t *testing.T) {
	c, _ := newClient(t)
	if _, err := c.PutMetricAlarm(t.Context(), latencyAlarm()); err != nil {
		t.Fatal(err)
	}
	in := &sdk.PutCompositeAlarmInput{
		AlarmName: aws.String("all"), AlarmRule: aws.String("ALARM(latency)"), AlarmDescription: aws.String("d"),
		ActionConfiguration: &types.ActionConfiguration{AlarmTagsPropagation: &types.AlarmTagsPropagation{Enabled: aws.Bool(false)}},
		ActionsEnabled:      aws.Bool(false), ActionsSuppressor: aws.String("latency"),
		ActionsSuppressorWaitPeriod: aws.Int32(1), ActionsSuppressorExtensionPeriod: aws.Int32(2),
		AlarmActions: []string{topic}, OKActions: []string{topic}, InsufficientDataActions: []string{topic},
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	}
	if _, err := c.PutCompositeAlarm(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out, err := c.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{types.AlarmTypeCompositeAlarm}})
	if err != nil {
		t.Fatal(err)
	}
	got := reflect.ValueOf(&out.CompositeAlarms[0]).Elem()
	for f, v := range reflect.ValueOf(in).Elem().Fields() {
		if !f.IsExported() || f.Name == "Tags" {
			continue
		}
		if v.IsZero() {
			t.Errorf("the test sets no %s", f.Name)
		}
		if d := cmp.Diff(v.Interface(), got.FieldByName(f.Name).Interface(), exported); d != "" {
			t.Errorf("%s (-put +got):\n%s", f.Name, d)
		}
	}
	tags, err := c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: out.CompositeAlarms[0].AlarmArn})
	if err != nil || len(tags.Tags) != 1 {
		t.Errorf("tags = %+v, %v", tags, err)
	}
}
