// Package ship holds encoded telemetry in bounded buffers and posts it to an
// OTLP/HTTP receiver.
//
// A [Pipe] is one signal's buffer and its sender; [Client] makes the requests
// all pipes share; [Health] turns their results into one state. Adding never
// waits: when a buffer is full, the oldest items of the least valuable class
// make room, and every item that is lost is counted by its cause. The order of
// calls is NewPipe, Run (on a goroutine of the caller), Add and Flush at will,
// Drain, the end of Run's context, Abandon.
package ship
