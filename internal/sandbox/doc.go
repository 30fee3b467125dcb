// Package sandbox is a local stand-in for Amazon CloudWatch, CloudWatch Logs,
// AWS X-Ray, Application Signals, STS and the tagging API. It speaks their wire protocols on one loopback port,
// enforces their documented limits, and refuses loudly what it does not do.
//
// The parts: package api is the contract; awsproto turns HTTP requests of every
// protocol into calls of operations and back; cloudwatch, logs, xray, appsignals,
// sts and tagging are the services; this package puts them on a listener with a clock that can
// be moved, faults that can be injected, and the control interface under
// /_sidelight/. Package sandboxtest starts one for a test.
//
// OTLP over HTTP is taken at /v1/traces, for X-Ray, and at /v1/logs, for the log
// group and stream that the headers x-aws-log-group and x-aws-log-stream name;
// metrics in OTLP are refused. These requests need no signature, and faults do not
// meet them.
//
// What is put comes back: each field of each Put, Create and Update that AWS
// returns is in the answer of its Describe, Get or List.
//
// Stored and told, without any effect, are: keys; data protection policies (nothing
// is masked), transformers, anomaly detectors, export tasks (which fail, as there is
// no S3), deliveries and policies of the account of Logs; insight rules (whose
// reports are refused) and metric streams of CloudWatch; the encryption and the
// resource policies of X-Ray.
//
// With a folder, all that a client was told outlives a kill: resources, events,
// metrics and traces, states of alarms and their history, the inbox, and queries,
// whose rows are found anew when they are asked for. Faults and the record of calls
// end with the process.
//
// # Control interface
//
// Bodies are JSON; a refusal is {"error": "…"}. Times are RFC 3339, durations
// are like "1m30s".
//
//	GET    /_sidelight/health        {"status","services","calls","uptime","now","events"}; events: the store of logs, and what it dropped
//	POST   /_sidelight/reset         forgets resources, data, faults, inbox and calls; the clock stays
//	GET    /_sidelight/clock         {"now","frozen"}
//	POST   /_sidelight/clock         {"freeze":true,"set":"…","advance":"5m","run":true}, each optional, in this order
//	GET    /_sidelight/faults        {"faults":[…]} with the hits of each
//	POST   /_sidelight/faults        adds a fault, answers 201 and the fault with its id
//	DELETE /_sidelight/faults        ends all faults
//	DELETE /_sidelight/faults/{id}   ends one
//	GET    /_sidelight/snapshot      all that the services and the inbox hold, and the clock, as a file
//	POST   /_sidelight/snapshot      replaces it by that of a file
//	GET    /_sidelight/calls         {"total","calls":[…]}: the last 1000; ?service= and ?operation= narrow them
//	GET    /_sidelight/inbox         {"total","notifications":[…]}: what alarms sent
//
// A fault is {"kind","service","operation","accessKey","rate","count",
// "duration","wait","status","shape","message"}; see [fault.Rule]. Its kinds are
// throttle, error, delay, drop-before, drop-after, partial, bad-signature,
// refuse and clock-skew:
//
//	{"kind":"throttle","service":"logs","operation":"PutLogEvents","rate":0.3}
//	{"kind":"error","status":503,"count":5}
//	{"kind":"error","status":400,"shape":"ExpiredTokenException","accessKey":"AKIDOLD"}
//	{"kind":"refuse","duration":"30s"}
//	{"kind":"clock-skew","wait":"10m"}
package sandbox
