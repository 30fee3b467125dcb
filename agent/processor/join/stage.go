package join

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/container"
	"github.com/sidelight-dev/sidelight/agent/processor/multiline"
)

// Books is where a Stage counts what it had to give up.
type Books interface {
	Lose(s sidelight.Signal, cause string, n int)
}

// Config says what belongs together. Zero fields take the defaults.
type Config struct {
	// Read takes the envelope off the bodies. Default container.Plain.
	Read container.Reader
	// Rule tells which lines are one event; nil: each line is.
	Rule *multiline.Rule
	// Wait is how long an event is held for its next line. Default 1 s.
	Wait time.Duration
	// Bytes and Lines bound an event: what is longer becomes several. Default
	// 256 KiB with a Rule and 1,000,000 bytes without, and 1,000 lines.
	Bytes, Lines int
}

func (c Config) withDefaults() Config {
	if c.Read == nil {
		c.Read = container.Plain
	}
	if c.Wait <= 0 {
		c.Wait = time.Second
	}
	if c.Bytes <= 0 {
		c.Bytes = 1_000_000
		if c.Rule != nil {
			c.Bytes = 256 << 10
		}
	}
	if c.Lines <= 0 {
		c.Lines = 1000
	}
	return c
}

// Stage joins the events of batches on their way to another Sink. Batches of
// different inputs pass through it side by side, those of one input one after
// the other.
type Stage struct {
	cfg   Config
	next  sidelight.Sink
	books Books
	log   *slog.Logger
	works sync.Pool // of *work

	mu     sync.Mutex
	inputs map[input]*source
	closed chan struct{}
	once   sync.Once
}

// input tells the lines of one origin from those of others.
type input struct {
	source string
	dest   sidelight.DestHandle
}

var _ sidelight.Sink = (*Stage)(nil)

// New returns a Stage in front of next. Run must be called, or what is held
// back waits until the next line.
func New(cfg Config, next sidelight.Sink, books Books, log *slog.Logger) *Stage {
	s := &Stage{
		cfg: cfg.withDefaults(), next: next, books: books, log: log,
		inputs: map[input]*source{}, closed: make(chan struct{}),
	}
	s.works.New = func() any { return new(work) }
	return s
}

// source is one input. Whoever holds its turn may look inside.
type source struct {
	turn  chan struct{}
	dest  sidelight.DestHandle
	name  string
	since time.Time
	gone  bool // forgotten: look it up again
	state
}

// state is what an input holds back.
type state struct {
	streams [container.Streams]stream
}

// take returns the source of b with its turn.
func (s *Stage) take(ctx context.Context, b *sidelight.Batch) (*source, error) {
	for {
		s.mu.Lock()
		k := input{b.Source, b.Dest}
		src := s.inputs[k]
		if src == nil {
			src = &source{turn: make(chan struct{}, 1), dest: b.Dest, name: b.Source, since: time.Now()}
			s.inputs[k] = src
		}
		s.mu.Unlock()
		select {
		case src.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, sidelight.ErrFull
		}
		if !src.gone {
			return src, nil
		}
		<-src.turn
	}
}

// Push joins what b brings with what is held back and pushes the events that
// are complete.
func (s *Stage) Push(ctx context.Context, b *sidelight.Batch) error {
	src, err := s.take(ctx, b)
	if err != nil {
		return err
	}
	defer func() { <-src.turn }()
	w := s.works.Get().(*work)
	defer s.works.Put(w)
	before := src.state
	w.begin(&s.cfg, &src.state)
	for i := range b.Events {
		w.event(&b.Events[i])
	}
	w.settle(b.Ticket)
	if err := s.push(ctx, src, w, b); err != nil {
		w.abandon(b.Ticket, err)
		src.state = before
		return err
	}
	w.finish()
	return nil
}

// push pushes the events that w has completed. b is nil for those that were all
// held back.
func (s *Stage) push(ctx context.Context, src *source, w *work, b *sidelight.Batch) error {
	if len(w.events) == 0 {
		return nil
	}
	w.out = sidelight.Batch{Signal: sidelight.Logs, Dest: src.dest, Source: src.name, Events: w.events}
	if b != nil {
		w.out.Signal, w.out.Ticket, w.out.Waits = b.Signal, b.Ticket, b.Waits
	}
	if len(w.due) == 0 {
		return s.next.Push(ctx, &w.out)
	}
	joint := combine(w.out.Ticket, w.due)
	w.out.Ticket = joint
	err := s.next.Push(ctx, &w.out)
	if err == nil {
		joint.Release(nil)
	}
	// Otherwise joint is forgotten with a hold on it: its owners still wait.
	return err
}

// combine returns a ticket with one hold that, when it is done, releases a hold
// of own and those that due are.
func combine(own *sidelight.Ticket, due []*sidelight.Ticket) *sidelight.Ticket {
	own.Hold()
	all := append([]*sidelight.Ticket{own}, due...)
	return sidelight.NewTicket(func(err error) {
		for _, t := range all {
			t.Release(err)
		}
	})
}

// Run pushes what was held back long enough, until Close.
func (s *Stage) Run(ctx context.Context) error {
	tick := time.NewTicker(max(s.cfg.Wait/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.closed:
			return nil
		case <-tick.C:
		}
		if err := s.flush(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("cannot push log events that were held back; trying again", slog.Any("err", err))
		}
	}
}

// Close makes Run return and pushes everything that is held back. What cannot
// be pushed is given back to those who wait for it, or counted as lost. No
// batch may come after it.
func (s *Stage) Close(ctx context.Context) error {
	s.once.Do(func() { close(s.closed) })
	var errs []error
	for _, src := range s.sources() {
		select {
		case src.turn <- struct{}{}:
			errs = append(errs, s.flushSource(ctx, src, 0))
			<-src.turn
		case <-ctx.Done():
			errs = append(errs, sidelight.ErrFull)
		}
	}
	err := errors.Join(errs...)
	if err != nil {
		s.giveUp(err)
	}
	return err
}

// flush pushes what streams hold that were silent for the time to wait, and
// forgets inputs that were silent for minutes.
func (s *Stage) flush(ctx context.Context) error {
	var errs []error
	for _, src := range s.sources() {
		select {
		case src.turn <- struct{}{}:
		default:
			continue // in use: not silent
		}
		errs = append(errs, s.flushSource(ctx, src, s.cfg.Wait))
		if src.idle() > forgetAfter {
			s.forget(src)
		}
		<-src.turn
	}
	return errors.Join(errs...)
}

// forgetAfter is how long an input must have been silent to be forgotten.
const forgetAfter = 5 * time.Minute

// idle returns how long src was silent, zero if it holds something.
func (src *source) idle() time.Duration {
	last := src.since
	for i := range src.streams {
		st := &src.streams[i]
		if !st.empty() {
			return 0
		}
		if st.touched.After(last) {
			last = st.touched
		}
	}
	return time.Since(last)
}

func (s *Stage) sources() []*source {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*source, 0, len(s.inputs))
	for _, src := range s.inputs {
		out = append(out, src)
	}
	return out
}

func (s *Stage) forget(src *source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	src.gone = true
	delete(s.inputs, input{src.name, src.dest})
}

// flushSource pushes what the streams of src hold that were silent for wait.
// The caller has its turn.
func (s *Stage) flushSource(ctx context.Context, src *source, wait time.Duration) error {
	if src.empty() {
		return nil
	}
	w := s.works.Get().(*work)
	defer s.works.Put(w)
	before := src.state
	w.begin(&s.cfg, &src.state)
	for i := range src.streams {
		if st := &src.streams[i]; time.Since(st.touched) >= wait {
			w.complete(st)
			w.close(st)
			st.rule = multiline.State{}
		}
	}
	if err := s.push(ctx, src, w, nil); err != nil {
		w.abandon(nil, err)
		src.state = before
		return err
	}
	w.finish()
	return nil
}

// giveUp releases what is still held with err.
func (s *Stage) giveUp(err error) {
	for _, src := range s.sources() {
		src.turn <- struct{}{}
		for i := range src.streams {
			for _, g := range []*event{&src.streams[i].piece, &src.streams[i].event} {
				if g.open && len(g.tickets) == 0 {
					s.books.Lose(sidelight.Logs, "shutdown", 1)
				}
				for _, t := range g.tickets {
					t.Release(err)
				}
			}
		}
		src.state = state{}
		<-src.turn
	}
}

// Held returns how many inputs hold something back.
func (s *Stage) Held() int {
	n := 0
	for _, src := range s.sources() {
		src.turn <- struct{}{}
		if !src.empty() {
			n++
		}
		<-src.turn
	}
	return n
}
