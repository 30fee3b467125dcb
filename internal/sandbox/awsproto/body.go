package awsproto

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

var errTooLarge = errors.New("request body is too large")

// buffers lends out buffers for bodies. Everything decoded is copied out of
// them, so they go back when the call ends.
type buffers struct{ pool sync.Pool }

// keepBuffer is the capacity above which a buffer is not kept.
const keepBuffer = 8 << 20

func (b *buffers) get() *bytes.Buffer {
	if buf, ok := b.pool.Get().(*bytes.Buffer); ok {
		buf.Reset()
		return buf
	}
	return new(bytes.Buffer)
}

func (b *buffers) put(buf *bytes.Buffer) {
	if buf.Cap() <= keepBuffer {
		b.pool.Put(buf)
	}
}

// readBody reads the body as sent.
func readBody(r *http.Request, buf *bytes.Buffer, limit int64) error {
	if r.ContentLength > limit {
		return errTooLarge
	}
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return fmt.Errorf("read request body: %w", err)
	}
	if n > limit {
		return errTooLarge
	}
	return nil
}

// inflate undoes the Content-Encoding of a body into buf, and returns what to
// decode.
func inflate(r *http.Request, sent []byte, buf *bytes.Buffer) ([]byte, error) {
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return sent, nil
	case "gzip":
	default:
		return nil, fmt.Errorf("content encoding %q is not supported", encoding)
	}
	zr, err := gzip.NewReader(bytes.NewReader(sent))
	if err != nil {
		return nil, fmt.Errorf("read gzip body: %w", err)
	}
	n, err := buf.ReadFrom(io.LimitReader(zr, maxInflated+1))
	if err != nil {
		return nil, fmt.Errorf("read gzip body: %w", err)
	}
	if n > maxInflated {
		return nil, errTooLarge
	}
	return buf.Bytes(), nil
}
