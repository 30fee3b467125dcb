package forward

import (
	"net"
	"syscall"
	"time"
)

// gather is how long a connection that is fed little by little is left alone
// before it is read again: to wake up, to read and to write ahead cost more
// than to handle the few records that a sender writes at once. They wait in
// the socket meanwhile.
const gather = 10 * time.Millisecond

// doze leaves c alone for a while. Over TCP, each arrival would wake the process
// all the same, since the runtime waits for it with all other sockets: so the
// kernel is asked to keep to itself what is less than half a buffer. A unix
// socket has no such mark, and TLS needs none: it is not c's socket.
func (c *conn) doze() {
	tcp, ok := c.nc.(*net.TCPConn)
	if !ok {
		time.Sleep(gather)
		return
	}
	// Without the mark we are woken in vain, no more. Back at one, whatever is
	// there can be read and waited for as ever.
	setLowWater(tcp, len(c.buf)/2)
	time.Sleep(gather)
	setLowWater(tcp, 1)
}

func setLowWater(tcp *net.TCPConn, bytes int) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
	})
}
