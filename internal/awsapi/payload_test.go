package awsapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// poster returns a client for the server and a function that posts body.
func poster(t *testing.T, url string) func(ctx context.Context, body []byte) error {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	cfg, err := awsapi.Load(t.Context(), awsapi.Options{Region: "us-east-1", Endpoint: url})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider("a", "b", "")
	c, err := awsapi.NewClient(t.Context(), cfg, awsapi.Logs)
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, body []byte) error {
		_, err := c.Post(ctx, &awsapi.Request{Op: "test", Path: "/", Header: http.Header{}, Body: body, Sum: sha256.Sum256(body)})
		return err
	}
}

// What arrives is what was hashed, whatever its length, and though the next body
// is written into the same memory.
func TestPostSendsTheWholeBody(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		sum := sha256.Sum256(body)
		if want := r.Header.Get("X-Amz-Content-Sha256"); err != nil || want != "" && want != hex.EncodeToString(sum[:]) || r.ContentLength != int64(len(body)) {
			t.Errorf("a body of %d bytes by its head, %d in fact, hash %x, want %s: %v", r.ContentLength, len(body), sum, want, err)
		}
		_, _ = w.Write(body[:min(1, len(body))])
	}))
	defer srv.Close()
	post := poster(t, srv.URL)
	memory := make([]byte, 3<<20)
	for i, n := range []int{0, 1, 100, 4096, 5000, 1 << 18, 1<<18 + 4000, 1 << 20, len(memory)} {
		body := memory[:n]
		for j := range body {
			body[j] = byte(i + j)
		}
		if err := post(t.Context(), body); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// After Post nobody looks at the body, though the server has answered without
// reading it: the race detector would tell.
func TestPostLetsGoOfTheBody(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}))
	defer srv.Close()
	post := poster(t, srv.URL)
	memory := make([]byte, 8<<20)
	for i := range 3 {
		if err := post(t.Context(), memory); err == nil {
			t.Error("no error of a body that is too large")
		}
		copy(memory, bytes.Repeat([]byte{byte(i)}, len(memory)))
	}
}

// Nor if the context ends while the body is being written.
func TestPostLetsGoWhenItEnds(t *testing.T) {
	var began atomic.Bool
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(make([]byte, 1))
		began.Store(true)
		cancel(why)
		<-release
	}))
	defer srv.Close()
	defer close(release)
	post := poster(t, srv.URL)
	memory := make([]byte, 24<<20) // more than the sockets hold
	err := post(ctx, memory)
	if !errors.Is(err, why) || !began.Load() {
		t.Errorf("Post = %v, want %v", err, why)
	}
	clear(memory)
}

// A body is sent anew when a kept connection turns out to be dead.
func TestPostAgainOnAnotherConnection(t *testing.T) {
	var got atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		got.Add(n)
	}))
	defer srv.Close()
	post := poster(t, srv.URL)
	body := make([]byte, 100_000)
	for range 3 {
		if err := post(t.Context(), body); err != nil {
			// A request that had begun on the dead connection is the caller's to
			// repeat.
			if err := post(t.Context(), body); err != nil {
				t.Fatal(err)
			}
		}
		srv.CloseClientConnections()
	}
	if got.Load() < 300_000 {
		t.Errorf("%d bytes arrived, want 300,000", got.Load())
	}
}
