package awsproto

import (
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// set makes a set of names.
func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// Logs is the spec of CloudWatch Logs: AWS JSON 1.1.
func Logs() Spec {
	return Spec{
		Service:    "logs",
		Target:     "Logs_20140328",
		LowerFirst: true,
		Rename:     map[string]string{"DescribeDestinationsInput.DestinationNamePrefix": "DestinationNamePrefix"},
		Unions: []Union{
			{(*logtypes.IntegrationDetails)(nil), []any{(*logtypes.IntegrationDetailsMemberOpenSearchIntegrationDetails)(nil)}},
			{(*logtypes.ResourceConfig)(nil), []any{(*logtypes.ResourceConfigMemberOpenSearchResourceConfig)(nil)}},
		},
		Codes: Codes{
			Unknown:     Code{"UnknownOperationException", 501},
			Unsigned:    Code{"MissingAuthenticationTokenException", 400},
			Incomplete:  Code{"IncompleteSignatureException", 400},
			Signature:   Code{"InvalidSignatureException", 400},
			Key:         Code{"UnrecognizedClientException", 400},
			Expired:     Code{"InvalidSignatureException", 400},
			Throttled:   Code{"ThrottlingException", 400},
			Internal:    Code{"InternalServerException", 500},
			Unavailable: Code{"ServiceUnavailableException", 503},
			TooLarge:    Code{"RequestEntityTooLargeException", 413},
			Invalid:     Code{"InvalidParameterException", 400},
		},
		InvalidOf: scheduledQueryCodes(),
	}
}

// scheduledQueryCodes are of the operations on scheduled queries, which are of
// the service's newer style.
func scheduledQueryCodes() map[string]Code {
	codes := make(map[string]Code)
	for _, op := range []string{
		"CreateScheduledQuery", "UpdateScheduledQuery", "GetScheduledQuery", "GetScheduledQueryHistory", "ListScheduledQueries", "DeleteScheduledQuery",
	} {
		codes[op] = Code{"ValidationException", 400}
	}
	return codes
}

// CloudWatch is the spec of CloudWatch, which is spoken to in RPC v2 CBOR, AWS
// JSON and query.
func CloudWatch() Spec {
	return Spec{
		Service:      "monitoring",
		Namespace:    "com.amazonaws.cloudwatch",
		Target:       "GraniteServiceVersion20100801",
		QueryVersion: "2010-08-01",
		XMLNamespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
		CBOR:         true,
		Unions: []Union{
			{(*cwtypes.EvaluationCriteria)(nil), []any{(*cwtypes.EvaluationCriteriaMemberPromQLCriteria)(nil)}},
			{(*cwtypes.EvaluationWindow)(nil), []any{(*cwtypes.EvaluationWindowMemberSlidingWindow)(nil), (*cwtypes.EvaluationWindowMemberWallClockWindow)(nil)}},
		},
		QueryCompatible: true,
		QueryCodes: map[string]string{
			"InvalidParameterValueException":       "InvalidParameterValue",
			"InvalidParameterCombinationException": "InvalidParameterCombination",
			"MissingRequiredParameterException":    "MissingParameter",
			"InvalidFormatFault":                   "InvalidFormat",
			"LimitExceededFault":                   "LimitExceeded",
			"DashboardInvalidInputError":           "InvalidParameterInput",
			"DashboardNotFoundError":               "ResourceNotFound",
			"InternalServiceFault":                 "InternalServiceError",
			"UnknownOperationException":            "InvalidAction",
			"SerializationException":               "MalformedInput",
		},
		Void: set("PutMetricData", "PutMetricAlarm", "PutCompositeAlarm", "PutLogAlarm", "DeleteAlarms", "SetAlarmState",
			"EnableAlarmActions", "DisableAlarmActions", "PutAlarmMuteRule", "DeleteAlarmMuteRule"),
		// PutMetricData: 1 MB a POST, taken as the body as sent.
		MaxBodyOf: map[string]int64{"PutMetricData": 1 << 20},
		Codes: Codes{
			Unknown:     Code{"UnknownOperationException", 501},
			Unsigned:    Code{"MissingAuthenticationToken", 403},
			Incomplete:  Code{"IncompleteSignature", 400},
			Signature:   Code{"SignatureDoesNotMatch", 403},
			Key:         Code{"InvalidClientTokenId", 403},
			Expired:     Code{"RequestExpired", 400},
			Throttled:   Code{"Throttling", 400},
			Internal:    Code{"InternalServiceFault", 500},
			Unavailable: Code{"ServiceUnavailable", 503},
			TooLarge:    Code{"RequestEntityTooLarge", 413},
			Invalid:     Code{"ValidationError", 400},
		},
	}
}

// STS is the spec of the Security Token Service: query.
func STS() Spec {
	return Spec{
		Service:      "sts",
		QueryVersion: "2011-06-15",
		XMLNamespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Rename:       map[string]string{"PolicyDescriptorType.Arn": "arn"},
		QueryCodes:   map[string]string{"UnknownOperationException": "InvalidAction", "SerializationException": "MalformedInput"},
		Codes: Codes{
			Unknown:     Code{"UnknownOperationException", 501},
			Unsigned:    Code{"MissingAuthenticationToken", 403},
			Incomplete:  Code{"IncompleteSignature", 400},
			Signature:   Code{"SignatureDoesNotMatch", 403},
			Key:         Code{"InvalidClientTokenId", 403},
			Expired:     Code{"SignatureDoesNotMatch", 403},
			Throttled:   Code{"Throttling", 400},
			Internal:    Code{"InternalFailure", 500},
			Unavailable: Code{"ServiceUnavailable", 503},
			TooLarge:    Code{"RequestEntityTooLarge", 413},
			Invalid:     Code{"ValidationError", 400},
		},
	}
}

// Tagging is the spec of the Resource Groups Tagging API: AWS JSON 1.1.
func Tagging() Spec {
	return Spec{
		Service: "tagging",
		Target:  "ResourceGroupsTaggingAPI_20170126",
		Codes: Codes{
			Unknown:     Code{"UnknownOperationException", 501},
			Unsigned:    Code{"MissingAuthenticationTokenException", 400},
			Incomplete:  Code{"IncompleteSignatureException", 400},
			Signature:   Code{"InvalidSignatureException", 400},
			Key:         Code{"UnrecognizedClientException", 400},
			Expired:     Code{"InvalidSignatureException", 400},
			Throttled:   Code{"ThrottledException", 400},
			Internal:    Code{"InternalServiceException", 500},
			Unavailable: Code{"ServiceUnavailableException", 503},
			TooLarge:    Code{"RequestEntityTooLargeException", 413},
			Invalid:     Code{"InvalidParameterException", 400},
		},
	}
}

// XRay is the spec of X-Ray: REST JSON, with a path for each operation.
func XRay() Spec {
	return Spec{
		Service: "xray",
		Paths:   xrayPaths(),
		Unions: []Union{
			{(*xraytypes.AnnotationValue)(nil), []any{
				(*xraytypes.AnnotationValueMemberBooleanValue)(nil),
				(*xraytypes.AnnotationValueMemberNumberValue)(nil), (*xraytypes.AnnotationValueMemberStringValue)(nil),
			}},
			{(*xraytypes.IndexingRuleValue)(nil), []any{(*xraytypes.IndexingRuleValueMemberProbabilistic)(nil)}},
			{(*xraytypes.IndexingRuleValueUpdate)(nil), []any{(*xraytypes.IndexingRuleValueUpdateMemberProbabilistic)(nil)}},
		},
		Codes: Codes{
			Unknown:     Code{"UnknownOperationException", 501},
			Unsigned:    Code{"MissingAuthenticationTokenException", 403},
			Incomplete:  Code{"IncompleteSignatureException", 403},
			Signature:   Code{"InvalidSignatureException", 403},
			Key:         Code{"UnrecognizedClientException", 403},
			Expired:     Code{"InvalidSignatureException", 403},
			Throttled:   Code{"ThrottledException", 429},
			Internal:    Code{"InternalFailure", 500},
			Unavailable: Code{"ServiceUnavailableException", 503},
			TooLarge:    Code{"RequestEntityTooLargeException", 413},
			Invalid:     Code{"InvalidRequestException", 400},
		},
	}
}

// ApplicationSignals is the spec of CloudWatch Application Signals: REST JSON with
// members in the query of the URL.
func ApplicationSignals() Spec {
	return Spec{
		Service: "application-signals",
		Paths: map[string]string{
			"GET /services": "ListServices", "/service": "GetService", "/service-operations": "ListServiceOperations",
			"/service-dependencies": "ListServiceDependencies", "/service-dependents": "ListServiceDependents", "/slos": "ListServiceLevelObjectives",
		},
		Query: set("StartTime", "EndTime", "MaxResults", "NextToken", "IncludeLinkedAccounts", "AwsAccountId", "OperationName", "SloOwnerAwsAccountId"),
		Codes: Codes{
			Unknown:     Code{"UnknownOperationException", 501},
			Unsigned:    Code{"MissingAuthenticationTokenException", 403},
			Incomplete:  Code{"IncompleteSignatureException", 403},
			Signature:   Code{"InvalidSignatureException", 403},
			Key:         Code{"UnrecognizedClientException", 403},
			Expired:     Code{"InvalidSignatureException", 403},
			Throttled:   Code{"ThrottlingException", 429},
			Internal:    Code{"InternalServerException", 500},
			Unavailable: Code{"ServiceUnavailableException", 503},
			TooLarge:    Code{"RequestEntityTooLargeException", 413},
			Invalid:     Code{"ValidationException", 400},
		},
	}
}

// xrayPaths are the request paths of the model. Operations that are not listed
// with a path of their own are reached under their name.
func xrayPaths() map[string]string {
	paths := map[string]string{
		"/TraceSegments":               "PutTraceSegments",
		"/Traces":                      "BatchGetTraces",
		"/TraceSummaries":              "GetTraceSummaries",
		"/TraceGraph":                  "GetTraceGraph",
		"/ServiceGraph":                "GetServiceGraph",
		"/TimeSeriesServiceStatistics": "GetTimeSeriesServiceStatistics",
		"/TelemetryRecords":            "PutTelemetryRecords",
		"/SamplingTargets":             "GetSamplingTargets",
		"/SamplingStatisticSummaries":  "GetSamplingStatisticSummaries",
		"/Groups":                      "GetGroups",
		"/EncryptionConfig":            "GetEncryptionConfig",
		"/Insight":                     "GetInsight",
		"/InsightEvents":               "GetInsightEvents",
		"/InsightImpactGraph":          "GetInsightImpactGraph",
		"/InsightSummaries":            "GetInsightSummaries",
	}
	for _, name := range []string{
		"GetSamplingRules", "CreateSamplingRule", "UpdateSamplingRule", "DeleteSamplingRule",
		"CreateGroup", "UpdateGroup", "GetGroup", "DeleteGroup", "PutEncryptionConfig", "TagResource", "UntagResource",
		"ListTagsForResource", "PutResourcePolicy", "DeleteResourcePolicy", "ListResourcePolicies", "StartTraceRetrieval",
		"CancelTraceRetrieval", "ListRetrievedTraces", "GetRetrievedTracesGraph", "GetTraceSegmentDestination",
		"UpdateTraceSegmentDestination", "GetIndexingRules", "UpdateIndexingRule",
	} {
		paths["/"+name] = name
	}
	return paths
}
