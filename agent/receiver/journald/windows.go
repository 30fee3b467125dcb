package journald

import (
	"errors"
	"fmt"
	"io"
)

// windowBytes is how much is read at a time: an entry, and the data that were
// written just before it, lie close together.
const windowBytes = 64 << 10

// windows are the parts of a file that were read last. One each serves for
// entries, for their arrays, and for data that many entries share.
type windows struct {
	all  [4]window
	used uint64
	big  []byte
}

type window struct {
	buf   []byte
	start uint64
	used  uint64
}

// forget lets go of everything, when the file has changed or is another.
func (w *windows) forget() {
	for i := range w.all {
		w.all[i].buf = w.all[i].buf[:0]
	}
}

// at returns n bytes of r from offset on, valid until the next call.
func (w *windows) at(r io.ReaderAt, offset uint64, n int) ([]byte, error) {
	if offset > 1<<62 {
		return nil, errDamaged
	}
	w.used++
	oldest := &w.all[0]
	for i := range w.all {
		v := &w.all[i]
		if offset >= v.start && offset+uint64(n) <= v.start+uint64(len(v.buf)) {
			v.used = w.used
			return v.buf[offset-v.start:][:n], nil
		}
		if v.used < oldest.used {
			oldest = v
		}
	}
	const page = 4096
	start := offset &^ (page - 1)
	if offset-start+uint64(n) > windowBytes {
		if cap(w.big) < n {
			w.big = make([]byte, n)
		}
		return w.big[:n], read(r, w.big[:n], offset)
	}
	if oldest.buf == nil {
		oldest.buf = make([]byte, windowBytes)
	}
	got, err := r.ReadAt(oldest.buf[:windowBytes], int64(start))
	oldest.buf, oldest.start, oldest.used = oldest.buf[:got], start, w.used
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	if offset-start+uint64(n) > uint64(got) {
		return nil, errDamaged
	}
	return oldest.buf[offset-start:][:n], nil
}

func read(r io.ReaderAt, b []byte, offset uint64) error {
	if n, err := r.ReadAt(b, int64(offset)); n < len(b) {
		if errors.Is(err, io.EOF) {
			return errDamaged
		}
		return fmt.Errorf("read journal: %w", err)
	}
	return nil
}
