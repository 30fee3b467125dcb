package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/tail"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/agent/receiver/xray"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/agent/supervise"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
	"github.com/sidelight-dev/sidelight/internal/xraysample"
)

// undecidedQueue is the name of the queue of spans whose trace is not decided. It
// stands before all ways of traces.
const undecidedQueue = "traces-undecided"

// sampling is what stands in front of the lanes of traces: a queue of spans and the
// sampler that takes them off it.
type sampling struct {
	queue   sidelight.Queue
	disk    *queue.Queue // nil: in memory
	memory  *memq.Queue  // nil: on disk
	packer  *pack.Packer
	sampler *tail.Sampler
	rules   *xraysample.Rules // nil: not wanted
	failing atomic.Bool       // the rules cannot be fetched

	released bool
}

// traceBooks are those of the first lanes of traces. What comes from the sampler was
// accepted before.
type traceBooks struct{ a *Agent }

func (b traceBooks) Accept(s sidelight.Signal, n int) {
	if b.a.sampling == nil {
		b.a.books.Accept(s, n)
	}
}

func (b traceBooks) Drop(s sidelight.Signal, cause string, n int) { b.a.books.Drop(s, cause, n) }

// buildProxy makes what asks X-Ray for sampling rules.
func (a *Agent) buildProxy(ctx context.Context, ac aws.Config) error {
	up, err := awsapi.NewClient(ctx, ac, awsapi.XRay)
	if err != nil {
		return wrap("xray", err)
	}
	a.proxy = xray.NewProxy(up)
	if a.rulesEvery > 0 {
		a.proxy.Fresh = 3 * a.rulesEvery
	}
	return nil
}

// buildSampling makes the sampler, if one is wanted, or if an earlier run with one
// left spans behind: then it keeps everything.
func (a *Agent) buildSampling() error {
	on := a.cfg.Traces.Sample.On()
	dir := a.queueDir()
	if !on && !a.leftUndecided() {
		return nil
	}
	s := &sampling{}
	if err := s.open(a, dir); err != nil {
		return wrap(undecidedQueue, err)
	}
	if !on && s.disk.Stats().Events == 0 {
		return wrap(undecidedQueue, s.disk.Release())
	}
	c := a.cfg.Traces.Sample
	cfg := tail.Config{Documents: a.out.wantSegments, Wait: c.Wait, Linger: a.cfg.Shutdown.Grace / 4, Memory: int64(c.Memory), Policy: tail.Policy{
		Senders: c.Senders != "ignore", Errors: c.KeepErrors, Slower: c.KeepSlower, Rare: c.KeepRare,
		Rate: float64(c.Rate) / 100, Services: c.Services.Parts(), PerSecond: c.PerSecond,
	}}
	if c.Rules {
		s.rules = a.samplingRules(s)
		cfg.Policy.Rules = s.rules
	}
	if !on {
		cfg.Policy = tail.Policy{Rate: 1}
	}
	if a.out.spansDest != (sidelight.DestHandle{}) {
		cfg.Spans = a.out.spansDest.Value()
	}
	log := a.log.With("queue", undecidedQueue)
	s.packer = pack.New(pack.Config{Age: gatherAge, Target: tail.BlockTarget, Open: max(a.undecidedMemory()/2, 1<<20)}, tail.Encoder{}, s.queue, &a.books, log)
	s.sampler = tail.New(cfg, s.queue, sidelight.SinkFunc(a.pushSampled), sidelight.Dest{Exporter: tracesLane}, &a.books, log)
	a.sampling = s
	return nil
}

func hasFiles(dir string) bool {
	found, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	return err == nil && len(found) > 0
}

// gatherAge is how long spans gather before the sampler sees them. They are safe
// before that.
const gatherAge = 200 * time.Millisecond

// undecidedMemory is the part of the queues' memory that is for bodies on their
// way to the sampler.
func (a *Agent) undecidedMemory() int64 { return int64(a.cfg.Queue.Memory) / 8 }

// open opens the queue. What is on its way to a decision is written ahead as
// everything else is: a sender is answered when its spans are safe, and not when
// they are decided, as it would not wait that long.
func (s *sampling) open(a *Agent, dir string) error {
	if dir == "" {
		s.memory = memq.New(memq.Config{Limit: a.undecidedMemory() + int64(a.cfg.Traces.Sample.Memory)})
		s.queue = s.memory
		return nil
	}
	q, err := queue.Open(queue.Config{
		Dir: filepath.Join(dir, undecidedQueue), Disk: int64(a.cfg.Queue.Disk), Memory: a.undecidedMemory(), Fsync: a.cfg.Queue.Fsync,
		Finish:  func(b *sidelight.Block) { pack.Complete(tail.Encoder{}, b, false) },
		Damaged: func(sig sidelight.Signal, n int) { a.books.Drop(sig, "damaged", n) },
	}, a.log.With("queue", undecidedQueue))
	if err != nil {
		return err
	}
	s.disk, s.queue = q, q
	for sig, n := range q.Recovered() {
		a.books.Recover(sig, n)
		a.log.Info("found spans of an earlier run, to be decided again", "spans", n)
	}
	return nil
}

// samplingRules are the account's, asked for by way of the same proxy that the
// SDKs use.
func (a *Agent) samplingRules(s *sampling) *xraysample.Rules {
	return xraysample.New(xraysample.Config{
		Call: a.proxy.Answer, Every: a.rulesEvery,
		OnError: func(err error) {
			if !s.failing.Swap(true) {
				a.log.Warn("sampling without X-Ray's rules: one trace a second and 5 % of the others", "err", err)
			}
		},
	})
}

// pushSampled pushes what the sampler kept.
func (a *Agent) pushSampled(ctx context.Context, b *sidelight.Batch) error {
	if b.Dest == a.out.spansDest {
		return a.out.spans.Push(ctx, b)
	}
	return a.out.segments.Push(ctx, b)
}

// leftUndecided reports whether an earlier run left spans that are not decided.
func (a *Agent) leftUndecided() bool {
	dir := a.queueDir()
	return dir != "" && hasFiles(filepath.Join(dir, undecidedQueue))
}

// segments is where segment documents go, and spans in both forms: to the sampler,
// if there is one.
func (a *Agent) segments() sidelight.Sink {
	s := a.sampling
	if s == nil {
		return a.out.segments
	}
	if s.disk != nil {
		return s.packer
	}
	// In memory nothing gets safer by waiting: the sender is answered at once.
	return sidelight.SinkFunc(func(ctx context.Context, b *sidelight.Batch) error {
		c := *b
		c.Ticket = nil
		return s.packer.Push(ctx, &c)
	})
}

// noteSpans returns what is told of spans on their way to the sampler, or nil.
func (a *Agent) noteSpans() func([]spanfact.Fact) {
	if a.sampling == nil {
		return nil
	}
	return a.sampling.sampler.Note
}

// superviseSampling runs the sampler between the receivers and the lanes.
func (a *Agent) superviseSampling(s *supervise.Supervisor) {
	x := a.sampling
	if x == nil {
		return
	}
	s.Add(stageGather, supervise.Actor{
		Name: "undecided packer", Restart: true, Run: x.packer.Run,
		Stop: func(context.Context) error { return x.packer.Close() },
	})
	s.Add(stageSample, supervise.Actor{
		Name: "sampler", Restart: true,
		Run: func(ctx context.Context) error {
			err := x.sampler.Run(ctx)
			if ctx.Err() != nil {
				return nil // what is left is accounted for by release
			}
			return err
		},
		Stop: func(context.Context) error { return x.sampler.Close() },
	})
	if x.rules != nil {
		s.Add(stageSample, supervise.Actor{
			Name: "sampling rules", Restart: true,
			Run: func(ctx context.Context) error {
				err := x.rules.Run(ctx)
				if ctx.Err() != nil {
					return nil
				}
				return err
			},
		})
	}
}

// release gives up what memory holds, closes the files, and returns how many
// spans stay on disk.
func (s *sampling) release(books *meter.Account) (int, error) {
	if s.memory != nil {
		for sig, n := range s.memory.Abandon() {
			books.Drop(sig, "shutdown", n)
		}
		return 0, nil
	}
	for sig, n := range s.disk.Abandon() {
		books.Drop(sig, "shutdown", n)
	}
	n := s.disk.Stats().Events
	if err := s.disk.Release(); err != nil {
		return n, fmt.Errorf("close the queue %s: %w", undecidedQueue, err)
	}
	return n, nil
}

func (a *Agent) releaseSampling() error {
	if a.sampling == nil || a.sampling.released {
		return nil
	}
	a.sampling.released = true
	n, err := a.sampling.release(&a.books)
	a.left.disk += n
	return err
}

// samplingReport is the sampler's part of a report.
func (a *Agent) samplingReport(r *status.Report) {
	x := a.sampling
	if x == nil {
		return
	}
	st := x.sampler.Stats()
	r.Sampling = &st
	s := x.queue.Stats()
	_, open := x.packer.Stats()
	r.Queues = append(r.Queues, status.Queue{
		Name: undecidedQueue, Durable: x.disk != nil, Blocks: s.Blocks, Events: s.Events, OpenEvents: open,
		Bytes: s.Bytes, MemoryBytes: s.Memory, DiskBytes: s.Disk, LimitBytes: s.Limit,
	})
}
