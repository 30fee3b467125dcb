// Makes the calls that the test asks for with AWS's SDK for JavaScript. A request
// is a line {"service", "op", "in"}; a line {"value"} or {"error": {"class",
// "code", "message"}} answers it. The argument is the sandbox's URL.
"use strict";
const readline = require("node:readline");

const packages = {
  logs: [require("@aws-sdk/client-cloudwatch-logs"), "CloudWatchLogsClient"],
  monitoring: [require("@aws-sdk/client-cloudwatch"), "CloudWatchClient"],
  xray: [require("@aws-sdk/client-xray"), "XRayClient"],
  sts: [require("@aws-sdk/client-sts"), "STSClient"],
  tagging: [require("@aws-sdk/client-resource-groups-tagging-api"), "ResourceGroupsTaggingAPIClient"],
};
const clients = {};

function client(service) {
  const [pkg, name] = packages[service];
  // AWS puts a prefix before the host's name, which no loopback address has.
  clients[service] ??= new pkg[name]({ endpoint: process.argv[2], region: "us-east-1", maxAttempts: 1, disableHostPrefix: true });
  return clients[service];
}

const command = (service, op) => packages[service][0][`${op}Command`];
const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const revive = (_, v) => (typeof v === "string" && isTime.test(v) ? new Date(v) : v);

// follow follows a group until an event comes, which it sends itself.
async function follow(input, { put, ...session }) {
  const { responseStream } = await client("logs").send(new (command("logs", "StartLiveTail"))(input));
  const value = {};
  for await (const { sessionStart, sessionUpdate } of responseStream) {
    if (sessionStart) {
      value.sessionStart = sessionStart;
      await client("logs").send(new (command("logs", "PutLogEvents"))(put));
    }
    if (sessionUpdate?.sessionResults?.length) {
      value.sessionResults = sessionUpdate.sessionResults;
      return value;
    }
  }
  throw new Error("the session ended");
}

async function answer({ service, op, in: input, follow: session }) {
  if (op === "") return { value: { operations: Object.keys(packages[service][0]).filter((n) => n.endsWith("Command")).map((n) => n.slice(0, -7)) } };
  try {
    if (session) return { value: await follow(input, session) };
    const { $metadata, ...value } = await client(service).send(new (command(service, op))(input));
    return { value };
  } catch (err) {
    if (!err.$metadata) throw err;
    return { error: { class: err.constructor.name, code: err.Code ?? err.name, message: err.message } };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line, revive))));
  }
}

main().then(() => process.exit(0), (err) => {
  console.error(err);
  process.exit(1);
});
