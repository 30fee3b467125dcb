package journald

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// The format is documented at https://systemd.io/JOURNAL_FILE_FORMAT. All
// numbers are little-endian, objects begin at multiples of eight.

const signature = "LPKSHHRH"

// headerBytes is the length of what is read of a header: that of systemd 187,
// the smallest that has all of it.
const headerBytes = 208

// The incompatible flags.
const (
	flagXZ      = 1 << 0
	flagLZ4     = 1 << 1
	flagKeyed   = 1 << 2
	flagZstd    = 1 << 3
	flagCompact = 1 << 4
	flagsKnown  = flagXZ | flagLZ4 | flagKeyed | flagZstd | flagCompact
)

// stateArchived is that of a file to which nothing will be added.
const stateArchived = 2

// The types of objects.
const (
	typeData       = 1
	typeEntry      = 3
	typeEntryArray = 6
)

// The compressions of a data object, as its flags.
const (
	packedXZ   = 1 << 0
	packedLZ4  = 1 << 1
	packedZstd = 1 << 2
	packedAny  = packedXZ | packedLZ4 | packedZstd
)

// The lengths of what stands before an object's own.
const (
	objectHead       = 16
	entryHead        = 64
	arrayHead        = 24
	dataHead         = 64
	compactDataHead  = 72
	maxEntryItems    = 1024 // a journal takes no more fields in an entry
	maxFieldBytes    = 4 << 20
	maxTimeMicrosecs = 253402300799999999 // the end of the year 9999
)

// header is what a file says of itself.
type header struct {
	incompatible uint32
	archived     bool
	id           string
	entries      uint64 // how many are complete
	tail         uint64 // where the last object begins
	arrays       uint64 // where the first array of entries is, 0: there is none yet
}

func (h *header) compact() bool { return h.incompatible&flagCompact != 0 }

var (
	errNotJournal  = errors.New("not a journal file")
	errDamaged     = errors.New("damaged")
	errUndecodable = errors.New("compressed in a way that cannot be undone here")
)

// readHeader reads the header of r.
func readHeader(r io.ReaderAt) (header, error) {
	var b [headerBytes]byte
	if _, err := r.ReadAt(b[:], 0); err != nil {
		if errors.Is(err, io.EOF) {
			return header{}, errNotJournal
		}
		return header{}, err
	}
	if string(b[:8]) != signature {
		return header{}, errNotJournal
	}
	le := binary.LittleEndian
	h := header{
		incompatible: le.Uint32(b[12:]), archived: b[16] == stateArchived, id: hex.EncodeToString(b[24:40]),
		tail: le.Uint64(b[136:]), entries: le.Uint64(b[152:]), arrays: le.Uint64(b[176:]),
	}
	if unknown := h.incompatible &^ flagsKnown; unknown != 0 {
		return h, fmt.Errorf("%w: of a newer format (flags %#x)", errNotJournal, unknown)
	}
	return h, nil
}
