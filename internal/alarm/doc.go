// Package alarm decides the state of a CloudWatch metric alarm from datapoints.
//
// It is pure: it reads no clock and stores nothing. The caller asks a [Rule]
// for the windows it looks at ([Rule.Windows]), fills one [Slot] a window from
// wherever its metrics live, and hands the slots to [Rule.Evaluate], which
// returns the state, the rule that decided it, and the texts that CloudWatch
// would show. The sandbox, tests of recipes and backtests share it, so that all
// three agree.
//
// AWS documents the verdict by two tables of examples and some prose. The
// formulation here reproduces every cell of both tables; what AWS leaves open is
// marked in the result (see [Result.Undocumented]).
package alarm
