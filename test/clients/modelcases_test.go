//go:build clients

package clients_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

type object = map[string]any

// modelCase is a call that a scenario makes, in order.
type modelCase struct {
	op string
	in object
	// full are members of the output that must be there and hold something, so
	// that there is something to check.
	full []string
	// keep stores a member of the output, found by its path, under a name; a
	// "$name" in later inputs stands for it.
	keep map[string]string
	// want are values of the output by their paths.
	want object
	// chance are members of the output, at any depth, that differ from call to call.
	chance []string
	// follow is for StartLiveTail.
	follow *following
	// late: that the call comes too late, as what it stops has ended, will do.
	late bool
}

const modelPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

func logsCases(now time.Time) []modelCase {
	ms := int(now.UnixMilli())
	g, s := "/model/app", "stream"
	named := func(more object) object {
		out := object{"logGroupName": g}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	arn := "arn:aws:logs:us-east-1:000000000000:log-group:" + g
	return []modelCase{
		{op: "CreateLogGroup", in: named(object{"tags": object{"team": "a"}, "logGroupClass": "STANDARD"})},
		{op: "PutRetentionPolicy", in: named(object{"retentionInDays": 7})},
		{op: "PutLogGroupDeletionProtection", in: object{"logGroupIdentifier": g, "deletionProtectionEnabled": false}},
		{op: "CreateLogStream", in: named(object{"logStreamName": s})},
		{op: "PutMetricFilter", in: named(object{"filterName": "errors", "filterPattern": "{ $.level = \"error\" }", "metricTransformations": []any{
			object{"metricName": "Errors", "metricNamespace": "App", "metricValue": "1", "dimensions": object{"route": "$.route"}, "unit": "Count"},
		}})},
		{op: "DescribeMetricFilters", in: named(nil), full: []string{"metricFilters"}},
		{op: "TestMetricFilter", in: object{"filterPattern": "{ $.level = \"error\" }", "logEventMessages": []any{`{"level":"error"}`, "x"}}, full: []string{"matches"}},
		{op: "PutSubscriptionFilter", in: named(object{"filterName": "all", "filterPattern": "", "destinationArn": "arn:aws:lambda:us-east-1:000000000000:function:sink"})},
		{op: "DescribeSubscriptionFilters", in: named(nil), full: []string{"subscriptionFilters"}},
		{op: "PutIndexPolicy", in: object{"logGroupIdentifier": g, "policyDocument": `{"Fields":["level"]}`}, full: []string{"indexPolicy"}},
		{op: "DescribeIndexPolicies", in: object{"logGroupIdentifiers": []any{g}}, full: []string{"indexPolicies"}},
		{
			op: "PutLogEvents", in: named(object{"logStreamName": s, "logEvents": []any{
				object{"timestamp": ms - 20*24*3600*1000, "message": "too old"},
				object{"timestamp": ms - 2000, "message": `{"level":"error","route":"/a"}`},
				object{"timestamp": ms - 1000, "message": "plain"},
			}}),
			full: []string{"nextSequenceToken", "rejectedLogEventsInfo"},
		},
		{op: "DescribeFieldIndexes", in: object{"logGroupIdentifiers": []any{g}}, full: []string{"fieldIndexes"}},
		{op: "GetLogEvents", in: named(object{"logStreamName": s, "limit": 10, "startFromHead": true}), full: []string{"events", "nextForwardToken"}},
		{op: "FilterLogEvents", in: named(object{"filterPattern": "plain"}), full: []string{"events"}},
		{op: "DescribeLogGroups", in: object{"logGroupNamePrefix": "/model"}, full: []string{"logGroups"}},
		{op: "ListLogGroups", in: object{"logGroupNamePattern": "model"}, full: []string{"logGroups"}},
		{op: "DescribeLogStreams", in: named(object{"orderBy": "LastEventTime"}), full: []string{"logStreams"}},
		{op: "GetLogGroupFields", in: named(object{"time": ms / 1000}), full: []string{"logGroupFields"}},
		{
			op: "StartQuery", in: named(object{"startTime": ms/1000 - 60, "endTime": ms/1000 + 60, "queryString": "fields @message, @ptr"}), full: []string{"queryId"},
			keep: map[string]string{"query": "queryId"},
		},
		{op: "GetQueryResults", in: object{"queryId": "$query"}, full: []string{"statistics", "status", "results"}, keep: map[string]string{"ptr": "results.0.1.value"}},
		{op: "GetLogRecord", in: object{"logRecordPointer": "$ptr"}, full: []string{"logRecord"}},
		{op: "StartQuery", in: named(object{"startTime": ms/1000 - 60, "endTime": ms/1000 + 60, "queryString": "stats count(*) by bin(1s)"}), keep: map[string]string{"other": "queryId"}},
		{op: "StopQuery", in: object{"queryId": "$other"}, late: true},
		{op: "DescribeQueries", in: named(nil), full: []string{"queries"}, chance: []string{"queryDuration", "bytesScanned", "status"}},
		{
			op: "PutQueryDefinition", in: object{"name": "all", "queryString": "fields @message", "logGroupNames": []any{g}}, full: []string{"queryDefinitionId"},
			keep: map[string]string{"definition": "queryDefinitionId"},
		},
		{op: "DescribeQueryDefinitions", in: object{"maxResults": 5}, full: []string{"queryDefinitions"}},
		{op: "DeleteQueryDefinition", in: object{"queryDefinitionId": "$definition"}, full: []string{"success"}},
		{
			op: "CreateLookupTable", in: object{"lookupTableName": "routes", "tableBody": "route,team\n/a,shop\n"}, full: []string{"lookupTableArn"},
			keep: map[string]string{"table": "lookupTableArn"},
		},
		{op: "UpdateLookupTable", in: object{"lookupTableArn": "$table", "tableBody": "route,team\n/a,web\n"}, full: []string{"lookupTableArn"}},
		{op: "GetLookupTable", in: object{"lookupTableArn": "$table"}, full: []string{"tableBody"}},
		{op: "DescribeLookupTables", in: object{"maxResults": 5}, full: []string{"lookupTables"}},
		{op: "DeleteLookupTable", in: object{"lookupTableArn": "$table"}},
		{
			op: "CreateScheduledQuery", in: schedule(g, "hourly"), full: []string{"scheduledQueryArn"},
			keep: map[string]string{"schedule": "scheduledQueryArn"},
		},
		{op: "UpdateScheduledQuery", in: changedSchedule(g), full: []string{"scheduledQueryArn"}},
		{op: "GetScheduledQuery", in: object{"identifier": "$schedule"}, full: []string{"queryString"}},
		{op: "GetScheduledQueryHistory", in: object{"identifier": "$schedule", "startTime": ms/1000 - 60, "endTime": ms/1000 + 60}},
		{op: "ListScheduledQueries", in: object{"maxResults": 5}, full: []string{"scheduledQueries"}},
		{op: "DeleteScheduledQuery", in: object{"identifier": "$schedule"}},
		{op: "AssociateKmsKey", in: named(object{"kmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/k"})},
		{op: "DisassociateKmsKey", in: named(nil)},
		{op: "PutResourcePolicy", in: object{"policyName": "p", "policyDocument": modelPolicy}, full: []string{"resourcePolicy"}},
		{op: "DescribeResourcePolicies", in: object{"limit": 5}, full: []string{"resourcePolicies"}},
		{op: "DeleteResourcePolicy", in: object{"policyName": "p"}},
		{op: "TagResource", in: object{"resourceArn": arn, "tags": object{"a": "b"}}},
		{op: "ListTagsForResource", in: object{"resourceArn": arn}, full: []string{"tags"}},
		{op: "UntagResource", in: object{"resourceArn": arn, "tagKeys": []any{"a"}}},
		{op: "TagLogGroup", in: named(object{"tags": object{"c": "d"}})},
		{op: "ListTagsLogGroup", in: named(nil), full: []string{"tags"}},
		{op: "UntagLogGroup", in: named(object{"tags": []any{"c"}})},
		{op: "DeleteIndexPolicy", in: object{"logGroupIdentifier": g}},
		{op: "DeleteSubscriptionFilter", in: named(object{"filterName": "all"})},
		{op: "DeleteMetricFilter", in: named(object{"filterName": "errors"})},
		{op: "DeleteRetentionPolicy", in: named(nil)},
		{op: "DeleteLogStream", in: named(object{"logStreamName": s})},
		{op: "DeleteLogGroup", in: named(nil)},
	}
}

// schedule is a scheduled query over a group.
func schedule(group, name string) object {
	return object{
		"name": name, "queryLanguage": "CWLI", "queryString": "stats count(*)", "scheduleExpression": "cron(0 * * * ? *)",
		"executionRoleArn": "arn:aws:iam::000000000000:role/r", "logGroupIdentifiers": []any{group}, "startTimeOffset": 3600,
	}
}

func changedSchedule(group string) object {
	in := schedule(group, "")
	delete(in, "name")
	in["identifier"], in["queryString"] = "$schedule", "fields @message"
	return in
}

func cloudwatchCases(now time.Time) []modelCase {
	metric := object{"Namespace": "App", "MetricName": "Latency", "Dimensions": []any{object{"Name": "Route", "Value": "/a"}}}
	with := func(more object) object {
		out := object{}
		for k, v := range metric {
			out[k] = v
		}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	start, end := now.Add(-time.Hour).Truncate(time.Minute), now.Add(time.Minute).Truncate(time.Minute)
	arn := "arn:aws:cloudwatch:us-east-1:000000000000:alarm:slow"
	return []modelCase{
		{op: "PutMetricData", in: object{"Namespace": "App", "MetricData": []any{
			object{"MetricName": "Latency", "Dimensions": metric["Dimensions"], "Timestamp": now.Add(-time.Minute), "Value": 1.5, "Unit": "Seconds"},
			object{
				"MetricName": "Latency", "Dimensions": metric["Dimensions"], "Timestamp": now.Add(-2 * time.Minute), "Unit": "Seconds",
				"Values": []any{1.0, 2.0}, "Counts": []any{1.0, 3.0},
			},
			object{"MetricName": "Size", "StatisticValues": object{"SampleCount": 2.0, "Sum": 3.0, "Minimum": 1.0, "Maximum": 2.0}, "StorageResolution": 1},
		}}},
		{op: "ListMetrics", in: object{"Namespace": "App", "MetricName": "Latency", "Dimensions": []any{object{"Name": "Route"}}}, full: []string{"Metrics"}},
		{op: "GetMetricStatistics", in: with(object{"StartTime": start, "EndTime": end, "Period": 60, "Statistics": []any{"Sum", "Average", "SampleCount", "Minimum", "Maximum"}, "Unit": "Seconds"}), full: []string{"Datapoints", "Label"}},
		{op: "GetMetricData", in: object{"StartTime": start, "EndTime": end, "ScanBy": "TimestampDescending", "MetricDataQueries": []any{
			object{"Id": "m", "MetricStat": object{"Metric": metric, "Period": 60, "Stat": "p90"}}, object{"Id": "e", "Expression": "m*2", "Label": "twice", "ReturnData": true},
		}}, full: []string{"MetricDataResults"}},
		{op: "PutMetricAlarm", in: with(object{
			"AlarmName": "slow", "AlarmDescription": "d", "ActionsEnabled": true, "AlarmActions": []any{"arn:aws:sns:us-east-1:000000000000:t"},
			"Statistic": "Average", "Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
			"TreatMissingData": "ignore", "Unit": "Seconds", "Tags": []any{object{"Key": "team", "Value": "a"}},
		})},
		{op: "PutMetricAlarm", in: object{"AlarmName": "math", "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "LessThanThreshold", "Metrics": []any{
			object{"Id": "m", "MetricStat": object{"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": false}, object{"Id": "e", "Expression": "m+1"},
		}}},
		{op: "PutCompositeAlarm", in: object{
			"AlarmName": "both", "AlarmRule": "ALARM(slow) AND NOT OK(math)", "ActionsSuppressor": "math",
			"ActionsSuppressorWaitPeriod": 10, "ActionsSuppressorExtensionPeriod": 10,
		}},
		{op: "PutLogAlarm", in: object{
			"AlarmName": "errors", "ComparisonOperator": "GreaterThanThreshold", "Threshold": 2.0, "QueryResultsToAlarm": 1, "QueryResultsToEvaluate": 2,
			"ScheduledQueryConfiguration": object{
				"QueryString": "filter @message like /ERROR/", "AggregationExpression": "count(*)", "LogGroupIdentifiers": []any{"/app"},
				"ScheduledQueryRoleARN": "arn:aws:iam::000000000000:role/alarm",
				"ScheduleConfiguration": object{"ScheduleExpression": "rate(1 minute)", "StartTimeOffset": 60},
			},
		}},
		{op: "SetAlarmState", in: object{"AlarmName": "slow", "StateValue": "ALARM", "StateReason": "because", "StateReasonData": `{"a":1}`}},
		{op: "DescribeAlarms", in: object{"AlarmTypes": []any{"MetricAlarm", "CompositeAlarm"}, "MaxRecords": 10}, full: []string{"MetricAlarms", "CompositeAlarms"}},
		{op: "DescribeAlarmsForMetric", in: with(object{"Statistic": "Average", "Period": 60, "Unit": "Seconds"}), full: []string{"MetricAlarms"}},
		{op: "DescribeAlarmHistory", in: object{"AlarmName": "slow", "AlarmTypes": []any{"MetricAlarm"}, "ScanBy": "TimestampAscending"}, full: []string{"AlarmHistoryItems"}},
		{op: "DescribeAlarmContributors", in: object{"AlarmName": "slow"}},
		{op: "EnableAlarmActions", in: object{"AlarmNames": []any{"slow"}}},
		{op: "DisableAlarmActions", in: object{"AlarmNames": []any{"slow"}}},
		{op: "PutAlarmMuteRule", in: object{
			"Name": "nights", "Description": "d", "Rule": object{"Schedule": object{"Expression": "cron(0 2 * * *)", "Duration": "PT1H", "Timezone": "UTC"}},
			"MuteTargets": object{"AlarmNames": []any{"slow"}}, "Tags": []any{object{"Key": "team", "Value": "a"}},
		}},
		{op: "GetAlarmMuteRule", in: object{"AlarmMuteRuleName": "nights"}, full: []string{"Name", "Rule", "Status"}},
		{op: "ListAlarmMuteRules", in: object{"AlarmName": "slow"}, full: []string{"AlarmMuteRuleSummaries"}},
		{op: "DeleteAlarmMuteRule", in: object{"AlarmMuteRuleName": "nights"}},
		{op: "PutAnomalyDetector", in: object{"SingleMetricAnomalyDetector": with(object{"Stat": "Average"}), "Configuration": object{"MetricTimezone": "UTC"}}},
		{op: "DescribeAnomalyDetectors", in: object{"Namespace": "App"}, full: []string{"AnomalyDetectors"}},
		{op: "DeleteAnomalyDetector", in: object{"SingleMetricAnomalyDetector": with(object{"Stat": "Average"})}},
		{op: "PutDashboard", in: object{"DashboardName": "main", "DashboardBody": `{"widgets":[]}`}},
		{op: "GetDashboard", in: object{"DashboardName": "main"}, full: []string{"DashboardBody", "DashboardName", "DashboardArn"}},
		{op: "ListDashboards", in: object{"DashboardNamePrefix": "m"}, full: []string{"DashboardEntries"}},
		{op: "DeleteDashboards", in: object{"DashboardNames": []any{"main"}}},
		{op: "TagResource", in: object{"ResourceARN": arn, "Tags": []any{object{"Key": "a", "Value": "b"}}}},
		{op: "ListTagsForResource", in: object{"ResourceARN": arn}, full: []string{"Tags"}},
		{op: "UntagResource", in: object{"ResourceARN": arn, "TagKeys": []any{"a"}}},
		{op: "DeleteAlarms", in: object{"AlarmNames": []any{"both"}}},
		{op: "DeleteAlarms", in: object{"AlarmNames": []any{"slow", "math"}}},
	}
}

func modelTrace(now time.Time) (id string, docs []any) {
	id = fmt.Sprintf("1-%08x-%024x", now.Unix(), now.UnixNano())
	at := float64(now.Add(-2*time.Second).UnixMilli()) / 1000
	return id, []any{
		fmt.Sprintf(`{"trace_id":%q,"id":"aaaaaaaaaaaaaaaa","name":"web","origin":"AWS::ECS::Container","start_time":%.3f,"end_time":%.3f,"fault":true,
"http":{"request":{"method":"GET","url":"http://web/a","client_ip":"10.0.0.1"},"response":{"status":500}},"annotations":{"tenant":"x","n":2,"vip":true},"user":"u",
"resource_arn":"arn:aws:ecs:us-east-1:000000000000:service/web","aws":{"ec2":{"instance_id":"i-1","availability_zone":"us-east-1a"}},
"cause":{"exceptions":[{"id":"1111111111111111","type":"E","message":"m"}]},"subsegments":[{"id":"bbbbbbbbbbbbbbbb","name":"orders","namespace":"aws","start_time":%.3f,"end_time":%.3f,"throttle":true,"error":true,
"aws":{"operation":"GetItem","table_name":"orders"},"http":{"response":{"status":429}}}]}`, id, at, at+1, at+0.1, at+0.5),
		`{"id":"cccccccccccccccc","name":"bad"}`,
	}
}

func xrayCases(now time.Time) []modelCase {
	id, docs := modelTrace(now)
	span := object{"StartTime": now.Add(-5 * time.Minute), "EndTime": now.Add(time.Minute)}
	with := func(more object) object {
		out := object{}
		for k, v := range span {
			out[k] = v
		}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	rule := object{
		"RuleName": "r", "ResourceARN": "*", "Priority": 10, "FixedRate": 0.1, "ReservoirSize": 1, "ServiceName": "*", "ServiceType": "*",
		"Host": "*", "HTTPMethod": "*", "URLPath": "*", "Version": 1, "Attributes": object{"a": "b"},
	}
	return []modelCase{
		{op: "PutTraceSegments", in: object{"TraceSegmentDocuments": docs}, full: []string{"UnprocessedTraceSegments"}},
		{op: "PutTelemetryRecords", in: object{"TelemetryRecords": []any{object{
			"Timestamp": now, "SegmentsReceivedCount": 1,
			"BackendConnectionErrors": object{"TimeoutCount": 1},
		}}, "EC2InstanceId": "i-1", "Hostname": "h", "ResourceARN": "arn"}},
		{op: "BatchGetTraces", in: object{"TraceIds": []any{id}}, full: []string{"Traces"}},
		{op: "GetTraceSummaries", in: with(object{"FilterExpression": "fault", "TimeRangeType": "Event", "Sampling": false}), full: []string{"TraceSummaries", "TracesProcessedCount", "ApproximateTime"}},
		{op: "GetServiceGraph", in: with(nil), full: []string{"Services", "StartTime", "EndTime"}},
		{op: "GetTraceGraph", in: object{"TraceIds": []any{id}}, full: []string{"Services"}},
		{op: "GetTimeSeriesServiceStatistics", in: with(object{"Period": 60}), full: []string{"TimeSeriesServiceStatistics"}},
		{op: "CreateGroup", in: object{
			"GroupName": "g", "FilterExpression": "fault", "InsightsConfiguration": object{"InsightsEnabled": false},
			"Tags": []any{object{"Key": "team", "Value": "a"}},
		}, full: []string{"Group"}, keep: map[string]string{"group": "Group.GroupARN"}},
		{op: "GetGroup", in: object{"GroupName": "g"}, full: []string{"Group"}},
		{op: "GetGroups", in: object{}, full: []string{"Groups"}},
		{op: "UpdateGroup", in: object{"GroupName": "g", "FilterExpression": "error"}, full: []string{"Group"}},
		{op: "TagResource", in: object{"ResourceARN": "$group", "Tags": []any{object{"Key": "a", "Value": "b"}}}},
		{op: "ListTagsForResource", in: object{"ResourceARN": "$group"}, full: []string{"Tags"}},
		{op: "UntagResource", in: object{"ResourceARN": "$group", "TagKeys": []any{"a"}}},
		{op: "CreateSamplingRule", in: object{"SamplingRule": rule}, full: []string{"SamplingRuleRecord"}},
		{op: "GetSamplingRules", in: object{}, full: []string{"SamplingRuleRecords"}},
		{op: "UpdateSamplingRule", in: object{"SamplingRuleUpdate": object{"RuleName": "r", "FixedRate": 0.2}}, full: []string{"SamplingRuleRecord"}},
		{
			op: "GetSamplingTargets", in: object{"SamplingStatisticsDocuments": []any{
				object{"RuleName": "r", "ClientID": "0123456789abcdef01234567", "Timestamp": now, "RequestCount": 3, "SampledCount": 2, "BorrowCount": 0},
				object{"RuleName": "none", "ClientID": "0123456789abcdef01234567", "Timestamp": now, "RequestCount": 3, "SampledCount": 2},
			}},
			full: []string{"SamplingTargetDocuments", "LastRuleModification", "UnprocessedStatistics"},
		},
		{op: "GetSamplingStatisticSummaries", in: object{}, full: []string{"SamplingStatisticSummaries"}},
		{op: "DeleteSamplingRule", in: object{"RuleName": "r"}, full: []string{"SamplingRuleRecord"}},
		{op: "DeleteGroup", in: object{"GroupName": "g"}},
		{op: "PutEncryptionConfig", in: object{"Type": "KMS", "KeyId": "alias/k"}, full: []string{"EncryptionConfig"}},
		{op: "GetEncryptionConfig", in: object{}, full: []string{"EncryptionConfig"}},
		{op: "PutResourcePolicy", in: object{"PolicyName": "p", "PolicyDocument": modelPolicy}, full: []string{"ResourcePolicy"}},
		{op: "ListResourcePolicies", in: object{}, full: []string{"ResourcePolicies"}},
		{op: "DeleteResourcePolicy", in: object{"PolicyName": "p"}},
		{op: "GetTraceSegmentDestination", in: object{}, full: []string{"Destination", "Status"}},
		{op: "UpdateTraceSegmentDestination", in: object{"Destination": "XRay"}, full: []string{"Destination"}},
		{op: "GetIndexingRules", in: object{}, full: []string{"IndexingRules"}},
		{op: "UpdateIndexingRule", in: object{"Name": "Default", "Rule": object{"Probabilistic": object{"DesiredSamplingPercentage": 5.0}}}, full: []string{"IndexingRule"}},
		{op: "GetInsightSummaries", in: with(object{"GroupName": "Default"})},
		{op: "StartTraceRetrieval", in: with(object{"TraceIds": []any{id}}), full: []string{"RetrievalToken"}, keep: map[string]string{"retrieval": "RetrievalToken"}},
		{op: "ListRetrievedTraces", in: object{"RetrievalToken": "$retrieval"}, full: []string{"RetrievalStatus", "Traces"}},
		{op: "GetRetrievedTracesGraph", in: object{"RetrievalToken": "$retrieval"}, full: []string{"RetrievalStatus", "Services"}},
		{op: "CancelTraceRetrieval", in: object{"RetrievalToken": "$retrieval"}},
	}
}

func taggingCases() []modelCase {
	return []modelCase{
		{op: "GetResources", in: object{"TagFilters": []any{object{"Key": "team", "Values": []any{"a"}}}, "ResourceTypeFilters": []any{"logs:log-group"}, "ResourcesPerPage": 10}, want: object{
			"ResourceTagMappingList.0.ResourceARN": "arn:aws:logs:us-east-1:000000000000:log-group:/app", "ResourceTagMappingList.1": nil,
		}},
		{op: "GetResources", in: object{"TagFilters": []any{object{"Key": "team", "Values": []any{"a"}}}}, want: object{
			"ResourceTagMappingList.0.ResourceARN":  "arn:aws:cloudwatch:us-east-1:000000000000:alarm:slow",
			"ResourceTagMappingList.1.ResourceARN":  "arn:aws:logs:us-east-1:000000000000:log-group:/app",
			"ResourceTagMappingList.1.Tags.1.Value": "web",
			"ResourceTagMappingList.2.Tags.0.Key":   "team",
			"ResourceTagMappingList.3":              nil,
		}},
		{op: "GetTagKeys", in: object{}, want: object{"TagKeys.0": "team", "TagKeys.1": "tier", "TagKeys.2": nil}},
		{op: "GetTagValues", in: object{"Key": "team"}, want: object{"TagValues.0": "a", "TagValues.1": "b"}},
	}
}

func casesOf(service string, now time.Time) ([]modelCase, []modelProtocol) {
	switch service {
	case "logs":
		return append(logsCases(now), storedLogsCases()...), []modelProtocol{modelJSON}
	case "monitoring":
		return append(cloudwatchCases(now), storedMetricsCases()...), []modelProtocol{modelJSON, modelQuery, modelCBOR}
	case "xray":
		return xrayCases(now), []modelProtocol{modelREST}
	case "sts":
		return []modelCase{{op: "GetCallerIdentity", in: object{}, full: []string{"Account", "Arn", "UserId"}}}, []modelProtocol{modelQuery}
	}
	return taggingCases(), []modelProtocol{modelJSON}
}

// uncalled are operations that the scenarios leave out, and why.
func uncalled() map[string]string {
	return map[string]string{
		"StartLiveTail":         "answers with a stream of events, which has a test of its own",
		"GetInsight":            "there are no insights, so it can only refuse",
		"GetInsightEvents":      "there are no insights, so it can only refuse",
		"GetInsightImpactGraph": "there are no insights, so it can only refuse",
		"CancelExportTask":      "no task waits, so it can only refuse",
	}
}

// TestAnswersByModels makes every operation answer over every protocol, and
// checks each answer by AWS's model.
func TestAnswersByModels(t *testing.T) {
	for _, s := range modelServices(t) {
		m := loadModel(t, s)
		_, protocols := casesOf(s.service.Name(), time.Now())
		for _, p := range protocols {
			t.Run(s.service.Name()+"/"+p.String(), func(t *testing.T) { runCases(t, s, m, p) })
		}
	}
}

func runCases(t *testing.T, s modelService, m *awsModel, p modelProtocol) {
	endpoint := sandboxtest.New(t).URL()
	cases, _ := casesOf(s.service.Name(), time.Now())
	called := map[string]bool{}
	kept := map[string]any{}
	for _, c := range cases {
		called[c.op] = true
		if !s.offers(m, c.op) {
			continue // an operation younger than the model; see TestOperationsAreInModels
		}
		in := filled(c.in, kept).(object)
		a := settled(t, endpoint, m, p, s, &c, in)
		if c.late && strings.Contains(string(a.body), "already ended") {
			continue
		}
		if a.status != 200 {
			t.Errorf("%s: answers %d %s", c.op, a.status, a.body)
			continue
		}
		if out := m.Operations[c.op].Output; out != nil {
			for _, problem := range m.checkOutput(c.op, out, a.value, p) {
				t.Error(problem)
			}
		} else if len(a.value) > 0 {
			t.Errorf("%s: has no output, but answers %v", c.op, a.value)
		}
		for _, name := range c.full {
			if isEmpty(a.value[name]) {
				t.Errorf("%s: the answer has nothing in %s: %s", c.op, name, a.body)
			}
		}
		for name, path := range c.keep {
			kept[name] = pick(a.value, path)
		}
	}
	for _, op := range s.service.Operations() {
		if _, left := uncalled()[op.Name]; !called[op.Name] && !left {
			t.Errorf("no case calls %s", op.Name)
		}
	}
}

// settled makes the call, and again while a query runs that it asks about.
func settled(t *testing.T, endpoint string, m *awsModel, p modelProtocol, s modelService, c *modelCase, in object) *modelAnswer {
	for {
		a := modelCall(t, endpoint, m, p, s.service.Name(), c.op, in)
		if st, _ := a.value["status"].(string); c.op != "GetQueryResults" || st != "Scheduled" && st != "Running" {
			return a
		}
	}
}

// filled puts kept values in the place of "$name".
func filled(v any, kept map[string]any) any {
	switch x := v.(type) {
	case string:
		if k, ok := kept[strings.TrimPrefix(x, "$")]; ok && strings.HasPrefix(x, "$") {
			return k
		}
	case object:
		out := object{}
		for k, kid := range x {
			out[k] = filled(kid, kept)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, kid := range x {
			out[i] = filled(kid, kept)
		}
		return out
	}
	return v
}

func isEmpty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case []any:
		return len(x) == 0
	case object:
		return len(x) == 0
	}
	return false
}

// pick follows a path of names and numbers.
func pick(v any, path string) any {
	for _, part := range strings.Split(path, ".") {
		switch x := v.(type) {
		case object:
			v = x[part]
		case []any:
			i := 0
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		}
	}
	return v
}
