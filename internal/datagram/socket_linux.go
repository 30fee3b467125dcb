package datagram

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket reads all datagrams that are there after one wait, by a plain read
// each, which packs them densely into one buffer. recvmmsg needs 64 KB of room
// for every datagram that it might bring and, with 32 of them by x/net's
// ReadBatch, took 357 ns for a datagram of 1 kB where a read takes 305.
type Socket struct {
	raw   syscall.RawConn
	drops uint32
}

// New returns a Socket over c, which stays the caller's: its read deadline ends
// a Wait, and its Close too.
func New(c syscall.Conn) (*Socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("reach the socket: %w", err)
	}
	return &Socket{raw: raw}, nil
}

// Wait blocks until there is a datagram or the read deadline, and reads what is
// there into g.
func (s *Socket) Wait(g *Gather) error {
	var failed error
	err := s.raw.Read(func(fd uintptr) bool {
		failed = readAll(int(fd), g)
		return failed != nil || g.Len() > 0
	})
	if err == nil {
		err = failed
	}
	return err
}

// Drain reads what is there without waiting, and reports whether that was
// anything.
func (s *Socket) Drain(g *Gather) bool {
	err := s.raw.Control(func(fd uintptr) { _ = readAll(int(fd), g) })
	return err == nil && g.Len() > 0
}

func readAll(fd int, g *Gather) error {
	if g.buf == nil && !waiting(fd) {
		return nil
	}
	for {
		room := g.room()
		if room == nil {
			return nil
		}
		n, err := read(fd, room)
		switch err {
		case nil:
			g.took(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return nil
		default:
			return err
		}
	}
}

// waiting reports whether there is a datagram, or an error to be read.
func waiting(fd int) bool {
	var one [1]byte
	_, _, err := unix.Recvfrom(fd, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return !errors.Is(err, unix.EAGAIN)
}

// meminfoDrops is the index of the count of dropped packets in what SO_MEMINFO
// returns (SK_MEMINFO_DROPS of linux/sock_diag.h).
const meminfoDrops = 8

// Dropped returns how many datagrams the kernel has dropped for want of room
// since the last call.
func (s *Socket) Dropped() int {
	var info [meminfoDrops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	var errno syscall.Errno
	err := s.raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	})
	if err != nil || errno != 0 || size < uint32(unsafe.Sizeof(info)) {
		return 0
	}
	n := info[meminfoDrops] - s.drops // wraps like the kernel's counter
	s.drops = info[meminfoDrops]
	return int(n)
}

// Conn is a socket whose buffer has a size.
type Conn interface {
	syscall.Conn
	SetReadBuffer(bytes int) error
}

// Grow asks for a socket buffer of n bytes, beyond the system's limit if the
// process may.
func Grow(c Conn, n int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	forced := unix.EPERM
	err = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n) == nil {
			forced = 0
		}
	})
	if err == nil && forced == 0 {
		return nil
	}
	return c.SetReadBuffer(n)
}

// Granted returns the size in bytes of the socket's buffer, 0 if the kernel does not
// say: net.core.rmem_max bounds what Grow gets for a process that may not exceed it.
// The kernel counts what it needs for itself twice, which is left out.
func Granted(c syscall.Conn) int {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	_ = raw.Control(func(fd uintptr) {
		if got, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
			n = got / 2
		}
	})
	return n
}

// read is read(2) of a socket that does not block, without telling the scheduler:
// where a datagram has one sample of StatsD, that was 4 to 14 % of its CPU. b is not
// empty.
func read(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
