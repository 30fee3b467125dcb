package journald

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// reader reads entries of one file by their number. It trusts nothing that a
// file says: whatever is wrong ends in errDamaged, and every step leads further
// into the file, so that none goes on for ever.
type reader struct {
	r   io.ReaderAt
	hdr header
	win *windows
	dec *decoder
	// array is the one that holds the entries from first on, 0: not known.
	array, first, capacity, follows uint64
	items                           []uint64
	shared                          map[uint64][]byte
}

// maxShared is how many data objects that several entries refer to are kept, and
// maxSharedBytes how long each may be.
const (
	maxShared      = 1024
	maxSharedBytes = 256
)

// newReader returns a reader of r.
func newReader(r io.ReaderAt, win *windows, dec *decoder) (*reader, error) {
	hdr, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	return &reader{r: r, hdr: hdr, win: win, dec: dec, shared: map[uint64][]byte{}}, nil
}

// refresh reads the header again.
func (j *reader) refresh() error {
	hdr, err := readHeader(j.r)
	if err != nil {
		return err
	}
	j.hdr = hdr
	return nil
}

// entry is what the head of an entry says.
type entry struct {
	realtime uint64 // microseconds since 1970
	items    []uint64
}

// object returns the flags and the length of the object at offset.
func (j *reader) object(offset uint64, want byte, atLeast uint64) (flags byte, size uint64, err error) {
	if offset == 0 || offset&7 != 0 {
		return 0, 0, errDamaged
	}
	b, err := j.win.at(j.r, offset, objectHead)
	if err != nil {
		return 0, 0, err
	}
	size = binary.LittleEndian.Uint64(b[8:])
	if b[0] != want || size < atLeast {
		return 0, 0, errDamaged
	}
	return b[1], size, nil
}

// errEnd means that the arrays hold fewer entries than the header says.
var errEnd = fmt.Errorf("%w: the list of entries ends", errDamaged)

// find makes array the one that holds entry number n.
func (j *reader) find(n uint64) error {
	if j.array == 0 || n < j.first {
		j.first = 0
		if err := j.enter(j.hdr.arrays); err != nil {
			return err
		}
	}
	for n-j.first >= j.capacity {
		// The next one may have been added since.
		first := j.first + j.capacity
		at := j.array
		if err := j.enter(at); err != nil {
			return err
		}
		if j.follows <= at {
			return errEnd
		}
		if err := j.enter(j.follows); err != nil {
			return err
		}
		j.first = first
	}
	return nil
}

// enter reads the head of the array at offset.
func (j *reader) enter(offset uint64) error {
	j.array = 0
	_, size, err := j.object(offset, typeEntryArray, arrayHead)
	if err != nil {
		return errors.Join(errEnd, err)
	}
	b, err := j.win.at(j.r, offset, arrayHead)
	if err != nil {
		return errors.Join(errEnd, err)
	}
	j.follows = binary.LittleEndian.Uint64(b[16:])
	j.array, j.capacity = offset, (size-arrayHead)/j.itemBytes()
	return nil
}

// itemBytes is the length of an offset in an array.
func (j *reader) itemBytes() uint64 {
	if j.hdr.compact() {
		return 4
	}
	return 8
}

// offset decodes an offset.
func (j *reader) offset(b []byte) uint64 {
	if j.hdr.compact() {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// entry returns entry number n, from 0. Its items are valid until the next call.
func (j *reader) entry(n uint64) (entry, error) {
	if err := j.find(n); err != nil {
		return entry{}, err
	}
	size := j.itemBytes()
	b, err := j.win.at(j.r, j.array+arrayHead+(n-j.first)*size, int(size))
	if err != nil {
		return entry{}, err
	}
	return j.entryAt(j.offset(b))
}

func (j *reader) entryAt(offset uint64) (entry, error) {
	_, size, err := j.object(offset, typeEntry, entryHead)
	if err != nil {
		return entry{}, err
	}
	step := uint64(16) // an offset and a hash
	if j.hdr.compact() {
		step = 4
	}
	n := (size - entryHead) / step
	if n > maxEntryItems {
		return entry{}, errDamaged
	}
	b, err := j.win.at(j.r, offset, int(entryHead+n*step))
	if err != nil {
		return entry{}, err
	}
	e := entry{realtime: binary.LittleEndian.Uint64(b[24:])}
	if e.realtime == 0 || e.realtime > maxTimeMicrosecs {
		return entry{}, errDamaged
	}
	j.items = j.items[:0]
	for b = b[entryHead:]; len(b) > 0; b = b[step:] {
		j.items = append(j.items, j.offset(b))
	}
	e.items = j.items
	return e, nil
}

// field returns the name and the value of the data object at offset. They are
// valid until the next call.
func (j *reader) field(offset uint64) (name, value []byte, err error) {
	if text, ok := j.shared[offset]; ok {
		return cut(text)
	}
	head := uint64(dataHead)
	if j.hdr.compact() {
		head = compactDataHead
	}
	flags, size, err := j.object(offset, typeData, head)
	if err != nil {
		return nil, nil, err
	}
	size -= head
	if size > maxFieldBytes {
		return nil, nil, errUndecodable
	}
	b, err := j.win.at(j.r, offset, dataHead)
	if err != nil {
		return nil, nil, err
	}
	entries := binary.LittleEndian.Uint64(b[56:])
	text, err := j.win.at(j.r, offset+head, int(size))
	if err != nil {
		return nil, nil, err
	}
	if flags&packedAny != 0 {
		if text, err = j.dec.decode(flags, text); err != nil {
			return nil, nil, err
		}
	}
	if entries > 1 && len(text) <= maxSharedBytes {
		if len(j.shared) >= maxShared {
			clear(j.shared)
		}
		j.shared[offset] = bytes.Clone(text)
	}
	return cut(text)
}

func cut(text []byte) (name, value []byte, err error) {
	name, value, ok := bytes.Cut(text, []byte{'='})
	if !ok || len(name) == 0 {
		return nil, nil, errDamaged
	}
	return name, value, nil
}

// decoder undoes the compression of fields. It makes what it needs when it is
// first used.
type decoder struct {
	zstd *zstd.Decoder
	buf  []byte
}

// decode returns what text is compressed of, valid until the next call.
func (d *decoder) decode(flags byte, text []byte) ([]byte, error) {
	switch flags & packedAny {
	case packedZstd:
	case packedLZ4:
		out, err := unpackLZ4(d.buf[:0], text)
		d.buf = out
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUndecodable, err)
		}
		return out, nil
	default:
		return nil, errUndecodable
	}
	if d.zstd == nil {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxFieldBytes))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUndecodable, err)
		}
		d.zstd = z
	}
	out, err := d.zstd.DecodeAll(text, d.buf[:0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUndecodable, err)
	}
	d.buf = out
	return out, nil
}

func (d *decoder) close() {
	if d.zstd != nil {
		d.zstd.Close()
		d.zstd, d.buf = nil, nil
	}
}
