package otlp_test

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// The types of frames and the flag of HTTP/2 (RFC 9113, 6) that keepalive needs.
const (
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7
	flagAck       = 1
)

// A gRPC client that is set to keep its connection alive pings, as often as it
// likes and with nothing under way. Each ping is answered, and the client not sent
// away for it.
func TestKeepalive(t *testing.T) {
	x := start(t, nil)
	c, err := net.Dial("tcp", x.GRPCAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	writeFrame(t, c, frameSettings, nil)
	const pings = 50
	for i := range pings {
		writeFrame(t, c, framePing, binary.BigEndian.AppendUint64(nil, uint64(i)))
		for answered := false; !answered; {
			kind, flags, body := readFrame(t, c)
			switch {
			case kind == frameGoAway:
				t.Fatalf("sent away after %d pings: %x", i, body)
			case kind == framePing && flags&flagAck != 0:
				if n := binary.BigEndian.Uint64(body); n != uint64(i) {
					t.Fatalf("ping %d was answered, want %d", n, i)
				}
				answered = true
			}
		}
	}
}

func writeFrame(t *testing.T, w io.Writer, kind byte, body []byte) {
	t.Helper()
	head := []byte{0, 0, byte(len(body)), kind, 0, 0, 0, 0, 0}
	if _, err := w.Write(append(head, body...)); err != nil {
		t.Fatal(err)
	}
}

func readFrame(t *testing.T, r io.Reader) (kind, flags byte, body []byte) {
	t.Helper()
	head := make([]byte, 9)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	body = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(r, body); err != nil {
		t.Fatal(err)
	}
	return head[3], head[4], body
}
