package statsd_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/statsd"
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
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf("%s %d %v x%v %s %v", m.Name, m.Kind, m.Value, m.Count, m.Unit, dims))
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

func start(t *testing.T, rec sidelight.Recorder) (*statsd.Receiver, net.Conn) {
	t.Helper()
	r, err := statsd.New(statsd.Config{UDP: "127.0.0.1:0"}, rec, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	conn, err := net.Dial("udp", r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return r, conn
}

func TestLines(t *testing.T) {
	rec := &recorder{}
	r, conn := start(t, rec)
	fmt.Fprint(conn, "a:1|c\na:2|c|@0.5|#route:/x,env:prod,flag,env:dev\r\n\nt:3.5:4|ms|#z:1,a:2\n")
	fmt.Fprint(conn, "g:10|g\ng:+5|g\ng:-20|g\nh:1|h\nd:2|d|c:ci-123\n")
	fmt.Fprint(conn, "s:user|s\nnoname\n:1|c\nx|c\nx:1\nx:abc|c\nx:1|c|@2\nx:NaN|g\nx:|c\n_e{1,1}:a|b\n")
	got := rec.wait(t, 9)
	want := []string{
		"a 1 1 x1 Count []", "a 1 2 x2 Count [env=dev flag=true route=/x]",
		"t 2 3.5 x1 Milliseconds [a=2 z=1]", "t 2 4 x1 Milliseconds [a=2 z=1]",
		"g 0 10 x0  []", "g 0 15 x0  []", "g 0 -5 x0  []", "h 2 1 x1  []", "d 2 2 x1  []",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("samples (-want +got):\n%s", d)
	}
	deadline := time.After(10 * time.Second)
	for {
		st := r.Stats()
		if st.Datagrams == 3 && st.Lines == 18 {
			want := map[string]uint64{"unknown_type": 2, "no_name": 3, "no_type": 2, "bad_value": 2, "bad_rate": 1}
			if d := cmp.Diff(want, st.Invalid); d != "" {
				t.Errorf("invalid (-want +got):\n%s", d)
			}
			return
		}
		select {
		case <-deadline:
			t.Fatalf("stats %+v", st)
		case <-time.After(time.Millisecond):
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"a:1|c", "a:1:2|ms|@0.1|#a:b,c", ":|", "a:+1|g|#:,::"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { statsd.Parse(b, &recorder{}) })
}

type null struct{}

func (null) Record(*sidelight.Measurement) {}

func TestParseDoesNotAllocate(t *testing.T) {
	b := []byte("shop.requests:12|ms|@0.5|#route:/orders,status:200")
	parse := statsd.Parser(null{})
	parse(b)
	if n := testing.AllocsPerRun(100, func() { parse(b) }); n != 0 {
		t.Errorf("parsing a line allocates %v times", n)
	}
}

func BenchmarkParse(b *testing.B) {
	line := []byte("shop.requests:12|ms|@0.5|#route:/orders,status:200")
	parse := statsd.Parser(null{})
	b.ReportAllocs()
	for b.Loop() {
		parse(line)
	}
}
