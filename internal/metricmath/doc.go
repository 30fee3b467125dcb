// Package metricmath parses and evaluates CloudWatch metric math: expressions
// such as IF(requests >= 50, 100 * bad / requests, 0) over time series.
//
// [Parse] turns text into an [Expr] or an [Error] with a position. [Expr.Eval]
// computes it in an [Env], which names the series and the times that exist. The
// package is pure; where data comes from is the caller's business.
//
// The rules that surprise are AWS's: where only one of two series has a point,
// the other counts as 0; dividing by zero drops the point; any number but 0 is
// true.
package metricmath
