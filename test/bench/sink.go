package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// sink answers like CloudWatch Logs and X-Ray. It counts events and segments, and
// throws them away.
type sink struct {
	server *httptest.Server
	pool   sync.Pool

	events, bytes atomic.Int64
	fault         atomic.Pointer[error]
	arrived       chan struct{}
}

func newSink() *sink {
	s := &sink{arrived: make(chan struct{}, 1)}
	s.pool.New = func() any { return new(bytes.Buffer) }
	s.server = httptest.NewServer(s)
	return s
}

// ServeHTTP implements http.Handler.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	counted := ""
	most := 0
	switch {
	case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLogEvents"):
		counted, most = `{"timestamp":`, 10_000
	case r.URL.Path == "/TraceSegments":
		// Only whole documents name their trace.
		counted, most = `\"trace_id\":`, 50
	}
	if counted != "" {
		if err := s.take(r, counted, most); err != nil {
			s.fault.CompareAndSwap(nil, &err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	_, _ = io.WriteString(w, "{}")
}

// take counts the events or segments of a body whose signature covers it: what
// each of them has once, and how many a request may have.
func (s *sink) take(r *http.Request, each string, most int) error {
	b := s.pool.Get().(*bytes.Buffer)
	defer s.pool.Put(b)
	b.Reset()
	if _, err := b.ReadFrom(r.Body); err != nil {
		return err
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		return fmt.Errorf("request is not signed: %q", r.Header.Get("Authorization"))
	}
	// Once is enough to know that what is sent is what was hashed.
	if s.events.Load() == 0 {
		sum := sha256.Sum256(b.Bytes())
		if want := r.Header.Get("X-Amz-Content-Sha256"); want != "" && want != hex.EncodeToString(sum[:]) {
			return fmt.Errorf("body does not match its hash %s", want)
		}
	}
	n := bytes.Count(b.Bytes(), []byte(each))
	if n == 0 || n > most {
		return fmt.Errorf("request of %d events or segments", n)
	}
	s.events.Add(int64(n))
	s.bytes.Add(int64(b.Len()))
	select {
	case s.arrived <- struct{}{}:
	default:
	}
	return nil
}

// quiet is how long nothing may arrive before the rest counts as lost.
const quiet = 10 * time.Second

// wait waits until n have arrived, or nothing does any more. It returns how many
// are lost.
func (s *sink) wait(ctx context.Context, n int64) (lost int64, err error) {
	for {
		if err := s.fault.Load(); err != nil {
			return 0, *err
		}
		if got := s.events.Load(); got >= n {
			if got > n {
				return 0, fmt.Errorf("%d arrived, %d were sent", got, n)
			}
			return 0, nil
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-s.arrived:
		case <-time.After(quiet):
			return n - s.events.Load(), nil
		}
	}
}
