package norm_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/recipetest"
)

func maybe[T any](t *rapid.T, label string, values ...T) T {
	var none T
	return rapid.SampledFrom(append([]T{none}, values...)).Draw(t, label)
}

func optional[T any](t *rapid.T, label string, values ...T) *T {
	if rapid.Bool().Draw(t, label+"?") {
		return nil
	}
	v := rapid.SampledFrom(values).Draw(t, label)
	return &v
}

func lists(t *rapid.T, label string) []string {
	return maybe(t, label, []string{"arn:b", "arn:a"}, []string{"arn:a"}, []string{"arn:c", "arn:a", "arn:b"})
}

// drawAlarm draws an alarm with any combination of fields that the API takes.
func drawAlarm(t *rapid.T) ir.MetricAlarm {
	a := ir.MetricAlarm{
		AlarmDescription: maybe(t, "description", "text", " spaced\n"),
		ActionsEnabled:   optional(t, "enabled", true, false),
		AlarmActions:     lists(t, "alarm"), OKActions: lists(t, "ok"), InsufficientDataActions: lists(t, "insufficient"),
		ActionConfiguration: maybe(t, "propagation",
			&ir.ActionConfiguration{AlarmTagsPropagation: &ir.TagsPropagation{Enabled: aws.Bool(true), IncludedTagKeys: []string{"b", "a"}}},
			&ir.ActionConfiguration{AlarmTagsPropagation: &ir.TagsPropagation{Enabled: aws.Bool(true), ExcludedTagKeys: []string{"x"}}},
			&ir.ActionConfiguration{AlarmTagsPropagation: &ir.TagsPropagation{Enabled: aws.Bool(false)}}),
		WarmUpConfiguration: maybe(t, "warm", &ir.WarmUp{WarmUpPeriodDurationInMinutes: 5},
			&ir.WarmUp{WarmUpPeriodDurationInMinutes: 5, OnlyStartEvaluatingAfterWarmUpPeriodEnds: aws.Bool(true)},
			&ir.WarmUp{WarmUpPeriodDurationInMinutes: 5, OnlyStartEvaluatingAfterWarmUpPeriodEnds: aws.Bool(false)}),
	}
	source := rapid.IntRange(0, 2).Draw(t, "source")
	if source == 2 {
		a.EvaluationInterval = 60
		a.EvaluationCriteria = &ir.EvaluationCriteria{PromQLCriteria: &ir.PromQL{Query: "up", PendingPeriod: optional[int32](t, "pending", 60), RecoveryPeriod: optional[int32](t, "recovery", 60)}}
		return a
	}
	a.EvaluationPeriods = rapid.Int32Range(1, 5).Draw(t, "n")
	a.DatapointsToAlarm = rapid.Int32Range(0, a.EvaluationPeriods).Draw(t, "m")
	a.ComparisonOperator = "GreaterThanThreshold"
	a.Threshold = optional(t, "threshold", 0, 0.1, 1e21, -3)
	a.ThresholdMetricId = maybe(t, "band", "b")
	a.TreatMissingData = maybe(t, "missing", "missing", "ignore", "breaching", "notBreaching")
	a.EvaluationWindow = maybe(t, "window", &ir.EvaluationWindow{SlidingWindow: &ir.SlidingWindow{}},
		&ir.EvaluationWindow{WallClockWindow: &ir.WallClockWindow{}}, &ir.EvaluationWindow{WallClockWindow: &ir.WallClockWindow{Timezone: "Europe/Paris"}})
	if source == 1 {
		a.Metrics = drawMetrics(t)
		return a
	}
	a.Namespace, a.MetricName, a.Period = "N", "M", 60
	a.Unit = maybe(t, "unit", "Seconds", "None")
	a.Dimensions = maybe(t, "dims", []ir.Dimension{{Name: "b", Value: "1"}, {Name: "a", Value: "2"}})
	if stat := maybe(t, "stat", "p99", "p99.0", "P50.10", "tm(10%:90%)", "IQM", "WM95"); stat != "" {
		a.ExtendedStatistic = stat
		a.EvaluateLowSampleCountPercentile = maybe(t, "low", "evaluate", "ignore")
	} else {
		a.Statistic = "Sum"
	}
	return a
}

func drawMetrics(t *rapid.T) []ir.MetricQuery {
	stat := &ir.MetricStat{
		Period: 60, Stat: maybe(t, "mstat", "Sum", "p99.0"), Unit: maybe(t, "munit", "Count"),
		Metric: ir.Metric{Namespace: "N", MetricName: "M", Dimensions: []ir.Dimension{{Name: "z", Value: "1"}, {Name: "a", Value: "2"}}},
	}
	one := ir.MetricQuery{Id: "m", MetricStat: stat, AccountId: maybe(t, "account", recipetest.Account, "111111111111"), Label: maybe(t, "label", "L")}
	if rapid.Bool().Draw(t, "single") {
		one.ReturnData = optional(t, "return", true)
		return []ir.MetricQuery{one}
	}
	one.ReturnData = optional(t, "return", false)
	return []ir.MetricQuery{one, {Id: "e", Expression: "m * 2", Period: maybe[int32](t, "period", 60), ReturnData: aws.Bool(true)}}
}

// The property that keeps plans empty: what CloudWatch returns for an alarm has
// the normal form of the alarm, whatever defaults it fills in and however it
// orders lists.
func TestLiveAfterPutIsDesired(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAlarm(t)
		tags := maybe(t, "tags", map[string]string{"a": "1"}, map[string]string{"a": "1", "b": "2"})
		cw := recipetest.New()
		if _, err := cw.PutMetricAlarm(t.Context(), live.AlarmInput("x", &a, tags)); err != nil {
			t.Fatalf("put %+v: %v", a, err)
		}
		out, err := cw.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
		if err != nil {
			t.Fatal(err)
		}
		_, liveTags := cw.Alarm("x")
		want, got := norm.Of(&a, tags, recipetest.Account), norm.Of(live.Alarm(out.MetricAlarms[0]), liveTags, recipetest.Account)
		if diff := want.Diff(got); len(diff) > 0 {
			t.Fatalf("%v differ: %s", diff, cmp.Diff(want, got))
		}
		if want.Hash(ir.MetricAlarmKind) != got.Hash(ir.MetricAlarmKind) {
			t.Fatal("equal forms have different hashes")
		}
	})
}

// fieldChanges changes one field each.
func fieldChanges() map[string]func(*ir.MetricAlarm) {
	return map[string]func(*ir.MetricAlarm){
		"ActionConfiguration": func(a *ir.MetricAlarm) {
			a.ActionConfiguration = &ir.ActionConfiguration{AlarmTagsPropagation: &ir.TagsPropagation{Enabled: aws.Bool(true)}}
		},
		"ActionsEnabled":     func(a *ir.MetricAlarm) { a.ActionsEnabled = aws.Bool(false) },
		"AlarmActions":       func(a *ir.MetricAlarm) { a.AlarmActions = []string{"x"} },
		"AlarmDescription":   func(a *ir.MetricAlarm) { a.AlarmDescription = "x" },
		"ComparisonOperator": func(a *ir.MetricAlarm) { a.ComparisonOperator = "LessThanThreshold" },
		"DatapointsToAlarm":  func(a *ir.MetricAlarm) { a.DatapointsToAlarm = 2 },
		"Dimensions":         func(a *ir.MetricAlarm) { a.Dimensions = []ir.Dimension{{Name: "a", Value: "b"}} },
		"EvaluationCriteria": func(a *ir.MetricAlarm) {
			a.EvaluationCriteria = &ir.EvaluationCriteria{PromQLCriteria: &ir.PromQL{Query: "up"}}
		},
		"EvaluationInterval": func(a *ir.MetricAlarm) { a.EvaluationInterval = 60 },
		"EvaluationPeriods":  func(a *ir.MetricAlarm) { a.EvaluationPeriods = 4 },
		"EvaluationWindow": func(a *ir.MetricAlarm) {
			a.EvaluationWindow = &ir.EvaluationWindow{WallClockWindow: &ir.WallClockWindow{}}
		},
		"ExtendedStatistic":       func(a *ir.MetricAlarm) { a.ExtendedStatistic = "p99" },
		"InsufficientDataActions": func(a *ir.MetricAlarm) { a.InsufficientDataActions = []string{"x"} },
		"MetricName":              func(a *ir.MetricAlarm) { a.MetricName = "O" },
		"Metrics":                 func(a *ir.MetricAlarm) { a.Metrics = []ir.MetricQuery{{Id: "a", Expression: "1"}} },
		"Namespace":               func(a *ir.MetricAlarm) { a.Namespace = "O" },
		"OKActions":               func(a *ir.MetricAlarm) { a.OKActions = []string{"x"} },
		"Period":                  func(a *ir.MetricAlarm) { a.Period = 300 },
		"Statistic":               func(a *ir.MetricAlarm) { a.Statistic = "Average" },
		"Threshold":               func(a *ir.MetricAlarm) { a.Threshold = aws.Float64(1.0000001) },
		"ThresholdMetricId":       func(a *ir.MetricAlarm) { a.ThresholdMetricId = "b" },
		"TreatMissingData":        func(a *ir.MetricAlarm) { a.TreatMissingData = "ignore" },
		"Unit":                    func(a *ir.MetricAlarm) { a.Unit = "Seconds" },
		"WarmUpConfiguration":     func(a *ir.MetricAlarm) { a.WarmUpConfiguration = &ir.WarmUp{WarmUpPeriodDurationInMinutes: 1} },
	}
}

// Every field counts: a change of any one changes the form, the hash and the
// fields tag at its place and at no other.
func TestEveryFieldCounts(t *testing.T) {
	changes := fieldChanges()
	base := ir.MetricAlarm{
		Namespace: "N", MetricName: "M", Statistic: "Sum", Period: 60, EvaluationPeriods: 3, DatapointsToAlarm: 3,
		Threshold: aws.Float64(1), ComparisonOperator: "GreaterThanThreshold",
	}
	for i := range reflect.TypeFor[ir.MetricAlarm]().NumField() {
		name := reflect.TypeFor[ir.MetricAlarm]().Field(i).Name
		if name == "EvaluateLowSampleCountPercentile" {
			continue // counts with a percentile only, and is tested there
		}
		change, ok := changes[name]
		if !ok {
			t.Errorf("the field %s has no test", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			a := base
			change(&a)
			before, after := norm.Of(&base, nil, ""), norm.Of(&a, nil, "")
			want := []string{name}
			if name == "EvaluationCriteria" {
				want = append(want, "TreatMissingData") // means nothing there
			}
			if diff := before.Diff(after); !slices.Equal(diff, want) {
				t.Errorf("differ in %v, want %v", diff, want)
			}
			if before.Hash(ir.MetricAlarmKind) == after.Hash(ir.MetricAlarmKind) {
				t.Error("the hash is the same")
			}
			m := norm.MarkOf(&ir.Stack{}, &ir.Resource{Body: &ir.MetricAlarm{}}, before)
			for _, f := range norm.Fields(ir.MetricAlarmKind) {
				if m.Changed(ir.MetricAlarmKind, after, f) != slices.Contains(want, f) {
					t.Errorf("the fields tag says of %s: %v", f, m.Changed(ir.MetricAlarmKind, after, f))
				}
			}
		})
	}
}

func TestStatistic(t *testing.T) {
	for in, want := range map[string]string{
		"p99.0": "p99", "P99": "p99", "p99.90": "p99.9", "p100": "p100", "p10": "p10", "TM(10.0%:90%)": "TM(10%:90%)", "tm(10%: 90%)": "TM(10%:90%)",
		"pr(0.50:2)": "PR(0.5:2)", "PR(:0.5)": "PR(:0.5)", "iqm": "IQM", "wm95": "wm95", "TM95": "tm95", "Average": "Average", "sum": "Sum", "other": "other",
		"PR(100:200.0)": "PR(100:200)",
	} {
		if got := norm.Statistic(in); got != want {
			t.Errorf("Statistic(%q) = %q, want %q", in, got, want)
		}
		if got := norm.Statistic(norm.Statistic(in)); got != want {
			t.Errorf("Statistic of %q is not stable: %q", want, got)
		}
	}
}

// The hash is stored on alarms. If this test fails, the normal form has changed
// and needs a new version.
func TestHashIsStable(t *testing.T) {
	a := ir.MetricAlarm{
		AlarmDescription: "a <b> & c", Namespace: "N", MetricName: "M", Statistic: "Sum", Period: 60, EvaluationPeriods: 3,
		Threshold: aws.Float64(0.5), ComparisonOperator: "GreaterThanThreshold", AlarmActions: []string{"b", "a"},
		Dimensions: []ir.Dimension{{Name: "x", Value: "1"}, {Name: "a", Value: "ü"}},
	}
	f := norm.Of(&a, map[string]string{"team": "shop"}, "")
	if got, want := f.Hash(ir.MetricAlarmKind), "n1-b3d64faa76a663c2"; got != want {
		t.Errorf("hash = %q, want %q", got, want)
	}
	m := norm.MarkOf(&ir.Stack{Recipe: "shop", Env: "dev", Rev: 7}, &ir.Resource{Body: &ir.MetricAlarm{}, ID: "x", Tags: map[string]string{"team": "shop"}}, f)
	if got, want := m.Fields, "zFjhLAgAMDBmZ_jbmCGRSdsk6grw_PrbKuiHGpVfM0ikeH-VmSW7iokHdihsYiEq4QejxYa5hsSoqQ.yosi"; got != want {
		t.Errorf("fields = %q, want %q", got, want)
	}
	back, ok := norm.ReadMark(m.Tags())
	if !ok || back != m {
		t.Errorf("read back %+v, want %+v", back, m)
	}
}

func TestMostTagsFit(t *testing.T) {
	tags := map[string]string{}
	for i := range 42 {
		tags[fmt.Sprintf("key-%d", i)] = "v"
	}
	f := norm.Of(&ir.MetricAlarm{}, tags, "")
	m := norm.MarkOf(&ir.Stack{Recipe: "r", Env: "e"}, &ir.Resource{Body: &ir.MetricAlarm{}, Tags: tags}, f)
	if n := utf8.RuneCountInString(m.Fields); n > 256 {
		t.Errorf("the fields tag has %d characters, more than the 256 of a tag", n)
	}
	all := m.Tags()
	maps.Copy(all, tags)
	all["foreign"] = "1"
	all["aws:x"] = "1"
	applied, ours := m.UserTags(all, map[string]string{"foreign": "2"})
	if !maps.Equal(applied, tags) || ours["foreign"] != "1" || len(ours) != 43 {
		t.Errorf("applied %d, ours %d", len(applied), len(ours))
	}
}

func TestForeign(t *testing.T) {
	for want, tags := range map[string]map[string]string{
		"":               {norm.TagVia: norm.Direct, "a": "b"},
		"terraform":      {norm.TagVia: "terraform"},
		"CloudFormation": {"aws:cloudformation:stack-id": "x"},
	} {
		if got := norm.Foreign(tags); got != want {
			t.Errorf("Foreign(%v) = %q, want %q", tags, got, want)
		}
	}
	if _, ok := norm.ReadMark(map[string]string{"a": "b"}); ok {
		t.Error("a stranger has a mark")
	}
	if m := (norm.Mark{Hash: "n0-12", Fields: strings.Repeat("x", 78)}); m.Known() || m.Changed(ir.MetricAlarmKind, norm.Form{}, "Period") {
		t.Error("another version's hashes are believed")
	}
}
