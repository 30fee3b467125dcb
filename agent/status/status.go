// Package status serves the agent's own health over HTTP: /health and /ready for
// probes, /status as JSON for people and commands, /metrics for Prometheus.
package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/sidelight-dev/sidelight/agent/aggregate"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/agent/processor/tail"
	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/agent/spend"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// Format names the form of a Report.
const Format = "sidelight.status/1"

// Report is everything an agent says of itself.
type Report struct {
	Format    string              `json:"format"`
	Version   string              `json:"version"`
	PID       int                 `json:"pid"`
	Began     time.Time           `json:"began"`
	UptimeMS  int64               `json:"uptime_ms"`
	Identity  identity.Identity   `json:"identity"`
	Signals   map[string]Signal   `json:"signals"`
	Queues    []Queue             `json:"queues"`
	Routes    []meter.RouteTotals `json:"routes"`
	Listeners []Listener          `json:"listeners"`
	Process   Process             `json:"process"`
	Series    int                 `json:"metric_series"`
	Overflow  map[string]uint64   `json:"metric_overflow,omitempty"`
	// Offenders are the metrics that have too many series.
	Offenders []aggregate.Offender `json:"metric_offenders,omitempty"`
	// LeftOut is what is there and not measured, since there is too much of it.
	LeftOut []LeftOut `json:"metric_left_out,omitempty"`
	// Underived counts derived metrics that could not be computed, by cause.
	Underived map[string]uint64       `json:"metric_underived,omitempty"`
	Receivers map[string]ReceiverNote `json:"receivers,omitempty"`
	// SpanMetrics is nil where spans are not counted.
	SpanMetrics *spanmetrics.Stats `json:"span_metrics,omitempty"`
	// Destinations are the accounts of further destinations; Signals are of what
	// goes to the first.
	Destinations []Destination `json:"destinations,omitempty"`
	// Sampling is nil where all traces go on.
	Sampling *tail.Stats `json:"sampling,omitempty"`
	// SetAside is nil where nothing can be set aside.
	SetAside *refused.Stats `json:"set_aside,omitempty"`
}

// LeftOut are things of a kind that are not measured.
type LeftOut struct {
	// By is who leaves them out: a scraper, or "metrics" for all of them.
	By string `json:"by"`
	// What they are, in the plural, such as "disks".
	What string `json:"what"`
	// Count is how many there are, Bound how many are measured.
	Count int `json:"count"`
	Bound int `json:"bound"`
}

// Signal is the account of one signal.
type Signal struct {
	meter.Totals
	Queued int64 `json:"queued"`
}

// Destination is the account of a further destination. Its queue has the same
// name.
type Destination struct {
	Name   string `json:"name"`
	Signal string `json:"signal"`
	meter.Totals
	Queued int64 `json:"queued"`
}

// Queue is a queue and the delivery behind it.
type Queue struct {
	Name    string `json:"name"`
	Durable bool   `json:"durable"`
	// Spill says that blocks are on disk only when delivery lags.
	Spill       bool       `json:"spill,omitempty"`
	Blocks      int        `json:"blocks"`
	Events      int        `json:"events"`
	OpenEvents  int64      `json:"open_events"`
	Bytes       int64      `json:"bytes"`
	MemoryBytes int64      `json:"memory_bytes"`
	DiskBytes   int64      `json:"disk_bytes"`
	LimitBytes  int64      `json:"limit_bytes"`
	OldestMS    int64      `json:"oldest_ms"`
	Attempts    uint64     `json:"attempts"`
	Succeeded   uint64     `json:"succeeded"`
	Throttled   uint64     `json:"throttled"`
	Failed      uint64     `json:"failed"`
	Failing     *time.Time `json:"failing_since,omitempty"`
	LastError   string     `json:"last_error,omitempty"`
	// DiskFailing is since when the disk refuses writes, and DiskError why.
	DiskFailing *time.Time `json:"disk_failing_since,omitempty"`
	DiskError   string     `json:"disk_error,omitempty"`
	// Denied are the destinations that rest, while others go on.
	Denied []Denied `json:"denied,omitempty"`
	// DeniedBytes is what they hold of the queue, and DeniedLimitBytes what they
	// may together.
	DeniedBytes      int64 `json:"denied_bytes,omitempty"`
	DeniedLimitBytes int64 `json:"denied_limit_bytes,omitempty"`
}

// Denied is a destination that AWS denies.
type Denied struct {
	Destination string    `json:"destination"`
	Since       time.Time `json:"since"`
	Again       time.Time `json:"again"`
	Attempts    int       `json:"attempts"`
	Error       string    `json:"error"`
}

// Listener is an open address, or one that the agent would have opened.
type Listener struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	// Taken says that another process listens there.
	Taken bool `json:"taken,omitempty"`
}

// Process is what the agent costs.
type Process struct {
	RSSBytes   int64   `json:"rss_bytes"`
	CPUSeconds float64 `json:"cpu_seconds"`
	Goroutines int     `json:"goroutines"`
}

// ReceiverNote holds counters that only one receiver has.
type ReceiverNote map[string]uint64

// Server serves a report.
type Server struct {
	ln   net.Listener
	mux  *http.ServeMux
	http *http.Server
	// expose may be nil.
	expose func(io.Writer) error
}

// New opens the listener. report is called for each request and must be safe
// for concurrent use.
func New(addr string, report func() Report, meters *meter.Set, log *slog.Logger) (*Server, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	mux := http.NewServeMux()
	s := &Server{ln: ln}
	ok := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, `{"status":"ok"}`)
	}
	mux.HandleFunc("GET /health", ok)
	// The agent is built listeners first: if this one answers, all are open.
	mux.HandleFunc("GET /ready", ok)
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		_ = enc.Encode(report())
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_ = meters.WriteText(w)
		if s.expose != nil {
			_ = s.expose(w)
		}
	})
	s.mux = mux
	s.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Expose adds what write writes, in the text format of Prometheus, to /metrics.
// Call it before Run.
func (s *Server) Expose(write func(io.Writer) error) { s.expose = write }

// Spend serves what read returns at /spend. Call it before Run.
func (s *Server) Spend(read func() spend.Report) {
	s.mux.HandleFunc("GET /spend", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(read())
	})
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Run serves until Stop or until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.http.Close() })
	defer stop()
	if err := s.http.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("status: %w", err)
	}
	return nil
}

// Stop ends Run.
func (s *Server) Stop(context.Context) error { return s.http.Close() }
