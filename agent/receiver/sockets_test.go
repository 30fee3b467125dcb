package receiver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/receivertest"
)

// open opens sockets whose messages are lost if they are "bad" and go to the
// group that "to=" names.
func open(t *testing.T, cfg receiver.SocketsConfig, sink *receivertest.Sink) *receiver.Sockets {
	t.Helper()
	if cfg.TCP == "" && cfg.UDP == "" && cfg.Unix == "" {
		cfg.TCP, cfg.UDP = "127.0.0.1:0", "127.0.0.1:0"
	}
	cfg.Name, cfg.To = "test", receiver.Input{Source: "test", Dest: sidelight.Dest{Group: "g"}.Handle()}
	cfg.Decode = func(m *receiver.Message) string {
		if string(m.Raw) == "bad" {
			return "bad"
		}
		if group, ok := strings.CutPrefix(string(m.Raw), "to="); ok {
			m.To.Dest = sidelight.Dest{Group: group}.Handle()
		}
		return ""
	}
	s, err := receiver.OpenSockets(cfg, sink, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func dial(t *testing.T, a net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func bodies(events []receivertest.Event) string {
	var out []string
	for _, e := range events {
		out = append(out, e.Group+":"+e.Body)
	}
	return strings.Join(out, " ")
}

func TestStream(t *testing.T) {
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{}, &sink)
	stop := receivertest.Run(t, s, &sink)
	c := dial(t, s.TCPAddr())
	write(t, c, "a\nb\nbad\nto=h\nto=h\nc\nd")
	sink.Wait(t, 6-1)
	c.Close()
	if got, want := bodies(sink.Wait(t, 6)), "g:a g:b h:to=h h:to=h g:c g:d"; got != want {
		t.Errorf("took %s, want %s", got, want)
	}
	if sink.Lost("bad") != 1 {
		t.Errorf("bad messages lost: %d", sink.Lost("bad"))
	}
	// What is on its way when the stop comes is taken, the last line without its
	// end too.
	c = dial(t, s.TCPAddr())
	write(t, c, "e\n")
	sink.Wait(t, 7)
	write(t, c, "f\ng")
	stop()
	if got := bodies(sink.Events()[7:]); got != "g:f g:g" {
		t.Errorf("at the stop: %s", got)
	}
	if _, err := net.Listen("tcp", s.TCPAddr().String()); err != nil {
		t.Errorf("the port is not free after Run: %v", err)
	}
}

func TestLongLinesGrowAndShrink(t *testing.T) {
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{MaxMessage: 100_000}, &sink)
	receivertest.Run(t, s, &sink)
	c := dial(t, s.TCPAddr())
	long := strings.Repeat("0123456789", 25_000)
	write(t, c, "a\n"+long+"\nb\n")
	got := sink.Wait(t, 5)
	if got[1].Body+got[2].Body+got[3].Body != long || got[4].Body != "b" {
		t.Errorf("pieces of %d, %d, %d", len(got[1].Body), len(got[2].Body), len(got[3].Body))
	}
	for i := range 50 {
		write(t, c, fmt.Sprintf("%d-%s\n", i, strings.Repeat("x", i*700)))
	}
	for i, e := range sink.Wait(t, 55)[5:] {
		if want := fmt.Sprintf("%d-%s", i, strings.Repeat("x", i*700)); e.Body != want {
			t.Fatalf("message %d is %.20q of %d bytes", i, e.Body, len(e.Body))
		}
	}
}

// A busy connection reads more at once, and gives the memory back when it is
// silent.
func TestBusyConnectionsGrow(t *testing.T) {
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{TCP: "127.0.0.1:0", Memory: 48 << 10, MaxMessage: 60 << 10}, &sink)
	receivertest.Run(t, s, &sink)
	first, second := dial(t, s.TCPAddr()), dial(t, s.TCPAddr())
	const lines = 20_000
	write(t, first, strings.Repeat("0123456789abcdef\n", lines))
	sink.Wait(t, lines)
	// All the memory there is was the first one's.
	write(t, second, strings.Repeat("x", 50<<10)+"\n")
	if e := sink.Wait(t, lines+1)[lines]; len(e.Body) != 50<<10 {
		t.Errorf("the message has %d bytes", len(e.Body))
	}
}

// While the sink has no room a peer cannot go on writing for ever.
func TestStreamPushesBack(t *testing.T) {
	var sink receivertest.Sink
	open1 := sink.Shut()
	s := open(t, receiver.SocketsConfig{}, &sink)
	receivertest.Run(t, s, &sink)
	c := dial(t, s.TCPAddr())
	line := []byte(strings.Repeat("x", 999) + "\n")
	sent := 0
	for {
		if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Write(line)
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if sent > 256<<20 {
			t.Fatal("the peer was never held back")
		}
	}
	open1()
	c.Close()
	sink.Wait(t, sent/1000)
}

func TestStopCountsWhatCannotBePushed(t *testing.T) {
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{Linger: 50 * time.Millisecond}, &sink)
	stop := receivertest.Run(t, s, &sink)
	c := dial(t, s.TCPAddr())
	write(t, c, "a\n")
	sink.Wait(t, 1)
	sink.Fail(sidelight.ErrClosed)
	write(t, c, "b\nc\nto=h\nd\n")
	sink.Until(t, "the loss", func() bool { return sink.Lost("shutdown") == 4 })
	stop()
	if n := len(sink.Events()); n != 1 || sink.Lost("shutdown") != 4 {
		t.Errorf("took %d, lost %d", n, sink.Lost("shutdown"))
	}
}

func TestDatagrams(t *testing.T) {
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{}, &sink)
	c := dial(t, s.UDPAddr())
	write(t, c, "")
	write(t, c, "a\nb\r\n\nbad")
	write(t, c, "c\x00\n")
	write(t, c, "to=h\nd")
	stop := receivertest.Run(t, s, &sink)
	sink.Wait(t, 5)
	sink.Until(t, "the loss", func() bool { return sink.Lost("bad") == 1 })
	sink.Fail(sidelight.ErrFull)
	write(t, c, "e\nf")
	sink.Until(t, "the loss", func() bool { return sink.Lost("full") == 2 })
	sink.Fail(nil)
	write(t, c, "g")
	sink.Wait(t, 6)
	stop()
	if got, want := bodies(sink.Events()), "g:a g:b g:c h:to=h g:d g:g"; got != want {
		t.Errorf("took %s, want %s", got, want)
	}
}

// A panic behind the receiver costs what it was about, and no more.
func TestPanicIsContained(t *testing.T) {
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{}, &sink)
	receivertest.Run(t, s, sidelight.SinkFunc(func(ctx context.Context, b *sidelight.Batch) error {
		if string(b.Events[0].Body) == "boom" {
			panic("boom")
		}
		return sink.Push(ctx, b)
	}))
	for i, a := range []net.Addr{s.TCPAddr(), s.UDPAddr()} {
		write(t, dial(t, a), "boom\n")
		sink.Until(t, "the loss", func() bool { return sink.Lost("panic") == i+1 })
		write(t, dial(t, a), "on\n")
		sink.Wait(t, i+1)
	}
}

// What the kernel throws away for want of room is counted.
func TestDatagramsOverflow(t *testing.T) {
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{UDP: "127.0.0.1:0", ReadBuffer: 4096}, &sink)
	c := dial(t, s.UDPAddr())
	const n = 200
	for range n {
		write(t, c, strings.Repeat("x", 1000))
	}
	receivertest.Run(t, s, &sink)()
	if took, lost := len(sink.Events()), sink.Lost("socket_overflow"); lost == 0 || took+lost != n {
		t.Errorf("took %d, counted %d lost of %d", took, lost, n)
	}
}

func TestUnixDatagrams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	// A process that was killed has left its socket.
	stale, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	stale.Close()
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{Unix: path, Whole: true}, &sink)
	stop := receivertest.Run(t, s, &sink)
	c, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	big := strings.Repeat("y", 150_000)
	write(t, c, "one\ntwo\n")
	write(t, c, big)
	if got := sink.Wait(t, 2); got[0].Body != "one\ntwo" || got[1].Body != big {
		t.Errorf("took %.20q and %d bytes", got[0].Body, len(got[1].Body))
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("socket: %v, %v", info, err)
	}
	stop()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the stop the socket is there: %v", err)
	}
}

func TestTLS(t *testing.T) {
	pair := receivertest.NewPair(t)
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{TCP: "127.0.0.1:0", TLS: &tls.Config{
		Certificates: []tls.Certificate{pair.Cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pair.Roots,
	}}, &sink)
	stop := receivertest.Run(t, s, &sink)
	// Neither plain text nor a stranger gets in.
	plain := dial(t, s.TCPAddr())
	write(t, plain, "plain\n")
	if n, err := plain.Read(make([]byte, 100)); n == 0 && err == nil {
		t.Error("no answer to plain text")
	}
	if c, err := tls.Dial("tcp", s.TCPAddr().String(), &tls.Config{RootCAs: pair.Roots}); err == nil {
		fmt.Fprint(c, "stranger\n")
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a stranger was answered")
		}
		c.Close()
	}
	c, err := tls.Dial("tcp", s.TCPAddr().String(), &tls.Config{RootCAs: pair.Roots, Certificates: []tls.Certificate{pair.Cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "a\nb\n")
	sink.Wait(t, 2)
	fmt.Fprint(c, "c\nd")
	stop()
	if got := bodies(sink.Events()); got != "g:a g:b g:c g:d" {
		t.Errorf("took %s", got)
	}
}

func TestTooManyConnections(t *testing.T) {
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{TCP: "127.0.0.1:0", Connections: 1}, &sink)
	receivertest.Run(t, s, &sink)
	first := dial(t, s.TCPAddr())
	write(t, first, "a\n")
	sink.Wait(t, 1)
	if n, err := dial(t, s.TCPAddr()).Read(make([]byte, 1)); err == nil {
		t.Errorf("the second connection read %d bytes", n)
	}
	write(t, first, "b\n")
	sink.Wait(t, 2)
}

// Peers that begin large messages cannot take more memory than there is.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel() // it waits for memory in vain, as long as that takes
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{TCP: "127.0.0.1:0", Memory: 100_000}, &sink)
	receivertest.Run(t, s, &sink)
	c := dial(t, s.TCPAddr())
	// The connection is closed in the middle of it.
	_, _ = c.Write([]byte(strings.Repeat("x", 500_000)))
	sink.Until(t, "what there was room for", func() bool { return len(sink.Events()) == 1 })
	if n := len(sink.Events()[0].Body); n < 16<<10 || n > 116_384 {
		t.Errorf("kept %d bytes", n)
	}
}

func TestSocketsRefused(t *testing.T) {
	var sink receivertest.Sink
	s := open(t, receiver.SocketsConfig{}, &sink)
	defer s.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]receiver.SocketsConfig{
		"nothing":  {},
		"tls":      {UDP: "127.0.0.1:0", TLS: &tls.Config{}},
		"tcp port": {TCP: s.TCPAddr().String()},
		"udp port": {UDP: s.UDPAddr().String()},
		"nonsense": {UDP: "nonsense"},
		"a file":   {Unix: file},
		"a path":   {Unix: "/" + strings.Repeat("x", 107)},
		"limit":    {TCP: "127.0.0.1:0", MaxMessage: 1},
	} {
		if other, err := receiver.OpenSockets(cfg, &sink, slog.New(slog.DiscardHandler)); err == nil {
			other.Close()
			t.Errorf("%s: opened", name)
		}
	}
}
