// Package tail decides which traces go on, once enough of a trace is there to
// tell: those that failed or were slow, rare ones, and a part of the rest. A trace
// is kept or left out whole; spans that come after the decision follow it.
//
// Spans wait in a queue that is made durable before their sender is answered. The
// Sampler leases the queue's blocks, keeps them while any trace of theirs is not
// decided, and commits a block once all of it is either left out or has been taken
// by the next sink. What a crash interrupts is therefore decided again, and never
// lost. The blocks are the memory: it is bounded, and when it runs short the oldest
// traces are decided early, by what is known of them, and counted.
package tail

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
	"github.com/sidelight-dev/sidelight/internal/xraysample"
)

// Config shapes a Sampler. Zero fields take the defaults.
type Config struct {
	Policy Policy
	// Spans is where spans of kept traces go in OTLP's form, those that came with
	// it. Empty: their documents go, as all documents do.
	Spans sidelight.Dest
	// Documents says that the documents of spans that have gone to Spans go as
	// well.
	Documents bool
	// Wait is how long a trace may take from its first span to the decision.
	// Default 10 s.
	Wait time.Duration
	// Linger is how long Run may still take after Close. Default 5 s.
	Linger time.Duration
	// Memory bounds the bytes of blocks and of what is noted of their spans.
	// Default 16 MiB, at least MinMemory.
	Memory int64
	// Remember is how many decisions are remembered for late spans: at least this
	// many, at most twice. Default 32,768.
	Remember int
}

func (c Config) withDefaults() Config {
	if c.Wait <= 0 {
		c.Wait = 10 * time.Second
	}
	if c.Linger <= 0 {
		c.Linger = 5 * time.Second
	}
	if c.Memory <= 0 {
		c.Memory = 16 << 20
	}
	c.Memory = max(c.Memory, MinMemory)
	if c.Remember <= 0 {
		c.Remember = 32 << 10
	}
	return c
}

// Books is where a Sampler counts what it leaves out.
type Books interface {
	Drop(s sidelight.Signal, cause string, n int)
}

// LeftOut is the cause by which spans are counted that were left out.
const LeftOut = "sampled"

// Sampler takes spans off a queue and passes on those of kept traces. Run does
// all the work, on one goroutine; the other methods are safe for concurrent use.
type Sampler struct {
	cfg   Config
	queue sidelight.Queue
	next  sidelight.Sink
	dest  sidelight.DestHandle
	spans sidelight.DestHandle // zero: nowhere
	books Books
	log   *slog.Logger

	judge   *judge
	reader  spanfact.Document
	traces  map[[16]byte]*trace
	order   []*trace // by deadline; decided ones are skipped
	head    int
	spare   []*trace
	holds   map[*held]struct{}
	out     []ref
	docs    []sidelight.Event // of a push
	entries []sidelight.Event
	memory  int64
	peak    int64 // the greatest memory there was
	closing context.Context
	close   context.CancelFunc

	mu      sync.Mutex // guards what follows
	decided decisions
	stats   Stats
}

// held is a leased block. Its documents are open until they are left out or
// passed on.
type held struct {
	lease sidelight.Lease
	block *sidelight.Block
	open  []bool // by position
	left  int    // how many are open
	bytes int64
}

// ref is one document in a block.
type ref struct {
	in *held
	at int
}

// trace is what is known of a trace that is not decided.
type trace struct {
	id          [16]byte
	refs        []ref
	deadline    time.Time
	first, last uint64 // Unix nanoseconds
	failed      bool
	chosen      bool
	entry       bool // there was a request
	rooted      bool // and it was the root
	done        bool
	part        float64 // of Policy.Services, or negative
	operation   uint64
	rule        *xraysample.Rule
}

// Stats counts traces and spans since the start.
type Stats struct {
	// Kept and LeftOut count decided traces by reason.
	Kept    map[string]uint64 `json:"kept"`
	LeftOut map[string]uint64 `json:"left_out"`
	// Early counts, by cause, the traces among them that were decided before
	// their time.
	Early map[string]uint64 `json:"early,omitempty"`
	// Late counts spans that came after the decision of their trace, Noted those
	// whose sender had decided.
	Late  uint64 `json:"late_spans"`
	Noted uint64 `json:"senders_spans"`
	// Waiting and Bytes are of traces that are not decided.
	Waiting int   `json:"waiting_traces"`
	Bytes   int64 `json:"bytes"`
	// Peak is the greatest Bytes there was, Limit the bound on it.
	Peak  int64 `json:"peak_bytes"`
	Limit int64 `json:"limit_bytes"`
}

// New returns a Sampler of the documents in q. What is kept goes to next, as
// batches for dest.
func New(cfg Config, q sidelight.Queue, next sidelight.Sink, dest sidelight.Dest, books Books, log *slog.Logger) *Sampler {
	cfg = cfg.withDefaults()
	s := &Sampler{
		cfg: cfg, queue: q, next: next, dest: dest.Handle(), books: books, log: log, judge: newJudge(cfg.Policy),
		decided: decisions{size: cfg.Remember},
		stats:   Stats{Kept: map[string]uint64{}, LeftOut: map[string]uint64{}, Early: map[string]uint64{}, Limit: cfg.Memory},
	}
	if cfg.Spans != (sidelight.Dest{}) {
		s.spans = cfg.Spans.Handle()
	}
	s.closing, s.close = context.WithCancel(context.Background())
	s.reset()
	return s
}

func (s *Sampler) reset() {
	s.traces, s.holds = map[[16]byte]*trace{}, map[*held]struct{}{}
	s.order, s.head, s.out, s.memory = nil, 0, nil, 0
}

// Note tells the Sampler what a sender says of a trace beside its documents: that
// it has chosen it from more, or that it left it out.
func (s *Sampler) Note(facts []spanfact.Fact) {
	if !s.cfg.Policy.Senders {
		return
	}
	for i := range facts {
		f := &facts[i]
		if len(f.TraceID) != 16 || !f.Decided && !f.Unsampled {
			continue
		}
		s.mu.Lock()
		s.decided.put([16]byte(f.TraceID), f.Decided, true)
		s.mu.Unlock()
	}
}

// Close makes Run decide everything now, pass on what is kept, and return. The
// queue must not be put to any more.
func (s *Sampler) Close() error {
	err := s.queue.Close()
	s.close()
	return err
}
