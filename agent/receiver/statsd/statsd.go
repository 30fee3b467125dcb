package statsd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/internal/datagram"
)

// Config says where to listen. Zero fields take the defaults.
type Config struct {
	// UDP is an address, Unix the path of a socket for datagrams, Stream the path
	// of one for connections, on which each message has its length before it. At
	// least one must be given.
	UDP, Unix, Stream string
	// Events is where events and service checks go as log events. The zero handle:
	// they are only counted.
	Events sidelight.DestHandle
	// ReadBuffer is the size in bytes that is asked of the kernel for the buffers
	// of datagrams. Default 8 MiB; the kernel may grant less.
	ReadBuffer int
	// MaxGauges bounds how many gauges are remembered for signed changes.
	// Default 10,000.
	MaxGauges int
	// MaxSets bounds how many sets are counted in an interval, in up to 4 KiB
	// each. Default 1,000.
	MaxSets int
	// Connections is how many peers may be connected at once. Default 128.
	Connections int
	// PushWait is how long events wait for room in the sink. Default 100 ms.
	PushWait time.Duration
	// Linger is how long the stop of Run waits, at most, for peers that go on
	// sending. Default 1 s.
	Linger time.Duration
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		v  *int
		to int
	}{{&c.ReadBuffer, 8 << 20}, {&c.MaxGauges, 10_000}, {&c.MaxSets, 1000}, {&c.Connections, 128}} {
		if *d.v <= 0 {
			*d.v = d.to
		}
	}
	if c.PushWait <= 0 {
		c.PushWait = 100 * time.Millisecond
	}
	if c.Linger <= 0 {
		c.Linger = time.Second
	}
	return c
}

// Books is where what had to be given up is counted.
type Books interface {
	Lose(s sidelight.Signal, cause string, n int)
}

// Receiver reads samples into a Recorder. What is measured by set is recorded by
// Collect.
type Receiver struct {
	cfg   Config
	rec   sidelight.Recorder
	books Books
	log   *slog.Logger
	warn  *receiver.Warner

	udp    *net.UDPConn  // nil: none
	unix   *net.UnixConn // nil: none
	stream net.Listener  // nil: none
	addr   net.Addr      // of udp
	peers  *receiver.Peers

	levels   *levels
	sets     *sets
	counts   counts
	complain complaints
}

var _ sidelight.Receiver = (*Receiver)(nil)

// New opens the sockets.
func New(cfg Config, rec sidelight.Recorder, books Books, log *slog.Logger) (*Receiver, error) {
	if cfg.UDP == "" && cfg.Unix == "" && cfg.Stream == "" {
		return nil, errors.New("statsd receiver: udp, unix or stream: one of them must be set")
	}
	cfg = cfg.withDefaults()
	warn := receiver.NewWarner(log)
	r := &Receiver{
		cfg: cfg, rec: rec, books: books, log: log, warn: warn, peers: receiver.NewPeers(cfg.Connections, nil, warn),
		levels: newLevels(cfg.MaxGauges), sets: newSets(cfg.MaxSets), complain: complaints{log: log},
	}
	if err := r.listen(); err != nil {
		return nil, errors.Join(fmt.Errorf("statsd receiver: %w", err), r.Close())
	}
	return r, nil
}

// socketMode lets every user of the machine send, as other daemons do.
const socketMode fs.FileMode = 0o666

func (r *Receiver) listen() error {
	if r.cfg.UDP != "" {
		addr, err := net.ResolveUDPAddr("udp", r.cfg.UDP)
		if err != nil {
			return fmt.Errorf("resolve %q: %w", r.cfg.UDP, err)
		}
		if r.udp, err = net.ListenUDP("udp", addr); err != nil {
			return err
		}
		r.addr = r.udp.LocalAddr()
		r.grow(r.udp)
	}
	if r.cfg.Unix != "" {
		var err error
		if r.unix, err = receiver.ListenUnixgram(r.cfg.Unix, socketMode); err != nil {
			return fmt.Errorf("listen on %s: %w", r.cfg.Unix, err)
		}
		r.grow(r.unix)
	}
	if r.cfg.Stream != "" {
		var err error
		if r.stream, err = receiver.ListenUnix(r.cfg.Stream, socketMode); err != nil {
			return fmt.Errorf("listen on %s: %w", r.cfg.Stream, err)
		}
	}
	return nil
}

func (r *Receiver) grow(c datagram.Conn) {
	if err := datagram.Grow(c, r.cfg.ReadBuffer); err != nil {
		r.log.Warn("cannot enlarge the socket's buffer", "err", err)
	}
}

// Addr is the address of the UDP socket, nil if there is none.
func (r *Receiver) Addr() net.Addr { return r.addr }

// Stats returns a copy of the counters.
func (r *Receiver) Stats() Stats { return r.counts.read() }

// Collect records how many distinct members each set had since the last call. It
// is to be called at each interval's end.
func (r *Receiver) Collect(to sidelight.Recorder) { r.sets.collect(to) }

// Close closes the sockets of a Receiver that is not going to run.
func (r *Receiver) Close() error {
	var errs []error
	if r.udp != nil {
		errs = append(errs, r.udp.Close())
	}
	if r.unix != nil {
		// As long as the socket is open nobody else can have taken the path.
		errs = append(errs, os.Remove(r.cfg.Unix), r.unix.Close())
	}
	if r.stream != nil {
		errs = append(errs, r.stream.Close())
	}
	var kept []error
	for _, err := range errs {
		if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, fs.ErrNotExist) {
			kept = append(kept, err)
		}
	}
	return errors.Join(kept...)
}

// Run reads until ctx ends. It then takes what the kernel still holds and what
// peers have sent, and returns nil. However it ends, the sockets are closed then.
// Only events are pushed to out, which may be nil if they are only counted.
func (r *Receiver) Run(ctx context.Context, out sidelight.Sink) (err error) {
	ctx, end := context.WithCancel(ctx)
	var wg sync.WaitGroup
	failed := make(chan error, 3)
	if r.udp != nil {
		wg.Go(func() { failed <- r.datagrams(ctx, r.udp, datagram.MaxUDP, out) })
	}
	if r.unix != nil {
		wg.Go(func() { failed <- r.datagrams(ctx, r.unix, maxUnixgram, out) })
	}
	if r.stream != nil {
		wg.Go(func() {
			r.peers.Accept(ctx, r.stream, &wg, func(p *receiver.Peer) { r.serve(ctx, p, out) })
			failed <- nil
		})
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	end()
	if r.stream != nil {
		err = errors.Join(err, r.stream.Close())
	}
	r.peers.Halt(time.Now().Add(r.cfg.Linger))
	last := time.AfterFunc(r.cfg.Linger, r.peers.Cut)
	defer last.Stop()
	wg.Wait()
	return errors.Join(err, r.Close())
}

const (
	// gatherBytes is the memory that datagrams are gathered in, gatherCount the
	// most of them in one go.
	gatherBytes = 256 << 10
	gatherCount = 256
	// maxUnixgram is more than any client sends: the limit of DogStatsD's is 8 KiB.
	maxUnixgram = 64 << 10
)

// datagrams reads c until ctx ends, as many at a time as there are.
func (r *Receiver) datagrams(ctx context.Context, c datagram.PacketConn, longest int, out sidelight.Sink) error {
	g, rd := datagram.NewGather(gatherBytes, gatherCount, longest), r.reader()
	return datagram.Read(ctx, c, g, func() { rd.take(ctx, out, g.Len(), g.At) }, func(n int) { r.overflow(c, n) })
}

// overflow books what the kernel threw away of c.
func (r *Receiver) overflow(c datagram.Conn, n int) {
	r.counts.overflow.Add(uint64(n))
	r.books.Lose(sidelight.Metrics, "socket_overflow", n)
	r.warn.Warn("datagrams lost: the socket's buffer was full", slog.Int("datagrams", n),
		slog.Int("buffer_bytes", datagram.Granted(c)), slog.Int("asked_bytes", r.cfg.ReadBuffer), slog.String("bound", "net.core.rmem_max"))
}
