// Sends telemetry with clients for Node: node send.js emf|fluent|statsd|dogstatsd|otlp|metrics|prometheus|xray …
"use strict";

// fluent HOST PORT MODE [CA KEY USER PASSWORD] sends 50 events and ends when all
// are acknowledged: over TLS with the certificate CA and the shared key KEY, if
// they are given.
async function fluent(host, port, eventMode, ca, sharedKey, username, password) {
  const { FluentClient, EventTime } = require("@fluent-org/logger");
  const tls = ca && { ca: require("node:fs").readFileSync(ca) };
  const client = new FluentClient("app", {
    eventMode,
    ack: { ackTimeout: 10000 },
    socket: { host, port: Number(port), timeout: 10000, tls },
    security: sharedKey && { clientHostname: "client.example", sharedKey, username, password },
    sendQueueIntervalLimit: 10,
  });
  await client.connect();
  const acks = [];
  for (let seq = 0; seq < 50; seq++) {
    const time = seq % 2 ? EventTime.now() : new Date();
    acks.push(client.emit("web", { seq, text: "grüße ☃", nested: { ok: true } }, time));
  }
  await Promise.all(acks);
  console.log("acknowledged");
  await client.disconnect();
}

// statsd HOST PORT sends counts, a gauge and timings, with DogStatsD's tags.
async function statsd(host, port) {
  const StatsD = require("hot-shots");
  const client = new StatsD({ host, port: Number(port), globalTags: { route: "/pay" }, maxBufferSize: 1000 });
  for (let i = 1; i <= 20; i++) {
    client.increment("orders", 3);
    client.timing("latency", i);
  }
  client.gauge("stock", 7);
  await new Promise((done) => client.close(done));
}

// emf sends 20 documents with metrics to where the environment says.
async function emf() {
  const { createMetricsLogger, Unit } = require("aws-embedded-metrics");
  const metrics = createMetricsLogger();
  for (let i = 1; i <= 20; i++) {
    metrics.setDimensions({ route: "/pay" });
    metrics.putMetric("payments", 3, Unit.Count);
    metrics.putMetric("took", i / 2, Unit.Milliseconds);
    metrics.setProperty("cart", "c" + i);
    await metrics.flush();
  }
  // Its sockets would keep the process.
  setTimeout(() => process.exit(0), 200);
}

// otlp HTTP GRPC proto|grpc|json sends a trace of two services and a log record
// within it, and prints the trace's ID.
async function otlp(http, grpc, transport) {
  const { context, trace, SpanKind, SpanStatusCode } = require("@opentelemetry/api");
  const { SeverityNumber } = require("@opentelemetry/api-logs");
  const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
  const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
  const { resourceFromAttributes } = require("@opentelemetry/resources");
  const pkg = (signal) =>
    `@opentelemetry/exporter-${signal === "traces" ? "trace" : "logs"}-otlp-${transport === "json" ? "http" : transport}`;
  const exporter = (signal, name) => {
    const url = transport === "grpc" ? `http://${grpc}` : `http://${http}/v1/${signal}`;
    return new (require(pkg(signal))[name])({ url, compression: transport === "proto" ? "gzip" : "none" });
  };
  const provider = (service) =>
    new BasicTracerProvider({
      resource: resourceFromAttributes({ "service.name": service }),
      spanProcessors: [new BatchSpanProcessor(exporter("traces", "OTLPTraceExporter"))],
    });
  const web = provider("web");
  const stock = provider("stock");
  const server = web.getTracer("test").startSpan("GET /checkout", {
    kind: SpanKind.SERVER,
    attributes: {
      "http.request.method": "GET", "url.scheme": "http", "url.path": "/checkout",
      "server.address": "shop.example", "http.response.status_code": 500,
    },
  });
  const ctx = trace.setSpan(context.active(), server);
  const call = web.getTracer("test").startSpan("POST stock", { kind: SpanKind.CLIENT }, ctx);
  const remote = stock.getTracer("test").startSpan("POST /reserve", { kind: SpanKind.SERVER }, trace.setSpan(ctx, call));
  remote.end();
  call.recordException(new Error("sold out"));
  call.setStatus({ code: SpanStatusCode.ERROR, message: "sold out" });
  call.end();
  server.setStatus({ code: SpanStatusCode.ERROR, message: "sold out" });
  const processor = new BatchLogRecordProcessor({ exporter: exporter("logs", "OTLPLogExporter") });
  const logs = new LoggerProvider({ resource: resourceFromAttributes({ "service.name": "shop" }), processors: [processor] });
  logs.getLogger("test").emit({
    body: "sold out: gnocchi", severityNumber: SeverityNumber.ERROR, severityText: "ERROR",
    attributes: { left: 0, sku: "g-1" }, context: ctx,
  });
  server.end();
  await Promise.all([web.shutdown(), stock.shutdown(), logs.shutdown()]);
  console.log(server.spanContext().traceId);
}

// xray serves requests until one was sampled by a rule that came from the
// service, prints its rule and trace, and stays to report statistics.
async function xray() {
  const AWSXRay = require("aws-xray-sdk-core");
  const http = require("node:http");
  const mw = AWSXRay.middleware;
  mw.setDefaultName("checkout");
  let sampled = false;
  const server = http.createServer((req, res) => {
    const segment = mw.traceRequestResponseCycle(req, res);
    segment.addAnnotation("tier", "gold");
    segment.addNewSubsegment("reserve").close();
    const { rule_name: rule } = (segment.aws && segment.aws.xray) || {};
    if (rule && rule !== "Default" && !sampled) {
      sampled = true;
      console.log(JSON.stringify({ rule, trace: segment.trace_id }));
    }
    res.statusCode = 500;
    res.end();
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  while (!sampled) {
    await new Promise((done) => http.get({ port: server.address().port, path: "/pay" }, (r) => r.resume().on("end", done)));
    await new Promise((done) => setTimeout(done, 50));
  }
  // The server keeps the process; the test ends it.
}

// dogstatsd HOST PORT sends what only DogStatsD has.
async function dogstatsd(host, port) {
  const StatsD = require("hot-shots");
  const client = new StatsD({ host, port: Number(port), maxBufferSize: 1000 });
  for (let i = 0; i < 50; i++) {
    client.set("users", "user-" + (i % 17));
    client.distribution("bytes", 100 + i, ["b:2", "a:1"]);
    client.histogram("depth", i);
  }
  client.increment("sampled", 1, 1);
  client.gauge("level", 10);
  client.gaugeDelta("level", -4);
  client.event("deployed", "version 7\nby ci", { alert_type: "warning", source_type_name: "ci" }, ["env:prod"]);
  client.check("db.up", client.CHECKS.CRITICAL, { hostname: "web-1", message: "no route" }, ["shard:3"]);
  await new Promise((done) => client.close(done));
}

// metrics HTTP GRPC proto|grpc|json delta|cumulative uses every instrument in two
// rounds and exports after each.
async function metrics(http, grpc, transport, temporality) {
  const { MeterProvider, PeriodicExportingMetricReader, AggregationType } = require("@opentelemetry/sdk-metrics");
  const { resourceFromAttributes } = require("@opentelemetry/resources");
  const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${transport === "json" ? "http" : transport}`);
  const url = transport === "grpc" ? `http://${grpc}` : `http://${http}/v1/metrics`;
  const exporter = new OTLPMetricExporter({ url, temporalityPreference: temporality === "delta" ? 0 : 1 });
  await new Promise((done) => setTimeout(done, 10));
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ "service.name": "metrics", "host.name": "h1" }),
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3600000 })],
    views: [{ instrumentName: "size", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 160 } } }],
  });
  const m = provider.getMeter("test");
  const orders = m.createCounter("orders", { unit: "{order}" });
  const cart = m.createUpDownCounter("cart");
  const latency = m.createHistogram("latency", { unit: "s", advice: { explicitBucketBoundaries: [0.1, 0.25, 0.5, 1, 2.5] } });
  const size = m.createHistogram("size", { unit: "By" });
  const level = m.createGauge("level", { unit: "%" });
  let total = 0;
  m.createObservableCounter("observed").addCallback((o) => o.observe(total));
  m.createObservableGauge("watched").addCallback((o) => o.observe(42));
  for (let round = 0; round < 2; round++) {
    orders.add(30, { route: "/pay" });
    cart.add(5);
    cart.add(-2);
    level.record(12.5);
    total += 7;
    for (let i = 1; i <= 100; i++) {
      latency.record(i / 50);
      size.record(i * i);
    }
    await provider.forceFlush();
    await new Promise((done) => setTimeout(done, 5));
  }
  await provider.shutdown();
}

// prometheus listens, and has measured something more at its second scrape.
async function prometheus() {
  const prom = require("prom-client");
  const http = require("node:http");
  const labelNames = ["route"];
  const requests = new prom.Counter({ name: "http_requests_total", help: "served", labelNames });
  const took = new prom.Histogram({ name: "http_took_seconds", help: "time", buckets: [0.1, 0.5, 1, 2.5], labelNames });
  const sizes = new prom.Summary({ name: "http_size_bytes", help: "size", percentiles: [0.5] });
  const open = new prom.Gauge({ name: "http_open", help: "a \"quoted\" thing", labelNames });
  prom.collectDefaultMetrics();
  const measure = (n) => {
    for (let i = 1; i <= n; i++) {
      requests.inc({ route: "/a\\b\"c" }, 2);
      took.observe({ route: "/pay" }, i / 50);
      sizes.observe(i);
    }
    open.set({ route: "/pay" }, 3);
  };
  measure(10);
  let scrapes = 0;
  const server = http.createServer(async (req, res) => {
    if (++scrapes === 2) measure(100);
    res.setHeader("Content-Type", prom.register.contentType);
    res.end(await prom.register.metrics());
  });
  server.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
}

const commands = { emf, fluent, statsd, dogstatsd, otlp, metrics, prometheus, xray };
commands[process.argv[2]](...process.argv.slice(3)).catch((err) => {
  console.error(err);
  process.exit(1);
});
