package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// quiet is how long a peer must be silent, when the receiver stops, before it is
// taken to have sent all it had.
const quiet = 100 * time.Millisecond

// Peers are the connections of a receiver that takes streams. It bounds how many
// there are at once, and brings them to an end.
type Peers struct {
	most int
	tls  *tls.Config
	warn *Warner

	mu       sync.Mutex
	open     map[*Peer]struct{}
	stopping bool
}

// NewPeers returns no peers yet, and lets in as many as most at once. With a
// configuration of TLS that is what those over TCP must speak; the handshake is
// left to who serves them.
func NewPeers(most int, tls *tls.Config, warn *Warner) *Peers {
	return &Peers{most: most, tls: tls, warn: warn, open: map[*Peer]struct{}{}}
}

// Accept lets peers in until l is closed or ctx ends. Each is served in wg, by
// what must also close it.
func (p *Peers) Accept(ctx context.Context, l net.Listener, wg *sync.WaitGroup, serve func(*Peer)) {
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if nc != nil {
				nc.Close()
			}
			return
		case err != nil:
			// Out of file descriptors, most likely: they come back.
			p.warn.Warn("cannot accept a connection", slog.Any("err", err))
			pause(ctx, 100*time.Millisecond)
			continue
		}
		if peer := p.admit(nc); peer != nil {
			wg.Go(func() {
				defer p.forget(peer)
				serve(peer)
			})
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

// admit makes nc one of the peers, or closes it if there are too many.
func (p *Peers) admit(nc net.Conn) *Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping || len(p.open) >= p.most {
		nc.Close()
		if !p.stopping {
			p.warn.Warn("connection refused: too many", slog.Int("connections", len(p.open)))
		}
		return nil
	}
	if p.tls != nil && nc.LocalAddr().Network() == "tcp" {
		nc = tls.Server(nc, p.tls)
	}
	peer := NewPeer(nc)
	p.open[peer] = struct{}{}
	return peer
}

func (p *Peers) forget(peer *Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, peer)
}

// Halt lets nobody else in, and makes every peer stop: when it is silent, and by
// until at the latest.
func (p *Peers) Halt(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping = true
	for peer := range p.open {
		peer.halt(until)
	}
}

// Cut closes every connection.
func (p *Peers) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for peer := range p.open {
		peer.Conn.Close()
	}
}

// Peer is one connection, which can be told to stop.
type Peer struct {
	// Conn is the connection, over TLS if that is configured.
	Conn net.Conn

	mu    sync.Mutex
	until time.Time // non-zero: stop by then
}

// NewPeer returns nc as a peer of no receiver.
func NewPeer(nc net.Conn) *Peer { return &Peer{Conn: nc} }

func (p *Peer) halt(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = until
	// The reader sets its own deadline at its next read.
	_ = p.Conn.SetReadDeadline(time.Now().Add(quiet))
}

// Until is when the peer must have stopped, zero while it need not.
func (p *Peer) Until() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until
}

// Arm sets the deadline of the next read to what at returns, and reports whether
// the receiver stops. at is called with the time by which to stop, zero while it
// does not.
func (p *Peer) Arm(at func(now, until time.Time) time.Time) (stopping bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.until.IsZero(), p.Conn.SetReadDeadline(at(time.Now(), p.until))
}

// Soon is the deadline of the next read of a peer that stops and may have sent
// all it had.
func Soon(now, until time.Time) time.Time {
	if at := now.Add(quiet); at.Before(until) {
		return at
	}
	return until
}
