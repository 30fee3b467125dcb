package remotewrite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/s2"
)

func checkCompressed(t *testing.T, src []byte) []byte {
	t.Helper()
	out := compress(nil, src)
	got, err := s2.Decode(nil, out)
	if err != nil || !bytes.Equal(got, src) {
		t.Fatalf("%d bytes come back as %d: %v", len(src), len(got), err)
	}
	return out
}

func series() []byte {
	var b []byte
	for i := range 2000 {
		b = append(b, fmt.Sprintf("__name__ http_requests_total namespace Sidelight route /orders/%d service checkout", i)...)
	}
	return b
}

func TestCompress(t *testing.T) {
	if n := len(series()); len(checkCompressed(t, series())) > n/4 {
		t.Errorf("%d bytes of %d", len(compress(nil, series())), n)
	}
	noise := make([]byte, 300_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for _, n := range []int{0, 1, 4, 59, 60, 61, 255, 256, 257, 65535, 65536, 65537, 131072, 300_000} {
		checkCompressed(t, noise[:n])
		checkCompressed(t, bytes.Repeat([]byte{'a'}, n))
	}
}

func FuzzCompress(f *testing.F) {
	f.Add([]byte("abcdabcdabcdxabcdabcd"))
	f.Add(series()[:500])
	f.Fuzz(func(t *testing.T, src []byte) { checkCompressed(t, src) })
}

func BenchmarkCompress(b *testing.B) {
	src := series()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out = compress(out[:0], src)
	}
}
