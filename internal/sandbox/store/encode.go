package store

import (
	"encoding/binary"
	"hash/crc32"
)

// blockMagic begins a block that is written out, and tells its version. Records
// are compressed by zstd. In version 2 they were by S2, which is read still.
const (
	blockMagic    = "SLB3"
	oldBlockMagic = "SLB2"
)

// maxRaw bounds what a block may claim to hold. An event of 1 MiB fills one.
const maxRaw = 64 << 20

// encode appends a sealed block in the form of files and snapshots: magic,
// numbers, the streams and their summaries, the filter of IDs, the compressed
// records and a checksum.
func (b *Block) encode(buf []byte) []byte {
	start := len(buf)
	magic := blockMagic
	if b.old {
		magic = oldBlockMagic
	}
	buf = append(buf, magic...)
	for _, v := range []int64{int64(b.first), int64(b.n), b.min, b.max, b.payload, int64(b.raw), int64(len(b.sums))} {
		buf = binary.AppendVarint(buf, v)
	}
	for i := range b.sums {
		s := &b.sums[i]
		for _, v := range []int64{int64(s.id), s.first, s.last, s.ingested} {
			buf = binary.AppendVarint(buf, v)
		}
	}
	buf = binary.AppendVarint(buf, int64(len(b.ids)))
	for _, w := range b.ids {
		buf = binary.LittleEndian.AppendUint64(buf, w)
	}
	buf = binary.AppendVarint(buf, int64(len(b.data)))
	buf = append(buf, b.data...)
	return binary.LittleEndian.AppendUint32(buf, crc32.ChecksumIEEE(buf[start:]))
}

// varints reads numbers off the front of what is left.
type varints struct {
	rest []byte
	bad  bool
}

func (v *varints) next() int64 {
	n, size := binary.Varint(v.rest)
	if size <= 0 {
		v.bad = true
		return 0
	}
	v.rest = v.rest[size:]
	return n
}

// length reads the length of a list whose items take at least size bytes.
func (v *varints) length(size int) int {
	n := v.next()
	if n < 0 || n > int64(len(v.rest)/size) {
		v.bad = true
		return 0
	}
	return int(n)
}

// decodeBlock undoes encode. The block keeps nothing of data.
func decodeBlock(data []byte) (*Block, error) {
	if len(data) < len(blockMagic)+4 {
		return nil, errCorrupt
	}
	magic := string(data[:len(blockMagic)])
	if magic != blockMagic && magic != oldBlockMagic {
		return nil, errCorrupt
	}
	end := len(data) - 4
	if crc32.ChecksumIEEE(data[:end]) != binary.LittleEndian.Uint32(data[end:]) {
		return nil, errCorrupt
	}
	v := varints{rest: data[len(blockMagic):end]}
	b := &Block{sealed: true, old: magic == oldBlockMagic, first: uint64(v.next()), n: int(v.next()), min: v.next(), max: v.next(), payload: v.next(), raw: int(v.next())}
	b.sums = make([]streamSum, v.length(4))
	for i := range b.sums {
		b.sums[i] = streamSum{id: uint32(v.next()), first: v.next(), last: v.next(), ingested: v.next()}
	}
	words := v.length(8)
	if words > 0 {
		b.ids = make(filter, words)
		for i := range b.ids {
			b.ids[i] = binary.LittleEndian.Uint64(v.rest[8*i:])
		}
		v.rest = v.rest[8*words:]
	}
	n := v.length(1)
	if v.bad || n != len(v.rest) || b.n < 0 || b.raw < 0 || b.raw > maxRaw || words&(words-1) != 0 {
		return nil, errCorrupt
	}
	b.data = append(make([]byte, 0, n), v.rest...)
	b.listStreams()
	return b, nil
}

// listStreams makes the list of streams from their summaries.
func (b *Block) listStreams() {
	if len(b.sums) > maxBlockStreams {
		return
	}
	b.in = make([]uint32, len(b.sums))
	for i := range b.sums {
		b.in[i] = b.sums[i].id
	}
}
