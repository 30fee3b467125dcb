package agent

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/internal/deliver"
	"github.com/sidelight-dev/sidelight/internal/line"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/spare"
)

// lane is the way of one kind of data from a packer to an exporter.
type lane struct {
	name     string
	signal   sidelight.Signal
	queue    sidelight.Queue
	disk     *queue.Queue // nil: in memory
	memory   *memq.Queue  // nil: on disk
	waiting  func() []line.Waiting
	spill    bool // on disk when delivery lags
	packer   *pack.Packer
	delivery *deliver.Delivery
	books    *meter.Account
	// first says that the lane's books are the agent's.
	first bool
}

// laneConfig shapes a lane.
type laneConfig struct {
	name   string
	signal sidelight.Signal
	// dir is where the queue keeps its files; "" keeps it in memory.
	dir          string
	memory, disk int64
	fsync, spill bool
	// accept are the books for what the lane takes in. Nil: as all others.
	accept  pack.Books
	pack    pack.Config
	deliver deliver.Config
}

func newLane(cfg laneConfig, exp sidelight.Exporter, books *meter.Account, log *slog.Logger) (*lane, error) {
	l := &lane{name: cfg.name, signal: cfg.signal, books: books}
	log = log.With("queue", cfg.name)
	memory := spare.New(cfg.memory / 8)
	cfg.pack.Spare, cfg.deliver.Spare = memory, memory
	if cfg.dir == "" {
		l.memory = memq.New(memq.Config{Limit: cfg.memory})
		l.queue, l.waiting = l.memory, l.memory.Waiting
	} else {
		q, err := queue.Open(queue.Config{
			Dir: filepath.Join(cfg.dir, cfg.name), Disk: cfg.disk, Memory: cfg.memory, Fsync: cfg.fsync, Spill: cfg.spill,
			Finish: func(b *sidelight.Block) { pack.Complete(exp, b, cfg.pack.Gzip) }, Spare: memory,
			Damaged: func(s sidelight.Signal, n int) { books.Drop(s, "damaged", n) },
		}, log)
		if err != nil {
			return nil, err
		}
		l.disk, l.queue, l.waiting, l.spill = q, q, q.Waiting, cfg.spill
		for s, n := range q.Recovered() {
			books.Recover(s, n)
			log.Info("found events of an earlier run", "signal", s.String(), "events", n)
		}
	}
	if cfg.accept == nil {
		cfg.accept = books
	}
	cfg.pack.Crowded = func(d sidelight.DestHandle) bool { return l.delivery.Crowded(d) }
	l.packer = pack.New(cfg.pack, exp, l.queue, cfg.accept, log)
	l.delivery = deliver.New(cfg.deliver, cfg.name, l.queue, exp, books, log)
	return l, nil
}

// runDelivery delivers until the queue is closed and empty. That the grace
// period ended first is no failure: what is left is accounted for by release.
func (l *lane) runDelivery(ctx context.Context) error {
	err := l.delivery.Run(ctx)
	if err != nil && ctx.Err() != nil {
		return nil
	}
	return err
}

// left is what is not delivered at the end and will be after the next start.
type left struct {
	disk  int // events in the durable queue
	files int // lines that are still in their files
}

// release gives up what memory alone holds, closes the files, and returns what
// stays for the next start.
func (l *lane) release() (left, error) {
	if l.memory != nil {
		return left{files: l.abandon()}, nil
	}
	for s, n := range l.disk.Abandon() {
		l.books.Drop(s, "shutdown", n)
	}
	rest := left{disk: l.disk.Stats().Events}
	if err := l.disk.Release(); err != nil {
		return rest, fmt.Errorf("close the queue %s: %w", l.name, err)
	}
	return rest, nil
}

// abandon gives up what memory holds. Lines of files are not lost by that, since
// no checkpoint is beyond them; it returns how many these are.
func (l *lane) abandon() (inFiles int) {
	for s, n := range l.memory.Abandon() {
		if l.name != filesLane {
			l.books.Drop(s, "shutdown", n)
			continue
		}
		l.books.Withdraw(s, n)
		inFiles += n
	}
	return inFiles
}
