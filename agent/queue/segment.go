package queue

import (
	"fmt"
	"io"
	"os"
	"strings"
)

const segmentSuffix = ".seg"

func segmentName(n uint64) string { return fmt.Sprintf("%08d%s", n, segmentSuffix) }

// segment is one file of the log.
type segment struct {
	n       uint64
	root    *os.Root
	file    file
	size    int64
	length  int64 // of the file: more than size while there is left of an earlier use
	own     bool  // written by this process alone, and so with its use in each frame
	live    int   // blocks with bytes in it that are not done
	damaged bool
	pinned  bool // something in it could not be moved
	moved   bool // something was moved out of it
}

// file is what a segment needs of an *os.File.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// opener opens a segment's file for reading and writing.
type opener func(root *os.Root, name string, flag int) (file, error)

func openFile(root *os.Root, name string, flag int) (file, error) {
	f, err := root.OpenFile(name, os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func createSegment(root *os.Root, open opener, n uint64) (*segment, error) {
	f, err := open(root, segmentName(n), os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	s := &segment{n: n, root: root, file: f, own: true}
	if _, err := s.append([]byte(magic), nil, false); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// use is what each frame of the segment says, never zero. It differs from that of
// the file's earlier use.
func (s *segment) use() uint8 { return uint8(s.n%255) + 1 }

// append writes head and then body to the end. What a failed write left behind
// is cut off again, so that the segment stays readable. It returns head, perhaps
// with more room.
func (s *segment) append(head, body []byte, sync bool) ([]byte, error) {
	end := s.size + int64(len(head)+len(body))
	frames := head
	var err error
	if end < s.length && len(body) > 0 {
		_, err = s.file.WriteAt([]byte(endMark), end)
	} else if end < s.length {
		head = append(head, endMark...)
	}
	n := 0
	if err == nil {
		n, err = s.write(head, body)
	}
	if err == nil && sync {
		err = s.file.Sync()
	}
	if err != nil {
		s.cutBack(n > 0)
		return frames, fmt.Errorf("write segment %s: %w", segmentName(s.n), err)
	}
	if end < s.length {
		s.length = max(s.length, end+int64(len(endMark)))
	}
	s.size, s.length = end, max(s.length, end)
	return head[:0], nil
}

func (s *segment) write(head, body []byte) (int, error) {
	n, err := s.file.WriteAt(head, s.size)
	if err == nil && len(body) > 0 {
		var m int
		m, err = s.file.WriteAt(body, s.size+int64(n))
		n += m
	}
	return n, err
}

// cutBack cuts off what a failed write left behind.
func (s *segment) cutBack(wrote bool) {
	switch {
	case !wrote:
	case s.file.Truncate(s.size) != nil:
		s.damaged = true
	default:
		s.length = s.size
	}
}

// end cuts off what an earlier use left behind the last frame.
func (s *segment) end() error {
	if s.length <= s.size || s.damaged {
		return nil
	}
	if err := s.file.Truncate(s.size); err != nil {
		return fmt.Errorf("end segment %s: %w", segmentName(s.n), err)
	}
	s.length = s.size
	return nil
}

// read fills buf with the bytes at off.
func (s *segment) read(buf []byte, off int64) error {
	if _, err := s.file.ReadAt(buf, off); err != nil {
		return fmt.Errorf("read segment %s at %d: %w", segmentName(s.n), off, err)
	}
	return nil
}

// remove deletes the file, or sets it aside if a part of it could not be read.
func (s *segment) remove() {
	name := segmentName(s.n)
	s.file.Close()
	if s.damaged {
		_ = s.root.Rename(name, strings.TrimSuffix(name, segmentSuffix)+".damaged")
		return
	}
	_ = s.root.Remove(name)
}
