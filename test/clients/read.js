// Reads what the test has put into the sandbox, with AWS's SDK for JavaScript,
// and prints a reading as JSON: see reading in read_test.go. The argument is the
// query as JSON.
"use strict";
const L = require("@aws-sdk/client-cloudwatch-logs");
const M = require("@aws-sdk/client-cloudwatch");
const X = require("@aws-sdk/client-xray");
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");

const query = JSON.parse(process.argv[2]);
const options = { endpoint: query.url, region: "us-east-1" };
const logs = new L.CloudWatchLogsClient(options);
const metrics = new M.CloudWatchClient(options);
const traces = new X.XRayClient(options);
const StartTime = new Date(query.start * 1000);
const EndTime = new Date(query.end * 1000);
const got = {};

async function readLogs() {
  const logGroupName = query.group;
  const found = await logs.send(new L.FilterLogEventsCommand({ logGroupName, filterPattern: query.pattern }));
  got.errors = found.events.map((e) => JSON.parse(e.message).seq).sort((a, b) => a - b);
  got.events = 0;
  for await (const page of L.paginateFilterLogEvents({ client: logs, pageSize: 30 }, { logGroupName })) {
    got.events += page.events.length;
  }
  const { queryId } = await logs.send(new L.StartQueryCommand({
    logGroupName, startTime: query.start, endTime: query.end, queryString: query.insights,
  }));
  let result;
  do {
    result = await logs.send(new L.GetQueryResultsCommand({ queryId }));
  } while (["Scheduled", "Running"].includes(result.status));
  got.status = result.status;
  got.rows = result.results.map((row) => row.map((f) => f.value));
  got.matched = result.statistics.recordsMatched;
}

async function readMetrics() {
  const listed = (await metrics.send(new M.ListMetricsCommand({ Namespace: "Sidelight" }))).Metrics;
  got.metrics = listed.map((m) => m.MetricName).sort();
  got.dimensions = listed.filter((m) => m.MetricName === "checkouts")
    .flatMap((m) => m.Dimensions.map((d) => `${d.Name}=${d.Value}`)).sort();
  const data = await metrics.send(new M.GetMetricDataCommand({
    StartTime, EndTime, MetricDataQueries: JSON.parse(query.metricQueries),
  }));
  got.data = {};
  for (const r of data.MetricDataResults) got.data[r.Id] = r.Values.reduce((a, b) => a + b, 0);
  await metrics.send(new M.PutMetricAlarmCommand({ AlarmName: query.alarm, ...JSON.parse(query.alarmBody) }));
  const [alarm] = (await metrics.send(new M.DescribeAlarmsCommand({ AlarmNames: [query.alarm] }))).MetricAlarms;
  got.alarm = [alarm.MetricName, alarm.ComparisonOperator, String(alarm.Threshold), String(alarm.Period)];
}

async function readTraces() {
  const graph = await traces.send(new X.GetServiceGraphCommand({ StartTime, EndTime }));
  got.graph = graph.Services.filter((s) => s.Type !== "client")
    .map((s) => `${s.Name} ${s.SummaryStatistics.TotalCount} ${s.SummaryStatistics.FaultStatistics.TotalCount}`).sort();
  const { Traces: [found] } = await traces.send(new X.BatchGetTracesCommand({ TraceIds: [query.trace] }));
  got.segments = found.Segments.map((s) => JSON.parse(s.Document).name).sort();
  const { TraceSummaries } = await traces.send(new X.GetTraceSummariesCommand({ StartTime, EndTime, FilterExpression: query.filter }));
  got.faulty = TraceSummaries.map((s) => [s.Id, String(s.Duration), String(s.HasFault)]);
}

// failure returns the error of a call, which must be of the type given.
async function failure(type, call) {
  try {
    await call;
  } catch (err) {
    if (err instanceof type) return err;
    throw err;
  }
  throw new Error(`no ${type.name}`);
}

async function readFailures() {
  const logGroupName = "/none";
  got.noGroup = (await failure(L.ResourceNotFoundException, logs.send(new L.FilterLogEventsCommand({ logGroupName })))).name;
  const malformed = await failure(L.MalformedQueryException, logs.send(new L.StartQueryCommand({
    logGroupName: query.group, startTime: 1, endTime: 2, queryString: query.malformed,
  })));
  const { startCharOffset, endCharOffset } = malformed.queryCompileError.location;
  got.malformed = [startCharOffset, endCharOffset];
  got.noAlarm = (await failure(M.ResourceNotFound, metrics.send(new M.SetAlarmStateCommand({
    AlarmName: "none", StateValue: "OK", StateReason: "x",
  })))).name;
  got.badFilter = (await failure(X.InvalidRequestException, traces.send(new X.GetTraceSummariesCommand({
    StartTime, EndTime, FilterExpression: "fault =",
  })))).name;
}

async function main() {
  got.account = (await new STSClient(options).send(new GetCallerIdentityCommand({}))).Account;
  await readLogs();
  await readMetrics();
  await readTraces();
  await readFailures();
  console.log(JSON.stringify(got));
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
