package statsd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

const (
	// maxMessage is the longest message of a stream.
	maxMessage = 64 << 10
	// headerBytes is the length before each message of a stream, a little-endian
	// number of 32 bits, as DogStatsD has it.
	headerBytes = 4
)

var errFrame = errors.New("a message is longer than 64 KiB")

// serve takes the messages of one peer until it leaves or does wrong, or the
// receiver stops.
func (r *Receiver) serve(ctx context.Context, p *receiver.Peer, out sidelight.Sink) {
	defer p.Conn.Close()
	s := &stream{peer: p, in: bufio.NewReaderSize(p.Conn, 4096), reader: r.reader()}
	for {
		err := s.next()
		if err == nil {
			s.take(ctx, out, 1, func(int) []byte { return s.message })
			continue
		}
		if errors.Is(err, errFrame) || errors.Is(err, io.ErrUnexpectedEOF) {
			s.refuse(badFrame, s.message)
		}
		return
	}
}

// stream is one peer.
type stream struct {
	*reader
	peer    *receiver.Peer
	in      *bufio.Reader
	message []byte
}

// next reads a message. io.EOF: there are no more.
func (s *stream) next() error {
	var header [headerBytes]byte
	s.message = s.message[:0]
	if err := s.fill(header[:], true); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(header[:])
	if n > maxMessage {
		return errFrame
	}
	if cap(s.message) < int(n) {
		s.message = make([]byte, n)
	}
	s.message = s.message[:n]
	return s.fill(s.message, false)
}

// fill reads all of b. Between messages a peer may be silent for as long as it
// likes, until the receiver stops.
func (s *stream) fill(b []byte, between bool) error {
	for got := 0; got < len(b); {
		stopping := false
		if s.in.Buffered() == 0 {
			var err error
			if stopping, err = s.peer.Arm(deadline); err != nil {
				return err
			}
		}
		n, err := s.in.Read(b[got:])
		got += n
		switch {
		case n > 0 || err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && !stopping:
			// It was halt's deadline; look again with our own.
		case between && got == 0 && (stopping || errors.Is(err, io.EOF)):
			return io.EOF
		case errors.Is(err, io.EOF) || stopping:
			return io.ErrUnexpectedEOF
		case errors.Is(err, net.ErrClosed):
			return io.ErrUnexpectedEOF
		default:
			return err
		}
	}
	return nil
}

// deadline is that of the next read.
func deadline(now, until time.Time) time.Time {
	if until.IsZero() {
		return time.Time{}
	}
	return receiver.Soon(now, until)
}
