package sandbox_test

import (
	"slices"
	"strings"
	"testing"
)

// listed are the operations that the sandbox promises, by service.
func listed() map[string]string {
	return map[string]string{
		"monitoring": `PutMetricData GetMetricData GetMetricStatistics ListMetrics PutMetricAlarm PutCompositeAlarm DescribeAlarms
			DescribeAlarmsForMetric DescribeAlarmHistory DeleteAlarms SetAlarmState EnableAlarmActions DisableAlarmActions PutAlarmMuteRule
			GetAlarmMuteRule ListAlarmMuteRules DeleteAlarmMuteRule PutDashboard GetDashboard ListDashboards DeleteDashboards TagResource
			UntagResource ListTagsForResource PutLogAlarm PutAnomalyDetector DescribeAnomalyDetectors DeleteAnomalyDetector DescribeAlarmContributors
			PutInsightRule DescribeInsightRules EnableInsightRules DisableInsightRules DeleteInsightRules PutMetricStream GetMetricStream
			ListMetricStreams StartMetricStreams StopMetricStreams DeleteMetricStream`,
		"logs": `CreateLogGroup DeleteLogGroup DescribeLogGroups ListLogGroups PutRetentionPolicy DeleteRetentionPolicy
			PutLogGroupDeletionProtection CreateLogStream DeleteLogStream DescribeLogStreams PutLogEvents GetLogEvents FilterLogEvents
			StartLiveTail StartQuery GetQueryResults StopQuery DescribeQueries PutQueryDefinition DescribeQueryDefinitions
			DeleteQueryDefinition GetLogRecord GetLogGroupFields PutMetricFilter DescribeMetricFilters DeleteMetricFilter TestMetricFilter
			TagResource UntagResource ListTagsForResource TagLogGroup UntagLogGroup ListTagsLogGroup PutSubscriptionFilter
			DescribeSubscriptionFilters DeleteSubscriptionFilter DescribeFieldIndexes PutIndexPolicy PutResourcePolicy
			DescribeResourcePolicies DeleteResourcePolicy CreateScheduledQuery UpdateScheduledQuery GetScheduledQuery
			GetScheduledQueryHistory ListScheduledQueries DeleteScheduledQuery CreateLookupTable UpdateLookupTable GetLookupTable
			DescribeLookupTables DeleteLookupTable AssociateKmsKey DisassociateKmsKey PutDataProtectionPolicy GetDataProtectionPolicy
			DeleteDataProtectionPolicy PutTransformer GetTransformer DeleteTransformer CreateLogAnomalyDetector GetLogAnomalyDetector
			UpdateLogAnomalyDetector DeleteLogAnomalyDetector ListLogAnomalyDetectors ListAnomalies CreateExportTask DescribeExportTasks
			CancelExportTask PutAccountPolicy DescribeAccountPolicies DeleteAccountPolicy PutDeliverySource GetDeliverySource
			DescribeDeliverySources DeleteDeliverySource PutDeliveryDestination GetDeliveryDestination DescribeDeliveryDestinations
			DeleteDeliveryDestination PutDeliveryDestinationPolicy GetDeliveryDestinationPolicy DeleteDeliveryDestinationPolicy CreateDelivery
			GetDelivery DescribeDeliveries UpdateDeliveryConfiguration DeleteDelivery`,
		"xray": `PutTraceSegments PutTelemetryRecords BatchGetTraces GetTraceSummaries GetServiceGraph GetTraceGraph
			GetTimeSeriesServiceStatistics CreateGroup GetGroup GetGroups UpdateGroup DeleteGroup CreateSamplingRule GetSamplingRules
			UpdateSamplingRule DeleteSamplingRule GetSamplingTargets GetSamplingStatisticSummaries TagResource UntagResource
			ListTagsForResource GetTraceSegmentDestination UpdateTraceSegmentDestination GetIndexingRules UpdateIndexingRule
			StartTraceRetrieval ListRetrievedTraces GetRetrievedTracesGraph CancelTraceRetrieval PutEncryptionConfig GetEncryptionConfig
			PutResourcePolicy DeleteResourcePolicy ListResourcePolicies GetInsightSummaries GetInsight GetInsightEvents GetInsightImpactGraph`,
		"sts":     `GetCallerIdentity`,
		"tagging": `GetResources`,
		"application-signals": `ListServices GetService ListServiceOperations ListServiceDependencies ListServiceDependents
			ListServiceLevelObjectives`,
	}
}

// TestOperationsAreThere compares what the services can do with the list.
func TestOperationsAreThere(t *testing.T) {
	have := make(map[string][]string)
	for _, o := range randomOps(t) {
		have[o.service] = append(have[o.service], o.op.Name)
	}
	for service, names := range listed() {
		for name := range strings.FieldsSeq(names) {
			if !slices.Contains(have[service], name) {
				t.Errorf("%s cannot do %s", service, name)
			}
		}
	}
}
