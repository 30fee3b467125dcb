"""Reads what the test has put into the sandbox, with boto3, and prints a reading
as JSON: see reading in read_test.go. The argument is the query as JSON."""

import datetime
import json
import sys

import boto3

query = json.loads(sys.argv[1])
clients = {
    name: boto3.client(name, endpoint_url=query["url"])
    for name in ("logs", "cloudwatch", "xray", "sts")
}
logs, metrics, traces = clients["logs"], clients["cloudwatch"], clients["xray"]
start = datetime.datetime.fromtimestamp(query["start"], datetime.timezone.utc)
end = datetime.datetime.fromtimestamp(query["end"], datetime.timezone.utc)
got = {"account": clients["sts"].get_caller_identity()["Account"]}


def read_logs():
    found = logs.filter_log_events(logGroupName=query["group"], filterPattern=query["pattern"])
    got["errors"] = sorted(json.loads(e["message"])["seq"] for e in found["events"])
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=query["group"], PaginationConfig={"PageSize": 30})
    got["events"] = sum(len(page["events"]) for page in pages)
    started = logs.start_query(
        logGroupName=query["group"], startTime=query["start"], endTime=query["end"], queryString=query["insights"])
    while True:
        result = logs.get_query_results(queryId=started["queryId"])
        if result["status"] not in ("Scheduled", "Running"):
            break
    got["status"] = result["status"]
    got["rows"] = [[f["value"] for f in row] for row in result["results"]]
    got["matched"] = int(result["statistics"]["recordsMatched"])


def read_metrics():
    listed = metrics.list_metrics(Namespace="Sidelight")["Metrics"]
    got["metrics"] = sorted(m["MetricName"] for m in listed)
    got["dimensions"] = sorted(
        d["Name"] + "=" + d["Value"] for m in listed if m["MetricName"] == "checkouts" for d in m["Dimensions"])
    data = metrics.get_metric_data(
        StartTime=start, EndTime=end, MetricDataQueries=json.loads(query["metricQueries"]))
    got["data"] = {r["Id"]: sum(r["Values"]) for r in data["MetricDataResults"]}
    metrics.put_metric_alarm(AlarmName=query["alarm"], **json.loads(query["alarmBody"]))
    alarm = metrics.describe_alarms(AlarmNames=[query["alarm"]])["MetricAlarms"][0]
    got["alarm"] = [alarm["MetricName"], alarm["ComparisonOperator"], str(int(alarm["Threshold"])), str(alarm["Period"])]


def read_traces():
    graph = traces.get_service_graph(StartTime=start, EndTime=end)
    got["graph"] = sorted(
        "%s %d %d" % (s["Name"], s["SummaryStatistics"]["TotalCount"], s["SummaryStatistics"]["FaultStatistics"]["TotalCount"])
        for s in graph["Services"] if s.get("Type") != "client")
    found = traces.batch_get_traces(TraceIds=[query["trace"]])["Traces"][0]
    got["segments"] = sorted(json.loads(s["Document"])["name"] for s in found["Segments"])
    summaries = traces.get_trace_summaries(StartTime=start, EndTime=end, FilterExpression=query["filter"])
    got["faulty"] = [[s["Id"], "%g" % s["Duration"], str(s["HasFault"]).lower()] for s in summaries["TraceSummaries"]]


def read_failures():
    try:
        logs.filter_log_events(logGroupName="/none")
    except logs.exceptions.ResourceNotFoundException as e:
        got["noGroup"] = e.response["Error"]["Code"]
    try:
        logs.start_query(logGroupName=query["group"], startTime=1, endTime=2, queryString=query["malformed"])
    except logs.exceptions.MalformedQueryException as e:
        where = e.response["queryCompileError"]["location"]
        got["malformed"] = [where["startCharOffset"], where["endCharOffset"]]
    try:
        metrics.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="x")
    except metrics.exceptions.ResourceNotFound as e:
        got["noAlarm"] = e.response["Error"]["Code"]
    try:
        traces.get_trace_summaries(StartTime=start, EndTime=end, FilterExpression="fault =")
    except traces.exceptions.InvalidRequestException as e:
        got["badFilter"] = e.response["Error"]["Code"]


read_logs()
read_metrics()
read_traces()
read_failures()
json.dump(got, sys.stdout)
