package swallow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/receiver/swallow"
)

func TestSwallow(t *testing.T) {
	r, err := swallow.New("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := swallow.New(r.Addr().String()); err == nil {
		t.Error("a port in use is no fault")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, nil) }()
	c, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := fmt.Fprintln(c, `{"health":"check"}`); err != nil {
			t.Fatal(err)
		}
	}
	// The whole was read, or the end of the answer would not come.
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
		t.Errorf("answer %q, %v", b, err)
	}
	idle, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if _, err := idle.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an idle peer outlives the receiver: %v", err)
	}
	if c, err := net.Dial("tcp", r.Addr().String()); err == nil {
		c.Close()
		t.Error("still listening")
	}
}
