package child_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
)

var discard = slog.New(slog.DiscardHandler)

func dest(stream string) sidelight.DestHandle { return sidelight.Dest{Group: stream}.Handle() }

type books struct {
	mu   sync.Mutex
	lost map[string]int
}

func (b *books) Lose(_ sidelight.Signal, cause string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost == nil {
		b.lost = map[string]int{}
	}
	b.lost[cause] += n
}

func (b *books) count(cause string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost[cause]
}

// output is a writer that can be waited on.
type output struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// wait blocks until the output contains s.
func (o *output) wait(t *testing.T, s string) {
	t.Helper()
	end := time.After(20 * time.Second)
	for {
		o.mu.Lock()
		text := o.buf.String()
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		if strings.Contains(text, s) {
			return
		}
		select {
		case <-changed:
		case <-end:
			t.Fatalf("%q did not come, but %q", s, text)
		}
	}
}

// sink is what lines are shipped to: their text, one a line, by stream.
type sink struct {
	streams map[string]*output
	gate    chan struct{} // if not nil, a push waits for it to be closed
	broken  chan error    // an error in it fails a push
}

func newSink() *sink {
	return &sink{streams: map[string]*output{"stdout": {}, "stderr": {}}, broken: make(chan error, 1)}
}

func (s *sink) Push(ctx context.Context, b *sidelight.Batch) error {
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return sidelight.ErrFull
		}
	}
	select {
	case err := <-s.broken:
		return err
	default:
	}
	for _, e := range b.Events {
		if age := time.Since(time.UnixMilli(e.Time)); age < -time.Second || age > time.Minute {
			return fmt.Errorf("an event is %v old", age)
		}
		fmt.Fprintf(s.streams[b.Dest.Value().Group], "%s\n", e.Body)
	}
	return nil
}
