package datagram_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/datagram"
)

func listen(t *testing.T) (*net.UDPConn, net.Conn) {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	peer, err := net.Dial("udp", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	return c, peer
}

func texts(g *datagram.Gather) string {
	var out []string
	for i := range g.Len() {
		out = append(out, string(g.At(i)))
	}
	return strings.Join(out, ",")
}

func TestSocketGathers(t *testing.T) {
	c, peer := listen(t)
	s, err := datagram.New(c)
	if err != nil {
		t.Fatal(err)
	}
	g := datagram.NewGather(100, 4, 20)
	if s.Drain(g) || g.Len() != 0 {
		t.Fatal("something was drained from an empty socket")
	}
	// One is longer than there is room for, one is empty.
	for _, text := range []string{"a", "", strings.Repeat("x", 30), "b", "c"} {
		if _, err := fmt.Fprint(peer, text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := peer.Write(nil); err != nil {
		t.Fatal(err)
	}
	var all []string
	if err := s.Wait(g); err != nil {
		t.Fatal(err)
	}
	all = append(all, texts(g))
	for g.Reset(); s.Drain(g); g.Reset() {
		all = append(all, texts(g))
	}
	if got, want := strings.Join(all, "|"), "a,,"+strings.Repeat("x", 20)+",b|c,"; got != want {
		t.Errorf("gathered %s, want %s", got, want)
	}
	if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(g); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Wait = %v", err)
	}
	if n := s.Dropped(); n != 0 {
		t.Errorf("%d dropped", n)
	}
}

// What the buffer does not hold is counted, once.
func TestSocketCountsWhatIsDropped(t *testing.T) {
	c, peer := listen(t)
	if err := datagram.Grow(c, 4096); err != nil {
		t.Fatal(err)
	}
	s, err := datagram.New(c)
	if err != nil {
		t.Fatal(err)
	}
	const n = 200
	for range n {
		if _, err := peer.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	g := datagram.NewGather(1<<20, n, 2000)
	taken := 0
	for ; s.Drain(g); g.Reset() {
		taken += g.Len()
	}
	if dropped := s.Dropped(); dropped == 0 || taken+dropped != n {
		t.Errorf("took %d, %d dropped, of %d", taken, dropped, n)
	}
	if again := s.Dropped(); again != 0 {
		t.Errorf("%d dropped again", again)
	}
}

// What the kernel grants can be told.
func TestGranted(t *testing.T) {
	c, _ := listen(t)
	for _, n := range []int{16 << 10, 64 << 10} {
		if err := datagram.Grow(c, n); err != nil {
			t.Fatal(err)
		}
		if got := datagram.Granted(c); got != n {
			t.Errorf("granted %d bytes, want %d", got, n)
		}
	}
}
