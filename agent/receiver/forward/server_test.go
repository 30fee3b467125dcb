package forward_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tinylib/msgp/msgp"

	"github.com/sidelight-dev/sidelight/agent/receiver/forward"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func squeeze(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const (
	// tag "app"; two entries at 1600000000 s and at 1600000000.5 s.
	tagHex    = "a3617070"
	entryHex  = "92 ce5f5e1000 81a1610a"
	entryHex2 = "92 d7005f5e10001dcd6500 81a1610b"
	// {"chunk": "p8n9g"} and the answer.
	chunkHex = "81 a5 6368756e6b a5 70386e3967"
	ackHex   = "81 a3 61636b a5 70386e3967"
)

// modes are messages of two entries, one in Message mode, without an option.
func modes(t testing.TB) map[string][]byte {
	entries := unhex(t, entryHex+entryHex2)
	gz := append(squeeze(t, entries[:len(entries)/3]), squeeze(t, entries[len(entries)/3:])...)
	return map[string][]byte{
		"message":    unhex(t, "93"+tagHex+"ce5f5e1000 81a1610a"),
		"forward":    unhex(t, "92"+tagHex+"92"+entryHex+entryHex2),
		"packed bin": append(unhex(t, "92"+tagHex+fmt.Sprintf("c4%02x", len(entries))), entries...),
		"packed str": append(unhex(t, "92"+tagHex+fmt.Sprintf("d9%02x", len(entries))), entries...),
		"compressed": append(append(unhex(t, "93"+tagHex+fmt.Sprintf("c4%02x", len(gz))), gz...),
			unhex(t, "81 aa 636f6d70726573736564 a4 677a6970")...),
	}
}

// with adds a pair to the option of msg, or an option of one pair.
func with(msg []byte, pair []byte, compressed bool) []byte {
	out := bytes.Clone(msg)
	if !compressed {
		out[0]++
		return append(append(out, 0x81), pair...)
	}
	i := bytes.LastIndex(out, []byte("\xaacompressed")) - 1
	out[i]++
	return append(out, pair...)
}

var want = []got{{"app", 1600000000_000, `{"a":10}`}, {"app", 1600000000_500, `{"a":11}`}}

func wanted(mode string) []got {
	if mode == "message" {
		return want[:1]
	}
	return want
}

func TestModes(t *testing.T) {
	for mode, msg := range modes(t) {
		t.Run(mode, func(t *testing.T) {
			s := start(t, forward.Config{}, new(sink))
			c := s.dial(t)
			send(t, c, msg)
			if diff := cmp.Diff(wanted(mode), s.sink.wait(t, len(wanted(mode)))); diff != "" {
				t.Error(diff)
			}
			// And again, byte by byte, with an acknowledgement.
			acked := with(msg, unhex(t, chunkHex[2:]), mode == "compressed")
			for i := range acked {
				send(t, c, acked[i:i+1])
			}
			expect(t, c, unhex(t, ackHex))
			if n := len(s.sink.wait(t, 2*len(wanted(mode)))); n != 2*len(wanted(mode)) {
				t.Errorf("%d events", n)
			}
		})
	}
}

func TestOptionsAndHeartbeats(t *testing.T) {
	s := start(t, forward.Config{}, new(sink))
	c := s.dial(t)
	msg := modes(t)["forward"]
	send(t, c, []byte{0xc0}) // a heartbeat
	send(t, c, append(bytes.Clone(msg[:0]), with(msg, unhex(t, "a473697a65 02"), false)...))
	withNil := append(bytes.Clone(msg), 0xc0)
	withNil[0]++
	send(t, c, withNil)
	// An unknown option, and metadata kept with the time.
	send(t, c, unhex(t, "93"+tagHex+"91 92 92ce5f5e100080 81a1610a 81 a178 92c0c0"))
	if n := len(s.sink.wait(t, 5)); n != 5 {
		t.Errorf("%d events, want 5", n)
	}
	// What is not logs is dropped, counted, and answered: it will never do.
	send(t, c, unhex(t, "93"+tagHex+"c402 9090 83"+chunkHex[2:]+"a473697a65 07 ad 666c75656e745f7369676e616c 01"))
	expect(t, c, unhex(t, ackHex))
	if n := s.books.count("not_logs"); n != 7 {
		t.Errorf("lost %d, want 7", n)
	}
}

func TestBadEntriesArePassedOver(t *testing.T) {
	s := start(t, forward.Config{}, new(sink))
	c := s.dial(t)
	bad := "c0 9101 92a16180 92ce5f5e100001 92ce5f5e1000818001"
	send(t, c, unhex(t, "93"+tagHex+"97"+entryHex+bad+entryHex2+chunkHex))
	expect(t, c, unhex(t, ackHex))
	send(t, c, unhex(t, "93"+tagHex+"ce5f5e1000 01")) // a record that is a number
	send(t, c, modes(t)["message"])
	if diff := cmp.Diff(append(want[:2:2], want[0]), s.sink.wait(t, 3)); diff != "" {
		t.Error(diff)
	}
	if n := s.books.count("malformed"); n != 6 {
		t.Errorf("lost %d, want 6", n)
	}
}

func TestMalformedClosesTheConnection(t *testing.T) {
	gz := squeeze(t, unhex(t, entryHex))
	compressed := func(p []byte) []byte {
		return append(append(unhex(t, "93"+tagHex+fmt.Sprintf("c4%02x", len(p))), p...),
			unhex(t, "81 aa 636f6d70726573736564 a4 677a6970")...)
	}
	for name, msg := range map[string][]byte{
		"JSON":             []byte(`["app",1600000000,{"a":1},{}]`),
		"HTTP":             []byte("GET / HTTP/1.1\r\n\r\n"),
		"never used":       unhex(t, "c1"),
		"one part":         unhex(t, "91"+tagHex),
		"five parts":       unhex(t, "95"+tagHex+"c0c0c0c0"),
		"tag":              unhex(t, "93 01 ce5f5e1000 80"),
		"no record":        unhex(t, "92"+tagHex+"ce5f5e1000"),
		"option":           unhex(t, "93"+tagHex+"91"+entryHex+"01"),
		"packed rubbish":   unhex(t, "92"+tagHex+"c404 92c1c0c0"),
		"packed, then not": unhex(t, "92"+tagHex+fmt.Sprintf("c4%02x", len(unhex(t, entryHex))+2)+entryHex+"92c1"),
		"packed cut":       unhex(t, "92"+tagHex+"c403 92ce5f"),
		"not gzip":         compressed([]byte("rubbish, for certain")),
		"gzip cut":         compressed(gz[:len(gz)-5]),
		"gzip, then not":   compressed(append(bytes.Clone(gz), 1, 2, 3)),
		"gzip of a part":   compressed(squeeze(t, unhex(t, entryHex)[:3])),
		"zstd":             unhex(t, "93"+tagHex+"c401 00 81 aa 636f6d70726573736564 a4 7a737464"),
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, forward.Config{}, new(sink))
			c := s.dial(t)
			send(t, c, modes(t)["message"])
			send(t, c, msg)
			expectClosed(t, c)
			if n := s.books.count("malformed"); n != 1 {
				t.Errorf("lost %d, want 1", n)
			}
			if n := len(s.sink.wait(t, 1)); n > 2 || strings.HasPrefix(name, "packed") && n != 1 {
				t.Errorf("%d events", n)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	record := msgp.AppendString(unhex(t, "91 92 ce5f5e1000 81 a161"), strings.Repeat("x", 300_000))
	gz := squeeze(t, record[1:])
	compressed := append(msgp.AppendBytes(unhex(t, "93"+tagHex), gz), unhex(t, "81 aa 636f6d70726573736564 a4 677a6970")...)
	for name, tc := range map[string]struct {
		cfg forward.Config
		msg []byte
	}{
		"message":          {forward.Config{MaxMessage: 200_000}, append(unhex(t, "92"+tagHex), record...)},
		"announced":        {forward.Config{MaxMessage: 200_000}, unhex(t, "92"+tagHex+"c6 7fffffff")},
		"announced values": {forward.Config{MaxMessage: 200_000}, unhex(t, "92"+tagHex+"dd ffffffff")},
		"record, gzip":     {forward.Config{MaxMessage: 200_000}, compressed},
		"expanded":         {forward.Config{MaxExpanded: 299_000}, compressed},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, tc.cfg, new(sink))
			c := s.dial(t)
			go func() { _, _ = c.Write(tc.msg) }()
			expectClosed(t, c)
			if n := s.books.count("oversize"); n != 1 {
				t.Errorf("lost %d, want 1", n)
			}
		})
	}
	s := start(t, forward.Config{}, new(sink))
	send(t, s.dial(t), append(unhex(t, "92"+tagHex), record...))
	send(t, s.dial(t), compressed)
	for _, e := range s.sink.wait(t, 2) {
		if len(e.Body) != 300_000+len(`{"a":""}`) {
			t.Errorf("body of %d bytes", len(e.Body))
		}
	}
}

func TestTooManyConnections(t *testing.T) {
	s := start(t, forward.Config{Connections: 1}, new(sink))
	first := s.dial(t)
	send(t, first, modes(t)["message"])
	s.sink.wait(t, 1)
	expectClosed(t, s.dial(t))
	send(t, first, modes(t)["message"])
	s.sink.wait(t, 2)
}

func TestStalledPeer(t *testing.T) {
	s := start(t, forward.Config{Stall: 50 * time.Millisecond}, new(sink))
	idle, stalled := s.dial(t), s.dial(t)
	send(t, stalled, modes(t)["forward"][:7])
	expectClosed(t, stalled)
	send(t, idle, modes(t)["message"]) // silence between messages is no fault
	s.sink.wait(t, 1)
}

func TestAckWaitsForTheTicket(t *testing.T) {
	s := start(t, forward.Config{}, &sink{hold: true})
	c := s.dial(t)
	msg := with(modes(t)["forward"], unhex(t, chunkHex[2:]), false)
	send(t, c, msg)
	s.sink.wait(t, 2)
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !isTimeout(err) {
		t.Fatalf("Read = %d, %v before the release", n, err)
	}
	// Reading goes on meanwhile.
	send(t, c, msg)
	s.sink.wait(t, 4)
	s.sink.release(nil)
	expect(t, c, unhex(t, ackHex+ackHex))
	// A chunk that could not be kept closes the connection, unanswered.
	send(t, c, msg)
	s.sink.wait(t, 6)
	s.sink.release(errors.New("not now"))
	expectClosed(t, c)
}

func TestBackPressureReachesTheSocket(t *testing.T) {
	gate := make(chan struct{})
	s := start(t, forward.Config{Unix: socket(t)}, &sink{gate: gate})
	c := s.dial(t)
	msg := msgp.AppendString(unhex(t, "93"+tagHex+"ce5f5e1000 81a161"), strings.Repeat("x", 10_000))
	if err := c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	whole, part := 0, 0
	for {
		n, err := c.Write(msg)
		if err != nil {
			if !isTimeout(err) {
				t.Fatal(err)
			}
			part = n
			break
		}
		if whole++; whole > 10_000 {
			t.Fatal("100 MB were taken while the sink was blocked")
		}
	}
	close(gate)
	if err := c.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	send(t, c, msg[part:])
	if n := len(s.sink.wait(t, whole+1)); n != whole+1 {
		t.Errorf("%d events arrived of %d", n, whole+1)
	}
}

func TestStopFinishesTheMessageAtHand(t *testing.T) {
	s := start(t, forward.Config{Linger: 20 * time.Second}, new(sink))
	c := s.dial(t)
	msg := with(modes(t)["forward"], unhex(t, chunkHex[2:]), false)
	first := append(bytes.Clone(modes(t)["message"]), msg[:12]...)
	send(t, c, first)
	s.sink.wait(t, 1)
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	// The listener goes first.
	waitRefused(t, s.Addrs()[0])
	send(t, c, msg[12:])
	expect(t, c, unhex(t, ackHex))
	expectClosed(t, c)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestStopLeavesTheAnswersReadable has a peer that goes on sending: it reads the
// answer to every chunk that was taken, and then the end.
func TestStopLeavesTheAnswersReadable(t *testing.T) {
	s := start(t, forward.Config{Linger: 50 * time.Millisecond}, new(sink))
	c := s.dial(t)
	msg := with(modes(t)["forward"], unhex(t, chunkHex[2:]), false)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for {
			if _, err := c.Write(msg); err != nil {
				return
			}
		}
	}()
	s.sink.wait(t, 2)
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	answers, err := io.ReadAll(c)
	c.Close()
	<-sent
	if err := errors.Join(err, <-stopped); err != nil {
		t.Error(err)
	}
	if got, want := len(answers)/len(unhex(t, ackHex)), len(s.sink.wait(t, 2))/2; got != want {
		t.Errorf("%d answers to %d chunks", got, want)
	}
}

func waitRefused(t *testing.T, a net.Addr) {
	t.Helper()
	for t.Context().Err() == nil {
		c, err := net.Dial(a.Network(), a.String())
		if err != nil {
			return
		}
		c.Close()
	}
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	for name, tc := range map[string]*sink{
		"no room":     {gate: make(chan struct{})},
		"no delivery": {hold: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, forward.Config{Linger: 50 * time.Millisecond}, tc)
			c := s.dial(t)
			send(t, c, with(modes(t)["forward"], unhex(t, chunkHex[2:]), false))
			if tc.hold {
				tc.wait(t, 2)
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			expectClosed(t, c)
		})
	}
}

// TestIdleConnectionGivesMemoryBack sends a message that needs all of the
// budget on one connection, and then on another.
func TestIdleConnectionGivesMemoryBack(t *testing.T) {
	s := start(t, forward.Config{MaxMessage: 300_000, Memory: 300_000}, new(sink))
	msg := msgp.AppendString(unhex(t, "93"+tagHex+"ce5f5e1000 81a161"), strings.Repeat("x", 250_000))
	first := s.dial(t)
	send(t, first, msg)
	s.sink.wait(t, 1)
	send(t, s.dial(t), msg)
	s.sink.wait(t, 2)
	send(t, first, msg)
	s.sink.wait(t, 3)
	if n := s.books.count("memory"); n != 0 {
		t.Errorf("lost %d", n)
	}
}
