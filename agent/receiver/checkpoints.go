package receiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight/internal/atomicfile"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// FileID tells a file from others through renames, and from a later one that
// got its inode number, or its name, by its first bytes.
type FileID struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	// Head is how many bytes from the file's start Sum covers.
	Head int `json:"head"`
	// Sum is the hexadecimal SHA-256 of those bytes.
	Sum string `json:"sum"`
}

// Checkpoint is how far a file is safe.
type Checkpoint struct {
	// Path is where the file was found first: the source of its events.
	Path string `json:"path"`
	FileID
	// Offset is in bytes: what lies before it needs not be read again.
	Offset int64 `json:"offset"`
}

// checkpointFile is the format of the file, version 1.
type checkpointFile struct {
	Version int          `json:"version"`
	Files   []Checkpoint `json:"files"`
}

const checkpointVersion = 1

// Checkpoints is a JSON file that maps files to offsets. It is replaced as a
// whole, soon after something changes. Its life is longer than that of the receiver
// that uses it: what the receiver has pushed becomes safe after it has stopped.
//
// A store serves one receiver. When that has failed and another takes its
// place, the store tells the other how far the first came.
//
// A nil *Checkpoints is valid: it remembers nothing.
type Checkpoints struct {
	root *os.Root // nil: in memory only
	name string
	log  *slog.Logger
	soon chan struct{} // has one when a file is new
	more chan struct{} // has one when more has become safe
	seed maphash.Seed

	mu         sync.Mutex
	fresh      bool
	at         time.Time
	saved      []Checkpoint // found at the start and not settled yet
	tracked    map[int]tracked
	nextKey    int
	generation int // counts calls of Saved
	written    bool
	mark       uint64 // of what was written
	failing    bool
}

// tracked is a file that a receiver of a generation reads.
type tracked struct {
	state      func() Checkpoint
	generation int
}

// MemoryCheckpoints returns a store without a file: what it holds survives a
// receiver, but not the process.
func MemoryCheckpoints() *Checkpoints {
	return &Checkpoints{fresh: true, tracked: map[int]tracked{}, soon: make(chan struct{}, 1), more: make(chan struct{}, 1), seed: maphash.MakeSeed(), log: slog.New(slog.DiscardHandler)}
}

// OpenCheckpoints reads the file name in root, if there is one. One that cannot
// be understood is moved aside, with an error in the log, and treated as empty.
func OpenCheckpoints(root *os.Root, name string, log *slog.Logger) (*Checkpoints, error) {
	c := &Checkpoints{root: root, name: name, log: log, tracked: map[int]tracked{}, soon: make(chan struct{}, 1), more: make(chan struct{}, 1), seed: maphash.MakeSeed()}
	data, err := root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		c.fresh = true
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoints %q: %w", name, err)
	}
	if c.saved, err = parseCheckpoints(data); err != nil {
		return c, c.moveAside(err)
	}
	if info, err := root.Stat(name); err == nil {
		c.at = info.ModTime()
	}
	return c, nil
}

func parseCheckpoints(data []byte) ([]Checkpoint, error) {
	var f checkpointFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	if f.Version != checkpointVersion {
		return nil, fmt.Errorf("version %d, want %d", f.Version, checkpointVersion)
	}
	for _, cp := range f.Files {
		if cp.Offset < 0 || cp.Head < 0 || cp.Path == "" {
			return nil, fmt.Errorf("impossible entry for %q", cp.Path)
		}
	}
	return f.Files, nil
}

func (c *Checkpoints) moveAside(cause error) error {
	aside := fmt.Sprintf("%s.damaged-%d", c.name, time.Now().UnixNano())
	if err := c.root.Rename(c.name, aside); err != nil {
		return fmt.Errorf("move damaged checkpoints %q aside: %w", c.name, err)
	}
	c.log.Error("checkpoints are damaged and were moved aside; files are read from their start",
		slog.String("file", aside), slog.Any("err", cause))
	return nil
}

// Fresh reports whether nothing was ever settled: no earlier run has left a
// file, and no receiver has begun.
func (c *Checkpoints) Fresh() bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fresh
}

// Written returns when the file that was there at the start was written, zero if
// there was none.
func (c *Checkpoints) Written() time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.at
}

// Lasting reports whether what the store holds survives the process.
func (c *Checkpoints) Lasting() bool { return c != nil && c.root != nil }

// Saved returns what is known when a receiver begins: what the file held at the
// start, or how far the receiver before has come.
func (c *Checkpoints) Saved() []Checkpoint {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	c.generation++
	c.mu.Unlock()
	return c.collect()
}

// Settle forgets what Saved returned, after the receiver has begun to track
// what it found of it. Until then each write repeats it.
func (c *Checkpoints) Settle() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved, c.fresh = nil, false
	for k, t := range c.tracked {
		if t.generation < c.generation {
			delete(c.tracked, k)
		}
	}
}

// Track writes what state returns from now on, until the returned function is
// called. state is called at any time, from another goroutine.
func (c *Checkpoints) Track(state func() Checkpoint) (forget func()) {
	if c == nil {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := c.nextKey
	c.nextKey++
	select {
	case c.soon <- struct{}{}:
	default:
	}
	c.tracked[key] = tracked{state, c.generation}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.tracked, key)
	}
}

// soonAfter is how long a write for a new file may follow the one before.
const soonAfter = 200 * time.Millisecond

// Moved says that more of a file has become safe. It does not block.
func (c *Checkpoints) Moved() {
	if c == nil {
		return
	}
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// Writing what delivery makes safe follows it by leastLag where that is cheap, and
// takes a twentieth of the time at most: what is written is all files, so that with
// thousands of them it is rarer, though never rarer than mostLag.
const (
	leastLag = 50 * time.Millisecond
	mostLag  = time.Second
)

// lagAfter is how long to wait after a change, when the last write took cost.
func lagAfter(cost time.Duration) time.Duration {
	return min(max(20*cost, leastLag), mostLag)
}

// Run writes what has become safe soon after [Checkpoints.Moved], what has changed
// otherwise once a second, and a file that is new at once: if it is rotated while
// no agent runs, nobody else knows of it. When ctx ends it writes a last time, so
// end it after delivery has ended. It returns nil.
func (c *Checkpoints) Run(ctx context.Context) error {
	if !c.Lasting() {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(mostLag)
	defer tick.Stop()
	soon, more, lag := c.soon, c.more, leastLag
	var again, due <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			c.report(c.Flush())
			return nil
		case <-tick.C:
		case <-soon:
			soon, again = nil, time.After(soonAfter)
		case <-again:
			soon, again = c.soon, nil
			continue
		case <-more:
			more, due = nil, time.After(lag)
			continue
		case <-due:
			more, due = c.more, nil
		}
		began := time.Now()
		c.report(c.Flush())
		lag = lagAfter(time.Since(began))
	}
}

// report logs when writing begins to fail and when it works again.
func (c *Checkpoints) report(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && !c.failing:
		c.log.Error("checkpoints cannot be written; after a restart files are read again from the last that were", slog.Any("err", err))
	case err == nil && c.failing:
		c.log.Info("checkpoints are written again")
	}
	c.failing = err != nil
}

// Flush writes the file now, if something has changed.
func (c *Checkpoints) Flush() error {
	if !c.Lasting() {
		return nil
	}
	mark := c.fingerprint()
	c.mu.Lock()
	same := c.written && mark == c.mark
	c.mu.Unlock()
	if same {
		return nil
	}
	data, err := json.Marshal(checkpointFile{checkpointVersion, c.collect()})
	if err != nil {
		return fmt.Errorf("encode checkpoints: %w", err)
	}
	data = append(data, '\n')
	if err := atomicfile.Write(c.root, c.name, data, 0o600); err != nil {
		return fmt.Errorf("write checkpoints: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written, c.mark = true, mark
	return nil
}

// fingerprint tells whether something has changed without writing it down: of
// thousands of files most are silent.
func (c *Checkpoints) fingerprint() uint64 {
	saved, states := c.known()
	sum := uint64(len(saved))
	for _, cp := range saved {
		sum += maphash.Comparable(c.seed, cp)
	}
	for _, state := range states {
		sum += maphash.Comparable(c.seed, state())
	}
	return sum
}

// known returns what was found at the start, and what tells the state of each file
// that is tracked.
func (c *Checkpoints) known() (saved []Checkpoint, states []func() Checkpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	states = make([]func() Checkpoint, 0, len(c.tracked))
	for _, t := range c.tracked {
		states = append(states, t.state)
	}
	return slices.Clone(c.saved), states
}

// collect returns the checkpoints in a stable order.
func (c *Checkpoints) collect() []Checkpoint {
	files, states := c.known()
	for _, state := range states {
		files = append(files, state())
	}
	order.By(files, func(a, b Checkpoint) int {
		if n := strings.Compare(a.Path, b.Path); n != 0 {
			return n
		}
		switch {
		case a.Inode < b.Inode:
			return -1
		case a.Inode > b.Inode:
			return 1
		}
		return 0
	})
	if files == nil {
		files = []Checkpoint{}
	}
	return files
}
