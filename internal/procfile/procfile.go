// Package procfile reads the kernel's small text files, those of /proc and of
// control groups, again and again: without allocating, and without opening a
// file twice.
package procfile

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// MaxSize bounds what is read of one file, in bytes. /proc/stat of a machine
// with hundreds of CPUs has some 100 kB.
const MaxSize = 8 << 20

// Reader reads files below a directory. It keeps them open: the kernel makes
// their text anew for each reading from the start. It is used by one goroutine.
// Files are closed by Close, or by the collector once nobody has the Reader.
type Reader struct {
	root string
	buf  []byte
	kept []kept
}

type kept struct {
	name string
	file *os.File
}

// NewReader returns a Reader of the files below root.
func NewReader(root string) *Reader { return &Reader{root: root} }

// Root returns the directory.
func (r *Reader) Root() string { return r.root }

// Read returns the text of the named file, valid until the next call. The error
// names the file and wraps that of the system.
func (r *Reader) Read(name string) ([]byte, error) {
	for i := range r.kept {
		if r.kept[i].name != name {
			continue
		}
		b, err := r.all(r.kept[i].file)
		if err == nil {
			return b, nil
		}
		// What it was the text of is gone, such as a control group that was
		// made anew.
		r.forget(i)
		break
	}
	f, err := os.Open(filepath.Join(r.root, name))
	if err != nil {
		return nil, fmt.Errorf("open a file of the kernel: %w", err)
	}
	b, err := r.all(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	// A caller may have cut the name out of a greater text.
	r.kept = append(r.kept, kept{strings.Clone(name), f})
	return b, nil
}

// ReadOnce is Read for a file that is not kept open.
func (r *Reader) ReadOnce(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(r.root, name))
	if err != nil {
		return nil, fmt.Errorf("open a file of the kernel: %w", err)
	}
	defer f.Close()
	return r.all(f)
}

func (r *Reader) forget(i int) {
	_ = r.kept[i].file.Close() // only read: nothing is lost
	r.kept = append(r.kept[:i], r.kept[i+1:]...)
}

// Close closes what is open. The Reader can be used again.
func (r *Reader) Close() {
	for len(r.kept) > 0 {
		r.forget(len(r.kept) - 1)
	}
}

// all reads f from its start.
func (r *Reader) all(f *os.File) ([]byte, error) {
	if r.buf == nil {
		r.buf = make([]byte, 4096)
	}
	n := 0
	for {
		m, err := f.ReadAt(r.buf[n:], int64(n))
		n += m
		switch {
		case errors.Is(err, io.EOF):
			return r.buf[:n], nil
		case err != nil:
			return nil, fmt.Errorf("read a file of the kernel: %w", err)
		case n >= MaxSize:
			return nil, fmt.Errorf("read %s: it is over %d bytes", f.Name(), MaxSize)
		}
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
}

// Line returns the first line of b without its end, and what follows it.
func Line(b []byte) (line, rest []byte) {
	for i, c := range b {
		if c == '\n' {
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

// Field returns the first field of b, up to a space, tab or line end, and what
// follows it. It is empty if there is none.
func Field(b []byte) (field, rest []byte) {
	i := 0
	for i < len(b) && blank(b[i]) {
		i++
	}
	b = b[i:]
	for i, c := range b {
		if blank(c) {
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// Number reads a decimal number, as the kernel writes them: with a sign or a
// fraction, without an exponent, and with digits of at most 64 bits. It is NaN
// for anything else.
func Number(f []byte) float64 {
	sign := 1.0
	if len(f) > 0 && f[0] == '-' {
		sign, f = -1, f[1:]
	}
	var v uint64 // exact, where a float64 would round at each digit
	unit, dot, digits := 1.0, false, 0
	for _, c := range f {
		switch {
		case c == '.' && !dot:
			dot = true
			continue
		case c < '0' || c > '9', v > (math.MaxUint64-9)/10 && (v > math.MaxUint64/10 || uint64(c-'0') > math.MaxUint64-v*10):
			return math.NaN()
		}
		v, digits = v*10+uint64(c-'0'), digits+1
		if dot {
			unit *= 10
		}
	}
	if digits == 0 {
		return math.NaN()
	}
	return sign * float64(v) / unit
}

// Numbers reads the fields of b into to and returns how many there were. What
// is no number becomes NaN.
func Numbers(b []byte, to []float64) int {
	for i := range to {
		var f []byte
		if f, b = Field(b); len(f) == 0 {
			return i
		}
		to[i] = Number(f)
	}
	return len(to)
}

// Whole reads a text of one number. It is NaN for anything else, such as "max".
func Whole(b []byte) float64 {
	f, _ := Field(b)
	return Number(f)
}

// Keyed looks for the line "key value" and returns its number, NaN if there is
// none.
func Keyed(b []byte, key string) float64 {
	for len(b) > 0 {
		var line []byte
		line, b = Line(b)
		if len(line) > len(key) && string(line[:len(key)]) == key && (line[len(key)] == ' ' || line[len(key)] == ':') {
			return Whole(line[len(key)+1:])
		}
	}
	return math.NaN()
}

// Stalls reads a file of pressure stall information: for how many seconds in
// all some tasks waited, and all that had something to do. NaN stands for a line
// that is not there; old kernels have no full line for CPU.
func Stalls(b []byte) (some, full float64) {
	some, full = math.NaN(), math.NaN()
	for len(b) > 0 {
		var line, f []byte
		line, b = Line(b)
		kind, rest := Field(line)
		for len(rest) > 0 {
			if f, rest = Field(rest); len(f) < 6 || string(f[:6]) != "total=" {
				continue
			}
			v := Number(f[6:]) / 1e6
			switch string(kind) {
			case "some":
				some = v
			case "full":
				full = v
			}
		}
	}
	return some, full
}
