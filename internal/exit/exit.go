// Package exit holds the exit codes of the command, so that the parts that
// decide on one and the command that ends with one agree.
package exit

// The codes. A signal n ends the command with Signal + n.
const (
	// Done: the command did what was asked. A plan with changes is also done,
	// unless detailed exit codes were asked for.
	Done = 0
	// Failed: credentials, an API, the network, or a fault of our own.
	Failed = 1
	// No: the answer is "no". The recipe is invalid, changes are present, drift
	// is present, a test failed.
	No = 2
	// Refused by a guard: wrong account, protection, superseded, delete brake,
	// stale plan.
	Refused = 3
	// Partial: some changes were made and some were not.
	Partial = 4
	// Usage: an unknown command or flag, or a value that cannot be.
	Usage = 64
	// NotExecutable: the child command exists and cannot be executed.
	NotExecutable = 126
	// NotFound: the child command does not exist.
	NotFound = 127
	// Signal is added to the number of the signal that ended the command.
	Signal = 128
)
