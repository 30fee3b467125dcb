// Package segment reads AWS X-Ray segment documents: a typed and tolerant form
// of the JSON, the checks that the service makes before it accepts one, and the
// assembly of what arrived for a trace (segments, subsegments sent on their own,
// in any order) into trees.
//
// It knows nothing of storage, transport or drawing. The rules it enforces are
// those of the X-Ray developer guide, "Segment documents".
package segment
