package awsapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// Lend makes body the body of req. Once withdraw has returned, which is to be
// called when the answer has been read and closed, nobody looks at body any more:
// by itself net/http may read on after it has given an answer back, because the
// server answered early or the context ended.
func Lend(req *http.Request, body []byte) (withdraw func()) {
	if len(body) == 0 {
		return func() {}
	}
	p := &payload{data: body}
	req.Body, req.GetBody, req.ContentLength = p.open(), p.reopen, int64(len(body))
	return p.withdraw
}

// payload is a body that is lent.
type payload struct {
	mu   sync.Mutex // held while data is read
	data []byte     // nil when withdrawn
}

var errWithdrawn = errors.New("the request is over")

// withdraw waits for who is reading and lets nobody read any more. It does not
// wait for long: whoever is, writes to a connection that is about to be closed,
// as the answer has been read or the context has ended.
func (p *payload) withdraw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.data = nil
}

// open returns a reader of all of it.
func (p *payload) open() *payloadReader { return &payloadReader{p: p} }

// reopen is http.Request's GetBody.
func (p *payload) reopen() (io.ReadCloser, error) { return p.open(), nil }

// payloadReader reads a payload once.
type payloadReader struct {
	p   *payload
	off int
}

// Read implements io.Reader.
func (r *payloadReader) Read(b []byte) (int, error) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	switch {
	case r.p.data == nil:
		return 0, errWithdrawn
	case r.off == len(r.p.data):
		return 0, io.EOF
	}
	n := copy(b, r.p.data[r.off:])
	r.off += n
	return n, nil
}

// Close implements io.Closer. The memory is Post's.
func (*payloadReader) Close() error { return nil }

// wide is how much is written to a connection at once.
const wide = 256 << 10

// writeTo writes the next limit bytes to c from where they are.
func (r *payloadReader) writeTo(c io.Writer, limit int64) (sent int64, err error) {
	for sent < limit && err == nil {
		var n int
		if n, err = r.writeSome(c, limit-sent); n == 0 && err == nil {
			break
		}
		sent += int64(n)
	}
	return sent, err
}

func (r *payloadReader) writeSome(c io.Writer, limit int64) (int, error) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	if r.p.data == nil {
		return 0, errWithdrawn
	}
	rest := r.p.data[r.off:]
	rest = rest[:min(int64(len(rest)), limit, wide)]
	if len(rest) == 0 {
		return 0, nil
	}
	n, err := c.Write(rest)
	r.off += n
	return n, err
}

// wideConn is a connection that takes a payload from where it is, where net/http
// would copy it through a buffer of 32 KB.
type wideConn struct{ net.Conn }

// ReadFrom implements io.ReaderFrom. What net/http asks to be copied is a body
// limited to the request's length.
func (c wideConn) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if p, ok := l.R.(*payloadReader); ok {
			n, err := p.writeTo(c.Conn, l.N)
			l.N -= n
			return n, err
		}
	}
	return io.Copy(c.Conn, r)
}
