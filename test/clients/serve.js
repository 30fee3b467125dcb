// Runs the services in Node of the test with four SDKs, each under another one:
//   node serve.js pricing PEERS HTTP   under OpenTelemetry's, to the agent's OTLP over HTTP
//   node serve.js ledger PEERS         under AWS's X-Ray SDK
// Each prints where it listens. The file PEERS says where the others do, when
// the first request comes.
"use strict";

const http = require("node:http");
const { readFileSync } = require("node:fs");

// get requests a path of the named service and fails unless it answers with 200.
function get(peers, name, path) {
  const url = JSON.parse(readFileSync(peers, "utf8"))[name] + path;
  return new Promise((resolve, reject) => {
    const request = http.get(url, (response) => {
      response.resume();
      response.on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`${url}: ${response.statusCode}`))));
    });
    request.on("error", reject);
  });
}

// listen serves what handle answers, with a status.
function listen(handle) {
  const server = http.createServer((req, res) => {
    handle(req, res).then(
      (status) => res.writeHead(status).end(),
      (err) => {
        console.error(err);
        res.writeHead(502).end();
      },
    );
  });
  server.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
}

// pricing turns /quota away and asks the ledger for all else.
function pricing(peers, agent) {
  const { registerInstrumentations } = require("@opentelemetry/instrumentation");
  const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
  const { context, propagation, trace } = require("@opentelemetry/api");
  const { AsyncLocalStorageContextManager } = require("@opentelemetry/context-async-hooks");
  const { AWSXRayPropagator } = require("@opentelemetry/propagator-aws-xray");
  const { AWSXRayIdGenerator } = require("@opentelemetry/id-generator-aws-xray");
  const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
  const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
  const { resourceFromAttributes } = require("@opentelemetry/resources");
  const provider = new BasicTracerProvider({
    idGenerator: new AWSXRayIdGenerator(),
    resource: resourceFromAttributes({ "service.name": "pricing" }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `http://${agent}/v1/traces` }), { scheduledDelayMillis: 100 })],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new AWSXRayPropagator());
  registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
  // The instrumentation changes the module for those that require it from now on.
  require("http");
  listen(async (req) => {
    if (req.url === "/quota") return 429;
    await get(peers, "ledger", "/entry");
    return 200;
  });
}

// ledger breaks on /broken and asks orders on all else.
function ledger(peers) {
  const AWSXRay = require("aws-xray-sdk-core");
  AWSXRay.captureHTTPsGlobal(http);
  AWSXRay.middleware.setDefaultName("ledger");
  listen((req, res) => {
    const segment = AWSXRay.middleware.traceRequestResponseCycle(req, res);
    return AWSXRay.getNamespace().runAndReturn(async () => {
      AWSXRay.setSegment(segment);
      if (req.url === "/broken") return 500;
      await get(peers, "orders", "/audit");
      return 200;
    });
  });
}

({ pricing, ledger })[process.argv[2]](...process.argv.slice(3));
