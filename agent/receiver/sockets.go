package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/datagram"
)

// Books is where receivers count what they had to give up.
type Books interface {
	// Lose counts n items that arrived and could not be taken in.
	Lose(s sidelight.Signal, cause string, n int)
}

// SocketsConfig says where Sockets listen and what the messages are that arrive
// there. Zero fields take the defaults.
type SocketsConfig struct {
	// Name is that of the receiver, for what is logged.
	Name string
	// TCP and UDP are addresses, Unix is the path of a datagram socket. At least
	// one must be given. A socket left at the path by a process that is gone is
	// removed.
	TCP, UDP, Unix string
	// UnixMode is the permissions of the socket. Default 0666, as of /dev/log.
	UnixMode fs.FileMode
	// TLS, if not nil, is spoken over TCP.
	TLS *tls.Config
	// Octets says that senders over TCP may write the length of each message
	// before it (RFC 6587, 3.4.1), or end it by a zero byte.
	Octets bool
	// Whole says that a datagram is one message. Otherwise each of its lines is.
	Whole bool
	// Refuse loses messages that are too long. Otherwise they become several.
	Refuse bool
	// MaxMessage is the most bytes of a message. Default 1 MiB.
	MaxMessage int
	// Memory bounds the bytes of unfinished messages, over all connections,
	// beyond a connection's first 16 KiB. Default 16 MiB.
	Memory int64
	// Connections is how many peers may be connected at once; the next one is
	// closed again. Default 512.
	Connections int
	// Handshake is how long a peer may take to begin with TLS. Default 10 s.
	Handshake time.Duration
	// Stall is how long a peer may pause inside a message that is longer than 16
	// KiB. What there is of it is then taken, and the connection closed. Default
	// 60 s.
	Stall time.Duration
	// Linger is how long the stop of Run waits, at most, for peers that go on
	// sending. Default 1 s.
	Linger time.Duration
	// ReadBuffer is the size in bytes that is asked of the kernel for the buffers
	// of datagrams. Default 4 MiB; the kernel may grant less.
	ReadBuffer int
	// PushWait is how long datagrams wait for room in the sink. Default 100 ms.
	PushWait time.Duration
	// To is where messages go unless Decode says otherwise.
	To Input
	// Decode makes an event of a message. It is called from many goroutines at
	// once. What it returns is the cause by which the message is lost, or "".
	Decode func(m *Message) (cause string)
}

// Message is a message on its way into an event.
type Message struct {
	// Raw is what arrived, without what marks its end.
	Raw []byte
	// Now is the time of arrival in Unix milliseconds.
	Now int64
	// Unix says that the message came through the unix socket.
	Unix bool
	// Text is memory for a body: append to it.
	Text []byte
	// Event is the result. It begins as Raw, now.
	Event sidelight.Event
	// To is where the event goes.
	To Input
}

func (c SocketsConfig) withDefaults() SocketsConfig {
	if c.UnixMode == 0 {
		c.UnixMode = 0o666
	}
	for _, d := range []struct {
		v  *time.Duration
		to time.Duration
	}{
		{&c.Handshake, 10 * time.Second},
		{&c.Stall, time.Minute},
		{&c.Linger, time.Second},
		{&c.PushWait, 100 * time.Millisecond},
	} {
		if *d.v == 0 {
			*d.v = d.to
		}
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 1 << 20
	}
	if c.Memory == 0 {
		c.Memory = 16 << 20
	}
	if c.Connections == 0 {
		c.Connections = 512
	}
	if c.ReadBuffer == 0 {
		c.ReadBuffer = 4 << 20
	}
	return c
}

func (c SocketsConfig) validate() error {
	switch {
	case c.TCP == "" && c.UDP == "" && c.Unix == "":
		return errors.New("tcp, udp or unix: one of them must be set")
	case c.TLS != nil && c.TCP == "":
		return errors.New("tls: needs tcp")
	case len(c.Unix) > MaxUnixPath:
		return fmt.Errorf("unix: %q is longer than %d bytes, the most a socket's path may have", c.Unix, MaxUnixPath)
	case c.MaxMessage < 16:
		return fmt.Errorf("max message: %d bytes hold nothing", c.MaxMessage)
	}
	return nil
}

// Sockets is a receiver of log messages that come one after the other over TCP
// and in datagrams. Nothing is acknowledged: such senders do not wait for it.
// While the sink has no room, a connection is not read, so that its peer feels
// it; datagrams wait in the socket's buffer and are lost, and counted, when it
// is full.
type Sockets struct {
	cfg    SocketsConfig
	books  Books
	log    *slog.Logger
	warn   *Warner
	memory *Budget
	works  chan *work

	tcp   net.Listener  // nil: none
	udp   *net.UDPConn  // nil: none
	unix  *net.UnixConn // nil: none
	addrs struct{ tcp, udp net.Addr }

	peers *Peers
}

var _ sidelight.Receiver = (*Sockets)(nil)

// OpenSockets opens the sockets that cfg names.
func OpenSockets(cfg SocketsConfig, books Books, log *slog.Logger) (*Sockets, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	warn := NewWarner(log)
	s := &Sockets{
		cfg: cfg, books: books, log: log, warn: warn, memory: NewBudget(cfg.Memory),
		peers: NewPeers(cfg.Connections, cfg.TLS, warn),
	}
	// More connections than can be worked on at once wait for their turn: the
	// buffers of events, not the peers, bound the memory.
	n := 2 + 2*runtime.GOMAXPROCS(0)
	s.works = make(chan *work, n)
	for range n {
		s.works <- new(work)
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sockets) listen() error {
	if s.cfg.TCP != "" {
		l, err := net.Listen("tcp", s.cfg.TCP)
		if err != nil {
			return err
		}
		s.tcp, s.addrs.tcp = l, l.Addr()
	}
	if s.cfg.UDP != "" {
		addr, err := net.ResolveUDPAddr("udp", s.cfg.UDP)
		if err != nil {
			return fmt.Errorf("resolve %q: %w", s.cfg.UDP, err)
		}
		if s.udp, err = net.ListenUDP("udp", addr); err != nil {
			return err
		}
		s.addrs.udp = s.udp.LocalAddr()
		s.grow(s.udp)
	}
	if s.cfg.Unix != "" {
		var err error
		if s.unix, err = ListenUnixgram(s.cfg.Unix, s.cfg.UnixMode); err != nil {
			return fmt.Errorf("listen on %s: %w", s.cfg.Unix, err)
		}
		s.grow(s.unix)
	}
	return nil
}

func (s *Sockets) grow(c datagram.Conn) {
	if err := datagram.Grow(c, s.cfg.ReadBuffer); err != nil {
		s.log.Warn("cannot enlarge the socket's buffer", "err", err)
	}
}

// TCPAddr is the address of the listener, nil if there is none.
func (s *Sockets) TCPAddr() net.Addr { return s.addrs.tcp }

// UDPAddr is the address of the UDP socket, nil if there is none.
func (s *Sockets) UDPAddr() net.Addr { return s.addrs.udp }

// Close closes the sockets of Sockets that are not going to run.
func (s *Sockets) Close() error {
	var errs []error
	if s.tcp != nil {
		errs = append(errs, s.tcp.Close())
	}
	if s.udp != nil {
		errs = append(errs, s.udp.Close())
	}
	if s.unix != nil {
		// As long as the socket is open nobody else can have taken the path.
		errs = append(errs, os.Remove(s.cfg.Unix), s.unix.Close())
	}
	var kept []error
	for _, err := range errs {
		if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, fs.ErrNotExist) {
			kept = append(kept, err)
		}
	}
	return errors.Join(kept...)
}

// Run takes messages until ctx ends. It then stops accepting, reads on until
// each peer is silent or the time to linger is over, takes what has reached the
// datagram sockets, and returns nil. However it ends, the sockets are closed
// then.
func (s *Sockets) Run(ctx context.Context, out sidelight.Sink) (err error) {
	// Pushing goes on while the stop lingers.
	push, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	ctx, end := context.WithCancel(ctx)
	var wg sync.WaitGroup
	failed := make(chan error, 3)
	if s.tcp != nil {
		wg.Go(func() {
			s.peers.Accept(ctx, s.tcp, &wg, func(p *Peer) {
				(&socketConn{s: s, peer: p, nc: p.Conn}).serve(push, out)
			})
			failed <- nil
		})
	}
	if s.udp != nil {
		wg.Go(func() { failed <- s.datagrams(ctx, s.udp, datagram.MaxUDP, out) })
	}
	if s.unix != nil {
		wg.Go(func() { failed <- s.datagrams(ctx, s.unix, maxUnixgram, out) })
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	end()
	if s.tcp != nil {
		err = errors.Join(err, s.tcp.Close())
	}
	until := time.Now().Add(s.cfg.Linger)
	s.peers.Halt(until)
	last := time.AfterFunc(time.Until(until), func() {
		cancel(errStopped)
		s.peers.Cut()
	})
	defer last.Stop()
	wg.Wait()
	return errors.Join(err, s.Close())
}
