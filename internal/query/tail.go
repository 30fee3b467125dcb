package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/sidelight-dev/sidelight/internal/order"
)

const (
	fastTail = time.Second
	slowTail = 5 * time.Second
	// slowestTail is the pause that throttles can lead to. FilterLogEvents allows
	// 25 calls a second in most regions, for everybody in the account.
	slowestTail = 20 * time.Second
	// overlap is how far behind the newest event a look begins again: a shipper
	// that retries, or another stream, brings older events later.
	overlap = 15 * time.Second
)

// Tail says what to follow.
type Tail struct {
	// Groups are names or ARNs of log groups.
	Groups []string
	// Pattern is a filter pattern of CloudWatch Logs; empty for all events.
	Pattern string
	// StreamPrefix narrows to streams whose names begin so.
	StreamPrefix string
	// From is where to begin.
	From time.Time
	// To, if not zero, is where to end: the tail returns when all events before
	// it were seen once. Otherwise it goes on until ctx ends.
	To time.Time
	// Slowed, if not nil, hears of each throttle or passing fault, and how long
	// the tail waits for it.
	Slowed func(err error, pause time.Duration)
}

// Line is an event as it is in a log stream.
type Line struct {
	ID, Group, Stream string
	Time, Ingested    time.Time
	Message           string
}

// Tail calls emit with what is in the groups, each event once, in order of time
// as far as it is known by then. New streams are seen. It blocks until ctx ends
// (whose error it returns), To is reached, emit fails, or a group cannot be read;
// throttles slow it down and never end it.
func (l *Logs) Tail(ctx context.Context, t Tail, emit func([]Line) error) error {
	var follows []*follower
	for _, g := range t.Groups {
		follows = append(follows, &follower{api: l.API, group: g, tail: &t, newest: t.From, seen: map[string]time.Time{}})
	}
	pause := fastTail
	for {
		n, err := look(ctx, follows, emit)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !passing(err):
			return err
		case err != nil:
			pause = min(pause*2, slowestTail)
			if t.Slowed != nil {
				t.Slowed(err, pause)
			}
		case !t.To.IsZero():
			return nil
		case n > 0:
			pause = fastTail
		default:
			pause = min(pause*3/2, slowTail)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// look asks every group once, to its last page, and emits what is new, merged by
// time. It returns how many lines those were.
func look(ctx context.Context, follows []*follower, emit func([]Line) error) (int, error) {
	for _, f := range follows {
		f.begin()
	}
	total := 0
	for {
		for _, f := range follows {
			if err := f.fill(ctx); err != nil {
				return total, err
			}
		}
		lines := merge(follows)
		if len(lines) == 0 {
			return total, nil
		}
		if err := emit(lines); err != nil {
			return total, err
		}
		for _, f := range follows {
			f.forget()
		}
		total += len(lines)
	}
}

// merge takes the lines that no group can add an earlier one to.
func merge(follows []*follower) []Line {
	var until time.Time // the first group to run out of lines, before its last page
	for _, f := range follows {
		if n := len(f.lines); n > 0 && !f.last && (until.IsZero() || f.lines[n-1].Time.Before(until)) {
			until = f.lines[n-1].Time
		}
	}
	var out []Line
	for _, f := range follows {
		n := len(f.lines)
		if !until.IsZero() {
			n, _ = slices.BinarySearchFunc(f.lines, until, func(l Line, t time.Time) int {
				return cmp.Or(l.Time.Compare(t), -1)
			})
		}
		for _, line := range f.lines[:n] {
			f.seen[line.ID] = line.Time
			if line.Time.After(f.newest) {
				f.newest = line.Time
			}
		}
		out = append(out, f.lines[:n]...)
		f.lines = f.lines[n:]
	}
	order.Stable(out, func(a, b Line) int { return a.Time.Compare(b.Time) })
	return out
}

// follower is the place in one group.
type follower struct {
	api    LogsAPI
	group  string
	tail   *Tail
	newest time.Time
	// seen has the events that the next look will meet again.
	seen map[string]time.Time

	// The state of one look: lines that are not emitted, sorted by time; the
	// next page; and whether there is none.
	lines []Line
	token *string
	last  bool
	from  time.Time
}

func (f *follower) begin() {
	f.lines, f.token, f.last = nil, nil, false
	if f.from = f.newest.Add(-overlap); f.from.Before(f.tail.From) {
		f.from = f.tail.From
	}
}

// fill reads pages until there are lines, or no more pages. Pages may be empty.
func (f *follower) fill(ctx context.Context) error {
	for len(f.lines) == 0 && !f.last {
		in := &cloudwatchlogs.FilterLogEventsInput{LogGroupIdentifier: &f.group, StartTime: aws.Int64(f.from.UnixMilli()), NextToken: f.token}
		if f.tail.Pattern != "" {
			in.FilterPattern = &f.tail.Pattern
		}
		if f.tail.StreamPrefix != "" {
			in.LogStreamNamePrefix = &f.tail.StreamPrefix
		}
		if !f.tail.To.IsZero() {
			in.EndTime = aws.Int64(f.tail.To.UnixMilli())
		}
		out, err := f.api.FilterLogEvents(ctx, in)
		if err != nil {
			return fmt.Errorf("read log group %s: %w", f.group, err)
		}
		for _, e := range out.Events {
			id := aws.ToString(e.EventId)
			if _, known := f.seen[id]; known {
				continue
			}
			f.lines = append(f.lines, Line{
				ID: id, Group: f.group, Stream: aws.ToString(e.LogStreamName), Message: aws.ToString(e.Message),
				Time: time.UnixMilli(aws.ToInt64(e.Timestamp)), Ingested: time.UnixMilli(aws.ToInt64(e.IngestionTime)),
			})
		}
		order.Stable(f.lines, func(a, b Line) int { return a.Time.Compare(b.Time) })
		f.token = out.NextToken
		f.last = aws.ToString(f.token) == ""
	}
	return nil
}

// forget drops what no later look can meet: each begins overlap before the newest
// event, and the pages of one look do not repeat each other.
func (f *follower) forget() {
	if len(f.seen) < 10_000 && !f.last {
		return
	}
	oldest := f.newest.Add(-overlap)
	for id, at := range f.seen {
		if at.Before(oldest) {
			delete(f.seen, id)
		}
	}
}
