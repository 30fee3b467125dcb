package queue

import (
	"encoding/binary"
	"io"
	"os"
)

// File is what a segment is written through.
type File = file

// OpenThrough has the segments of cfg's queue opened, and then wrapped, by open.
func OpenThrough(cfg *Config, open func(name string, openFile func() (File, error)) (File, error)) {
	cfg.open = func(root *os.Root, name string, flag int) (file, error) {
		return open(name, func() (File, error) { return openFile(root, name, flag) })
	}
}

var _ io.WriterAt = File(nil)

// Reseal makes a segment of data: each frame's length is made to fit what is
// there, and its checksum right.
func Reseal(data []byte) []byte {
	out := append([]byte(magic), data[min(len(data), len(magic)):]...)
	for rest := out[len(magic):]; len(rest) >= headerSize; {
		n := min(int(binary.LittleEndian.Uint32(rest)), len(rest)-headerSize)
		endFrame(rest[:headerSize+n:headerSize+n], 0, nil)
		rest = rest[headerSize+n:]
	}
	return out
}
