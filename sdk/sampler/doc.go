// Package sampler decides about new traces by X-Ray's sampling rules.
//
// Rules are fetched every 5 min and targets every 10 s (both with jitter) from
// POST /GetSamplingRules and /SamplingTargets of a base URL, which the agent
// and the X-Ray daemon (TCP port 2000) both serve without a signature. Before
// a target arrives, and when it has expired, a rule with a reservoir may borrow
// one trace a second. Rules unseen for an hour are not trusted; then, and
// before the first answer, the fallback applies: one trace a second and 5 % of
// the rest.
//
// The protocol is that of the X-Ray developer guide, "Using sampling rules with
// the X-Ray API".
package sampler
