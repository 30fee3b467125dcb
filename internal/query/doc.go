// Package query asks CloudWatch, CloudWatch Logs and X-Ray, or the sandbox, what
// they hold, for the commands that people look at their services with. It knows
// how each API wants to be asked (queries are started, polled and stopped; pages
// follow pages; throttles mean patience) and gives back plain values. It prints
// nothing; where a call lasts, a callback tells how it goes.
//
// Errors wrap those of the generated clients, so that a caller can tell the code
// and the request.
package query
