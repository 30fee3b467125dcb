package sandbox_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const byQuery = "it is an alternative to the body; TestLookupTableOfAQuery is of it"

func TestLookupTablesComeBack(t *testing.T) {
	arn := ptr(logARN + "lookup-table:owners")
	table := func(t *testing.T, c *clients) []any {
		out := mustGet(c.logs.GetLookupTable(t.Context(), &cloudwatchlogs.GetLookupTableInput{LookupTableArn: arn}))(t)
		return []any{out, logTags(t, c, arn)}
	}
	create := func() *cloudwatchlogs.CreateLookupTableInput {
		return &cloudwatchlogs.CreateLookupTableInput{
			LookupTableName: ptr("owners"), Description: ptr("d"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/a"),
			TableBody: ptr("path,owner\n/a,ann\n"), Tags: map[string]string{"k": "v"},
		}
	}
	t.Run("create", (&kept[cloudwatchlogs.CreateLookupTableInput]{
		variants: func() []*cloudwatchlogs.CreateLookupTableInput {
			return []*cloudwatchlogs.CreateLookupTableInput{create(), {LookupTableName: ptr("owners"), TableBody: ptr("a,b\r\n1,2\r\n")}}
		},
		other: func() *cloudwatchlogs.CreateLookupTableInput {
			return &cloudwatchlogs.CreateLookupTableInput{
				Description: ptr("e"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/b"), TableBody: ptr("x\ny\n"), Tags: map[string]string{"l": "w"},
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.CreateLookupTableInput) error {
			for _, old := range mustGet(c.logs.DescribeLookupTables(t.Context(), &cloudwatchlogs.DescribeLookupTablesInput{}))(t).LookupTables {
				mustGet(c.logs.DeleteLookupTable(t.Context(), &cloudwatchlogs.DeleteLookupTableInput{LookupTableArn: old.LookupTableArn}))(t)
			}
			_, err := c.logs.CreateLookupTable(t.Context(), in)
			return err
		},
		get:   func(t *testing.T, c *clients, _ *cloudwatchlogs.CreateLookupTableInput) []any { return table(t, c) },
		unset: map[string]string{"QueryId": byQuery},
		fixed: map[string]string{"LookupTableName": identity},
	}).check)
	t.Run("update", (&kept[cloudwatchlogs.UpdateLookupTableInput]{
		variants: func() []*cloudwatchlogs.UpdateLookupTableInput {
			return []*cloudwatchlogs.UpdateLookupTableInput{{
				LookupTableArn: arn, Description: ptr("f"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/c"), TableBody: ptr("a,b\n1,2\n"),
			}}
		},
		other: func() *cloudwatchlogs.UpdateLookupTableInput {
			return &cloudwatchlogs.UpdateLookupTableInput{Description: ptr(""), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/d"), TableBody: ptr("x\ny\n")}
		},
		before: func(t *testing.T, c *clients) { mustGet(c.logs.CreateLookupTable(t.Context(), create()))(t) },
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.UpdateLookupTableInput) error {
			_, err := c.logs.UpdateLookupTable(t.Context(), in)
			return err
		},
		get:    func(t *testing.T, c *clients, _ *cloudwatchlogs.UpdateLookupTableInput) []any { return table(t, c) },
		unset:  map[string]string{"QueryId": byQuery},
		fixed:  map[string]string{"LookupTableArn": identity},
		merges: true,
	}).check)
}

func destination(name string) *types.DestinationConfiguration {
	return &types.DestinationConfiguration{
		LookupTableConfiguration: &types.LookupTableConfiguration{
			TableName: &name, Description: ptr("x"), RoleArn: ptr("arn:aws:iam::000000000000:role/t"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/t"),
			Tags: map[string]string{"table": name},
		},
		S3Configuration: &types.S3Configuration{
			DestinationIdentifier: ptr("s3://bucket/prefix"), RoleArn: ptr("arn:aws:iam::000000000000:role/s"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/s"),
			OwnerAccountId: ptr("111111111111"),
		},
	}
}

func fullSchedule() *cloudwatchlogs.CreateScheduledQueryInput {
	return &cloudwatchlogs.CreateScheduledQueryInput{
		Name: ptr("hourly"), Description: ptr("d"), ExecutionRoleArn: ptr("arn:aws:iam::000000000000:role/r"), QueryLanguage: types.QueryLanguageCwli,
		QueryString: ptr("stats count(*) as n"), ScheduleExpression: ptr("cron(0 * * * ? *)"), Timezone: ptr("Europe/Paris"), DestinationConfiguration: destination("a"),
		StartTimeOffset: ptr(int64(7200)), EndTimeOffset: ptr(int64(60)), ScheduleStartTime: ptr(int64(4102444800)), ScheduleEndTime: ptr(int64(4102531200)),
		LogGroupIdentifiers: []string{"/other", "/app"}, State: types.ScheduledQueryStateDisabled, Tags: map[string]string{"k": "v"},
	}
}

// otherSchedule differs from fullSchedule in all that can be changed.
func otherSchedule() *cloudwatchlogs.CreateScheduledQueryInput {
	return &cloudwatchlogs.CreateScheduledQueryInput{
		Description: ptr("e"), ExecutionRoleArn: ptr("arn:aws:iam::000000000000:role/q"),
		QueryString: ptr("fields a"), ScheduleExpression: ptr("cron(5 * * * ? *)"), Timezone: ptr("UTC"), DestinationConfiguration: destination("b"),
		StartTimeOffset: ptr(int64(3600)), EndTimeOffset: ptr(int64(0)), ScheduleStartTime: ptr(int64(4102444801)), ScheduleEndTime: ptr(int64(4102531201)),
		LogGroupIdentifiers: []string{"/app"}, State: types.ScheduledQueryStateEnabled, Tags: map[string]string{"l": "w"},
	}
}

func updateOf(in *cloudwatchlogs.CreateScheduledQueryInput) *cloudwatchlogs.UpdateScheduledQueryInput {
	return &cloudwatchlogs.UpdateScheduledQueryInput{
		Identifier: in.Name, Description: in.Description, ExecutionRoleArn: in.ExecutionRoleArn, QueryLanguage: in.QueryLanguage, QueryString: in.QueryString,
		ScheduleExpression: in.ScheduleExpression, Timezone: in.Timezone, DestinationConfiguration: in.DestinationConfiguration, StartTimeOffset: in.StartTimeOffset,
		EndTimeOffset: in.EndTimeOffset, ScheduleStartTime: in.ScheduleStartTime, ScheduleEndTime: in.ScheduleEndTime, LogGroupIdentifiers: in.LogGroupIdentifiers, State: in.State,
	}
}

// leastSchedule has only what is required, and the state, which an update
// without leaves as it is.
func leastSchedule() *cloudwatchlogs.CreateScheduledQueryInput {
	full := fullSchedule()
	return &cloudwatchlogs.CreateScheduledQueryInput{
		Name: full.Name, ExecutionRoleArn: full.ExecutionRoleArn, QueryLanguage: full.QueryLanguage, QueryString: full.QueryString,
		ScheduleExpression: full.ScheduleExpression, LogGroupIdentifiers: full.LogGroupIdentifiers, State: full.State,
	}
}

func TestScheduledQueriesComeBack(t *testing.T) {
	schedule := func(t *testing.T, c *clients) []any {
		out := mustGet(c.logs.GetScheduledQuery(t.Context(), &cloudwatchlogs.GetScheduledQueryInput{Identifier: ptr("hourly")}))(t)
		return []any{out, logTags(t, c, out.ScheduledQueryArn)}
	}
	const language = "the sandbox runs queries in CWLI only and refuses others"
	t.Run("create", (&kept[cloudwatchlogs.CreateScheduledQueryInput]{
		variants: func() []*cloudwatchlogs.CreateScheduledQueryInput {
			return []*cloudwatchlogs.CreateScheduledQueryInput{fullSchedule(), leastSchedule()}
		},
		other:  otherSchedule,
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.CreateScheduledQueryInput) error {
			for range mustGet(c.logs.ListScheduledQueries(t.Context(), &cloudwatchlogs.ListScheduledQueriesInput{}))(t).ScheduledQueries {
				mustGet(c.logs.DeleteScheduledQuery(t.Context(), &cloudwatchlogs.DeleteScheduledQueryInput{Identifier: in.Name}))(t)
			}
			_, err := c.logs.CreateScheduledQuery(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *cloudwatchlogs.CreateScheduledQueryInput) []any {
			return schedule(t, c)
		},
		fixed: map[string]string{"Name": identity, "QueryLanguage": language},
	}).check)
	t.Run("update", (&kept[cloudwatchlogs.UpdateScheduledQueryInput]{
		variants: func() []*cloudwatchlogs.UpdateScheduledQueryInput {
			return []*cloudwatchlogs.UpdateScheduledQueryInput{updateOf(fullSchedule()), updateOf(leastSchedule())}
		},
		other: func() *cloudwatchlogs.UpdateScheduledQueryInput { return updateOf(otherSchedule()) },
		before: func(t *testing.T, c *clients) {
			makeGroups(t, c)
			in := otherSchedule()
			in.Name, in.QueryLanguage = ptr("hourly"), types.QueryLanguageCwli
			mustGet(c.logs.CreateScheduledQuery(t.Context(), in))(t)
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.UpdateScheduledQueryInput) error {
			_, err := c.logs.UpdateScheduledQuery(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *cloudwatchlogs.UpdateScheduledQueryInput) []any {
			return schedule(t, c)
		},
		lost:  map[string]string{"Identifier": "the query is described by its name and ARN"},
		fixed: map[string]string{"Identifier": identity, "QueryLanguage": language},
	}).check)
}

// TestLookupTableOfAQuery: the body is the query's result.
func TestLookupTableOfAQuery(t *testing.T) {
	c := newClients(t)
	makeGroups(t, c)
	id := mustGet(c.logs.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{
		LogGroupName: ptr("/app"), QueryString: ptr("stats count(*) as n"), StartTime: ptr(int64(1)), EndTime: ptr(int64(2)),
	}))(t).QueryId
	for mustGet(c.logs.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: id}))(t).Status != types.QueryStatusComplete {
		if t.Context().Err() != nil {
			t.Fatal("the query does not end")
		}
	}
	arn := mustGet(c.logs.CreateLookupTable(t.Context(), &cloudwatchlogs.CreateLookupTableInput{LookupTableName: ptr("counts"), QueryId: id}))(t).LookupTableArn
	body := func() string {
		return *mustGet(c.logs.GetLookupTable(t.Context(), &cloudwatchlogs.GetLookupTableInput{LookupTableArn: arn}))(t).TableBody
	}
	if got := body(); got != "n\n0\n" {
		t.Errorf("body = %q", got)
	}
	mustGet(c.logs.UpdateLookupTable(t.Context(), &cloudwatchlogs.UpdateLookupTableInput{LookupTableArn: arn, TableBody: ptr("a\n1\n")}))(t)
	mustGet(c.logs.UpdateLookupTable(t.Context(), &cloudwatchlogs.UpdateLookupTableInput{LookupTableArn: arn, QueryId: id}))(t)
	if got := body(); got != "n\n0\n" {
		t.Errorf("body after an update = %q", got)
	}
}
