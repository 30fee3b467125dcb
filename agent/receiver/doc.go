// Package receiver holds what receivers share: the ledger of what of an input
// is safe, the checkpoints that survive a restart, the cache of destinations,
// and the limit on how often a warning is repeated. Each receiver is a package
// below this one.
package receiver
