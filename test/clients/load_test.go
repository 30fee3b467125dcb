//go:build clients

package clients_test

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluent/fluent-logger-golang/fluent"
)

// load sends numbered events from several senders, each of which sends its next
// event when the last one was acknowledged. An event whose acknowledgement does
// not come is sent again on a new connection.
type load struct {
	address string
	pace    time.Duration // between two events of a sender; 0 is none
	stop    chan struct{}
	ctx     context.Context // its end breaks off even the last event
	cancel  context.CancelFunc
	senders sync.WaitGroup

	mu      sync.Mutex
	next    int
	acked   map[int]bool
	retried int
}

func startLoad(t *testing.T, address string, pace time.Duration) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{address: address, pace: pace, stop: make(chan struct{}), ctx: ctx, cancel: cancel, acked: map[int]bool{}}
	host, port := split(t, address)
	for range 4 {
		l.senders.Go(func() { l.send(host, port) })
	}
	t.Cleanup(func() {
		cancel()
		l.senders.Wait()
	})
	return l
}

func (l *load) send(host string, port int) {
	var c *fluent.Fluent
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	tick := time.NewTicker(max(l.pace, time.Millisecond))
	defer tick.Stop()
	text := strings.Repeat("lorem ipsum ", 16)
	for seq := l.take(); ; seq = l.take() {
		for {
			err := context.Cause(l.ctx)
			if err != nil {
				return
			}
			if c == nil {
				c, err = fluent.New(fluent.Config{FluentHost: host, FluentPort: port, RequestAck: true, MaxRetry: 1, RetryWait: 1, ReadTimeout: 10 * time.Second})
			}
			if err == nil {
				if err = c.Post("load", map[string]any{"seq": seq, "text": text}); err == nil {
					break
				}
				_ = c.Close()
			}
			c = nil
			l.retry()
			select {
			case <-l.ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
		l.took(seq)
		if l.pace > 0 {
			select {
			case <-tick.C:
			case <-l.stop:
			}
		}
		select {
		case <-l.stop:
			return
		default:
		}
	}
}

func (l *load) take() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.next - 1
}

func (l *load) took(seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[seq] = true
}

func (l *load) retry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retried++
}

// await waits until n events were acknowledged.
func (l *load) await(t *testing.T, n int) {
	t.Helper()
	eventually(t, strconv.Itoa(n)+" acknowledgements", func() bool { return l.count() >= n })
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// finish ends the load when the events on the way are acknowledged.
func (l *load) finish() {
	close(l.stop)
	l.senders.Wait()
}

// check compares what was acknowledged with what is in the sandbox, and returns
// the number of duplicates and of events there.
func (l *load) check(t *testing.T, s *sandbox) (duplicates, arrived int) {
	t.Helper()
	number := regexp.MustCompile(`"seq":(\d+)`)
	seen := map[int]int{}
	for _, m := range s.messages(t, group, "") {
		seq, err := strconv.Atoi(number.FindStringSubmatch(m)[1])
		if err != nil {
			t.Fatal(err)
		}
		seen[seq]++
		arrived++
	}
	lost := 0
	for seq := range l.acked {
		if seen[seq] == 0 {
			if lost++; lost < 10 {
				t.Errorf("event %d was acknowledged and is lost", seq)
			}
		}
	}
	duplicates = arrived - len(seen)
	t.Logf("%d acknowledged, %d lost, %d arrived, %d duplicates, %d sent again", len(l.acked), lost, arrived, duplicates, l.retried)
	return duplicates, arrived
}

// drained waits until the agent holds no log events.
func (a *agent) drained(t *testing.T) {
	t.Helper()
	eventually(t, "an empty queue", func() bool { return a.report(t).Signals["logs"].Queued == 0 })
}
