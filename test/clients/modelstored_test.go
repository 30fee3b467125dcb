//go:build clients

package clients_test

// storedLogsCases call what Logs stores without effect.
func storedLogsCases() []modelCase {
	g, arn := "/model/stored", "arn:aws:logs:us-east-1:000000000000:log-group:/model/stored"
	group := object{"logGroupIdentifier": g}
	return []modelCase{
		{op: "CreateLogGroup", in: object{"logGroupName": g}},
		{op: "PutDataProtectionPolicy", in: object{"logGroupIdentifier": g, "policyDocument": `{"Name":"p","Version":"2021-06-01","Statement":[]}`}, full: []string{"policyDocument", "logGroupIdentifier"}},
		{op: "GetDataProtectionPolicy", in: group, full: []string{"policyDocument"}},
		{op: "DeleteDataProtectionPolicy", in: group},
		{op: "PutTransformer", in: object{"logGroupIdentifier": g, "transformerConfig": []any{
			object{"parseJSON": object{}},
			object{"addKeys": object{"entries": []any{object{"key": "a", "value": "b", "overwriteIfExists": true}}}},
			object{"csv": object{"columns": []any{"a"}}},
			object{"typeConverter": object{"entries": []any{object{"key": "a", "type": "integer"}}}},
		}}},
		{op: "GetTransformer", in: group, full: []string{"transformerConfig"}},
		{op: "DeleteTransformer", in: group},
		{
			op: "CreateLogAnomalyDetector", in: object{"logGroupArnList": []any{arn}, "detectorName": "d", "evaluationFrequency": "TEN_MIN", "tags": object{"a": "b"}},
			full: []string{"anomalyDetectorArn"}, keep: map[string]string{"detector": "anomalyDetectorArn"},
		},
		{op: "GetLogAnomalyDetector", in: object{"anomalyDetectorArn": "$detector"}, full: []string{"logGroupArnList", "anomalyDetectorStatus"}},
		{op: "UpdateLogAnomalyDetector", in: object{"anomalyDetectorArn": "$detector", "enabled": false}},
		{op: "ListLogAnomalyDetectors", in: object{"filterLogGroupArn": arn}, full: []string{"anomalyDetectors"}},
		{op: "ListAnomalies", in: object{"anomalyDetectorArn": "$detector"}},
		{op: "DeleteLogAnomalyDetector", in: object{"anomalyDetectorArn": "$detector"}},
		{op: "CreateExportTask", in: object{"logGroupName": g, "from": 1, "to": 2, "destination": "bucket"}, full: []string{"taskId"}},
		{op: "DescribeExportTasks", in: object{"statusCode": "FAILED"}, full: []string{"exportTasks"}},
		{op: "PutAccountPolicy", in: object{"policyName": "p", "policyType": "DATA_PROTECTION_POLICY", "policyDocument": `{"Statement":[]}`, "scope": "ALL"}, full: []string{"accountPolicy"}},
		{op: "DescribeAccountPolicies", in: object{"policyType": "DATA_PROTECTION_POLICY"}, full: []string{"accountPolicies"}},
		{op: "DeleteAccountPolicy", in: object{"policyName": "p", "policyType": "DATA_PROTECTION_POLICY"}},
		{op: "PutDeliverySource", in: object{"name": "s", "resourceArn": "arn:aws:cloudfront::000000000000:distribution/a", "logType": "ACCESS_LOGS", "tags": object{"a": "b"}}, full: []string{"deliverySource"}},
		{op: "GetDeliverySource", in: object{"name": "s"}, full: []string{"deliverySource"}},
		{op: "DescribeDeliverySources", in: object{"limit": 5}, full: []string{"deliverySources"}},
		{
			op: "PutDeliveryDestination", in: object{"name": "d", "outputFormat": "json", "deliveryDestinationConfiguration": object{"destinationResourceArn": "arn:aws:s3:::bucket"}},
			full: []string{"deliveryDestination"}, keep: map[string]string{"destination": "deliveryDestination.arn"},
		},
		{op: "GetDeliveryDestination", in: object{"name": "d"}, full: []string{"deliveryDestination"}},
		{op: "DescribeDeliveryDestinations", in: object{"limit": 5}, full: []string{"deliveryDestinations"}},
		{op: "PutDeliveryDestinationPolicy", in: object{"deliveryDestinationName": "d", "deliveryDestinationPolicy": modelPolicy}, full: []string{"policy"}},
		{op: "GetDeliveryDestinationPolicy", in: object{"deliveryDestinationName": "d"}, full: []string{"policy"}},
		{op: "DeleteDeliveryDestinationPolicy", in: object{"deliveryDestinationName": "d"}},
		{
			op: "CreateDelivery", in: object{"deliverySourceName": "s", "deliveryDestinationArn": "$destination", "recordFields": []any{"date"}, "fieldDelimiter": ","},
			full: []string{"delivery"}, keep: map[string]string{"delivery": "delivery.id"},
		},
		{op: "GetDelivery", in: object{"id": "$delivery"}, full: []string{"delivery"}},
		{op: "UpdateDeliveryConfiguration", in: object{"id": "$delivery", "fieldDelimiter": ";", "s3DeliveryConfiguration": object{"suffixPath": "x", "enableHiveCompatiblePath": true}}},
		{op: "DescribeDeliveries", in: object{"limit": 5}, full: []string{"deliveries"}},
		{op: "DeleteDelivery", in: object{"id": "$delivery"}},
		{op: "DeleteDeliveryDestination", in: object{"name": "d"}},
		{op: "DeleteDeliverySource", in: object{"name": "s"}},
		{op: "DeleteLogGroup", in: object{"logGroupName": g}},
	}
}

// storedMetricsCases call what CloudWatch stores without effect.
func storedMetricsCases() []modelCase {
	tags := []any{object{"Key": "team", "Value": "a"}}
	return []modelCase{
		{op: "PutInsightRule", in: object{"RuleName": "r", "RuleDefinition": `{"Schema":{"Name":"CloudWatchLogRule","Version":1}}`, "RuleState": "ENABLED", "Tags": tags}},
		{op: "DescribeInsightRules", in: object{"MaxResults": 5}, full: []string{"InsightRules"}},
		{op: "EnableInsightRules", in: object{"RuleNames": []any{"r", "none"}}, full: []string{"Failures"}},
		{op: "DisableInsightRules", in: object{"RuleNames": []any{"r"}}},
		{op: "DeleteInsightRules", in: object{"RuleNames": []any{"r", "none"}}, full: []string{"Failures"}},
		{op: "PutMetricStream", in: object{
			"Name": "m", "FirehoseArn": "arn:aws:firehose:us-east-1:000000000000:deliverystream/d", "RoleArn": "arn:aws:iam::000000000000:role/r", "OutputFormat": "json",
			"IncludeFilters": []any{object{"Namespace": "App"}}, "Tags": tags,
			"StatisticsConfigurations": []any{object{"IncludeMetrics": []any{object{"Namespace": "App", "MetricName": "a"}}, "AdditionalStatistics": []any{"p99"}}},
		}, full: []string{"Arn"}},
		{op: "GetMetricStream", in: object{"Name": "m"}, full: []string{"Arn", "State", "IncludeFilters", "StatisticsConfigurations"}},
		{op: "ListMetricStreams", in: object{"MaxResults": 5}, full: []string{"Entries"}},
		{op: "StopMetricStreams", in: object{"Names": []any{"m"}}},
		{op: "StartMetricStreams", in: object{"Names": []any{"m"}}},
		{op: "DeleteMetricStream", in: object{"Name": "m"}},
	}
}
