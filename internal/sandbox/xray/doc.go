// Package xray is the sandbox's AWS X-Ray: it takes segment documents, keeps
// them by trace, and computes traces, summaries, filter expressions, service
// graphs and sampling targets from what it keeps.
//
// Documents are held as they came, in memory, up to a bound; the oldest traces
// make room for new ones. What is computed of a trace is computed when first
// asked for and kept until the trace changes.
//
// X-Ray does not say how it finds root causes of response times: here they follow
// the longest part of each segment, as long as it took at least half.
//
// Not done: forecasts, which are refused. All accounts and regions share one store.
package xray
