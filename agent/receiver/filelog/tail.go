package filelog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// headBytes is how much of a file's beginning tells it from others.
const headBytes = 1024

// key is a file's identity while it exists.
type key struct{ device, inode uint64 }

func keyOf(info fs.FileInfo) key {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		panic("BUG: a file without a stat")
	}
	return key{uint64(st.Dev), st.Ino}
}

// tail is a file that is being read.
type tail struct {
	key    key
	path   string   // where it was seen last
	source string   // where it was seen first, which names its events
	f      *os.File // nil while it is closed because too many are open
	ledger *receiver.Ledger

	offset int64  // read up to here: the start of a line
	head   []byte // the file's first bytes, of those before offset
	size   int64  // as last seen
	// encoding is empty until it is known; bom is how long the mark at the
	// file's start is.
	encoding Encoding
	bom      int
	grown    time.Time
	next     time.Time // when to look again
	gone     time.Time // when its path was found to name it no more; zero: never
	// retry is when ranges that failed are offered again.
	retry time.Time
	// parked says that the sink did not take the last range that was pushed, since
	// its destination is denied: nothing is read until it takes that.
	parked bool
	// asleep is the watch that ends when the file is written to, 0 if the file
	// is looked at from time to time.
	asleep int32

	mark   atomic.Pointer[mark]
	forget func()
}

// mark is what a checkpoint needs to know, for the goroutine that writes it.
type mark struct {
	source string
	id     receiver.FileID
	ledger *receiver.Ledger
}

// errNotRegular means that a path names something else than a file.
var errNotRegular = errors.New("not a regular file")

// openRegular opens a file. It does not wait for the writer of a pipe.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, errNotRegular)
	}
	return f, nil
}

// newTail returns a tail that reads f from offset. If it fails f is closed.
func newTail(f *os.File, path, source string, offset int64, store *receiver.Checkpoints) (*tail, error) {
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	t := &tail{
		key: keyOf(info), path: path, source: source, f: f, ledger: receiver.NewLedger(offset),
		offset: offset, size: info.Size(), grown: time.Now(),
	}
	if err := t.learn(); err != nil {
		f.Close()
		return nil, err
	}
	t.ledger.Notify(store.Moved)
	t.forget = store.Track(t.checkpoint)
	return t, nil
}

func (t *tail) checkpoint() receiver.Checkpoint {
	m := t.mark.Load()
	return receiver.Checkpoint{Path: m.source, FileID: m.id, Offset: m.ledger.Safe()}
}

// rest closes the file; it is opened again when there is something to read.
func (t *tail) rest() error {
	if t.f == nil {
		return nil
	}
	err := t.f.Close()
	t.f = nil
	return err
}

// learn remembers the beginning of the file as far as it was read, and makes it
// the file's identity.
func (t *tail) learn() error {
	n := int(min(headBytes, t.offset))
	if n == len(t.head) && t.mark.Load() != nil {
		return nil
	}
	head, err := headOf(t.f, n)
	if err != nil {
		return fmt.Errorf("read the head of %q: %w", t.path, err)
	}
	t.head = head
	t.mark.Store(&mark{
		source: t.source, ledger: t.ledger,
		id: receiver.FileID{Device: t.key.device, Inode: t.key.inode, Head: len(head), Sum: sum(head)},
	})
	return nil
}

// headOf returns the first n bytes of f, or fewer if it has become shorter.
func headOf(f *os.File, n int) ([]byte, error) {
	head := make([]byte, n)
	got, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head[:got], nil
}

func sum(head []byte) string {
	s := sha256.Sum256(head)
	return hex.EncodeToString(s[:])
}

// look notes the file's size and reports whether the file was truncated, and
// perhaps written again, since it was read.
func (t *tail) look(scratch []byte) (truncated bool, err error) {
	info, err := t.f.Stat()
	if err != nil {
		return false, fmt.Errorf("stat %q: %w", t.path, err)
	}
	size := info.Size()
	if size == t.size {
		return false, nil
	}
	t.size, t.grown = size, time.Now()
	if size < t.offset {
		return true, nil
	}
	head := scratch[:len(t.head)]
	n, err := t.f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the head of %q: %w", t.path, err)
	}
	return n < len(head) || !bytes.Equal(head, t.head), nil
}

// restart begins again at the start of a file that was truncated. What was
// pushed of the old text and not delivered yet is no longer in the file.
func (t *tail) restart() {
	t.offset, t.head, t.encoding = 0, nil, ""
	t.ledger = t.ledger.Renew()
	t.mark.Store(&mark{
		source: t.source, ledger: t.ledger,
		id: receiver.FileID{Device: t.key.device, Inode: t.key.inode, Sum: sum(nil)},
	})
}

// sameHead reports whether the file at path begins with head.
func sameHead(path string, n int, want string) bool {
	f, err := openRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return hasHead(f, n, want)
}

func hasHead(f *os.File, n int, want string) bool {
	head, err := headOf(f, n)
	return err == nil && len(head) == n && sum(head) == want
}
