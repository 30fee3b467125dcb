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
	peers     *receiver.Peers
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
	warn := receiver.NewWarner(log)
	r := &Receiver{
		cfg: cfg, books: books, log: log, warn: warn, dests: receiver.NewDests(cfg.Dest),
		memory: receiver.NewBudget(cfg.Memory), listeners: listeners, peers: receiver.NewPeers(cfg.Connections, cfg.TLS, warn),
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
		wg.Go(func() {
			r.peers.Accept(ctx, l, &wg, func(p *receiver.Peer) { r.serve(push, newConn(r, p), out) })
			failed <- nil
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	closeErr := r.Close()
	until := time.Now().Add(r.cfg.Linger)
	r.peers.Halt(until)
	end := time.AfterFunc(time.Until(until), func() { cancel(errStopped) })
	defer end.Stop()
	// Peers may still read their answers.
	cut := time.AfterFunc(time.Until(until)+2*parting, r.peers.Cut)
	defer cut.Stop()
	wg.Wait()
	return errors.Join(err, closeErr)
}

func (r *Receiver) lose(cause string, n int) {
	if n > 0 {
		r.books.Lose(sidelight.Logs, cause, n)
	}
}
