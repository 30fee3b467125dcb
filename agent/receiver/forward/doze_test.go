package forward_test

import (
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/agent/receiver/forward"
)

// A sender that trickles is left alone for a while after each read. What it sends
// in that time, at its end, and later, when the receiver waits for it again, is
// taken, however little it is.
func TestTrickle(t *testing.T) {
	for name, cfg := range map[string]forward.Config{"tcp": {}, "unix": {Unix: socket(t)}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, cfg, &sink{})
			c := s.dial(t)
			msg := modes(t)["message"]
			for i := range 30 {
				send(t, c, msg)
				s.sink.wait(t, i+1)
				select {
				case <-t.Context().Done():
				case <-time.After(time.Duration(i%4) * 5 * time.Millisecond):
				}
			}
			for range 10 {
				send(t, c, msg)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			s.sink.wait(t, 40)
		})
	}
}
