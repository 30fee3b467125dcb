package xray

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sidelight-dev/sidelight"
)

const (
	// maxDatagram is the longest payload that UDP can carry.
	maxDatagram = 64 << 10
	// maxGather bounds the datagrams of one batch, gatherBytes the memory they
	// are read into.
	maxGather   = 256
	gatherBytes = 512 << 10
)

// intake is the memory of one batch: datagrams, one behind the other.
type intake struct {
	buf    []byte
	used   int
	ends   []int
	events []sidelight.Event
	lost   map[string]int
}

func newIntake() *intake {
	return &intake{
		buf: make([]byte, gatherBytes), ends: make([]int, 0, maxGather),
		events: make([]sidelight.Event, 0, maxGather), lost: map[string]int{},
	}
}

func (in *intake) reset() {
	in.used, in.ends, in.events = 0, in.ends[:0], in.events[:0]
}

// room returns where to read the next datagram, nil if the batch is complete.
func (in *intake) room() []byte {
	if len(in.ends) == maxGather || len(in.buf)-in.used < maxDatagram {
		return nil
	}
	return in.buf[in.used : in.used+maxDatagram]
}

// took notes that a datagram of n bytes was read into room.
func (in *intake) took(n int) {
	in.used += n
	in.ends = append(in.ends, in.used)
}

// sort makes events of the valid datagrams and counts the others.
func (in *intake) sort(now int64) {
	start := 0
	for _, end := range in.ends {
		doc, cause := document(in.buf[start:end])
		start = end
		if cause != "" {
			in.lost[cause]++
			continue
		}
		in.events = append(in.events, sidelight.Event{Time: now, Body: doc})
	}
}

// takeDocuments reads datagrams until ctx ends, gathering what is there into
// one batch, and then once more without waiting.
func (r *Receiver) takeDocuments(ctx context.Context, out sidelight.Sink) error {
	sock, err := newSocket(r.udp)
	if err != nil {
		return err
	}
	wake := context.AfterFunc(ctx, func() { r.udp.SetReadDeadline(time.Unix(1, 0)) })
	defer wake()
	in := newIntake()
	for {
		in.reset()
		err := sock.wait(in)
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("read from %s: %w", r.udpAddr, err)
		}
		r.deliver(ctx, out, in)
		r.countOverflow(sock)
	}
	for in.reset(); sock.drain(in); in.reset() {
		r.deliver(ctx, out, in)
	}
	r.countOverflow(sock)
	return nil
}

// deliver pushes what in holds. The wait for room is bounded by PushWait alone:
// a stop must not lose what was already read.
func (r *Receiver) deliver(ctx context.Context, out sidelight.Sink, in *intake) {
	r.received.Add(uint64(len(in.ends)))
	in.sort(time.Now().UnixMilli())
	for cause, n := range in.lost {
		r.books.Lose(sidelight.Traces, cause, n)
		delete(in.lost, cause)
	}
	if len(in.events) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.PushWait)
	defer cancel()
	err := out.Push(ctx, &sidelight.Batch{Signal: sidelight.Traces, Dest: r.dest, Events: in.events})
	if err != nil {
		r.books.Lose(sidelight.Traces, lostCause(err), len(in.events))
	}
	r.notePressure(err)
}

func lostCause(err error) string {
	if errors.Is(err, sidelight.ErrClosed) {
		return "shutdown"
	}
	return lostFull
}

// notePressure logs when documents begin to be lost, and when that ends.
func (r *Receiver) notePressure(err error) {
	if r.full.Swap(err != nil) == (err != nil) {
		return
	}
	if err != nil {
		r.log.Error("losing documents that arrive by datagram", "receiver", "xray", "err", err)
		return
	}
	r.log.Info("taking documents again", "receiver", "xray")
}

// countOverflow books what the kernel threw away since the last call.
func (r *Receiver) countOverflow(s *socket) {
	if n := s.overflow(); n > 0 {
		r.overflow.Add(uint64(n))
		r.books.Lose(sidelight.Traces, lostOverflow, n)
	}
}
