// Package journald reads the journal of systemd from its files, as they grow and
// through their rotation, without systemd's library or tools. An entry becomes a
// JSON document, see docs/format/log-document.md.
//
// A journal is its own buffer, as a log file is: entries are read when there is
// room for them, and a checkpoint, the number of an entry in its file, moves
// only over what was delivered. A file is known by the id in its header, so that
// it is read on when journald renames it. After a crash what lies behind the
// checkpoint is read again.
//
// Nothing that a file says is trusted. An entry that is damaged is passed over
// and counted; a list of entries that is damaged ends there.
package journald

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// A batch has at most this many events, and is sent when it has this many bytes.
const (
	batchEvents = 2000
	batchBytes  = 256 << 10
)

// batchEntries is how many entries are looked at for a batch when few are wanted.
const batchEntries = 20_000

// retryAfter is how long a range that failed rests before it is offered again.
const retryAfter = time.Second

// Source names the events.
const Source = "journald"

// Books is where a Receiver counts what it had to give up.
type Books interface {
	// Lose counts n entries that were there and could not be read.
	Lose(s sidelight.Signal, cause string, n int)
}

// Receiver reads the journals that its Config names.
type Receiver struct {
	cfg   Config
	store *receiver.Checkpoints
	books Books
	log   *slog.Logger
	warn  *receiver.Warner

	windows  windows
	decoder  decoder
	record   record
	buf      []byte
	ends     []int
	events   []sidelight.Event
	watch    *watch
	journals []*journal
	reading  *journal // whose windows they are
	saved    []receiver.Checkpoint
	settled  bool
	unready  bool // a file is being made
	scanned  time.Time

	files, undecodable, damaged, entries, lag atomic.Int64
}

var _ sidelight.Receiver = (*Receiver)(nil)

// Stats is what a Receiver has to tell of itself.
type Stats struct {
	// Files is how many are followed, archived ones included.
	Files int64
	// Entries counts those that were read and are wanted, again if they could
	// not be delivered. Lag is how many the files that are followed had, when they
	// were last looked at, behind what was read.
	Entries, Lag int64
	// Undecodable counts the fields that could not be decoded: compressed with
	// XZ, or longer than 4 MiB. Damaged counts the entries, and lists of
	// entries, that were passed over.
	Undecodable, Damaged int64
}

// New returns a Receiver that remembers in store how far it came. The caller runs
// the store: it has to outlive the delivery of what was read.
func New(cfg Config, store *receiver.Checkpoints, books Books, log *slog.Logger) (*Receiver, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the journal receiver: %w", err)
	}
	return &Receiver{cfg: cfg, store: store, books: books, log: log, warn: receiver.NewWarner(log)}, nil
}

// Stats returns the receiver's counts. It is safe for concurrent use.
func (r *Receiver) Stats() Stats {
	return Stats{
		Files: r.files.Load(), Entries: r.entries.Load(), Lag: r.lag.Load(),
		Undecodable: r.undecodable.Load(), Damaged: r.damaged.Load(),
	}
}

// Run reads until ctx ends, then once more what is there, and returns nil. If the
// sink fails otherwise it returns that error. It may be called again, on another
// Receiver with the same store: what was not delivered by then is read once more.
func (r *Receiver) Run(ctx context.Context, out sidelight.Sink) error {
	r.watch = newWatch(r.log)
	defer r.close()
	first := r.store.Fresh()
	r.saved, r.settled = r.store.Saved(), false
	r.scan(first)
	r.scanned = time.Now()
	if len(r.journals) == 0 {
		r.log.Warn("there is no journal yet", slog.Any("directories", r.cfg.Directories))
	}
	for ctx.Err() == nil {
		if r.watch.renamed() || time.Since(r.scanned) >= r.every() {
			r.scan(false)
			r.scanned = time.Now()
		}
		busy, err := r.pass(ctx, out)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if !busy {
			r.rest(ctx)
		}
	}
	return r.finish(ctx, out)
}

func (r *Receiver) close() {
	r.watch.close()
	for _, j := range r.journals {
		// The checkpoint goes on to be tracked: delivery has not ended.
		j.close()
	}
	r.journals = nil
	r.count()
	r.decoder.close()
}

// rarely is how many times Poll goes by between looks at what the kernel would
// have told of.
const rarely = 10

// every returns how often to look without a reason.
func (r *Receiver) every() time.Duration {
	if r.watch.complete() && !r.unready {
		return rarely * r.cfg.Poll
	}
	return r.cfg.Poll
}

func (r *Receiver) rest(ctx context.Context) {
	wait := r.every()
	for _, j := range r.journals {
		if j.ledger.Pending() > 0 {
			wait = min(wait, r.cfg.Poll) // it may have to be offered again
		}
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-r.watch.awake():
	case <-t.C:
	}
}

// finish reads what is there at the stop.
func (r *Receiver) finish(ctx context.Context, out sidelight.Sink) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Linger)
	defer cancel()
	for {
		busy, err := r.pass(ctx, out)
		switch {
		case errors.Is(err, sidelight.ErrFull) || errors.Is(err, sidelight.ErrClosed) || ctx.Err() != nil:
			return nil // the checkpoint stays before it
		case err != nil || !busy:
			return err
		}
	}
}

// pass gives each file a turn and reports whether there may be more to read.
func (r *Receiver) pass(ctx context.Context, out sidelight.Sink) (busy bool, err error) {
	for _, j := range r.journals {
		if j.f == nil {
			continue
		}
		more, err := r.turn(ctx, j, out)
		if err != nil {
			return false, err
		}
		busy = busy || more
	}
	r.measureLag()
	r.tidy()
	return busy, nil
}

// measureLag notes how many entries are not read yet.
func (r *Receiver) measureLag() {
	var lag uint64
	for _, j := range r.journals {
		if j.reader != nil && !j.broken && j.next < j.hdr.entries {
			lag += j.hdr.entries - j.next
		}
	}
	r.lag.Store(int64(min(lag, 1<<62)))
}

// turn reads one batch of j and reports whether there was one.
func (r *Receiver) turn(ctx context.Context, j *journal, out sidelight.Sink) (bool, error) {
	if r.reading != j {
		r.windows.forget()
		r.reading = j
	}
	if err := r.again(ctx, j, out); err != nil {
		return false, err
	}
	if j.broken || j.hdr.archived && j.next >= j.hdr.entries {
		return false, nil
	}
	if j.next >= j.hdr.entries {
		r.windows.forget()
		if err := j.refresh(); err != nil {
			r.warn.Warn("cannot read a journal file", slog.String("path", j.path), slog.Any("err", err))
			return false, nil
		}
		if j.next >= j.hdr.entries {
			return false, nil
		}
	}
	end, err := r.collect(j, j.next, j.hdr.entries)
	if err != nil {
		r.warn.Warn("cannot read a journal file", slog.String("path", j.path), slog.Any("err", err))
		return false, nil
	}
	if end == j.next {
		return false, nil
	}
	j.next = end
	return true, r.push(ctx, j, out, j.ledger.Open(int64(end)))
}

// collect makes events of the entries from number from on, of to at most, and
// returns the number of the first that it did not look at. It returns an error
// only if the file cannot be read at present.
func (r *Receiver) collect(j *journal, from, to uint64) (uint64, error) {
	r.buf, r.ends = r.buf[:0], r.ends[:0]
	r.events = r.events[:0]
	n := from
	for ; n < to && len(r.ends) < batchEvents && n-from < batchEntries && len(r.buf) < batchBytes; n++ {
		err := r.add(j, n)
		if errors.Is(err, errEnd) {
			r.breaks(j, n)
			break
		}
		if errors.Is(err, errDamaged) {
			r.passOver(j, n)
		} else if err != nil {
			return n, err
		}
	}
	start := 0
	for i, end := range r.ends {
		r.events[i].Body = r.buf[start:end]
		start = end
	}
	return n, nil
}

// add makes an event of entry number n, if it is wanted. Its body is set later:
// the buffer may move.
func (r *Receiver) add(j *journal, n uint64) error {
	e, err := j.entry(n)
	if err != nil {
		return err
	}
	if err := r.record.collect(j.reader, e, r.cfg.Fields); err != nil {
		return err
	}
	if !r.cfg.wants(&r.record) {
		return nil
	}
	if d := r.record.undecodable; d > 0 {
		r.undecodable.Add(int64(d))
		r.warn.Warn("fields of the journal cannot be decoded: they are compressed with XZ, or too long", slog.String("path", j.path))
	}
	r.buf = r.record.append(r.buf)
	r.ends = append(r.ends, len(r.buf))
	r.events = append(r.events, sidelight.Event{Time: int64(r.record.realtime / 1000)})
	r.entries.Add(1)
	return nil
}

// passOver counts an entry that cannot be read.
func (r *Receiver) passOver(j *journal, n uint64) {
	r.damaged.Add(1)
	r.books.Lose(sidelight.Logs, "journal_damaged", 1)
	r.warn.Warn("an entry of the journal is damaged and passed over", slog.String("path", j.path), slog.Uint64("entry", n))
}

// breaks gives up the rest of a file.
func (r *Receiver) breaks(j *journal, n uint64) {
	j.broken = true
	r.damaged.Add(1)
	r.log.Error("a journal file is damaged; the rest of it is not read",
		slog.String("path", j.path), slog.Uint64("entry", n), slog.Uint64("entries", j.hdr.entries))
	r.books.Lose(sidelight.Logs, "journal_damaged", int(min(j.hdr.entries-n, 1<<20)))
}

// push sends the events of the last collect. If that fails, ticket's range is
// offered again later.
func (r *Receiver) push(ctx context.Context, j *journal, out sidelight.Sink, ticket *sidelight.Ticket) error {
	if len(r.events) == 0 {
		ticket.Release(nil)
		return nil
	}
	batch := sidelight.Batch{Signal: sidelight.Logs, Dest: r.cfg.Dest, Source: Source, Events: r.events, Ticket: ticket}
	err := out.Push(ctx, &batch)
	ticket.Release(err)
	if err != nil {
		j.retry = time.Now().Add(retryAfter)
		return fmt.Errorf("push entries of %q: %w", j.path, err)
	}
	return nil
}

// again reads ranges once more that were pushed and then not delivered.
func (r *Receiver) again(ctx context.Context, j *journal, out sidelight.Sink) error {
	if time.Now().Before(j.retry) {
		return nil
	}
	for {
		rg, ticket, ok := j.ledger.Again()
		if !ok {
			return nil
		}
		j.retry = time.Now().Add(retryAfter)
		if _, err := r.collect(j, uint64(rg.Start), uint64(rg.End)); err != nil {
			ticket.Release(err)
			r.warn.Warn("cannot read a journal file again", slog.String("path", j.path), slog.Any("err", err))
			return nil
		}
		if err := r.push(ctx, j, out, ticket); err != nil {
			return err
		}
	}
}
