package syslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/receivertest"
	"github.com/sidelight-dev/sidelight/agent/receiver/syslog"
)

func TestSockets(t *testing.T) {
	var sink receivertest.Sink
	path := filepath.Join(t.TempDir(), "log")
	to := receiver.Input{Source: "syslog", Dest: sidelight.Dest{Group: "g"}.Handle()}
	r, err := syslog.New(syslog.Config{TCP: "127.0.0.1:0", UDP: "127.0.0.1:0", Unix: path, To: to}, &sink, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	receivertest.Run(t, r, &sink)
	for i, x := range []struct{ network, addr, text string }{
		{"tcp", r.TCPAddr().String(), "<14>one: a\n<14>one: b\n<14>one: c"},
		{"tcp", r.TCPAddr().String(), "11 <14>one: a\n11 <14>one: b\n10 <14>one: c"},
		{"tcp", r.TCPAddr().String(), "<14>one: a\x00<14>one: b\x00<14>one: c\x00"},
	} {
		c, err := net.Dial(x.network, x.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, x.text)
		c.Close()
		for j, e := range sink.Wait(t, 3*i+3)[3*i:] {
			if want := fmt.Sprintf(`"level":"INFO","facility":"user","app":"one","msg":"%c`, 'a'+j); !strings.Contains(e.Body, want) {
				t.Errorf("%q: event %d is %s", x.text, j, e.Body)
			}
		}
	}
	for i, x := range []struct{ network, addr, want string }{
		{"udp", r.UDPAddr().String(), `"host":"h","app":"two","msg":"x\ny"}`},
		{"unixgram", path, `"msg":"h two: x\ny"}`}, // nobody writes a host there
	} {
		c, err := net.Dial(x.network, x.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "<14>Jan  2 12:00:00 h two: x\ny\n")
		c.Close()
		if e := sink.Wait(t, 10+i)[9+i]; !strings.HasSuffix(e.Body, x.want) || e.Group != "g" {
			t.Errorf("%s: %+v", x.network, e)
		}
	}
}

func TestBadFrame(t *testing.T) {
	var sink receivertest.Sink
	to := receiver.Input{Source: "syslog", Dest: sidelight.Dest{Group: "g"}.Handle()}
	r, err := syslog.New(syslog.Config{TCP: "127.0.0.1:0", To: to}, &sink, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	receivertest.Run(t, r, &sink)
	c, err := net.Dial("tcp", r.TCPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "5 <14>anonsense")
	sink.Wait(t, 1)
	sink.Until(t, "the loss", func() bool { return sink.Lost("bad_frame") == 1 })
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on")
	}
}

func TestRefused(t *testing.T) {
	var sink receivertest.Sink
	to := receiver.Input{Source: "syslog", Dest: sidelight.Dest{Group: "g"}.Handle()}
	for _, cfg := range []syslog.Config{{}, {To: to}, {TCP: "127.0.0.1:0"}, {TCP: "nonsense", To: to}} {
		if r, err := syslog.New(cfg, &sink, slog.New(slog.DiscardHandler)); err == nil {
			r.Close()
			t.Errorf("New(%+v) succeeded", cfg)
		}
	}
}

// BenchmarkReceive is a message's way from the socket to the sink.
func BenchmarkReceive(b *testing.B) {
	const message = "<34>1 2026-01-02T11:14:15.003Z web-1 sshd 9721 - - Failed password for invalid user admin from 203.0.113.7 port 51234 ssh2"
	for _, network := range []string{"tcp", "udp"} {
		b.Run(network, func(b *testing.B) {
			taken := make(chan int, 1<<16)
			out := sidelight.SinkFunc(func(_ context.Context, b *sidelight.Batch) error {
				taken <- len(b.Events)
				return nil
			})
			to := receiver.Input{Source: "syslog", Dest: sidelight.Dest{Group: "g"}.Handle()}
			r, err := syslog.New(syslog.Config{TCP: "127.0.0.1:0", UDP: "127.0.0.1:0", To: to}, new(receivertest.Sink), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			receivertest.Run(b, r, out)
			// A window keeps the sender from running ahead of the receiver.
			text, many, window := message+"\n", 100, 10_000
			addr := r.TCPAddr()
			if network == "udp" {
				text, many, window, addr = message, 1, 256, r.UDPAddr()
			}
			c, err := net.Dial(network, addr.String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			load := []byte(strings.Repeat(text, many))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			ahead, sent := 0, 0
			for b.Loop() {
				if sent++; sent%many != 0 {
					continue
				}
				for ahead > window {
					ahead -= <-taken
				}
				if _, err := c.Write(load); err != nil {
					b.Fatal(err)
				}
				ahead += many
			}
			for ahead > 0 {
				ahead -= <-taken
			}
		})
	}
}
