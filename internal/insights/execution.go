package insights

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Execution is one run of a query.
type Execution struct {
	plan   *plan
	opt    Options
	blocks []Block
	subs   []*Execution
	err    error        // found by Prepare, told by Run
	next   atomic.Int64 // block to read
	enough atomic.Bool

	mu     sync.Mutex
	sink   sink
	stats  Statistics
	groups map[string]struct{}
}

// Prepare returns an execution of q over src that has not begun.
func (q *Query) Prepare(src Source, opt Options) *Execution {
	x := &Execution{plan: &q.plan, opt: opt.withDefaults(), blocks: src.Blocks(), groups: map[string]struct{}{}}
	x.prepareSubqueries(q, opt)
	x.prepareTables(q, opt)
	x.prepareDiff(q)
	x.sink = x.newSink()
	return x
}

func (x *Execution) newSink() sink {
	p := x.plan
	if p.sink != nil {
		return p.sink.newSink()
	}
	var keys []orderKey
	if p.order != nil {
		keys = p.order.keys
	}
	if p.unique != nil {
		return &deduper{order: keys, keys: p.unique.keys, firsts: map[string]*record{}}
	}
	c := &collector{order: keys, most: p.most, any: p.any}
	if c.most == 0 && len(p.after) == 0 {
		c.most = x.opt.Limit
	}
	return c
}

// Run reads the source and returns when it is done or ctx ends; then the error
// is ctx's cause. It is called once.
func (x *Execution) Run(ctx context.Context) error {
	if x.err != nil {
		return x.err
	}
	if err := x.runSubqueries(ctx); err != nil {
		return err
	}
	var group sync.WaitGroup
	errs := make([]error, min(x.opt.Workers, len(x.blocks)))
	for i := range errs {
		group.Go(func() { errs[i] = x.work(ctx) })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Result returns the answer for the rows that have been read. It may be called
// at any time, also while the query runs.
func (x *Execution) Result() *Result {
	rows, stats := x.final()
	for _, sub := range x.subs {
		_, own := sub.collected()
		stats.RecordsScanned += own.RecordsScanned
		stats.BytesScanned += own.BytesScanned
		stats.Groups += own.Groups
	}
	return &Result{Rows: x.show(rows), Statistics: stats}
}

// final returns the rows that are left after all steps.
func (x *Execution) final() ([]*record, Statistics) {
	rows, stats := x.collected()
	if x.err != nil {
		return nil, stats
	}
	for _, step := range x.plan.after {
		rows = step.apply(x, rows)
	}
	if !x.plan.limits {
		rows = rows[:min(x.opt.Limit, len(rows))]
	}
	return rows, stats
}

func (x *Execution) collected() ([]*record, Statistics) {
	x.mu.Lock()
	defer x.mu.Unlock()
	stats := x.stats
	stats.Groups = len(x.groups)
	return x.sink.records(&x.opt), stats
}

func (x *Execution) show(rows []*record) [][]Field {
	columns := x.plan.columns()
	if x.plan.pointer {
		columns = withPointer(columns)
	}
	e := newEnv(x.plan.last, &x.opt)
	out := make([][]Field, 0, len(rows))
	var buf []byte
	for _, r := range rows {
		e.load(r)
		fields := make([]Field, 0, len(columns))
		for _, c := range columns {
			v := c.x(e)
			if v.kind == missing {
				continue
			}
			buf = v.appendTo(buf[:0])
			fields = append(fields, Field{c.name, string(buf)})
		}
		out = append(out, fields)
	}
	return out
}

// withPointer adds @ptr, which every row of an event has, asked for or not.
func withPointer(columns []column) []column {
	for _, c := range columns {
		if c.name == "@ptr" {
			return columns
		}
	}
	return append(columns[:len(columns):len(columns)], column{"@ptr", systemField("@ptr")})
}

// A worker shows what it found after a block if it has read mergeRows since the
// last time or if that was mergeTime ago.
const (
	mergeRows = 20_000
	mergeTime = 100 * time.Millisecond
)

// worker is one goroutine's share of a run.
type worker struct {
	x       *Execution
	env     *env
	sink    sink
	stats   Statistics
	lastLog string
	logs    map[string]struct{}
	shown   time.Time
}

func (x *Execution) work(ctx context.Context) error {
	w := &worker{x: x, env: newEnv(x.plan.first, &x.opt), sink: x.newSink(), logs: map[string]struct{}{}, shown: time.Now()}
	defer w.flush()
	for !x.enough.Load() {
		i := int(x.next.Add(1)) - 1
		if i >= len(x.blocks) {
			return nil
		}
		if err := w.block(ctx, i); err != nil {
			return err
		}
		if w.stats.RecordsScanned >= mergeRows || w.sink.full() || time.Since(w.shown) >= mergeTime {
			w.flush()
		}
	}
	return nil
}

// checkEvery is how many rows are read between looks at the context.
const checkEvery = 1024

// block reads block i.
func (w *worker) block(ctx context.Context, i int) error {
	if ctx.Err() != nil {
		return fmt.Errorf("run query: %w", context.Cause(ctx))
	}
	seq := uint64(i) << 32
	yield := func(e *env) {
		w.stats.RecordsMatched++
		w.sink.add(e)
	}
	opt := &w.x.opt
	bounded, before := opt.Start != 0 || opt.End != 0, opt.run.before
	err := w.x.blocks[i].Rows(ctx, func(r *Row) bool {
		seq++
		if bounded && (r.Time < opt.Start || r.Time > opt.End) && !before.has(r.Time) {
			return true
		}
		w.count(r)
		w.env.reset(r, seq)
		runRows(w.x.plan.rows, w.env, yield)
		if seq%checkEvery != 0 {
			return true
		}
		return ctx.Err() == nil && !w.sink.full()
	})
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("run query: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("read block %d: %w", i, err)
	}
	return nil
}

func (w *worker) count(r *Row) {
	w.stats.RecordsScanned++
	w.stats.BytesScanned += int64(len(r.Message))
	if r.Log != w.lastLog {
		w.lastLog = r.Log
		w.logs[r.Log] = struct{}{}
	}
}

// flush hands what the worker found to the execution.
func (w *worker) flush() {
	x := w.x
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sink.merge(w.sink)
	if x.sink.full() {
		x.enough.Store(true)
	}
	x.stats.RecordsMatched += w.stats.RecordsMatched
	x.stats.RecordsScanned += w.stats.RecordsScanned
	x.stats.BytesScanned += w.stats.BytesScanned
	for log := range w.logs {
		x.groups[log] = struct{}{}
	}
	w.stats = Statistics{}
	w.shown = time.Now()
	w.sink = x.newSink()
}
