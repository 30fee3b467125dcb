// Package store keeps log events, in memory and if asked to also in files: per
// log group an append-only row of blocks of about 256 KiB, compressed when they
// are full, each with its least and greatest event time, its number of events,
// the streams that occur in it and a filter of the IDs in its messages. No event
// is an object of its own.
//
// The store is bounded. When it grows beyond its limit the oldest blocks of all
// groups go, and are counted.
//
// A full block is compressed, and written, behind its writer's back; until then it is
// in memory as it is, and in a file as the log of what was appended. Few may wait.
//
// Writers of one group take turns; readers work on snapshots and neither wait
// for writers nor hold them up. Events keep a number, their sequence in the
// group, that stays theirs: with the group's it makes a [Ref], by which
// [Store.Event] finds an event again.
//
// A scan goes through [Group.Blocks] and [Block.Scan], in order of arrival and
// with the message's bytes borrowed. [Group.Page] reads in order of event time,
// from a [Position], some events at a time.
package store
