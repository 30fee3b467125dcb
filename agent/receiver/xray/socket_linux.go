package xray

import (
	"fmt"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket reads all datagrams that are there after one wait, by a plain read
// each, which packs them densely into one buffer. recvmmsg needs 64 KB of room
// for every datagram that it might bring and, with 32 of them by x/net's
// ReadBatch, took 357 ns for a datagram of 1 kB where a read takes 305.
type socket struct {
	raw   syscall.RawConn
	drops uint32
}

func newSocket(c *net.UDPConn) (*socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("reach the socket: %w", err)
	}
	return &socket{raw: raw}, nil
}

// wait blocks until there is a datagram or the read deadline, and reads what is
// there.
func (s *socket) wait(in *intake) error {
	var failed error
	err := s.raw.Read(func(fd uintptr) bool {
		failed = readAll(int(fd), in)
		return failed != nil || len(in.ends) > 0
	})
	if err == nil {
		err = failed
	}
	return err
}

// drain reads what is there without waiting, and reports whether that was
// anything.
func (s *socket) drain(in *intake) bool {
	err := s.raw.Control(func(fd uintptr) { _ = readAll(int(fd), in) })
	return err == nil && len(in.ends) > 0
}

func readAll(fd int, in *intake) error {
	for {
		room := in.room()
		if room == nil {
			return nil
		}
		n, err := unix.Read(fd, room)
		switch err {
		case nil:
			in.took(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return nil
		default:
			return err
		}
	}
}

// meminfoDrops is the index of the count of dropped packets in what SO_MEMINFO
// returns (SK_MEMINFO_DROPS of linux/sock_diag.h).
const meminfoDrops = 8

// overflow returns how many datagrams the kernel has dropped for want of room
// since the last call.
func (s *socket) overflow() int {
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

// growBuffer asks for a socket buffer of n bytes, beyond the system's limit if
// the process may.
func growBuffer(c *net.UDPConn, n int) error {
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
