//go:build clients

package clients_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// refusal is a call that an empty sandbox refuses with an error of the operation's
// model.
type refusal struct {
	op string
	in object
	// class is the error's name in the model, and code what the query protocol
	// calls it, if that is another name.
	class, code string
	// byCode is the class that a client shows which knows an error by its code
	// alone, where two have that code.
	byCode string
	// played says that the sandbox has no reason of its own to refuse, and plays
	// the error.
	played bool
}

func logsRefusals() []refusal {
	none := func(more object) object {
		in := object{"logGroupName": "/none"}
		maps.Copy(in, more)
		return in
	}
	const (
		gone  = "ResourceNotFoundException"
		wrong = "InvalidParameterException"
		id    = "11111111-2222-3333-4444-555555555555"
		arn   = "arn:aws:logs:us-east-1:000000000000:log-group:/none"
	)
	token := object{"nextToken": "x"}
	return []refusal{
		{op: "CreateLogGroup", in: object{"logGroupName": "a b"}, class: wrong},
		{op: "DeleteLogGroup", in: none(nil), class: gone},
		{op: "DescribeLogGroups", in: token, class: wrong},
		{op: "ListLogGroups", in: token, class: wrong},
		{op: "PutRetentionPolicy", in: none(object{"retentionInDays": 7}), class: gone},
		{op: "DeleteRetentionPolicy", in: none(nil), class: gone},
		{op: "PutLogGroupDeletionProtection", in: object{"logGroupIdentifier": "/none", "deletionProtectionEnabled": true}, class: gone},
		{op: "CreateLogStream", in: none(object{"logStreamName": "s"}), class: gone},
		{op: "DeleteLogStream", in: none(object{"logStreamName": "s"}), class: gone},
		{op: "DescribeLogStreams", in: none(nil), class: gone},
		{op: "PutLogEvents", in: none(object{"logStreamName": "s", "logEvents": []any{object{"timestamp": 1, "message": "m"}}}), class: gone},
		{op: "GetLogEvents", in: none(object{"logStreamName": "s"}), class: gone},
		{op: "FilterLogEvents", in: none(nil), class: gone},
		{op: "StartLiveTail", in: object{"logGroupIdentifiers": []any{arn}}, class: gone},
		{op: "StartQuery", in: none(object{"startTime": 1, "endTime": 2, "queryString": "filtr a = 1"}), class: "MalformedQueryException"},
		{op: "GetQueryResults", in: object{"queryId": id}, class: gone},
		{op: "StopQuery", in: object{"queryId": id}, class: gone},
		{op: "DescribeQueries", in: token, class: wrong},
		{op: "PutQueryDefinition", in: object{"name": "n", "queryString": "limit 1", "queryDefinitionId": id}, class: gone},
		{op: "DescribeQueryDefinitions", in: token, class: wrong},
		{op: "DeleteQueryDefinition", in: object{"queryDefinitionId": id}, class: gone},
		{op: "GetLogRecord", in: object{"logRecordPointer": "c2wxAAABAAAAAAQ="}, class: gone},
		{op: "GetLogGroupFields", in: none(nil), class: gone},
		{op: "PutMetricFilter", in: none(object{"filterName": "f", "filterPattern": "", "metricTransformations": []any{
			object{"metricName": "m", "metricNamespace": "n", "metricValue": "1"},
		}}), class: gone},
		{op: "DescribeMetricFilters", in: none(nil), class: gone},
		{op: "DeleteMetricFilter", in: none(object{"filterName": "f"}), class: gone},
		{op: "TestMetricFilter", in: object{"filterPattern": "{ $.a = ", "logEventMessages": []any{"m"}}, class: wrong},
		{op: "TagResource", in: object{"resourceArn": arn, "tags": object{"a": "b"}}, class: gone},
		{op: "UntagResource", in: object{"resourceArn": arn, "tagKeys": []any{"a"}}, class: gone},
		{op: "ListTagsForResource", in: object{"resourceArn": arn}, class: gone},
		{op: "TagLogGroup", in: none(object{"tags": object{"a": "b"}}), class: gone},
		{op: "UntagLogGroup", in: none(object{"tags": []any{"a"}}), class: gone},
		{op: "ListTagsLogGroup", in: none(nil), class: gone},
		{op: "PutSubscriptionFilter", in: none(object{"filterName": "f", "filterPattern": "", "destinationArn": "arn:aws:lambda:us-east-1:000000000000:function:f"}), class: gone},
		{op: "DescribeSubscriptionFilters", in: none(nil), class: gone},
		{op: "DeleteSubscriptionFilter", in: none(object{"filterName": "f"}), class: gone},
		{op: "PutIndexPolicy", in: object{"logGroupIdentifier": "/none", "policyDocument": `{"Fields":["a"]}`}, class: gone},
		{op: "DescribeIndexPolicies", in: object{"logGroupIdentifiers": []any{"/none"}}, class: gone},
		{op: "DescribeFieldIndexes", in: object{"logGroupIdentifiers": []any{"/none"}}, class: gone},
		{op: "DeleteIndexPolicy", in: object{"logGroupIdentifier": "/none"}, class: gone},
		{op: "CreateLookupTable", in: object{"lookupTableName": "a b", "tableBody": "a,b\n"}, class: wrong},
		{op: "UpdateLookupTable", in: object{"lookupTableArn": "arn:aws:logs:us-east-1:000000000000:lookup-table:none", "tableBody": "a,b\n"}, class: gone},
		{op: "GetLookupTable", in: object{"lookupTableArn": "arn:aws:logs:us-east-1:000000000000:lookup-table:none"}, class: gone},
		{op: "DescribeLookupTables", in: token, class: wrong},
		{op: "DeleteLookupTable", in: object{"lookupTableArn": "arn:aws:logs:us-east-1:000000000000:lookup-table:none"}, class: gone},
		{op: "CreateScheduledQuery", in: object{
			"name": "n", "queryLanguage": "CWLI", "queryString": "limit 1", "scheduleExpression": "now and then", "executionRoleArn": "arn:aws:iam::000000000000:role/r",
		}, class: "ValidationException"},
		{op: "UpdateScheduledQuery", in: object{
			"identifier": "none", "queryLanguage": "CWLI", "queryString": "limit 1", "scheduleExpression": "cron(0 * * * ? *)", "executionRoleArn": "arn:aws:iam::000000000000:role/r",
		}, class: gone},
		{op: "GetScheduledQuery", in: object{"identifier": "none"}, class: gone},
		{op: "GetScheduledQueryHistory", in: object{"identifier": "none", "startTime": 1, "endTime": 2}, class: gone},
		{op: "ListScheduledQueries", in: token, class: "ValidationException"},
		{op: "DeleteScheduledQuery", in: object{"identifier": "none"}, class: gone},
		{op: "AssociateKmsKey", in: none(object{"kmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/k"}), class: gone},
		{op: "DisassociateKmsKey", in: none(nil), class: gone},
		{op: "PutResourcePolicy", in: object{"policyName": "p", "policyDocument": "{"}, class: wrong},
		{op: "DescribeResourcePolicies", in: token, class: wrong},
		{op: "DeleteResourcePolicy", in: object{"policyName": "none"}, class: gone},
	}
}

func cloudwatchRefusals() []refusal {
	const arn = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:none"
	now := callTime()
	tagless := refusal{class: "ResourceNotFoundException"}
	tag, untag, list := tagless, tagless, tagless
	tag.op, tag.in = "TagResource", object{"ResourceARN": arn, "Tags": []any{object{"Key": "a", "Value": "b"}}}
	untag.op, untag.in = "UntagResource", object{"ResourceARN": arn, "TagKeys": []any{"a"}}
	list.op, list.in = "ListTagsForResource", object{"ResourceARN": arn}
	token := object{"NextToken": "x"}
	metric := object{"Namespace": "App", "MetricName": "m", "Stat": "Average"}
	return []refusal{
		{op: "PutMetricData", in: object{"Namespace": "App", "MetricData": []any{
			object{"MetricName": "m", "Value": 1.0, "StatisticValues": object{"SampleCount": 1.0, "Sum": 1.0, "Minimum": 1.0, "Maximum": 1.0}},
		}}, class: "InvalidParameterCombinationException", code: "InvalidParameterCombination"},
		{op: "ListMetrics", in: token, class: "InvalidParameterValueException", code: "InvalidParameterValue"},
		{op: "GetMetricStatistics", in: object{
			"Namespace": "App", "MetricName": "m", "StartTime": now, "EndTime": now.Add(-60e9), "Period": 60, "Statistics": []any{"Sum"},
		}, class: "InvalidParameterValueException", code: "InvalidParameterValue"},
		{op: "GetMetricData", in: object{"NextToken": "x", "StartTime": now.Add(-60e9), "EndTime": now, "MetricDataQueries": []any{
			object{"Id": "m", "MetricStat": object{"Metric": object{"Namespace": "App", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}},
		}}, class: "InvalidNextToken"},
		{op: "SetAlarmState", in: object{"AlarmName": "none", "StateValue": "OK", "StateReason": "x"}, class: "ResourceNotFound"},
		{op: "DescribeAlarms", in: token, class: "InvalidNextToken"},
		{op: "DescribeAlarmHistory", in: token, class: "InvalidNextToken"},
		{op: "DeleteAlarms", in: object{"AlarmNames": []any{"none"}}, class: "ResourceNotFound"},
		{op: "DescribeAlarmContributors", in: object{"AlarmName": "none"}, class: "ResourceNotFoundException"},
		{op: "GetAlarmMuteRule", in: object{"AlarmMuteRuleName": "none"}, class: "ResourceNotFoundException"},
		{op: "ListAlarmMuteRules", in: token, class: "InvalidNextToken"},
		{op: "PutAnomalyDetector", in: object{"SingleMetricAnomalyDetector": object{"Namespace": "App"}}, class: "MissingRequiredParameterException", code: "MissingParameter"},
		{op: "DescribeAnomalyDetectors", in: token, class: "InvalidNextToken"},
		{op: "DeleteAnomalyDetector", in: object{"SingleMetricAnomalyDetector": metric}, class: "ResourceNotFoundException"},
		{op: "PutDashboard", in: object{"DashboardName": "d", "DashboardBody": "{"}, class: "DashboardInvalidInputError", code: "InvalidParameterInput"},
		{op: "GetDashboard", in: object{"DashboardName": "none"}, class: "DashboardNotFoundError", code: "ResourceNotFound", byCode: "ResourceNotFound"},
		{op: "ListDashboards", in: token, class: "InvalidParameterValueException", code: "InvalidParameterValue"},
		{op: "DeleteDashboards", in: object{"DashboardNames": []any{"none"}}, class: "DashboardNotFoundError", code: "ResourceNotFound", byCode: "ResourceNotFound"},
		{op: "PutMetricAlarm", in: object{
			"AlarmName": "a", "Namespace": "App", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
			"Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
		}, class: "LimitExceededFault", code: "LimitExceeded", played: true},
		{op: "PutCompositeAlarm", in: object{"AlarmName": "a", "AlarmRule": "FALSE"}, class: "LimitExceededFault", code: "LimitExceeded", played: true},
		{op: "PutAlarmMuteRule", in: object{
			"Name": "n", "Rule": object{"Schedule": object{"Expression": "cron(0 2 * * *)", "Duration": "PT1H"}},
		}, class: "LimitExceededFault", code: "LimitExceeded", played: true},
		tag, untag, list,
	}
}

func xrayRefusals() []refusal {
	const wrong, gone = "InvalidRequestException", "ResourceNotFoundException"
	const arn = "arn:aws:xray:us-east-1:000000000000:group/none/ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	now := callTime()
	backwards := object{"StartTime": now, "EndTime": now.Add(-60e9)}
	token := object{"NextToken": "x"}
	filter := object{"StartTime": now.Add(-60e9), "EndTime": now, "FilterExpression": "fault ="}
	return []refusal{
		{op: "PutTraceSegments", in: object{"TraceSegmentDocuments": []any{}}, class: wrong},
		{op: "PutTelemetryRecords", in: object{"TelemetryRecords": []any{object{"Timestamp": now}}, "EC2InstanceId": strings.Repeat("i", 30)}, class: wrong},
		{op: "BatchGetTraces", in: object{"TraceIds": []any{"x"}}, class: wrong},
		{op: "GetTraceSummaries", in: filter, class: wrong},
		{op: "GetServiceGraph", in: backwards, class: wrong},
		{op: "GetTraceGraph", in: object{"TraceIds": []any{"x"}}, class: wrong},
		{op: "GetTimeSeriesServiceStatistics", in: backwards, class: wrong},
		{op: "CreateGroup", in: object{"GroupName": "g", "FilterExpression": "fault ="}, class: wrong},
		{op: "GetGroup", in: object{"GroupName": "none"}, class: wrong},
		{op: "GetGroups", in: token, class: wrong},
		{op: "UpdateGroup", in: object{"GroupName": "none"}, class: wrong},
		{op: "DeleteGroup", in: object{"GroupName": "none"}, class: wrong},
		{op: "CreateSamplingRule", in: object{"SamplingRule": object{
			"RuleName": "r", "ResourceARN": "*", "Priority": 10, "FixedRate": 2.0, "ReservoirSize": 1, "ServiceName": "*", "ServiceType": "*",
			"Host": "*", "HTTPMethod": "*", "URLPath": "*", "Version": 1,
		}}, class: wrong},
		{op: "GetSamplingRules", in: token, class: wrong},
		{op: "UpdateSamplingRule", in: object{"SamplingRuleUpdate": object{"RuleName": "none", "FixedRate": 0.5}}, class: wrong},
		{op: "DeleteSamplingRule", in: object{"RuleName": "none"}, class: wrong},
		{op: "GetSamplingTargets", in: object{"SamplingStatisticsDocuments": slices.Repeat([]any{object{
			"RuleName": "r", "ClientID": "0123456789abcdef01234567", "Timestamp": now, "RequestCount": 3, "SampledCount": 2,
		}}, 26)}, class: wrong},
		{op: "GetSamplingStatisticSummaries", in: token, class: wrong},
		{op: "TagResource", in: object{"ResourceARN": arn, "Tags": []any{object{"Key": "a", "Value": "b"}}}, class: gone},
		{op: "UntagResource", in: object{"ResourceARN": arn, "TagKeys": []any{"a"}}, class: gone},
		{op: "ListTagsForResource", in: object{"ResourceARN": arn}, class: gone},
		{op: "GetTraceSegmentDestination", class: wrong, played: true},
		{op: "PutEncryptionConfig", in: object{"Type": "KMS"}, class: wrong},
		{op: "PutResourcePolicy", in: object{"PolicyName": "p", "PolicyDocument": "{"}, class: "MalformedPolicyDocumentException"},
		{op: "DeleteResourcePolicy", in: object{"PolicyName": "p", "PolicyRevisionId": "x"}, class: "InvalidPolicyRevisionIdException"},
		{op: "ListResourcePolicies", in: token, class: wrong},
		{op: "UpdateIndexingRule", in: object{"Name": "none", "Rule": object{"Probabilistic": object{"DesiredSamplingPercentage": 5.0}}}, class: gone},
		{op: "UpdateTraceSegmentDestination", in: object{"Destination": "CloudWatchLogs"}, class: wrong},
		{op: "GetIndexingRules", in: token, class: wrong},
		{op: "StartTraceRetrieval", in: object{"TraceIds": []any{"x"}, "StartTime": now.Add(-60e9), "EndTime": now}, class: wrong},
		{op: "ListRetrievedTraces", in: object{"RetrievalToken": "none"}, class: gone},
		{op: "GetRetrievedTracesGraph", in: object{"RetrievalToken": "none"}, class: gone},
		{op: "CancelTraceRetrieval", in: object{"RetrievalToken": "none"}, class: gone},
		{op: "GetInsight", in: object{"InsightId": "11111111-2222-3333-4444-555555555555"}, class: wrong},
		{op: "GetInsightSummaries", in: backwards, class: wrong},
	}
}

func refusalsOf(service string) []refusal {
	switch service {
	case "logs":
		return logsRefusals()
	case "monitoring":
		return cloudwatchRefusals()
	case "xray":
		return xrayRefusals()
	case "tagging":
		token := object{"PaginationToken": "x"}
		return []refusal{
			{op: "GetResources", in: token, class: "PaginationTokenExpiredException"},
			{op: "GetTagKeys", in: token, class: "PaginationTokenExpiredException"},
			{op: "GetTagValues", in: object{"Key": "a", "PaginationToken": "x"}, class: "PaginationTokenExpiredException"},
		}
	}
	return nil
}

// TestRefusalsByEveryClient makes every operation refuse a call of every client,
// each of which must see the same error: of its own class, if it has one.
func TestRefusalsByEveryClient(t *testing.T) {
	t.Parallel()
	for _, s := range modelServices(t) {
		service := s.service.Name()
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			refusals := allRefusals(t, s)
			messages := map[string]string{}
			for _, client := range slices.Sorted(maps.Keys(awsClients())) {
				c := connect(t, client, service)
				for _, r := range refusals {
					if c.knows[r.op] {
						c.refused(t, r, messages)
					}
				}
			}
		})
	}
}

// refused makes the call, and compares its error with what the refusal says and
// its message with that of the client before.
func (c *callService) refused(t *testing.T, r refusal, messages map[string]string) {
	t.Helper()
	if r.played {
		c.play(t, r)
	}
	a := c.caller.call(t, asked{Service: c.name, Op: r.op, In: c.input(t, r.op, r.in)})
	if a.Error == nil {
		t.Errorf("%s: %s answers %v", c.client, r.op, a.Value)
		return
	}
	got := *a.Error
	want := failure{Class: r.class, Code: r.code, Message: messages[r.op]}
	if want.Code == "" {
		want.Code = r.class
	}
	switch {
	case c.client == "aws-cli":
		want.Class = "" // it prints none
	case r.byCode != "" && c.client != "sdk-go-v2":
		want.Class = r.byCode
	}
	if messages[r.op] == "" {
		messages[r.op], want.Message = got.Message, got.Message
	}
	if got.Message == "" || got != want {
		t.Errorf("%s: %s is refused with %+v, want %+v", c.client, r.op, got, want)
	}
}

// play makes the sandbox refuse the next call.
func (c *callService) play(t *testing.T, r refusal) {
	t.Helper()
	rule, err := json.Marshal(object{
		"kind": "error", "service": c.name, "operation": r.op, "count": 1, "status": http.StatusBadRequest, "shape": r.class, "message": "it is enough",
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(c.url+"/_sidelight/faults", "application/json", bytes.NewReader(rule))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("play %s: %s", rule, resp.Status)
	}
}

// allRefusals are the refusals of the service, and for each operation without one
// an error of its model that is played.
func allRefusals(t *testing.T, s modelService) []refusal {
	t.Helper()
	m, refusals := loadModel(t, s), refusalsOf(s.service.Name())
	cases, _ := casesOf(s.service.Name(), callTime())
	for _, op := range s.service.Operations() {
		o := m.Operations[op.Name]
		if o == nil {
			continue
		}
		if i := slices.IndexFunc(refusals, func(r refusal) bool { return r.op == op.Name }); i >= 0 {
			if !slices.Contains(o.Errors, modelRef{refusals[i].class}) {
				t.Errorf("%s has no error %s in its model, but %v", op.Name, refusals[i].class, o.Errors)
			}
			continue
		}
		i := slices.IndexFunc(cases, func(c modelCase) bool { return c.op == op.Name })
		if i < 0 || len(o.Errors) == 0 {
			continue
		}
		class := o.Errors[0].Shape
		refusals = append(refusals, refusal{op: op.Name, in: cases[i].in, class: class, code: m.Shapes[class].Error.Code, played: true})
	}
	return refusals
}
