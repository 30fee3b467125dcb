package queue

import (
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
