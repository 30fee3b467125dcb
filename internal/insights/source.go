package insights

import "context"

// Row is one log event as a Block hands it out.
type Row struct {
	// Time and Ingested are @timestamp and @ingestionTime in Unix milliseconds.
	Time, Ingested int64
	// Log is @log, "account-id:group-name".
	Log string
	// Stream is @logStream.
	Stream string
	// Message is @message. It is only read, and not after the callback returns.
	Message []byte
	// Ref is the store's own name for the event; see Options.Ptr.
	Ref uint64
}

// Block is a portion of a Source.
type Block interface {
	// Rows calls yield with every row of the block, until yield returns false.
	// It is called from one goroutine at a time, but blocks of one source are
	// read at once. It may reuse the Row and its bytes between calls.
	Rows(ctx context.Context, yield func(*Row) bool) error
}

// Source is what a query runs over. The order of the blocks, and of the rows
// within each, is the order in which events were stored; it decides only
// between events of the same millisecond.
type Source interface {
	Blocks() []Block
}

// Rows is a Source and a Block of events in memory.
type Rows []Row

var (
	_ Source = Rows(nil)
	_ Block  = Rows(nil)
)

// rowsPerBlock is how many rows of a Rows one goroutine takes at a time.
const rowsPerBlock = 4096

// Blocks cuts r into blocks that can be read at the same time.
func (r Rows) Blocks() []Block {
	var blocks []Block
	for len(r) > rowsPerBlock {
		blocks = append(blocks, r[:rowsPerBlock])
		r = r[rowsPerBlock:]
	}
	return append(blocks, r)
}

// Rows calls yield with each row.
func (r Rows) Rows(_ context.Context, yield func(*Row) bool) error {
	for i := range r {
		if !yield(&r[i]) {
			return nil
		}
	}
	return nil
}
