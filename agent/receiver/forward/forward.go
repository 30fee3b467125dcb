// Package forward receives logs by the Fluent Forward protocol, version 1, over
// TCP and unix sockets: what fluent-bit, fluentd, the fluent-logger libraries,
// Docker's fluentd driver and, through it, ECS FireLens speak.
//
// A record becomes one event, the JSON document of the whole record. It is
// written from the MessagePack bytes straight into the event's body; nothing is
// decoded into Go values, and in steady state no record costs an allocation.
//
// A message that carries the option "chunk" is acknowledged when the tickets
// of all its events were released without an error, and never if they were not:
// the connection is then closed, and the sender offers the chunk again. While
// the sink has no room nothing is read, so the sender feels it in its socket.
package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// Books is where a Receiver counts what it had to give up.
type Books interface {
	// Lose counts n items that arrived and could not be taken in. A message
	// that cannot be read counts as one, as nobody knows what was in it.
	Lose(s sidelight.Signal, cause string, n int)
}

// Receiver is a server of the Forward protocol.
type Receiver struct {
	cfg     Config
	books   Books
	log     *slog.Logger
	warn    *receiver.Warner
	dests   *receiver.Dests
	memory  *receiver.Budget
	intakes chan *intake

	listeners []net.Listener

	mu       sync.Mutex
	conns    map[*conn]struct{}
	stopping bool
}

var _ sidelight.Receiver = (*Receiver)(nil)

// New opens the listeners that cfg names.
func New(cfg Config, books Books, log *slog.Logger) (*Receiver, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the forward receiver: %w", err)
	}
	listeners, err := listen(cfg)
	if err != nil {
		return nil, err
	}
	r := &Receiver{
		cfg: cfg, books: books, log: log, warn: receiver.NewWarner(log), dests: receiver.NewDests(cfg.Dest),
		memory: receiver.NewBudget(cfg.Memory), listeners: listeners, conns: map[*conn]struct{}{},
	}
	// More connections than can be worked on at once wait for their turn: the
	// buffers of events, not the peers, bound the memory.
	n := 2 + 2*runtime.GOMAXPROCS(0)
	r.intakes = make(chan *intake, n)
	for range n {
		r.intakes <- new(intake)
	}
	return r, nil
}

// Addrs returns the addresses listened on: TCP first, if both.
func (r *Receiver) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(r.listeners))
	for i, l := range r.listeners {
		addrs[i] = l.Addr()
	}
	return addrs
}

// Close closes the listeners of a Receiver that is not going to run.
func (r *Receiver) Close() error {
	var errs []error
	for _, l := range r.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends. It then stops accepting, reads on until each peer
// is silent or the time to linger is over, waits in that time for what is to be
// acknowledged, and returns nil.
func (r *Receiver) Run(ctx context.Context, out sidelight.Sink) error {
	// Pushing goes on while the stop lingers.
	push, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var wg sync.WaitGroup
	failed := make(chan error, len(r.listeners))
	for _, l := range r.listeners {
		wg.Go(func() { failed <- r.accept(ctx, push, l, out, &wg) })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	closeErr := r.Close()
	until := time.Now().Add(r.cfg.Linger)
	r.halt(until)
	end := time.AfterFunc(time.Until(until), func() { cancel(errStopped) })
	defer end.Stop()
	// Peers may still read their answers.
	cut := time.AfterFunc(time.Until(until)+2*parting, r.cut)
	defer cut.Stop()
	wg.Wait()
	return errors.Join(err, closeErr)
}

// accept serves l until it is closed. Each connection runs in wg.
func (r *Receiver) accept(ctx, push context.Context, l net.Listener, out sidelight.Sink, wg *sync.WaitGroup) error {
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if nc != nil {
				nc.Close()
			}
			return nil
		case err != nil:
			// Out of file descriptors, most likely: they come back.
			r.warn.Warn("cannot accept a forward connection", slog.Any("err", err))
			pause(ctx, 100*time.Millisecond)
			continue
		}
		if c := r.admit(nc); c != nil {
			wg.Go(func() { r.serve(push, c, out) })
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// admit makes nc one of the receiver's connections, or closes it if there are
// too many.
func (r *Receiver) admit(nc net.Conn) *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping || len(r.conns) >= r.cfg.Connections {
		nc.Close()
		if !r.stopping {
			r.warn.Warn("forward connection refused: too many", slog.Int("connections", len(r.conns)))
		}
		return nil
	}
	if r.cfg.TLS != nil && nc.LocalAddr().Network() == "tcp" {
		nc = tls.Server(nc, r.cfg.TLS)
	}
	c := newConn(r, nc)
	r.conns[c] = struct{}{}
	return c
}

func (r *Receiver) halt(until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
	for c := range r.conns {
		c.halt(until)
	}
}

// cut closes every connection.
func (r *Receiver) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.nc.Close()
	}
}

func (r *Receiver) forget(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

func (r *Receiver) lose(cause string, n int) {
	if n > 0 {
		r.books.Lose(sidelight.Logs, cause, n)
	}
}
