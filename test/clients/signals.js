// Prints what Application Signals knows of an hour: node signals.js URL
"use strict";
const signals = require("@aws-sdk/client-application-signals");

async function all(client, command, input, list) {
  const found = [];
  for (let NextToken; ;) {
    const out = await client.send(new signals[command]({ ...input, MaxResults: 1, NextToken }));
    if (!(out.StartTime instanceof Date) || !(out.EndTime instanceof Date)) throw new Error(`${command} has no times`);
    found.push(...out[list]);
    if (!(NextToken = out.NextToken)) return found;
  }
}

async function main(endpoint) {
  const client = new signals.ApplicationSignalsClient({ endpoint, region: "us-east-1" });
  const EndTime = new Date(), StartTime = new Date(EndTime - 3600_000);
  for (const s of await all(client, "ListServicesCommand", { StartTime, EndTime }, "ServiceSummaries")) {
    const KeyAttributes = s.KeyAttributes, input = { StartTime, EndTime, KeyAttributes };
    const { Service } = await client.send(new signals.GetServiceCommand(input));
    console.log("service", KeyAttributes.Name, KeyAttributes.Environment, Service.MetricReferences.map((m) => m.MetricType).sort().join());
    for (const o of await all(client, "ListServiceOperationsCommand", input, "ServiceOperations")) {
      console.log("operation", KeyAttributes.Name, o.Name, o.MetricReferences.length);
    }
    for (const d of await all(client, "ListServiceDependenciesCommand", input, "ServiceDependencies")) {
      console.log("calls", KeyAttributes.Name, o(d.OperationName), d.DependencyKeyAttributes.Type, d.DependencyKeyAttributes.Name, o(d.DependencyOperationName));
    }
    for (const d of await all(client, "ListServiceDependentsCommand", input, "ServiceDependents")) {
      console.log("called", KeyAttributes.Name, o(d.OperationName), d.DependentKeyAttributes.Name, o(d.DependentOperationName));
    }
  }
  const { SloSummaries } = await client.send(new signals.ListServiceLevelObjectivesCommand({}));
  console.log("objectives", SloSummaries.length);
  await client.send(new signals.GetServiceCommand({ StartTime, EndTime, KeyAttributes: { Type: "Service", Name: "nobody", Environment: "x" } }))
    .catch((err) => console.log("refused", err.name, err.$metadata.httpStatusCode));
}

const o = (text) => text.replaceAll(" ", "_");

main(...process.argv.slice(2)).catch((err) => {
  console.error(err);
  process.exit(1);
});
