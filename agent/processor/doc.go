// Package processor works on log events between a receiver and the packer: it
// reads formats and times, joins lines, keeps and drops, samples and limits,
// redacts, edits members, and chooses where events go. Each idea that is large
// is a package below this one; what they make together is a [Pipeline].
//
//	receiver ─▶ join ─▶ parse ─▶ time ─▶ keep, drop, sample, limit ─▶ redact ─▶
//	            fields ─▶ trace ids ─▶ oversize ─▶ budget ─▶ routes ─▶ packer
//
// A stage that is not configured is not there, and a Pipeline without any costs
// nothing. The batch that is pushed stays as it is: its events are copied, 32
// bytes each, and bodies that change are written to memory of the pipeline's
// workers, which is used again.
//
// What is dropped by a decision is counted once the rest of its batch was
// taken: "filtered" by keep and drop, "sampled", "rate_limited", "oversize",
// "over_budget".
// Documents in the embedded metric format are measurements in the coat of a
// log event: keep, drop, samples, limits and the budget do not hold for
// them.
package processor
