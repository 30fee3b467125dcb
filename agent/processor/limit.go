package processor

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// limiter lets a number of events a second of each source go on.
type limiter struct {
	rate, burst float64

	mu      sync.Mutex
	buckets map[bucketKey]*bucket
}

type bucketKey struct {
	source string
	dest   sidelight.DestHandle
}

// bucket is what one source has left.
type bucket struct {
	bucketKey
	rate, burst float64

	mu     sync.Mutex
	tokens float64
	last   time.Time
	held   int // events held back since the last report
}

func newLimiter(rate, burst int) *limiter {
	return &limiter{rate: float64(rate), burst: float64(burst), buckets: map[bucketKey]*bucket{}}
}

// bucket returns that of b's source.
func (l *limiter) bucket(b *sidelight.Batch) *bucket {
	k := bucketKey{b.Source, b.Dest}
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.buckets[k]
	if found == nil {
		found = &bucket{bucketKey: k, rate: l.rate, burst: l.burst, tokens: l.burst, last: time.Now()}
		l.buckets[k] = found
	}
	return found
}

// take returns how many of n events may go on at now.
func (b *bucket) take(n int, now time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := now.Sub(b.last); d > 0 {
		b.tokens = min(b.burst, b.tokens+d.Seconds()*b.rate)
		b.last = now
	}
	n = min(n, int(b.tokens))
	b.tokens -= float64(n)
	return n
}

func (b *bucket) hold(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held += n
}

// report pushes an event to each source that something was held back of, and
// forgets sources that were silent for minutes.
func (l *limiter) report(ctx context.Context, next sidelight.Sink, now time.Time) error {
	l.mu.Lock()
	var buckets []*bucket
	for k, b := range l.buckets {
		buckets = append(buckets, b)
		b.mu.Lock()
		if b.held == 0 && now.Sub(b.last) > 5*time.Minute {
			delete(l.buckets, k)
		}
		b.mu.Unlock()
	}
	l.mu.Unlock()
	var errs []error
	for _, b := range buckets {
		errs = append(errs, b.report(ctx, next, now))
	}
	return errors.Join(errs...)
}

func (b *bucket) report(ctx context.Context, next sidelight.Sink, now time.Time) error {
	b.mu.Lock()
	held := b.held
	b.mu.Unlock()
	if held == 0 {
		return nil
	}
	body := append([]byte(nil), `{"level":"warn","message":"`...)
	body = strconv.AppendInt(body, int64(held), 10)
	body = append(body, ` log events of this source were held back: more than `...)
	body = strconv.AppendInt(body, int64(b.rate), 10)
	body = append(body, ` a second","held_back":`...)
	body = strconv.AppendInt(body, int64(held), 10)
	body = append(body, `,"source":`...)
	body = append(wire.AppendString(body, []byte(b.source)), '}')
	err := next.Push(ctx, &sidelight.Batch{
		Signal: sidelight.Logs, Dest: b.dest, Source: b.source,
		Events: []sidelight.Event{{Time: now.UnixMilli(), Body: body}},
	})
	if err == nil {
		b.hold(-held)
	}
	return err
}
