// Prints the events of a live tail: node livetail.js URL ACCOUNT GROUP PATTERN
"use strict";
const { CloudWatchLogsClient, StartLiveTailCommand } = require("@aws-sdk/client-cloudwatch-logs");

async function main(endpoint, account, group, logEventFilterPattern) {
  // AWS puts a prefix before the host's name, which no loopback address has.
  const client = new CloudWatchLogsClient({ endpoint, region: "us-east-1", disableHostPrefix: true });
  const { responseStream } = await client.send(new StartLiveTailCommand({
    logGroupIdentifiers: [`arn:aws:logs:us-east-1:${account}:log-group:${group}`], logEventFilterPattern,
  }));
  for await (const { sessionStart, sessionUpdate } of responseStream) {
    if (sessionStart) console.log("started", sessionStart.sessionId);
    for (const event of (sessionUpdate && sessionUpdate.sessionResults) || []) console.log("event", event.message);
  }
}

main(...process.argv.slice(2)).catch((err) => {
  console.error(err);
  process.exit(1);
});
