package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// Event is a log event in a store.
type Event struct {
	// Time and Ingested are in milliseconds since 1970.
	Time, Ingested int64
	// Seq numbers the events of a group in order of arrival, from 1.
	Seq    uint64
	Ref    Ref
	Stream *Stream
	// Message is borrowed in scans.
	Message []byte
}

// maxBlockStreams is how many streams a block lists. With more, a look for one
// of them just reads the block.
const maxBlockStreams = 64

// blockOverhead is what a block takes beside its data, about.
const blockOverhead = 256

var errCorrupt = errors.New("block is corrupt")

// Block is a run of events in order of arrival. A block that is handed out does
// not change.
type Block struct {
	group    *Group
	streams  []*Stream // of the group, by id
	first    uint64    // sequence number
	n        int
	min, max int64       // event times
	in       []uint32    // the streams that occur, sorted; nil: too many
	sums     []streamSum // of the streams that occur, by id
	ids      filter      // of sealed blocks
	payload  int64       // message bytes and 26 for each event
	raw      int         // bytes of records
	data     []byte      // records, compressed if sealed
	sealed   bool
	old      bool     // compressed as version 2 was
	log      *openLog // of a full block that waits to be sealed
	gone     atomic.Bool
}

// MinTime and MaxTime bound the event times of the block, inclusive.
func (b *Block) MinTime() int64 { return b.min }

// MaxTime is the greatest event time in the block.
func (b *Block) MaxTime() int64 { return b.max }

// Len is the number of events, deleted ones included.
func (b *Block) Len() int { return b.n }

// Size is the size of the records in bytes, before compression.
func (b *Block) Size() int { return b.raw }

func (b *Block) kept() int64 { return int64(cap(b.data)) + int64(8*len(b.ids)) + blockOverhead }

// streamSum is what a block has of a stream: the least and the greatest event
// time, and the latest time of ingestion.
type streamSum struct {
	id                    uint32
	first, last, ingested int64
}

// sum returns the summary of a stream, new if need be.
func (b *Block) sum(stream uint32, t int64) *streamSum {
	i, ok := slices.BinarySearchFunc(b.sums, stream, func(s streamSum, id uint32) int { return cmp.Compare(s.id, id) })
	if !ok {
		b.sums = slices.Insert(b.sums, i, streamSum{id: stream, first: t, last: t})
	}
	return &b.sums[i]
}

// note takes an event into the block's summary.
func (b *Block) note(t, ingested int64, stream uint32, size int) {
	if b.n == 0 {
		b.min, b.max = t, t
		b.in = make([]uint32, 0, 4)
	}
	b.n++
	b.min, b.max = min(b.min, t), max(b.max, t)
	b.payload += int64(size) + eventOverhead
	s := b.sum(stream, t)
	s.first, s.last, s.ingested = min(s.first, t), max(s.last, t), ingested
	if b.in == nil {
		return
	}
	i, ok := slices.BinarySearch(b.in, stream)
	switch {
	case ok:
	case len(b.in) == maxBlockStreams:
		b.in = nil
	default:
		// Readers may hold the old slice.
		b.in = slices.Insert(slices.Clip(b.in), i, stream)
	}
}

// sumsInto takes the summaries into those of the streams.
func (b *Block) sumsInto(streams []*Stream) {
	for i := range b.sums {
		streams[b.sums[i].id].note(&b.sums[i])
	}
}

// findIDs makes the filter of the IDs in the records.
func (b *Block) findIDs() (filter, error) {
	g := new(gathering)
	add := g.add
	err := b.records(b.data, true, func(e *Event) bool {
		tokenRuns(e.Message, func(run []byte) { pieces(run, add) })
		return true
	})
	return g.filter(), err
}

// compress returns a block that does not change any more as a sealed one.
func (b *Block) compress() (*Block, error) {
	ids, err := b.findIDs()
	buf := b.group.store.borrow()
	defer b.group.store.buffers.Put(buf)
	out, packErr := b.group.store.packer.pack(b.data, *buf)
	if packErr != nil {
		return nil, packErr
	}
	*buf = out
	return &Block{
		group: b.group, streams: b.streams, first: b.first, n: b.n,
		min: b.min, max: b.max, in: b.in, sums: b.sums, ids: ids, payload: b.payload, raw: len(b.data), sealed: true,
		data: append(make([]byte, 0, len(*buf)), *buf...),
	}, err
}

// eventOverhead is what CloudWatch Logs counts for an event beside its message
// (PutLogEvents: 26 bytes per event).
const eventOverhead = 26

// appendRecord appends an event: stream, time and ingestion time as differences
// from the record before, length and bytes of the message.
func appendRecord(buf []byte, stream uint32, dTime, dIngested int64, message string) []byte {
	buf = binary.AppendUvarint(buf, uint64(stream))
	buf = binary.AppendVarint(buf, dTime)
	buf = binary.AppendVarint(buf, dIngested)
	buf = binary.AppendUvarint(buf, uint64(len(message)))
	return append(buf, message...)
}

// Scan calls yield with each event in order of arrival, until it returns false.
// The event and its message are valid during the call only. Events of deleted
// streams are left out.
func (b *Block) Scan(yield func(*Event) bool) error {
	data := b.data
	if b.sealed {
		buf := b.group.store.borrow()
		defer b.group.store.buffers.Put(buf)
		out, err := b.group.store.packer.unpack(b, *buf)
		if err != nil {
			return fmt.Errorf("decompress block: %w", err)
		}
		*buf, data = out, out
	}
	return b.records(data, false, yield)
}

// records calls yield with the events in data, with those of deleted streams
// only if all is set.
func (b *Block) records(data []byte, all bool, yield func(*Event) bool) error {
	e := Event{Seq: b.first}
	for range b.n {
		stream, n := binary.Uvarint(data)
		dTime, m := binary.Varint(data[max(n, 0):])
		n += m
		dIngested, m := binary.Varint(data[max(n, 0):])
		n += m
		size, m := binary.Uvarint(data[max(n, 0):])
		n += m
		if n < 4 || stream >= uint64(len(b.streams)) || size > uint64(len(data)-n) {
			return errCorrupt
		}
		e.Time += dTime
		e.Ingested += dIngested
		e.Stream = b.streams[stream]
		e.Ref = Ref(uint64(b.group.id)<<seqBits | e.Seq)
		end := n + int(size)
		e.Message = data[n:end:end]
		data = data[end:]
		if (all || !e.Stream.deleted.Load()) && !yield(&e) {
			return nil
		}
		e.Seq++
	}
	return nil
}
