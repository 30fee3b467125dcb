package sidelight

import "crypto/sha256"

// Coding is how a block's body is compressed.
type Coding uint8

// The codings, in the numbering that is stored on disk.
const (
	Identity Coding = iota
	Gzip
)

// Mark is the end of one event inside a block's body and that event's time.
// Marks let a block be put in time order, or split after a refusal, without
// parsing what it holds.
type Mark struct {
	End  uint32
	Time int64
}

// Block is one request body, growing or sealed. While it grows it belongs to
// the packer; a Queue's Put takes ownership.
type Block struct {
	// ID is unique within a queue's life on disk and increases with creation.
	// The packer leaves it zero; the queue assigns it.
	ID     uint64
	Dest   DestHandle
	Signal Signal
	Coding Coding
	// Events counts the documents inside.
	Events int
	// Weight is the sum of what the encoder weighs the events, or zero if nobody
	// weighed them: of a block that was read from disk or divided.
	Weight int
	// First and Last are the least and greatest event time in Unix
	// milliseconds.
	First, Last int64
	// Head is the length of what Encoder.Begin wrote.
	Head int
	// Marks has one entry an event, ends counted from the start of Body. It is
	// kept after sealing so that a block can be divided.
	Marks []Mark
	// Body is the request body: exact and complete once the block is sealed.
	Body []byte
	// Sum is the SHA-256 of the sealed Body, the payload hash of its signature.
	Sum [32]byte
	// Sealed says that Body is complete and Sum is set.
	Sealed bool
	// Ahead is how many bytes of Body, from its start, a Journal has already
	// made durable.
	Ahead int

	tickets []*Ticket
}

// Attach makes b an owner of t: it holds it, and Release lets go. Attaching
// the same ticket twice in a row is one hold. No-op on nil.
func (b *Block) Attach(t *Ticket) {
	if t == nil || len(b.tickets) > 0 && b.tickets[len(b.tickets)-1] == t {
		return
	}
	t.Hold()
	b.tickets = append(b.tickets, t)
}

// Share makes b an owner of every ticket that other owns: b holds a part of the
// same events.
func (b *Block) Share(other *Block) {
	for _, t := range other.tickets {
		b.Attach(t)
	}
}

// Release ends the block's interest in every batch it holds a part of, with
// err as in [Ticket.Release]. Later calls do nothing.
func (b *Block) Release(err error) {
	tickets := b.tickets
	b.tickets = nil
	for _, t := range tickets {
		t.Release(err)
	}
}

// Rehash sets Sum to the hash of Body.
func (b *Block) Rehash() { b.Sum = sha256.Sum256(b.Body) }

// Sorted reports whether the block's events stand in time order.
func (b *Block) Sorted() bool {
	for i := 1; i < len(b.Marks); i++ {
		if b.Marks[i].Time < b.Marks[i-1].Time {
			return false
		}
	}
	return true
}
