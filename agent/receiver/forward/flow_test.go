package forward

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

type noBooks struct{}

func (noBooks) Lose(sidelight.Signal, string, int) {}

// script is a connection whose peer sends what a reader holds and reads what it
// is sent.
type script struct {
	io.Reader
	closed bool
}

func (*script) Write(b []byte) (int, error)      { return len(b), nil }
func (s *script) Close() error                   { s.closed = true; return nil }
func (*script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*script) SetDeadline(time.Time) error      { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }

func bench(tb testing.TB) *Receiver {
	tb.Helper()
	h := sidelight.Dest{Group: "g"}.Handle()
	r, err := New(Config{TCP: "127.0.0.1:0", MaxMessage: 1 << 20, Dest: func(string) sidelight.DestHandle { return h }},
		noBooks{}, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.Close() })
	return r
}

// FuzzConnection feeds a connection with any bytes, in pieces of any size. What
// comes out must be JSON, and the same whatever the pieces.
func FuzzConnection(f *testing.F) {
	for _, msg := range messages(f, 3) {
		f.Add(msg, 7)
		f.Add(append(bytes.Clone(msg), msg[:len(msg)/2]...), 1000)
	}
	r := bench(f)
	f.Fuzz(func(t *testing.T, in []byte, piece int) {
		whole := flow(t, r, bytes.NewReader(in))
		pieces := flow(t, r, &pieces{in, 1 + abs(piece)%100})
		if whole != pieces {
			t.Fatalf("in one piece %q, in pieces %q", whole, pieces)
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

type pieces struct {
	b []byte
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.b[:min(p.n, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

func flow(t *testing.T, r *Receiver, in io.Reader) string {
	t.Helper()
	var all strings.Builder
	out := sidelight.SinkFunc(func(_ context.Context, b *sidelight.Batch) error {
		for _, e := range b.Events {
			if !json.Valid(e.Body) {
				t.Errorf("%q is not JSON", e.Body)
			}
			all.Write(e.Body)
			all.WriteByte('\n')
		}
		return nil
	})
	sc := &script{Reader: in}
	r.serve(t.Context(), newConn(r, receiver.NewPeer(sc)), out)
	if !sc.closed {
		t.Error("the connection was left open")
	}
	return all.String()
}

// messages returns one message a mode, of n records of about 500 bytes (one
// record in Message mode).
func messages(tb testing.TB, n int) map[string][]byte {
	tb.Helper()
	record := msgp.AppendMapHeader(nil, 4)
	for _, s := range []string{
		"container_id", strings.Repeat("0123abcd", 8), "container_name", "/app", "source", "stdout",
		"log", `{"level":"info","msg":"` + strings.Repeat("served a request ", 20) + `"}`,
	} {
		record = msgp.AppendString(record, s)
	}
	when := []byte{0xd7, 0, 0x5f, 0x5e, 0x10, 0, 0, 0, 0, 0}
	entry := append(append([]byte{0x92}, when...), record...)
	entries := bytes.Repeat(entry, n)
	tag := msgp.AppendString(nil, "app-firelens-0123456789abcdef")
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	if _, err := w.Write(entries); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	head := func(parts byte) []byte { return append([]byte{0x90 | parts}, tag...) }
	option := msgp.AppendString(msgp.AppendString([]byte{0x81}, "compressed"), "gzip")
	return map[string][]byte{
		"message":    append(append(head(3), when...), record...),
		"forward":    append(msgp.AppendArrayHeader(head(2), uint32(n)), entries...),
		"packed":     msgp.AppendBytes(head(2), entries),
		"compressed": append(msgp.AppendBytes(head(3), gz.Bytes()), option...),
	}
}

// endless repeats b until it has sent n copies.
type endless struct {
	b    []byte
	left int
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && e.left > 0 {
		k := copy(p[n:], e.b[e.at:])
		n += k
		if e.at += k; e.at == len(e.b) {
			e.at = 0
			e.left--
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// records is how many a message of the benchmark has.
const records = 200

func TestNoAllocationPerRecord(t *testing.T) {
	r := bench(t)
	discard := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil })
	for mode, msg := range messages(t, records) {
		per := records
		if mode == "message" {
			per = 1
		}
		const count = 1000
		run := func(n int) float64 {
			return testing.AllocsPerRun(3, func() {
				r.serve(t.Context(), newConn(r, receiver.NewPeer(&script{Reader: &endless{b: msg, left: n / per}})), discard)
			})
		}
		run(count) // buffers grow to their size
		if few, many := run(count), run(5*count); (many-few)/(4*count) > 0.01 {
			t.Errorf("%s: %v allocations for %d records, %v for %d", mode, few, count, many, 5*count)
		}
	}
}

// withChunk asks for an answer: a sender that waits for one is read at once.
func withChunk(mode string, msg []byte) []byte {
	pair := msgp.AppendString(msgp.AppendString(nil, "chunk"), "p8n9gmxTQVC8/nh2wlKKeQ==")
	if mode == "compressed" {
		at := bytes.LastIndex(msg, []byte("\xaacompressed")) - 1
		msg[at]++
		return append(msg, pair...)
	}
	msg[0]++
	return append(append(msg, 0x81), pair...)
}

func BenchmarkModes(b *testing.B) {
	r := bench(b)
	discard := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil })
	for _, mode := range []string{"message", "forward", "packed", "compressed"} {
		b.Run(mode, func(b *testing.B) {
			msg := withChunk(mode, messages(b, records)[mode])
			expanded, copies := len(messages(b, records)["forward"]), 10
			if mode == "message" {
				expanded, copies = len(msg), 10*records
			}
			b.SetBytes(int64(copies * expanded))
			b.ReportAllocs()
			for b.Loop() {
				r.serve(b.Context(), newConn(r, receiver.NewPeer(&script{Reader: &endless{b: msg, left: copies}})), discard)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*10*records), "ns/record")
		})
	}
}

func TestFrameInPieces(t *testing.T) {
	for mode, msg := range messages(t, 2) {
		var whole frame
		if done, err := whole.scan(msg, 1<<20); !done || err != nil || whole.pos != len(msg) {
			t.Fatalf("%s: scan = %v, %v at %d of %d", mode, done, err, whole.pos, len(msg))
		}
		var f frame
		for n := range len(msg) {
			if done, err := f.scan(msg[:n], 1<<20); done || err != nil {
				t.Fatalf("%s: scan of %d bytes = %v, %v", mode, n, done, err)
			}
		}
		if done, err := f.scan(msg, 1<<20); !done || err != nil || f != whole {
			t.Errorf("%s: scan = %v, %v, %+v; want %+v", mode, done, err, f, whole)
		}
	}
}

func TestPanicIsContained(t *testing.T) {
	r := bench(t)
	sc := &script{Reader: bytes.NewReader(messages(t, 1)["forward"])}
	r.serve(t.Context(), newConn(r, receiver.NewPeer(sc)), sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { panic("oops") }))
	if !sc.closed {
		t.Error("the connection was left open")
	}
	if len(r.intakes) != cap(r.intakes) {
		t.Error("the intake was not given back")
	}
}
