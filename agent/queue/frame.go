package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sort"

	"github.com/sidelight-dev/sidelight"
)

// magic begins every segment. The last character is the format's version.
const magic = "SLQUEUE1"

const headerSize = 20

// maxPayload bounds what a damaged length can make a reader believe.
const maxPayload = 64 << 20

type kind uint8

const (
	piece kind = iota + 1
	seal
	done
	whole
)

// frame is a decoded frame. Its payload's parts alias the bytes it was read
// from.
type frame struct {
	kind   kind
	signal sidelight.Signal
	coding sidelight.Coding
	use    uint8
	id     uint64
	size   int // header and payload

	first bool // has dest and head
	dest  sidelight.Dest
	head  int
	marks []sidelight.Mark // ends counted from the start of body
	body  []byte
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendMark appends a frame without payload. It is written to a segment of the
// given use, as those of the functions below.
func appendMark(dst []byte, use uint8, k kind, id uint64) []byte {
	start := len(dst)
	dst = beginFrame(dst, use, k, 0, 0, id)
	return endFrame(dst, start, nil)
}

// appendPiece appends a frame of b's bytes and events from b.Ahead on, without
// the bytes, which it returns: they end the frame.
func appendPiece(dst []byte, use uint8, b *sidelight.Block) (head, body []byte) {
	start := len(dst)
	dst = beginFrame(dst, use, piece, b.Signal, sidelight.Identity, b.ID)
	dst = appendDest(dst, b, b.Ahead == 0)
	from := sort.Search(len(b.Marks), func(i int) bool { return int(b.Marks[i].End) > b.Ahead })
	dst = appendIndex(dst, b.Marks[from:], max(b.Ahead, b.Head))
	body = b.Body[b.Ahead:]
	return endFrame(dst, start, body), body
}

// appendWhole appends the frame of a sealed block, without its body, which it
// returns.
func appendWhole(dst []byte, use uint8, b *sidelight.Block) (head, body []byte) {
	start := len(dst)
	dst = beginFrame(dst, use, whole, b.Signal, b.Coding, b.ID)
	dst = appendDest(dst, b, true)
	dst = appendIndex(dst, b.Marks, b.Head)
	return endFrame(dst, start, b.Body), b.Body
}

func beginFrame(dst []byte, use uint8, k kind, s sidelight.Signal, c sidelight.Coding, id uint64) []byte {
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0, byte(k), byte(s), byte(c), use)
	return binary.LittleEndian.AppendUint64(dst, id)
}

// endFrame completes the frame that begins at start and ends with body.
func endFrame(dst []byte, start int, body []byte) []byte {
	f := dst[start:]
	binary.LittleEndian.PutUint32(f, uint32(len(f)-headerSize+len(body)))
	sum := crc32.Checksum(f[8:], castagnoli())
	binary.LittleEndian.PutUint32(f[4:], crc32.Update(sum, castagnoli(), body))
	return dst
}

func appendDest(dst []byte, b *sidelight.Block, first bool) []byte {
	if !first {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	d := b.Dest.Value()
	for _, s := range [...]string{d.Exporter, d.Group, d.Stream} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return binary.AppendUvarint(dst, uint64(b.Head))
}

func appendIndex(dst []byte, marks []sidelight.Mark, from int) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(marks)))
	end, at := uint32(from), int64(0)
	for _, m := range marks {
		dst = binary.AppendUvarint(dst, uint64(m.End-end))
		dst = binary.AppendVarint(dst, m.Time-at)
		end, at = m.End, m.Time
	}
	return dst
}

// endMark stands behind the last frame where an earlier use of the file left
// bytes: a header of zeros, which no frame has.
const endMark = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// errTorn is a frame that ends beyond the data: the write was cut short.
var errTorn = errors.New("frame is cut short")

// parseFrame reads the frame at the start of data and verifies its checksum.
func parseFrame(data []byte) (frame, error) {
	if len(data) < headerSize {
		return frame{}, errTorn
	}
	n := int(binary.LittleEndian.Uint32(data))
	if n > maxPayload {
		return frame{}, fmt.Errorf("payload of %d bytes", n)
	}
	if len(data) < headerSize+n {
		return frame{}, errTorn
	}
	data = data[:headerSize+n]
	if crc32.Checksum(data[8:], castagnoli()) != binary.LittleEndian.Uint32(data[4:]) {
		return frame{}, errors.New("checksum does not match")
	}
	f := frame{
		kind: kind(data[8]), signal: sidelight.Signal(data[9]), coding: sidelight.Coding(data[10]),
		use: data[11], id: binary.LittleEndian.Uint64(data[12:]), size: len(data),
	}
	if f.signal >= sidelight.NumSignals || f.coding > sidelight.Gzip {
		return frame{}, fmt.Errorf("signal %d, coding %d", f.signal, f.coding)
	}
	switch f.kind {
	case seal, done:
		return f, nil
	case piece, whole:
		return f, f.parsePayload(data[headerSize:])
	}
	return frame{}, fmt.Errorf("kind %d", f.kind)
}

func (f *frame) parsePayload(p []byte) error {
	r := reader{p: p}
	if f.first = r.byte() == 1; f.first {
		f.dest = sidelight.Dest{Exporter: r.string(), Group: r.string(), Stream: r.string()}
		f.head = int(r.uvarint())
	}
	n := r.uvarint()
	if n > uint64(len(r.p)) { // an event takes two bytes at least
		return fmt.Errorf("index of %d events", n)
	}
	f.marks = make([]sidelight.Mark, n)
	end, at := uint64(0), int64(0)
	if f.first {
		end = uint64(f.head)
	}
	for i := range f.marks {
		n := r.uvarint()
		if n == 0 && f.kind == piece {
			return errors.New("an event of no bytes")
		}
		end += n
		at += r.varint()
		f.marks[i] = sidelight.Mark{End: uint32(end), Time: at}
	}
	f.body = r.p
	// A compressed body is shorter than its events were.
	if r.bad || f.coding == sidelight.Identity && end > uint64(len(f.body)) || end > maxPayload {
		return errors.New("index does not fit the body")
	}
	return nil
}

// reader takes values off the front of p. After a value that does not fit, bad
// is set and every further value is zero.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.p)) {
		r.bad, r.p = true, nil
		return nil
	}
	b := r.p[:n]
	r.p = r.p[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 {
		r.take(uint64(len(r.p)) + 1)
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.p)
	if n <= 0 {
		r.take(uint64(len(r.p)) + 1)
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) string() string { return string(r.take(r.uvarint())) }
