// Package statsd receives StatsD datagrams, DogStatsD's tags included:
// counters, gauges with and without sign, timers, histograms and distributions,
// several lines a datagram. Sets and events are refused and counted.
package statsd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Config says where to listen.
type Config struct {
	// UDP is the address.
	UDP string
	// ReadBuffer is the size in bytes that is asked of the kernel for the
	// socket's buffer. Default 4 MiB; the kernel may grant less.
	ReadBuffer int
	// MaxGauges bounds how many gauges are remembered for signed changes.
	// Default 10,000.
	MaxGauges int
}

// Receiver reads datagrams into a Recorder.
type Receiver struct {
	cfg  Config
	conn *net.UDPConn
	rec  sidelight.Recorder
	log  *slog.Logger

	parser parser
	gauges map[string]float64
	key    []byte

	mu    sync.Mutex
	stats Stats
}

// Stats counts what was read.
type Stats struct {
	Datagrams, Lines, Samples uint64
	// Invalid counts lines that are not StatsD, by reason.
	Invalid map[string]uint64
}

// New opens the socket.
func New(cfg Config, rec sidelight.Recorder, log *slog.Logger) (*Receiver, error) {
	if cfg.ReadBuffer <= 0 {
		cfg.ReadBuffer = 4 << 20
	}
	if cfg.MaxGauges <= 0 {
		cfg.MaxGauges = 10_000
	}
	addr, err := net.ResolveUDPAddr("udp", cfg.UDP)
	if err != nil {
		return nil, fmt.Errorf("statsd receiver: resolve %q: %w", cfg.UDP, err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("statsd receiver: listen on %q: %w", cfg.UDP, err)
	}
	// The kernel may grant less; that is no reason not to run.
	_ = conn.SetReadBuffer(cfg.ReadBuffer)
	return &Receiver{
		cfg: cfg, conn: conn, rec: rec, log: log, gauges: map[string]float64{},
		stats: Stats{Invalid: map[string]uint64{}},
	}, nil
}

// Addr is where the receiver listens.
func (r *Receiver) Addr() net.Addr { return r.conn.LocalAddr() }

// Stats returns a copy of the counters.
func (r *Receiver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Invalid = make(map[string]uint64, len(r.stats.Invalid))
	for k, v := range r.stats.Invalid {
		s.Invalid[k] = v
	}
	return s
}

// Run reads until ctx ends, then takes what the kernel still holds, and closes
// the socket.
func (r *Receiver) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = r.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) })
	defer stop()
	defer r.conn.Close()
	buf := make([]byte, 64<<10)
	for {
		n, _, err := r.conn.ReadFromUDPAddrPort(buf)
		if n > 0 {
			r.datagram(buf[:n])
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("statsd receiver: read: %w", err)
		}
	}
}

func (r *Receiver) datagram(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Datagrams++
	for len(b) > 0 {
		var l []byte
		l, b = cut(b, '\n')
		if l = bytes.TrimSuffix(l, []byte{'\r'}); len(l) == 0 {
			continue
		}
		r.stats.Lines++
		if reason := r.parser.parse(l, r.record); reason != "" {
			r.invalid(reason, l)
		}
	}
}

// record hands one sample on. r.mu is held.
func (r *Receiver) record(l *line) {
	r.stats.Samples++
	if l.m.Kind == sidelight.Gauge {
		l.m.Value = r.gauge(l)
	}
	r.rec.Record(&l.m)
}

// gauge returns the gauge's level: as given, or changed from the level before.
func (r *Receiver) gauge(l *line) float64 {
	r.key = append(r.key[:0], l.m.Name...)
	for _, d := range l.m.Dimensions {
		r.key = append(append(append(append(r.key, '|'), d.Name...), ':'), d.Value...)
	}
	before, known := r.gauges[string(r.key)]
	v := l.m.Value
	if l.delta {
		v += before
	}
	if known || len(r.gauges) < r.cfg.MaxGauges {
		r.gauges[string(r.key)] = v
	}
	return v
}

// invalid counts a line and logs the first of each reason.
func (r *Receiver) invalid(reason string, l []byte) {
	if r.stats.Invalid[reason]++; r.stats.Invalid[reason] > 1 {
		return
	}
	shown := strings.ToValidUTF8(string(l[:min(len(l), 80)]), "?")
	r.log.Warn("not a StatsD line; further ones are only counted", "reason", reason, "line", shown)
}
