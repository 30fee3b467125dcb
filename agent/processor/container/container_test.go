package container_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/processor/container"
)

type line struct {
	Content, Head, Tail string
	Time                int64
	Stream              container.Stream
	Partial, OK         bool
}

func TestReaders(t *testing.T) {
	const ms = 1795359845123
	for name, c := range map[string]struct {
		read container.Reader
		body string
		want line
	}{
		"cri":           {container.CRI, `2026-11-22T15:04:05.123456789Z stdout F hello  world `, line{Content: "hello  world ", Time: ms, Stream: container.Stdout, OK: true}},
		"cri piece":     {container.CRI, `2026-11-22T16:04:05.123456789+01:00 stderr P hel`, line{Content: "hel", Time: ms, Stream: container.Stderr, Partial: true, OK: true}},
		"cri tags":      {container.CRI, `2026-11-22T15:04:05.123Z stdout F:x:y z`, line{Content: "z", Time: ms, Stream: container.Stdout, OK: true}},
		"cri empty":     {container.CRI, `2026-11-22T15:04:05.123Z stdout F`, line{Time: ms, Stream: container.Stdout, OK: true}},
		"cri empty 2":   {container.CRI, `2026-11-22T15:04:05.123Z stdout F `, line{Time: ms, Stream: container.Stdout, OK: true}},
		"cri no stream": {container.CRI, `2026-11-22T15:04:05.123Z out F x`, line{}},
		"cri no tag":    {container.CRI, `2026-11-22T15:04:05.123Z stdout X x`, line{}},
		"cri no time":   {container.CRI, `hello stdout F x`, line{Content: "x", Stream: container.Stdout}},
		"cri text":      {container.CRI, `hello`, line{}},
		"docker": {
			container.Docker, `{"log":"a \"b\"\u00e9\r\n","stream":"stderr","time":"2026-11-22T15:04:05.123456789Z"}`,
			line{Content: `a "b"é`, Time: ms, Stream: container.Stderr, OK: true},
		},
		"docker piece": {container.Docker, `{"log":"ab","stream":"stdout","attrs":{"k":"v"},"time":"x"}`, line{Content: "ab", Stream: container.Stdout, Partial: true, OK: true}},
		"docker none":  {container.Docker, `{"msg":"ab"}`, line{Partial: true}},
		"docker text":  {container.Docker, `ab`, line{Partial: true}},
		"record": {
			container.Record, ` {"container_name":"/c","source":"stdout","log":"a\tb"} `,
			line{Content: "a\tb", Head: `{"container_name":"/c","source":"stdout","log":`, Tail: "}", Stream: container.Stdout, OK: true},
		},
		"record piece": {
			container.Record, `{"log":"a","partial_message":"true","partial_last":"false","source":"stderr"}`,
			line{Content: "a", Head: `{"log":`, Tail: `,"partial_message":"true","partial_last":"false","source":"stderr"}`, Stream: container.Stderr, Partial: true, OK: true},
		},
		"record last": {
			container.Record, `{"log":"a","partial_message":"true","partial_last":"true"}`,
			line{Content: "a", Head: `{"log":`, Tail: `,"partial_message":"true","partial_last":"true"}`, OK: true},
		},
		"record other": {container.Record, `{"message":"a"}`, line{}},
		"record odd":   {container.Record, `{"log":7}`, line{}},
		"plain":        {container.Plain, `a`, line{Content: "a", OK: true}},
	} {
		t.Run(name, func(t *testing.T) {
			l, _, ok := c.read([]byte(c.body), nil)
			got := line{string(l.Content), string(l.Head), string(l.Tail), l.Time, l.Stream, l.Partial, ok}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestAllocs(t *testing.T) {
	scratch := make([]byte, 0, 1024)
	for name, c := range map[string]struct {
		read container.Reader
		body string
	}{
		"cri":    {container.CRI, `2026-11-22T15:04:05.123456789Z stdout F hello`},
		"docker": {container.Docker, `{"log":"a \"b\"\n","stream":"stderr","time":"2026-11-22T15:04:05.123456789Z"}`},
		"record": {container.Record, `{"container_name":"/c","source":"stdout","log":"a\tb"}`},
	} {
		body := []byte(c.body)
		if n := testing.AllocsPerRun(100, func() { c.read(body, scratch) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzReaders(f *testing.F) {
	f.Add([]byte(`2026-11-22T15:04:05.123456789Z stdout F hello`))
	f.Add([]byte(`2026-11-22T15:04:05Z stderr P`))
	f.Add([]byte(`{"log":"a\n","stream":"stderr","time":"2026-11-22T15:04:05.123456789Z"}`))
	f.Add([]byte(`{"source":"stdout","log":"a","partial_message":"true"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		container.CRI(body, nil)
		container.Docker(body, nil)
		l, _, ok := container.Record(body, nil)
		if ok && len(l.Head)+len(l.Tail) >= len(body) {
			t.Errorf("the envelope of %q is longer than it", body)
		}
	})
}

func BenchmarkCRI(b *testing.B) {
	body := []byte(`2026-11-22T15:04:05.123456789Z stdout F hello`)
	b.ReportAllocs()
	for b.Loop() {
		container.CRI(body, nil)
	}
}
