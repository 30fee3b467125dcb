package processor

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/join"
	"github.com/sidelight-dev/sidelight/agent/processor/parse"
	"github.com/sidelight-dev/sidelight/agent/processor/redact"
	"github.com/sidelight-dev/sidelight/agent/processor/timestamp"
	"github.com/sidelight-dev/sidelight/internal/expr"
)

// Books is where a Pipeline counts what it drops.
type Books interface {
	// Lose counts n events that arrived and go no further.
	Lose(s sidelight.Signal, cause string, n int)
}

// Pipeline is a Sink that works on log events before another Sink gets them.
// Batches of other signals pass it untouched. It is safe for concurrent use;
// while Push has not returned for a batch of an input whose lines are joined,
// others of that input wait.
type Pipeline struct {
	cfg   Config
	next  sidelight.Sink
	books Books
	log   *slog.Logger

	first   sidelight.Sink
	stage   *join.Stage // nil: nothing is joined
	limit   *limiter    // nil: no limit
	workers sync.Pool   // of *worker
	makers  []maker
	routes  []*expr.Expr

	unparsed atomic.Int64
	closed   chan struct{}
	once     sync.Once
}

// maker makes a processor for a worker.
type maker func(w *worker) sidelight.Processor

// worker is the memory and the processors that one Push at a time uses.
type worker struct {
	p      *Pipeline
	chain  sidelight.Sink
	batch  sidelight.Batch
	events []sidelight.Event
	tally  tally
}

var _ sidelight.Sink = (*Pipeline)(nil)

// New compiles cfg. All that is wrong with it is reported together.
func New(cfg Config, next sidelight.Sink, books Books, log *slog.Logger) (*Pipeline, error) {
	p := &Pipeline{cfg: cfg.withDefaults(), next: next, books: books, log: log, closed: make(chan struct{})}
	if err := p.build(); err != nil {
		return nil, err
	}
	p.workers.New = func() any { return p.worker() }
	p.first = sidelight.SinkFunc(p.work)
	read, rule, joins, err := p.cfg.Input.joins()
	if err != nil {
		return nil, err
	}
	if joins {
		p.stage = join.New(join.Config{Read: read, Rule: rule, Wait: cfg.Input.Wait}, p.first, books, log)
		p.first = p.stage
	}
	return p, nil
}

// build compiles the stages behind the joining, in their order.
func (p *Pipeline) build() error {
	var errs []error
	add := func(m maker) { p.makers = append(p.makers, m) }
	errs = append(errs, p.buildInput(add))
	keep, err := parseExpr("keep", p.cfg.Keep)
	errs = append(errs, err)
	drop, err := parseExpr("drop", p.cfg.Drop)
	errs = append(errs, err)
	if p.cfg.Rate > 0 {
		p.limit = newLimiter(p.cfg.Rate, p.cfg.Burst)
	}
	if keep != nil || drop != nil || p.cfg.Sample != nil || p.limit != nil {
		add(func(w *worker) sidelight.Processor {
			return &filter{keep: keep, drop: drop, sample: p.cfg.Sample, limit: p.limit, tally: &w.tally}
		})
	}
	if len(p.cfg.Redact.What) > 0 {
		_, err := redact.New(p.cfg.Redact)
		errs = append(errs, err)
		add(func(*worker) sidelight.Processor {
			r, err := redact.New(p.cfg.Redact)
			if err != nil {
				panic("BUG: redaction compiled before: " + err.Error())
			}
			return r
		})
	}
	if f := p.cfg.Fields; len(f.Add)+len(f.Rename)+len(f.Remove) > 0 {
		add(func(*worker) sidelight.Processor { return newEditor(f) })
	}
	if len(p.cfg.TraceIDs) > 0 {
		add(func(*worker) sidelight.Processor { return &tracer{keys: p.cfg.TraceIDs} })
	}
	add(func(w *worker) sidelight.Processor {
		return &cutter{way: p.cfg.Oversize, max: p.cfg.MaxEvent, tally: &w.tally}
	})
	if b := p.cfg.Budget; b != nil {
		add(func(w *worker) sidelight.Processor { return &saver{budget: b, tally: &w.tally} })
	}
	for _, r := range p.cfg.Routes {
		x, err := parseExpr("when", r.When)
		errs = append(errs, err)
		p.routes = append(p.routes, x)
	}
	return errors.Join(errs...)
}

func (p *Pipeline) buildInput(add func(maker)) error {
	in := p.cfg.Input
	format, err := in.parser()
	if err != nil {
		return err
	}
	key := ""
	if in.Records {
		key = "log"
	}
	switch {
	case format != nil:
		add(func(*worker) sidelight.Processor { return parse.New(format, key, &p.unparsed) })
	case in.Records:
		add(func(*worker) sidelight.Processor { return newLifter() })
	}
	if in.stamped() {
		add(func(*worker) sidelight.Processor { return &timestamp.Stamper{Key: in.Key, Layout: in.Layout} })
	}
	return nil
}

func (p *Pipeline) worker() *worker {
	w := &worker{p: p}
	procs := make([]sidelight.Processor, len(p.makers))
	for i, m := range p.makers {
		procs[i] = m(w)
	}
	last := p.next
	if len(p.routes) > 0 {
		last = newRouter(p.cfg.Routes, p.routes, p.next)
	}
	w.chain = sidelight.Chain(last, procs...)
	return w
}

// Push works on b and pushes what is left of it. b stays as it is.
func (p *Pipeline) Push(ctx context.Context, b *sidelight.Batch) error {
	if b.Signal != sidelight.Logs {
		return p.next.Push(ctx, b)
	}
	return p.first.Push(ctx, b)
}

// work runs a batch through the processors.
func (p *Pipeline) work(ctx context.Context, b *sidelight.Batch) error {
	w := p.workers.Get().(*worker)
	defer p.workers.Put(w)
	w.events = append(w.events[:0], b.Events...)
	w.batch = *b
	w.batch.Events = w.events
	w.tally = tally{}
	err := w.chain.Push(ctx, &w.batch)
	if err == nil {
		w.tally.post(p.books)
		if p.cfg.Budget != nil {
			p.cfg.Budget.spend(w.tally.spent)
		}
	}
	clear(w.events)
	w.batch = sidelight.Batch{}
	return err
}

// Run does what is due without data until Close: it pushes lines that no other
// followed, and tells sources what was held back of them.
func (p *Pipeline) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	var err error
	if p.stage != nil {
		wg.Go(func() { err = p.stage.Run(ctx) })
	}
	p.report(ctx)
	wg.Wait()
	return err
}

// report pushes what the limiter has to say.
func (p *Pipeline) report(ctx context.Context) {
	tick := time.NewTicker(p.cfg.Report)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.closed:
			return
		case <-tick.C:
		}
		if p.limit == nil {
			continue
		}
		if err := p.limit.report(ctx, p.next, time.Now()); err != nil && ctx.Err() == nil {
			p.log.Warn("cannot push what was held back of log events", slog.Any("err", err))
		}
	}
}

// Close pushes what is held back and makes Run return. No batch may come after
// it.
func (p *Pipeline) Close(ctx context.Context) error {
	p.once.Do(func() { close(p.closed) })
	var errs []error
	if p.stage != nil {
		errs = append(errs, p.stage.Close(ctx))
	}
	if p.limit != nil {
		errs = append(errs, p.limit.report(ctx, p.next, time.Now()))
	}
	return errors.Join(errs...)
}

// Unparsed counts the lines that were not in the format they should be in and
// went on as they were.
func (p *Pipeline) Unparsed() int64 { return p.unparsed.Load() }

// tally counts what a batch loses until it is known that the rest is taken.
type tally struct {
	filtered, sampled, limited, oversize, overBudget int

	spent  int // bytes that go on
	bucket *bucket
}

func (t *tally) post(books Books) {
	for _, c := range [...]struct {
		cause string
		n     int
	}{{"filtered", t.filtered}, {"sampled", t.sampled}, {"rate_limited", t.limited}, {"oversize", t.oversize}, {"over_budget", t.overBudget}} {
		if c.n > 0 {
			books.Lose(sidelight.Logs, c.cause, c.n)
		}
	}
	if t.limited > 0 {
		t.bucket.hold(t.limited)
	}
}
