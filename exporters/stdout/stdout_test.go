package stdout_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/exporters/exportertest"
	"github.com/sidelight-dev/sidelight/exporters/stdout"
)

func block(t *testing.T, x sidelight.Exporter, docs ...string) *sidelight.Block {
	t.Helper()
	var events []sidelight.Event
	for _, d := range docs {
		events = append(events, sidelight.Event{Body: []byte(d)})
	}
	return exportertest.Pack(t, x, sidelight.Dest{}, events, false)[0]
}

func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, err := stdout.New(f)
	if err != nil {
		t.Fatal(err)
	}
	docs := []string{`{"a":1}`, "{\n  \"a\": 1\n}\n", "a line", "panic\n\tat x\r\n", "\n"}
	r, err := x.Export(t.Context(), block(t, x, docs...))
	if err != nil || r.Accepted != len(docs) {
		t.Fatal(r, err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "{\"a\":1}\n{   \"a\": 1 }\na line\npanic\\n\tat x\n\n"
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
}

// pipes are kinds of standard output whose reader may not read.
func pipes(t *testing.T) map[string]func() (r, w *os.File) {
	t.Helper()
	return map[string]func() (r, w *os.File){
		"pipe": func() (*os.File, *os.File) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			return r, w
		},
		"socket": func() (*os.File, *os.File) {
			fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			return os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
		},
	}
}

// A reader that does not read makes attempts end in time. When it reads again,
// every document comes, once or, if its line had been begun, once more.
func TestStalledReader(t *testing.T) {
	for name, open := range pipes(t) {
		t.Run(name, func(t *testing.T) {
			r, w := open()
			defer r.Close()
			defer w.Close()
			x, err := stdout.New(w)
			if err != nil {
				t.Fatal(err)
			}
			var docs []string
			for i := range 3000 {
				docs = append(docs, fmt.Sprintf("%04d %s", i, strings.Repeat("x", 200)))
			}
			b := block(t, x, docs...)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			receipt, err := x.Export(ctx, b)
			if err != nil || receipt.Accepted == 0 || receipt.Accepted+len(receipt.Retry) != len(docs) || len(receipt.Retry) == 0 {
				t.Fatalf("accepted %d, to be tried again %d, %v", receipt.Accepted, len(receipt.Retry), err)
			}
			ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			_, err = x.Export(ctx, b)
			if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Transient {
				t.Fatalf("an attempt that writes nothing: %v", err)
			}
			done := make(chan error, 1)
			go func() {
				last := block(t, x, docs[receipt.Retry[0]:]...)
				_, err := x.Export(t.Context(), last)
				done <- err
			}()
			seen := map[string]int{}
			in := bufio.NewScanner(r)
			for seen[docs[len(docs)-1]] == 0 && in.Scan() {
				seen[in.Text()]++
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			for _, d := range docs {
				if seen[d] != 1 {
					t.Fatalf("%q came %d times", d[:4], seen[d])
				}
			}
			if len(seen) > len(docs)+1 {
				t.Errorf("%d different lines of %d", len(seen), len(docs))
			}
		})
	}
}

// A reader that is gone is a failure, and not the end of the process.
func TestReaderIsGone(t *testing.T) {
	for name, open := range pipes(t) {
		t.Run(name, func(t *testing.T) {
			r, w := open()
			defer w.Close()
			x, err := stdout.New(w)
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			_, err = x.Export(t.Context(), block(t, x, "hello"))
			if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Transient || f.After == 0 {
				t.Errorf("%v, want a transient fault with a rest", err)
			}
		})
	}
}

func TestCompressedBlockIsRefused(t *testing.T) {
	x := stdout.To(nil)
	b := exportertest.Pack(t, x, sidelight.Dest{}, []sidelight.Event{{Body: bytes.Repeat([]byte("a"), 10)}}, true)[0]
	_, err := x.Export(t.Context(), b)
	if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Rejected {
		t.Errorf("%v, want rejected", err)
	}
}
