// Package sdktest records telemetry in memory and asserts on it.
//
// [New] makes a [Recorder]; give its Telemetry to the code under test. Nothing
// leaves the process. [AgentGone], [AgentHangs] and [AgentRefuses] make the
// agent misbehave, to prove that a program does not care.
package sdktest
