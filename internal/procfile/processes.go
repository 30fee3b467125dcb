package procfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"syscall"
)

// Processes reads the processes below a mount of proc, without allocating much.
// It is used by one goroutine.
type Processes struct {
	root string
	dir  int // of root; -1 if not open
	ents []byte
	text []byte
	pids []int
}

// NewProcesses returns a reader of the processes below root, such as "/proc".
func NewProcesses(root string) *Processes { return &Processes{root: root, dir: -1} }

// Close closes the directory. The reader can be used again.
func (p *Processes) Close() {
	if p.dir >= 0 {
		_ = syscall.Close(p.dir) // only read: nothing is lost
		p.dir = -1
	}
}

// List returns the ids of all processes that can be seen, valid until the next
// call.
func (p *Processes) List() ([]int, error) {
	if p.dir < 0 {
		fd, err := syscall.Open(p.root, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", p.root, err)
		}
		p.dir = fd
	}
	if _, err := syscall.Seek(p.dir, 0, 0); err != nil {
		return nil, fmt.Errorf("list %s: %w", p.root, err)
	}
	p.pids = p.pids[:0]
	err := p.entries(p.dir, func(name []byte) {
		if pid := Number(name); pid > 0 && pid < math.MaxInt32 {
			p.pids = append(p.pids, int(pid))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", p.root, err)
	}
	return p.pids, nil
}

// Read returns the text of a process's file, valid until the next call. It fails
// if the process has ended.
func (p *Processes) Read(pid int, name string) ([]byte, error) {
	fd, err := p.open(pid, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = syscall.Close(fd) }()
	if p.text == nil {
		p.text = make([]byte, 4096)
	}
	n := 0
	for n < MaxSize {
		if n == len(p.text) {
			p.text = append(p.text, make([]byte, n)...)
		}
		m, err := syscall.Read(fd, p.text[n:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s of a process: %w", name, err)
		}
		if m <= 0 {
			break
		}
		n += m
	}
	return p.text[:n], nil
}

// Count returns how many entries a directory of a process has, such as fd.
func (p *Processes) Count(pid int, name string) (int, error) {
	fd, err := p.open(pid, name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = syscall.Close(fd) }()
	n := 0
	err = p.entries(fd, func(entry []byte) {
		if string(entry) != "." && string(entry) != ".." {
			n++
		}
	})
	if err != nil {
		return 0, fmt.Errorf("list %s of a process: %w", name, err)
	}
	return n, nil
}

func (p *Processes) open(pid int, name string) (int, error) {
	if p.dir < 0 {
		return -1, fmt.Errorf("read %s of a process: %w", name, syscall.EBADF)
	}
	var path [64]byte
	b := append(strconv.AppendInt(path[:0], int64(pid), 10), '/')
	fd, err := syscall.Openat(p.dir, string(append(b, name...)), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s of a process: %w", name, err)
	}
	return fd, nil
}

// entries calls f with each name in the directory.
func (p *Processes) entries(fd int, f func(name []byte)) error {
	if p.ents == nil {
		p.ents = make([]byte, 8192)
	}
	for {
		n, err := syscall.ReadDirent(fd, p.ents)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n <= 0 {
			return nil
		}
		names(p.ents[:n], f)
	}
}

// names walks over linux_dirent64: inode (8 bytes), offset (8), length of the
// entry (2), type (1), name and a zero.
func names(b []byte, f func(name []byte)) {
	const header = 19
	for len(b) > header {
		size := int(binary.NativeEndian.Uint16(b[16:]))
		if size <= header || size > len(b) {
			return
		}
		name, _, _ := bytes.Cut(b[header:size], []byte{0})
		f(name)
		b = b[size:]
	}
}

// Process is what /proc/<pid>/stat says of one. Times are in ticks of 10 ms.
type Process struct {
	Name       []byte // at most 15 bytes; part of the text that was read
	State      byte
	User, Sys  float64
	Threads    float64
	Start      float64
	RSS        float64 // pages
	Virtual    float64 // bytes
	MinorFault float64
	MajorFault float64
}

// ParseProcess reads the text of /proc/<pid>/stat. The name may have anything in
// it, spaces and parentheses too: it ends at the last one.
func ParseProcess(b []byte) (Process, bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return Process{}, false
	}
	state, rest := Field(b[end+1:])
	var v [21]float64 // from field 4, ppid, to field 24, rss
	if len(state) != 1 || Numbers(rest, v[:]) < len(v) {
		return Process{}, false
	}
	return Process{
		Name: b[open+1 : end], State: state[0],
		MinorFault: v[6], MajorFault: v[8], User: v[10], Sys: v[11], Threads: v[16], Start: v[18], Virtual: v[19], RSS: v[20],
	}, true
}
