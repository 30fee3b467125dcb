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

// sink answers like CloudWatch Logs. It counts events and throws them away.
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
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLogEvents") {
		if err := s.take(r); err != nil {
			s.fault.CompareAndSwap(nil, &err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	_, _ = io.WriteString(w, "{}")
}

// take counts the events of a body whose signature covers it.
func (s *sink) take(r *http.Request) error {
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
	n := bytes.Count(b.Bytes(), []byte(`{"timestamp":`))
	if n == 0 || n > 10_000 {
		return fmt.Errorf("request of %d events", n)
	}
	s.events.Add(int64(n))
	s.bytes.Add(int64(b.Len()))
	select {
	case s.arrived <- struct{}{}:
	default:
	}
	return nil
}

// wait waits until n events have arrived.
func (s *sink) wait(ctx context.Context, n int64) error {
	for {
		if err := s.fault.Load(); err != nil {
			return *err
		}
		if got := s.events.Load(); got >= n {
			if got > n {
				return fmt.Errorf("%d events arrived, %d were sent", got, n)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.arrived:
		case <-time.After(30 * time.Second):
			return fmt.Errorf("only %d of %d events arrived", s.events.Load(), n)
		}
	}
}
