package sandbox_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const groupARN = logARN + "log-group:/app"

func TestGroupPoliciesComeBack(t *testing.T) {
	t.Run("data protection", (&kept[cloudwatchlogs.PutDataProtectionPolicyInput]{
		variants: func() []*cloudwatchlogs.PutDataProtectionPolicyInput {
			return []*cloudwatchlogs.PutDataProtectionPolicyInput{
				{LogGroupIdentifier: ptr("/app"), PolicyDocument: ptr(`{"Name":"p", "Statement":[]}`)}, {LogGroupIdentifier: ptr("/app"), PolicyDocument: ptr(`{}`)},
			}
		},
		other: func() *cloudwatchlogs.PutDataProtectionPolicyInput {
			return &cloudwatchlogs.PutDataProtectionPolicyInput{LogGroupIdentifier: ptr(logARN + "log-group:/other"), PolicyDocument: ptr(`{"Name":"q"}`)}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutDataProtectionPolicyInput) error {
			_, err := c.logs.PutDataProtectionPolicy(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutDataProtectionPolicyInput) []any {
			return []any{mustGet(c.logs.GetDataProtectionPolicy(t.Context(), &cloudwatchlogs.GetDataProtectionPolicyInput{LogGroupIdentifier: in.LogGroupIdentifier}))(t)}
		},
	}).check)
	t.Run("transformer", (&kept[cloudwatchlogs.PutTransformerInput]{
		variants: func() []*cloudwatchlogs.PutTransformerInput {
			all := everyProcessor()
			return []*cloudwatchlogs.PutTransformerInput{
				{LogGroupIdentifier: ptr("/app"), TransformerConfig: all[:12]}, {LogGroupIdentifier: ptr("/app"), TransformerConfig: all[12:]},
			}
		},
		other: func() *cloudwatchlogs.PutTransformerInput {
			return &cloudwatchlogs.PutTransformerInput{LogGroupIdentifier: ptr("/other"), TransformerConfig: everyProcessor()[3:4]}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutTransformerInput) error {
			_, err := c.logs.PutTransformer(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutTransformerInput) []any {
			return []any{mustGet(c.logs.GetTransformer(t.Context(), &cloudwatchlogs.GetTransformerInput{LogGroupIdentifier: in.LogGroupIdentifier}))(t)}
		},
	}).check)
}

// everyProcessor has one of each, with all their members.
func everyProcessor() []types.Processor {
	var out []types.Processor
	n := 0
	for i := range reflect.TypeFor[types.Processor]().NumField() {
		var p types.Processor
		if f := reflect.ValueOf(&p).Elem().Field(i); f.CanSet() {
			fill(f, &n)
			if p.ParseToOCSF != nil {
				p.ParseToOCSF.MappingVersion = ptr("1.5")
			}
			if p.Csv != nil {
				p.Csv.Delimiter, p.Csv.QuoteCharacter = ptr(";"), ptr("'")
			}
			out = append(out, p)
		}
	}
	return out
}

// fill sets all that v is made of.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), n)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprint("v", *n))
		if values := v.MethodByName("Values"); values.IsValid() {
			v.Set(values.Call(nil)[0].Index(0))
		}
	default:
		panic(fmt.Sprint("no way to fill a ", v.Type()))
	}
}

func TestLogDetectorsComeBack(t *testing.T) {
	var arn *string
	get := func(t *testing.T, c *clients) []any {
		d := only(t, mustGet(c.logs.ListLogAnomalyDetectors(t.Context(), &cloudwatchlogs.ListLogAnomalyDetectorsInput{}))(t).AnomalyDetectors)
		full := mustGet(c.logs.GetLogAnomalyDetector(t.Context(), &cloudwatchlogs.GetLogAnomalyDetectorInput{AnomalyDetectorArn: d.AnomalyDetectorArn}))(t)
		return []any{full, logTags(t, c, d.AnomalyDetectorArn), struct{ Enabled *bool }{ptr(full.AnomalyDetectorStatus != types.AnomalyDetectorStatusPaused)}}
	}
	create := func() *cloudwatchlogs.CreateLogAnomalyDetectorInput {
		return &cloudwatchlogs.CreateLogAnomalyDetectorInput{
			LogGroupArnList: []string{groupARN}, AnomalyVisibilityTime: ptr[int64](30), DetectorName: ptr("d"), EvaluationFrequency: types.EvaluationFrequencyTenMin,
			FilterPattern: ptr("ERROR"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/a"), Tags: map[string]string{"k": "v"},
		}
	}
	t.Run("create", (&kept[cloudwatchlogs.CreateLogAnomalyDetectorInput]{
		variants: func() []*cloudwatchlogs.CreateLogAnomalyDetectorInput {
			return []*cloudwatchlogs.CreateLogAnomalyDetectorInput{create(), {LogGroupArnList: []string{groupARN}}}
		},
		other: func() *cloudwatchlogs.CreateLogAnomalyDetectorInput {
			return &cloudwatchlogs.CreateLogAnomalyDetectorInput{
				LogGroupArnList: []string{logARN + "log-group:/other"}, AnomalyVisibilityTime: ptr[int64](7), DetectorName: ptr("e"),
				EvaluationFrequency: types.EvaluationFrequencyOneHour, FilterPattern: ptr("x"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/b"),
				Tags: map[string]string{"l": "w"},
			}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.CreateLogAnomalyDetectorInput) error {
			for _, old := range mustGet(c.logs.ListLogAnomalyDetectors(t.Context(), &cloudwatchlogs.ListLogAnomalyDetectorsInput{}))(t).AnomalyDetectors {
				mustGet(c.logs.DeleteLogAnomalyDetector(t.Context(), &cloudwatchlogs.DeleteLogAnomalyDetectorInput{AnomalyDetectorArn: old.AnomalyDetectorArn}))(t)
			}
			_, err := c.logs.CreateLogAnomalyDetector(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *cloudwatchlogs.CreateLogAnomalyDetectorInput) []any {
			return get(t, c)
		},
	}).check)
	t.Run("update", (&kept[cloudwatchlogs.UpdateLogAnomalyDetectorInput]{
		variants: func() []*cloudwatchlogs.UpdateLogAnomalyDetectorInput {
			return []*cloudwatchlogs.UpdateLogAnomalyDetectorInput{{
				Enabled: ptr(false), AnomalyVisibilityTime: ptr[int64](50), EvaluationFrequency: types.EvaluationFrequencyOneMin, FilterPattern: ptr("y"),
			}}
		},
		other: func() *cloudwatchlogs.UpdateLogAnomalyDetectorInput {
			return &cloudwatchlogs.UpdateLogAnomalyDetectorInput{
				Enabled: ptr(true), AnomalyVisibilityTime: ptr[int64](60), EvaluationFrequency: types.EvaluationFrequencyFiveMin, FilterPattern: ptr(""),
			}
		},
		before: func(t *testing.T, c *clients) {
			makeGroups(t, c)
			arn = mustGet(c.logs.CreateLogAnomalyDetector(t.Context(), create()))(t).AnomalyDetectorArn
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.UpdateLogAnomalyDetectorInput) error {
			given := *in
			given.AnomalyDetectorArn = arn
			_, err := c.logs.UpdateLogAnomalyDetector(t.Context(), &given)
			return err
		},
		get: func(t *testing.T, c *clients, _ *cloudwatchlogs.UpdateLogAnomalyDetectorInput) []any {
			return get(t, c)
		},
		unset:  map[string]string{"AnomalyDetectorArn": "the service makes it; each Put of the test gives it"},
		merges: true,
	}).check)
}

func TestExportTasksComeBack(t *testing.T) {
	var made *string
	(&kept[cloudwatchlogs.CreateExportTaskInput]{
		variants: func() []*cloudwatchlogs.CreateExportTaskInput {
			return []*cloudwatchlogs.CreateExportTaskInput{
				{LogGroupName: ptr("/app"), Destination: ptr("bucket"), DestinationPrefix: ptr("p"), From: ptr[int64](1), To: ptr[int64](2), TaskName: ptr("n"), LogStreamNamePrefix: ptr("s")},
				{LogGroupName: ptr("/app"), Destination: ptr("bucket"), From: ptr[int64](0), To: ptr[int64](2)},
			}
		},
		other: func() *cloudwatchlogs.CreateExportTaskInput {
			return &cloudwatchlogs.CreateExportTaskInput{
				LogGroupName: ptr("/other"), Destination: ptr("b"), DestinationPrefix: ptr("q"), From: ptr[int64](0), To: ptr[int64](3), TaskName: ptr("m"), LogStreamNamePrefix: ptr("t"),
			}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.CreateExportTaskInput) error {
			out, err := c.logs.CreateExportTask(t.Context(), in)
			if err == nil {
				made = out.TaskId
			}
			return err
		},
		get: func(t *testing.T, c *clients, _ *cloudwatchlogs.CreateExportTaskInput) []any {
			task := only(t, mustGet(c.logs.DescribeExportTasks(t.Context(), &cloudwatchlogs.DescribeExportTasksInput{TaskId: made}))(t).ExportTasks)
			if task.Status.Code != types.ExportTaskStatusCodeFailed || *task.Status.Message == "" {
				t.Errorf("status = %+v, want that it failed, and why", task.Status)
			}
			task.TaskId = nil // each Put makes another
			return []any{task}
		},
		lost: map[string]string{"LogStreamNamePrefix": "ExportTask has no such member"},
	}).check(t)
}

func TestAccountPoliciesComeBack(t *testing.T) {
	(&kept[cloudwatchlogs.PutAccountPolicyInput]{
		variants: func() []*cloudwatchlogs.PutAccountPolicyInput {
			return []*cloudwatchlogs.PutAccountPolicyInput{
				{PolicyName: ptr("p"), PolicyType: types.PolicyTypeSubscriptionFilterPolicy, PolicyDocument: ptr(`{"DestinationArn": "x"}`), Scope: types.ScopeAll, SelectionCriteria: ptr(`LogGroupName NOT IN ["a"]`)},
				{PolicyName: ptr("p"), PolicyType: types.PolicyTypeSubscriptionFilterPolicy, PolicyDocument: ptr(`{}`)},
			}
		},
		other: func() *cloudwatchlogs.PutAccountPolicyInput {
			return &cloudwatchlogs.PutAccountPolicyInput{PolicyName: ptr("q"), PolicyType: types.PolicyTypeFieldIndexPolicy, PolicyDocument: ptr(`{"Fields":[]}`), SelectionCriteria: ptr("x")}
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutAccountPolicyInput) error {
			_, err := c.logs.PutAccountPolicy(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutAccountPolicyInput) []any {
			return []any{only(t, mustGet(c.logs.DescribeAccountPolicies(t.Context(), &cloudwatchlogs.DescribeAccountPoliciesInput{
				PolicyType: in.PolicyType, PolicyName: in.PolicyName,
			}))(t).AccountPolicies)}
		},
		unset: map[string]string{"DryRun": "it is of the request, and refused"},
		fixed: map[string]string{"Scope": "there is one value"},
	}).check(t)
}
