// Package xray takes in what the X-Ray daemon takes in: segment documents in
// datagrams, and the sampling calls of the X-Ray SDKs over HTTP. Documents go
// on as they were sent. Sampling calls are signed and forwarded, with the rules
// shared by all that ask.
//
// A datagram cannot wait. While the sink has no room the socket's buffer is the
// queue; what does not fit there either is lost, and counted.
package xray

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/internal/datagram"
)

// DefaultAddr is where the SDKs look for a daemon, UDP and TCP, unless
// AWS_XRAY_DAEMON_ADDRESS says otherwise.
const DefaultAddr = "127.0.0.1:2000"

// Config says where to listen.
type Config struct {
	// UDP and TCP are the addresses for documents and for sampling calls.
	// An empty one is not opened; at least one must be given.
	UDP, TCP string
	// Dest is where documents go.
	Dest sidelight.Dest
	// ReadBuffer is the size that is asked of the kernel for the socket's
	// buffer, in bytes. Default 4 MiB. The kernel may grant less.
	ReadBuffer int
	// Proxy answers sampling calls. Nil: one of the receiver's own.
	Proxy *Proxy
	// PushWait is how long documents wait for room in the sink. Default 100 ms:
	// about as long as the socket's buffer holds out under load.
	PushWait time.Duration
}

func (c Config) withDefaults() Config {
	if c.ReadBuffer <= 0 {
		c.ReadBuffer = 4 << 20
	}
	if c.PushWait <= 0 {
		c.PushWait = 100 * time.Millisecond
	}
	return c
}

// Books is where the receiver counts what it had to give up.
type Books interface {
	Lose(s sidelight.Signal, cause string, n int)
}

// Receiver implements sidelight.Receiver.
type Receiver struct {
	cfg   Config
	books Books
	log   *slog.Logger
	warn  *receiver.Warner
	dest  sidelight.DestHandle
	udp   *net.UDPConn // nil: not configured
	tcp   net.Listener // nil: not configured
	proxy *Proxy

	udpAddr, tcpAddr net.Addr

	received, overflow atomic.Uint64
	full               atomic.Bool // the last push found no room
}

var _ sidelight.Receiver = (*Receiver)(nil)

// New opens the listeners. Sampling calls go through up, which may be nil: they
// are then answered with 502.
func New(cfg Config, up Upstream, books Books, log *slog.Logger) (*Receiver, error) {
	if cfg.UDP == "" && cfg.TCP == "" {
		return nil, errors.New("xray receiver: neither a UDP nor a TCP address is given")
	}
	cfg = cfg.withDefaults()
	r := &Receiver{cfg: cfg, books: books, log: log, warn: receiver.NewWarner(log), dest: cfg.Dest.Handle(), proxy: cfg.Proxy}
	if r.proxy == nil {
		r.proxy = NewProxy(up)
	}
	if err := r.listen(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.udp != nil {
		r.udpAddr = r.udp.LocalAddr()
	}
	if r.tcp != nil {
		r.tcpAddr = r.tcp.Addr()
	}
	return r, nil
}

func (r *Receiver) listen() error {
	if r.cfg.UDP != "" {
		addr, err := net.ResolveUDPAddr("udp", r.cfg.UDP)
		if err != nil {
			return fmt.Errorf("xray receiver: resolve %q: %w", r.cfg.UDP, err)
		}
		if r.udp, err = net.ListenUDP("udp", addr); err != nil {
			return fmt.Errorf("xray receiver: %w", err)
		}
		if err := datagram.Grow(r.udp, r.cfg.ReadBuffer); err != nil {
			r.log.Warn("cannot enlarge the socket's buffer", "receiver", "xray", "err", err)
		}
	}
	if r.cfg.TCP != "" {
		var err error
		if r.tcp, err = net.Listen("tcp", r.cfg.TCP); err != nil {
			return fmt.Errorf("xray receiver: %w", err)
		}
	}
	return nil
}

// Close closes the listeners of a receiver that was never run. Run closes them
// by itself.
func (r *Receiver) Close() error {
	var errs []error
	if r.udp != nil {
		errs = append(errs, r.udp.Close())
	}
	if r.tcp != nil {
		errs = append(errs, r.tcp.Close())
	}
	return errors.Join(errs...)
}

// UDPAddr is the address that documents are taken at, nil if none.
func (r *Receiver) UDPAddr() net.Addr { return r.udpAddr }

// TCPAddr is the address of the sampling proxy, nil if none.
func (r *Receiver) TCPAddr() net.Addr { return r.tcpAddr }

// Stats is a copy of the receiver's counters.
type Stats struct {
	// Datagrams counts all that were read, Overflow those that the kernel threw
	// away because the socket's buffer was full. The latter is always zero where
	// the system does not tell.
	Datagrams, Overflow uint64
}

// Stats returns the counters.
func (r *Receiver) Stats() Stats {
	return Stats{Datagrams: r.received.Load(), Overflow: r.overflow.Load()}
}

// Run takes documents and answers sampling calls until ctx ends. What had
// reached the socket by then is still taken. However it ends, the listeners are
// closed then.
func (r *Receiver) Run(ctx context.Context, out sidelight.Sink) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	var served error
	var wg sync.WaitGroup
	defer func() {
		wg.Wait()
		_ = r.Close() // again where it ended well, the first time after a panic
		err = errors.Join(err, served)
	}()
	defer cancel()
	if r.tcp != nil {
		wg.Go(func() {
			if served = r.serveSampling(ctx); served != nil {
				cancel()
			}
		})
	}
	if r.udp == nil {
		<-ctx.Done()
		return nil
	}
	return r.takeDocuments(ctx, out)
}

// proxyGrace is how long a sampling call that is being answered when the
// receiver stops may still take.
const proxyGrace = time.Second

func (r *Receiver) serveSampling(ctx context.Context) error {
	srv := &http.Server{
		Handler:           r.proxy,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	undo := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), proxyGrace)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})
	err := srv.Serve(r.tcp)
	if undo() {
		return fmt.Errorf("serve sampling calls on %s: %w", r.tcpAddr, err)
	}
	<-stopped
	return nil
}
