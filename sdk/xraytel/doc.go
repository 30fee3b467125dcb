// Package xraytel lets code instrumented with the AWS X-Ray SDK for Go take
// part in traces of package sdk, so that a service can move from one to the
// other piece by piece.
//
// [Install] is called once, after sdk.Start. Inside a request that package sdk
// traces, [Context] (or [Middleware], for every request) makes subsegments of
// the X-Ray SDK children of the current span. In the other direction, [Handler]
// makes spans children of the segment of an outer xray.Handler.
//
// Subsegments travel as the X-Ray SDK sends them: by UDP to
// AWS_XRAY_DAEMON_ADDRESS, or 127.0.0.1:2000, where the agent listens as the
// X-Ray daemon would. The two instrumentations meet in the trace.
//
// The package is apart from sdk because the X-Ray SDK adds 13 MB to a program.
package xraytel
