package sdk

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
)

// recorder notes the status of a response. It has only the methods that every
// http.ResponseWriter has; wrap adds those that the one below has too, because
// programs find out by asking.
type recorder struct {
	http.ResponseWriter
	status   int
	wrote    bool
	panicked bool
	// attrs are the request's on a span; their slice has room for those of the
	// response.
	attrs []attribute.KeyValue
}

// Unwrap lets http.ResponseController find the methods below.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w *recorder) WriteHeader(code int) {
	w.note(code)
	w.ResponseWriter.WriteHeader(code)
}

// Write implements [http.ResponseWriter].
func (w *recorder) Write(p []byte) (int, error) {
	w.note(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// note keeps the first final status. Of the informational ones only 101 is.
func (w *recorder) note(code int) {
	if !w.wrote && (code >= 200 || code == http.StatusSwitchingProtocols) {
		w.status, w.wrote = code, true
	}
}

// code is the status that the client saw.
func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// wrap returns w with the optional methods of what it wraps. The wrappers hold
// a single pointer, so converting them to an interface allocates nothing.
func (w *recorder) wrap() http.ResponseWriter {
	_, flush := w.ResponseWriter.(http.Flusher)
	_, hijack := w.ResponseWriter.(http.Hijacker)
	_, read := w.ResponseWriter.(io.ReaderFrom)
	_, push := w.ResponseWriter.(http.Pusher)
	switch {
	case flush && hijack && read:
		return http1Writer{w}
	case flush && hijack:
		return hijackWriter{flushWriter{w}}
	case flush && push:
		return http2Writer{flushWriter{w}}
	case flush:
		return flushWriter{w}
	}
	return w
}

type flushWriter struct{ *recorder }

// Flush implements [http.Flusher].
func (w flushWriter) Flush() {
	w.note(http.StatusOK)
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

type hijackWriter struct{ flushWriter }

// Hijack implements [http.Hijacker]. The status is then the application's
// secret; 101 is what it is for in all likelihood.
func (w hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return hijack(w.recorder)
}

func hijack(w *recorder) (net.Conn, *bufio.ReadWriter, error) {
	h, ok := w.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, http.ErrNotSupported
	}
	conn, rw, err := h.Hijack()
	if err == nil {
		w.note(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}

type http2Writer struct{ flushWriter }

// Push implements [http.Pusher].
func (w http2Writer) Push(target string, opts *http.PushOptions) error {
	p, ok := w.ResponseWriter.(http.Pusher)
	if !ok {
		return http.ErrNotSupported
	}
	return p.Push(target, opts)
}

type http1Writer struct{ *recorder }

// Flush implements [http.Flusher].
func (w http1Writer) Flush() { flushWriter(w).Flush() }

// Hijack implements [http.Hijacker].
func (w http1Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) { return hijack(w.recorder) }

// ReadFrom implements [io.ReaderFrom], by which a file can be sent without
// copying it through this process.
func (w http1Writer) ReadFrom(src io.Reader) (int64, error) {
	w.note(http.StatusOK)
	if r, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		return r.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{w.ResponseWriter}, src)
}
