package statsd_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/statsd"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// recorder keeps what is recorded, as text.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) Record(m *sidelight.Measurement) {
	var dims []string
	for _, d := range m.Dimensions {
		dims = append(dims, strings.Clone(d.Name+"="+d.Value))
	}
	at := ""
	if m.Time != 0 {
		at = fmt.Sprintf(" at %d", m.Time)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf("%s %d %v x%v %s %v%s", m.Name, m.Kind, m.Value, m.Count, m.Unit, dims, at))
}

func (r *recorder) wait(t *testing.T, n int) []string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		r.mu.Lock()
		lines := append([]string(nil), r.lines...)
		r.mu.Unlock()
		if len(lines) >= n {
			return lines
		}
		select {
		case <-deadline:
			t.Fatalf("%d samples arrived, want %d: %v", len(lines), n, lines)
		case <-time.After(time.Millisecond):
		}
	}
}

// start runs a receiver until the test ends.
func start(t *testing.T, cfg statsd.Config, rec sidelight.Recorder) *statsd.Receiver {
	t.Helper()
	r, err := statsd.New(cfg, rec, new(meter.Account), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestDatagrams(t *testing.T) {
	for name, network := range map[string]string{"UDP": "udp", "unix": "unixgram"} {
		t.Run(name, func(t *testing.T) {
			rec, path := &recorder{}, filepath.Join(t.TempDir(), "s")
			var conn net.Conn
			if network == "udp" {
				r := start(t, statsd.Config{UDP: "127.0.0.1:0"}, rec)
				conn = dial(t, network, r.Addr().String())
			} else {
				start(t, statsd.Config{Unix: path}, rec)
				conn = dial(t, network, path)
			}
			fmt.Fprint(conn, "a:1|c\nb:2|c|#x:y")
			fmt.Fprint(conn, "t:3.5:4|ms\n")
			want := []string{"a 1 1 x1 Count []", "b 1 2 x1 Count [x=y]", "t 2 3.5 x1 Milliseconds []", "t 2 4 x1 Milliseconds []"}
			if d := cmp.Diff(want, rec.wait(t, 4)); d != "" {
				t.Errorf("samples (-want +got):\n%s", d)
			}
		})
	}
}

func TestStream(t *testing.T) {
	rec, path := &recorder{}, filepath.Join(t.TempDir(), "s")
	r := start(t, statsd.Config{Stream: path}, rec)
	conn := dial(t, "unix", path)
	frame := func(text string) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
	}
	all := append(frame("a:1|c\nb:2|c\n"), frame("c:3|c")...)
	for i := range all { // in the smallest pieces
		if _, err := conn.Write(all[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	rec.wait(t, 3)
	if _, err := conn.Write(frame(strings.Repeat("x", 65<<10))[:4]); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection of a peer that announces too much stays open")
	}
	other := dial(t, "unix", path)
	if _, err := other.Write(frame("d:4|c")); err != nil {
		t.Fatal(err)
	}
	got := rec.wait(t, 4)
	if want := "d 1 4 x1 Count []"; got[3] != want {
		t.Errorf("sample %q, want %q", got[3], want)
	}
	if bad := r.Stats().Invalid["bad_frame"]; bad != 1 {
		t.Errorf("%d bad frames, want 1", bad)
	}
}

// What has reached the socket when the receiver is stopped is taken.
func TestStopTakesTheRest(t *testing.T) {
	rec, path := &recorder{}, filepath.Join(t.TempDir(), "s")
	r, err := statsd.New(statsd.Config{UDP: "127.0.0.1:0", Stream: path}, rec, new(meter.Account), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, "udp", r.Addr().String())
	for range 100 {
		fmt.Fprint(conn, "a:1|c")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(rec.lines); n != 100 {
		t.Errorf("%d samples, want 100", n)
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("the stream is still listened to")
	}
}

func TestOverflowIsCounted(t *testing.T) {
	var books meter.Account
	r, err := statsd.New(statsd.Config{UDP: "127.0.0.1:0", ReadBuffer: 4096}, &recorder{}, &books, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, "udp", r.Addr().String())
	const n = 200
	for range n {
		fmt.Fprint(conn, "a:1|c|#"+strings.Repeat("x", 900))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx, nil); err != nil {
		t.Fatal(err)
	}
	st := r.Stats()
	if lost := books.Totals(sidelight.Metrics).Dropped["socket_overflow"]; st.Overflow == 0 || lost != st.Overflow || st.Datagrams+st.Overflow != n {
		t.Errorf("%d datagrams and %d lost of %d, %d in the books", st.Datagrams, st.Overflow, n, lost)
	}
}
