package sidelight

import (
	"context"
	"errors"
	"time"
)

// Sink accepts batches. Push blocks while there is no room: that is the
// back-pressure, and the only place in the agent that waits. When it returns,
// the caller may reuse every byte it passed in. A nil error means accepted,
// not delivered; delivery is the ticket's business. Push is safe for
// concurrent use.
type Sink interface {
	Push(ctx context.Context, b *Batch) error
}

// SinkFunc makes a function a Sink.
type SinkFunc func(ctx context.Context, b *Batch) error

// Push calls f.
func (f SinkFunc) Push(ctx context.Context, b *Batch) error { return f(ctx, b) }

// Receiver produces batches until ctx ends or it fails for good. Listeners are
// opened by the receiver's constructor, so that a port in use is a start-up
// error and the agent is ready when its listeners are.
type Receiver interface {
	Run(ctx context.Context, out Sink) error
}

// Processor edits a batch in place: it rewrites bodies, drops events, changes
// the destination. It runs on the receiver's goroutine and must not keep the
// batch. An error means that the processor is broken; an event that it cannot
// handle it passes on unchanged, or drops and counts.
type Processor interface {
	Process(ctx context.Context, b *Batch) error
}

// Chain returns a Sink that runs procs in order and pushes what is left to
// next. A batch that ends up empty is not pushed.
func Chain(next Sink, procs ...Processor) Sink {
	if len(procs) == 0 {
		return next
	}
	return SinkFunc(func(ctx context.Context, b *Batch) error {
		for _, p := range procs {
			if err := p.Process(ctx, b); err != nil {
				return err
			}
			if len(b.Events) == 0 {
				return nil
			}
		}
		return next.Push(ctx, b)
	})
}

// Limits bounds one request of an exporter.
type Limits struct {
	// Events is the greatest number of documents.
	Events int
	// Weight is the greatest sum of Encoder.Weigh.
	Weight int
	// Wire is the greatest body length in bytes, before compression.
	Wire int
	// Span is the greatest distance between the earliest and the latest event,
	// zero for none.
	Span time.Duration
	// Sorted says that events must stand in time order.
	Sorted bool
}

// Encoder writes a request body piece by piece. All methods append, none
// allocates beyond growing dst, and all are safe for concurrent use.
type Encoder interface {
	Limits() Limits
	// Weigh is the service's own count for e against Limits.Weight.
	Weigh(e *Event) int
	// Begin starts a body for d.
	Begin(dst []byte, d Dest) []byte
	// Append adds e. The bytes of one event must not depend on its neighbours,
	// so that events can be reordered by moving bytes.
	Append(dst []byte, e *Event) []byte
	// End completes a body that holds at least one event. It may first cut a
	// trailing separator off dst.
	End(dst []byte) []byte
}

// Picker is an Encoder whose End rearranges the body, so that the ends of
// events that a block remembers mean nothing any more once it is sealed.
type Picker interface {
	// Pick returns a finished body of the events of body, a finished one, that
	// stand at positions, which are ascending. body is not changed.
	Pick(body []byte, positions []int) []byte
}

// Queue stands between packing and delivery. Room is the one place in the
// agent where data waits for space; Put does not wait, so that a batch is
// either refused whole before anything of it was taken, or taken whole. A
// queue may therefore exceed its limit by what the callers that were let
// through at the same time bring along.
type Queue interface {
	// Room waits until the queue is below its limit. It returns ErrFull when
	// ctx ends first, and ErrClosed once the queue is closed.
	Room(ctx context.Context) error
	// Put takes ownership of the sealed block b. It fails only when the queue
	// is closed; the caller then still owns b. A durable queue releases b's
	// tickets at once, a memory queue when the lease commits.
	Put(b *Block) error
	// Take waits for the oldest block that is neither leased nor resting.
	// After Close it returns ErrClosed once nothing is left to lease.
	Take(ctx context.Context) (Lease, error)
	// Close refuses further Puts.
	Close() error
	// Stats tells what the queue holds.
	Stats() QueueStats
}

// Journal is a Queue that can make a growing block durable piece by piece, so
// that a receiver may acknowledge before the block is full.
type Journal interface {
	// Write makes b.Body[b.Ahead:] durable and advances b.Ahead. It does not
	// wait for room. After an error the piece is not durable, and the caller
	// keeps its tickets attached to the block instead.
	Write(b *Block) error
}

// QueueStats is a copy of a queue's state.
type QueueStats struct {
	Blocks, Events int
	// Bytes counts bodies, in memory or on disk; Memory only the former; Disk
	// the bytes of files.
	Bytes, Memory, Disk int64
	// Limit is the bytes at which Put begins to wait.
	Limit int64
	// Oldest is when the oldest block was put; zero if there is none.
	Oldest time.Time
}

// Lease is one block out for delivery. Exactly one of Commit and Return must
// be called.
type Lease interface {
	Block() *Block
	// Commit forgets the block: it was delivered, or refused for good. What is
	// left of it, if anything, is put in its place as sealed blocks, even if
	// the queue is closed.
	Commit(left ...*Block) error
	// Return offers the block again, first in line, but not before rest has
	// passed.
	Return(rest time.Duration) error
}

// Exporter delivers one kind of block.
type Exporter interface {
	Encoder
	// Export makes one attempt and starts no goroutine. It is safe for
	// concurrent use. A failure is a *Fault. Once it has returned, nothing that
	// it began may look at b's memory any more: the next block is written there.
	Export(ctx context.Context, b *Block) (Receipt, error)
}

// Receipt says what became of a block's events. Every event of the block is in
// Accepted, in Refused, or in Retry.
type Receipt struct {
	Accepted int
	// Refused counts events that the service will never take, by reason.
	Refused []Refusal
	// Retry lists the positions of events that should be sent again.
	Retry []int
}

// Refusal is a number of events of a block that were refused for one reason.
type Refusal struct {
	// Reason is a short snake_case word, such as "too_old".
	Reason string
	Events int
	// At lists the positions of these events in the block, ascending. It is nil
	// where the service did not name them, or not so that they can be found.
	At []int
	// Why is what the service said beyond Reason, or "".
	Why string
}

// Reader is an Encoder that can read back what its Append wrote, so that events
// which were refused for good can be shown and sent anew.
type Reader interface {
	// Read returns the Body of the event whose bytes, with their separator or
	// the end of the list behind them, are raw. The result may alias raw.
	Read(raw []byte) ([]byte, error)
}

// Lister is a Picker that can read events back: of a whole body, as it stands
// once it is sealed, where no event has a place of its own.
type Lister interface {
	// List calls f for each event of body, a finished one that is not
	// compressed, in order: with its Body, and, if that is no text, with a text
	// that shows a person what it is. Both may alias memory that the next call
	// overwrites.
	List(body []byte, f func(event, text []byte)) error
}

// Parker is a Queue that leaves out blocks whose destination must rest, without
// reading them: many blocks of a destination that is denied cost nothing.
type Parker interface {
	// TakeUnless is Take for the oldest block whose destination need not rest.
	// rest tells how long a destination still must; it is called with a lock
	// held, must not block, and must not call the queue.
	TakeUnless(ctx context.Context, rest func(DestHandle) time.Duration) (Lease, error)
}

// Holder is a Queue that knows what it holds for one destination.
type Holder interface {
	// Held returns the bytes that count against the queue's limit, those of
	// growing blocks included where they do.
	Held(d DestHandle) int64
}

// FaultKind is what the caller should do about a failed attempt.
type FaultKind uint8

// The kinds of fault.
const (
	// Transient: try again after a backoff.
	Transient FaultKind = iota + 1
	// Throttled: try again, and slow the whole exporter down.
	Throttled
	// Denied: credentials or permissions; rest this destination, tell the
	// operator.
	Denied
	// Rejected: will never succeed; count and commit.
	Rejected
	// TooLarge: divide the block and try its halves.
	TooLarge
)

// String returns the kind in lower case.
func (k FaultKind) String() string {
	switch k {
	case Transient:
		return "transient"
	case Throttled:
		return "throttled"
	case Denied:
		return "denied"
	case Rejected:
		return "rejected"
	case TooLarge:
		return "too_large"
	}
	return "unknown"
}

// Fault is a failed attempt to export.
type Fault struct {
	Kind FaultKind
	// Op is what was attempted: "put log events".
	Op string
	// After is the server's wish to be left alone, if it said one.
	After time.Duration
	// Everyone says that a Denied concerns every destination alike: it is the
	// credentials that are not taken, and no permission of one destination.
	Everyone bool
	Err      error
}

// Error implements error.
func (f *Fault) Error() string { return f.Op + ": " + f.Err.Error() }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// ErrClosed is returned by a Queue that was closed, and released to tickets of
// what a memory queue gave up at stop.
var ErrClosed = errors.New("queue is closed")

// ErrParked is returned by a Push of a batch that Waits, before anything of it was
// taken: its destination is denied, and what waits for such destinations has
// their share of the queue.
var ErrParked = errors.New("the destination is denied and has its share of the queue")

// ErrFull is returned by a Push or Put whose context ended while it waited for
// room, so that receivers that cannot wait may tell a full queue from a stop.
var ErrFull = errors.New("queue is full")
