package lines_test

import (
	"fmt"
	"log/slog"
	"net"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/lines"
	"github.com/sidelight-dev/sidelight/agent/receiver/receivertest"
)

func TestLines(t *testing.T) {
	var sink receivertest.Sink
	to := receiver.Input{Source: "lines", Dest: sidelight.Dest{Group: "g"}.Handle()}
	r, err := lines.New(lines.Config{TCP: "127.0.0.1:0", UDP: "127.0.0.1:0", MaxLine: 16, To: to}, &sink, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	receivertest.Run(t, r, &sink)
	for i, a := range []net.Addr{r.TCPAddr(), r.UDPAddr()} {
		c, err := net.Dial(a.Network(), a.String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "{\"a\":1}\nno JSON\n\n{\"b\":2}")
		c.Close()
		for j, e := range sink.Wait(t, 3*i+3)[3*i:] {
			if want := []string{`{"a":1}`, "no JSON", `{"b":2}`}[j]; e.Body != want || e.Group != "g" || e.Time == 0 {
				t.Errorf("%s: event %d is %+v", a.Network(), j, e)
			}
		}
	}
	c, err := net.Dial("tcp", r.TCPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "0123456789abcdefghi\n")
	if e := sink.Wait(t, 8)[6:]; e[0].Body != "0123456789abcdef" || e[1].Body != "ghi" {
		t.Errorf("a long line became %+v", e)
	}
}

func TestRefused(t *testing.T) {
	var sink receivertest.Sink
	to := receiver.Input{Source: "lines", Dest: sidelight.Dest{Group: "g"}.Handle()}
	for _, cfg := range []lines.Config{{}, {To: to}, {TCP: "127.0.0.1:0"}, {UDP: "nonsense", To: to}} {
		if r, err := lines.New(cfg, &sink, slog.New(slog.DiscardHandler)); err == nil {
			r.Close()
			t.Errorf("New(%+v) succeeded", cfg)
		}
	}
}
