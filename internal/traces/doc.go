// Package traces reads traces back from AWS X-Ray, or from the sandbox, for the
// command line and the console: lists over any time range, single traces, the
// latest and the slowest, and the service graph. It knows how the API wants to
// be asked: six hours at a time, five traces a call, page by page.
package traces
