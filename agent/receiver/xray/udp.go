package xray

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/datagram"
)

const (
	// maxGather bounds the datagrams of one batch, gatherBytes the memory they
	// are read into.
	maxGather   = 256
	gatherBytes = 512 << 10
)

// intake is the memory of one batch.
type intake struct {
	*datagram.Gather
	events []sidelight.Event
	lost   map[string]int
}

func newIntake() *intake {
	return &intake{Gather: datagram.NewGather(gatherBytes, maxGather, datagram.MaxUDP), lost: map[string]int{}}
}

func (in *intake) reset() {
	in.Reset()
	in.events = in.events[:0]
}

// sort makes events of the valid datagrams and counts the others.
func (in *intake) sort(now int64) {
	for i := range in.Len() {
		doc, cause := document(in.At(i))
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
	sock, err := datagram.New(r.udp)
	if err != nil {
		return err
	}
	wake := context.AfterFunc(ctx, func() { r.udp.SetReadDeadline(time.Unix(1, 0)) })
	defer wake()
	in := newIntake()
	for {
		in.reset()
		err := sock.Wait(in.Gather)
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("read from %s: %w", r.udpAddr, err)
		}
		r.deliver(ctx, out, in)
		r.countOverflow(sock)
	}
	for in.reset(); sock.Drain(in.Gather); in.reset() {
		r.deliver(ctx, out, in)
	}
	r.countOverflow(sock)
	return nil
}

// deliver pushes what in holds. The wait for room is bounded by PushWait alone:
// a stop must not lose what was already read.
func (r *Receiver) deliver(ctx context.Context, out sidelight.Sink, in *intake) {
	r.received.Add(uint64(in.Len()))
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
func (r *Receiver) countOverflow(s *datagram.Socket) {
	if n := s.Dropped(); n > 0 {
		r.overflow.Add(uint64(n))
		r.books.Lose(sidelight.Traces, lostOverflow, n)
		r.warn.Warn("documents lost: the socket's buffer was full", slog.String("receiver", "xray"), slog.Int("datagrams", n),
			slog.Int("buffer_bytes", datagram.Granted(r.udp)), slog.Int("asked_bytes", r.cfg.ReadBuffer), slog.String("bound", "net.core.rmem_max"))
	}
}
