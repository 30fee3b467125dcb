// Package sidelight holds the model that every other package speaks: the data
// that moves through the agent and the contracts between its stages. It has no
// I/O and imports the standard library only.
//
// Data moves in two units. A [Batch] is what a receiver reads at once: events
// that borrow the receiver's memory. A [Block] is what AWS receives at once:
// the finished body of one request. Between them stands a packer, which copies
// each event exactly once, already escaped, into the block of its destination.
// Nothing looks inside a block's body again: the same bytes are kept on disk,
// hashed for the signature and sent.
//
//	Receiver ─▶ Batch ─▶ Processor … ─▶ Sink (packer) ─▶ Block ─▶ Queue ─▶ Exporter
//	    ▲                                                           │
//	    └──────────────── Ticket: safe, or not ─────────────────────┘
//
// Back-pressure is a blocking call: [Sink.Push] returns when there is room.
// Acknowledgement is a [Ticket]: it is released by whoever can no longer lose
// the bytes.
package sidelight
