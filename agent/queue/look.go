package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/dirlock"
	"github.com/sidelight-dev/sidelight/internal/line"
)

// Look tells what waits in a queue's directory, and whether a process has it
// open, without changing anything: it needs no lock and no right to write. Where
// a process writes, what it says may be a moment old.
func Look(dir string) (waiting []line.Waiting, held bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, false, fmt.Errorf("open the queue's directory: %w", err)
	}
	defer root.Close()
	if held, err = dirlock.Held(root); err != nil {
		return nil, false, err
	}
	q := &Queue{root: root, log: slog.New(slog.DiscardHandler), growing: map[uint64]*entry{}, held: map[sidelight.DestHandle]int64{}}
	numbers, err := q.list(segmentSuffix)
	if err != nil {
		return nil, held, err
	}
	blocks := map[uint64]*entry{}
	for _, n := range numbers {
		data, err := root.ReadFile(segmentName(n))
		if errors.Is(err, os.ErrNotExist) {
			continue // its writer has removed it meanwhile
		}
		if err != nil {
			return nil, held, fmt.Errorf("read segment: %w", err)
		}
		// What cannot be read is for the next start to report.
		_, _ = q.readFrames(&segment{n: n}, data, blocks)
	}
	var t line.Tally
	for _, e := range inOrder(blocks) {
		t.Add(e.dest, e.signal, e.events, e.bytes, e.put)
	}
	return t.Sum(), held, nil
}

// putTime is when a block that was found was put, as far as its events tell: the
// files do not say.
func putTime(marks []sidelight.Mark, now time.Time) time.Time {
	for _, m := range marks {
		if t := time.UnixMilli(m.Time); m.Time > 0 && t.Before(now) {
			now = t
		}
	}
	return now
}
