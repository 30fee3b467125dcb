package disk

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// A frame is the length of its payload and the payload's checksum, four bytes
// each, and the payload.
const frameHeader = 8

// MaxRecord bounds a record, in bytes. A length beyond it is damage.
const MaxRecord = 64 << 20

// checksum is Castagnoli's, which processors have an instruction for.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Log is a file of records. It is not safe for concurrent use.
type Log struct {
	path string
	file *os.File
	size int64
	base int64 // the size after the latest rewrite
	buf  []byte
}

// Open opens or creates a log, and calls each with every record, oldest first.
// The record is valid during the call; an error of each ends the reading and is
// returned. What follows the last whole record is cut off.
func Open(path string, each func(record []byte) error) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	size, err := readFrames(f, each)
	if err == nil {
		err = f.Truncate(size)
	}
	if err == nil {
		_, err = f.Seek(size, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open log %s: %w", path, err)
	}
	return &Log{path: path, file: f, size: size, base: size}, nil
}

// readFrames reads frames up to the first that is not whole, and returns where
// that begins.
func readFrames(r io.Reader, each func([]byte) error) (int64, error) {
	in := bufio.NewReaderSize(r, 256<<10)
	var head [frameHeader]byte
	var buf []byte
	var at int64
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return at, tornIsNil(err)
		}
		n := int(binary.LittleEndian.Uint32(head[:]))
		if n > MaxRecord {
			return at, nil
		}
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err := io.ReadFull(in, buf); err != nil {
			return at, tornIsNil(err)
		}
		if checksum(buf) != binary.LittleEndian.Uint32(head[4:]) {
			return at, nil
		}
		if err := each(buf); err != nil {
			return at, err
		}
		at += int64(frameHeader + n)
	}
}

func tornIsNil(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// Append adds a record, made of parts. When it returns nil the record outlives
// the process; otherwise the log is as it was.
func (l *Log) Append(parts ...[]byte) error {
	l.buf = appendFrame(l.buf[:0], parts...)
	if len(l.buf)-frameHeader > MaxRecord {
		return fmt.Errorf("append to log: a record of %d bytes is larger than %d", len(l.buf), MaxRecord)
	}
	_, err := l.file.WriteAt(l.buf, l.size)
	if err != nil {
		// What was written in part would be cut off at the next opening anyway.
		_ = l.file.Truncate(l.size)
		return fmt.Errorf("append to log: %w", err)
	}
	l.size += int64(len(l.buf))
	if cap(l.buf) > 4<<20 {
		l.buf = nil
	}
	return nil
}

func appendFrame(buf []byte, parts ...[]byte) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, frameHeader)...)
	for _, p := range parts {
		buf = append(buf, p...)
	}
	payload := buf[start+frameHeader:]
	binary.LittleEndian.PutUint32(buf[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(buf[start+4:], checksum(payload))
	return buf
}

// Size is the size of the file in bytes.
func (l *Log) Size() int64 { return l.size }

// Bloated says that the log has grown by more than slack bytes and to more than
// twice its size since it was rewritten or opened.
func (l *Log) Bloated(slack int64) bool { return l.size > 2*l.base+slack }

// Rewrite replaces the records by those that dump adds, all or none: if it
// fails, or the process ends, the log is as it was.
func (l *Log) Rewrite(dump func(add func(record []byte) error) error) error {
	tmp := l.path + ".new"
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("rewrite log: %w", err)
	}
	var size int64
	w := bufio.NewWriterSize(f, 256<<10)
	err = dump(func(record []byte) error {
		l.buf = appendFrame(l.buf[:0], record)
		size += int64(len(l.buf))
		_, err := w.Write(l.buf)
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = os.Rename(tmp, l.path)
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(tmp)
		return fmt.Errorf("rewrite log: %w", err)
	}
	_ = l.file.Close()
	l.file, l.size, l.base = f, size, size
	return nil
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }

// Writer writes records to anything, as a Log does to its file.
type Writer struct {
	w   *bufio.Writer
	buf []byte
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriterSize(w, 256<<10)} }

// Add writes a record, made of parts.
func (w *Writer) Add(parts ...[]byte) error {
	w.buf = appendFrame(w.buf[:0], parts...)
	_, err := w.w.Write(w.buf)
	return err
}

// Flush writes what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }

// Read calls each with the records that a Writer wrote to r, up to the first
// that is not whole.
func Read(r io.Reader, each func(record []byte) error) error {
	_, err := readFrames(r, each)
	return err
}
