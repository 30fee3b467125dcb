// Package swallow listens for what nobody wants to keep: the records that the
// health checks of FireLens' task definitions send, which succeed if somebody
// takes them. Whatever is sent is read and forgotten.
package swallow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
)

const (
	// peers is how many may be connected at once; the next one is closed.
	peers = 32
	// patience is how long a peer may stay.
	patience = 10 * time.Second
)

// Receiver reads and forgets.
type Receiver struct {
	listener net.Listener

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	ended bool
}

var _ sidelight.Receiver = (*Receiver)(nil)

// New listens on the TCP address addr.
func New(addr string) (*Receiver, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for health checks on %s: %w", addr, err)
	}
	return &Receiver{listener: l, conns: map[net.Conn]struct{}{}}, nil
}

// Addr returns the address listened on.
func (r *Receiver) Addr() net.Addr { return r.listener.Addr() }

// Close closes the listener of a Receiver that is not going to run.
func (r *Receiver) Close() error {
	if err := r.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Run reads what peers send until ctx ends. It pushes nothing.
func (r *Receiver) Run(ctx context.Context, _ sidelight.Sink) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer r.cut()
	// A peer that was just accepted can end the loop before stop's function ran.
	defer r.listener.Close()
	stop := context.AfterFunc(ctx, func() { r.listener.Close() })
	defer stop()
	for {
		c, err := r.listener.Accept()
		switch {
		case ctx.Err() != nil:
			if c != nil {
				c.Close()
			}
			return nil
		case err != nil:
			return fmt.Errorf("accept a health check: %w", errors.Join(err, r.Close()))
		}
		if r.admit(c) {
			wg.Go(func() { r.serve(c) })
		}
	}
}

func (r *Receiver) admit(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || len(r.conns) >= peers {
		c.Close()
		return false
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *Receiver) serve(c net.Conn) {
	// The copy ends when the peer does, or at the deadline; either is fine.
	if c.SetDeadline(time.Now().Add(patience)) == nil {
		_, _ = io.Copy(io.Discard, c)
	}
	c.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// cut closes every connection.
func (r *Receiver) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	for c := range r.conns {
		c.Close()
	}
}
