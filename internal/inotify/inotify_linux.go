package inotify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// readBytes holds some hundred events with names of usual length, and one with
// the longest name in any case.
const readBytes = 16 << 10

// Watcher is one instance of inotify. Its methods are safe for concurrent use,
// but for Read, which one goroutine calls.
type Watcher struct {
	f      *os.File
	fd     int
	buf    []byte
	events []Event
}

// New makes a Watcher that watches nothing yet. The kernel allows each user 128
// of them by default (fs.inotify.max_user_instances).
func New() (*Watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("make an inotify instance: %w", err)
	}
	// A descriptor that does not block is waited for by the runtime, so that
	// Close ends a Read.
	return &Watcher{f: os.NewFile(uintptr(fd), "inotify"), fd: fd, buf: make([]byte, readBytes)}, nil
}

// Directory watches the entries of the directory at path. A directory that is
// watched already keeps its number, under any path.
func (w *Watcher) Directory(path string) (int32, error) {
	ops := Create | MovedFrom | MovedTo | Delete | DeleteDir | MoveDir
	return w.add(path, uint32(ops)|unix.IN_ONLYDIR)
}

// Once watches the file at path until it is written to or truncated for the
// first time.
func (w *Watcher) Once(path string) (int32, error) {
	return w.add(path, uint32(Modify)|unix.IN_ONESHOT)
}

// Writes watches the entries of the directory at path as Directory does, and
// what is written to them.
func (w *Watcher) Writes(path string) (int32, error) {
	ops := Create | MovedFrom | MovedTo | Delete | DeleteDir | MoveDir | Modify
	return w.add(path, uint32(ops)|unix.IN_ONLYDIR)
}

func (w *Watcher) add(path string, mask uint32) (int32, error) {
	wd, err := unix.InotifyAddWatch(w.fd, path, mask)
	if err != nil {
		return -1, fmt.Errorf("watch %q: %w", path, err)
	}
	return int32(wd), nil
}

// Remove ends a watch. One that has ended is none.
func (w *Watcher) Remove(watch int32) {
	// The only error is that there is no such watch.
	_, _ = unix.InotifyRmWatch(w.fd, uint32(watch))
}

// Read waits for events and returns them. They are valid until the next Read.
// After Close it returns an error.
func (w *Watcher) Read() ([]Event, error) {
	n, err := w.f.Read(w.buf)
	if err != nil {
		return nil, fmt.Errorf("read inotify events: %w", err)
	}
	w.events = w.events[:0]
	for b := w.buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
		size := int(binary.NativeEndian.Uint32(b[12:]))
		if size > len(b)-unix.SizeofInotifyEvent {
			break
		}
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size], []byte{0})
		w.events = append(w.events, Event{
			Watch: int32(binary.NativeEndian.Uint32(b)), Op: Op(binary.NativeEndian.Uint32(b[4:])),
			Cookie: binary.NativeEndian.Uint32(b[8:]), Name: string(name),
		})
		b = b[unix.SizeofInotifyEvent+size:]
	}
	return w.events, nil
}

// Close ends all watches, and a Read that waits.
func (w *Watcher) Close() error { return w.f.Close() }

// Silent reports whether the file system at path changes without inotify
// telling: one that others share, or that is served by a program.
func Silent(path string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
		unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC, lustre, gpfs:
		return true
	}
	return false
}

// Magic numbers of file systems outside the kernel's tree.
const (
	lustre = 0x0bd00bd0
	gpfs   = 0x47504653
)
