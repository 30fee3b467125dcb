// Package sandbox is a local stand-in for Amazon CloudWatch, CloudWatch Logs,
// AWS X-Ray and STS. It speaks their wire protocols on one loopback port,
// enforces their documented limits, and refuses loudly what it does not do.
//
// The parts: package api is the contract; awsproto turns HTTP requests of every
// protocol into calls of operations and back; cloudwatch, logs, xray and sts
// are the services; this package puts them on a listener with a clock that can
// be moved, faults that can be injected, and the control interface under
// /_sidelight/.
package sandbox
