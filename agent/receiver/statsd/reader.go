package statsd

import (
	"bytes"
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/decimal"
)

// reader takes the lines of one socket or connection. It belongs to its
// goroutine.
type reader struct {
	*Receiver
	cache  cache
	events []sidelight.Event
	text   []byte // of events
	now    int64  // when these datagrams came, in Unix milliseconds
	// What was counted since the last flush.
	datagrams, lines, samples uint64
}

func (r *Receiver) reader() *reader { return &reader{Receiver: r, cache: newCache()} }

// datagrams takes n datagrams and pushes what events there were. A panic costs
// those that follow, not the agent.
func (r *reader) take(ctx context.Context, out sidelight.Sink, n int, at func(int) []byte) {
	defer func() {
		if p := recover(); p != nil {
			r.books.Lose(sidelight.Metrics, "panic", 1)
			r.log.Error("datagrams lost by a panic", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
		r.flush(ctx, out)
	}()
	r.now = time.Now().UnixMilli()
	for i := range n {
		r.datagram(at(i))
	}
}

func (r *reader) datagram(b []byte) {
	r.datagrams++
	for len(b) > 0 {
		l := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			l, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if n := len(l); n > 0 && l[n-1] == '\r' {
			l = l[:n-1]
		}
		if len(l) == 0 {
			continue
		}
		r.lines++
		if bad := r.line(l); bad != fine {
			r.refuse(bad, l)
		}
	}
}

// line reads name:value|type…, or an event, or a service check.
func (r *reader) line(l []byte) cause {
	if l[0] == '_' {
		switch {
		case bytes.HasPrefix(l, eventPrefix):
			return r.event(l[len(eventPrefix):])
		case bytes.HasPrefix(l, checkPrefix):
			return r.check(l[len(checkPrefix):])
		}
	}
	colon := bytes.IndexByte(l, ':')
	if colon <= 0 {
		return noName
	}
	bar := bytes.IndexByte(l[colon:], '|')
	if bar <= 1 {
		return noType
	}
	bar += colon
	s, bad := r.cache.find(l[:colon], l[bar+1:])
	if bad != fine {
		return bad
	}
	return r.values(s, l[colon+1:bar])
}

// values records each value: name:1:2:3|ms carries several.
func (r *reader) values(s *series, b []byte) cause {
	if s.set {
		if !r.sets.add(s, b, r.now) {
			return tooManySets
		}
		r.samples++
		return fine
	}
	for {
		v, rest := cut(b, ':')
		f, ok := decimal.Parse(v)
		if !ok {
			return badValue
		}
		if s.m.Kind == sidelight.Gauge {
			if f, ok = r.levels.set(s, f, v[0] == '+' || v[0] == '-'); !ok {
				return tooManyGauges
			}
		}
		s.m.Value = f
		r.rec.Record(&s.m)
		r.samples++
		if rest == nil {
			return fine
		}
		b = rest
	}
}

// refuse counts a line that is not taken.
func (r *reader) refuse(why cause, l []byte) {
	r.complain.about(why, l, r.counts.invalid[why].Add(1))
}

// flush counts what was taken and pushes the events.
func (r *reader) flush(ctx context.Context, out sidelight.Sink) {
	r.counts.datagrams.Add(r.datagrams)
	r.counts.lines.Add(r.lines)
	r.counts.samples.Add(r.samples)
	r.datagrams, r.lines, r.samples = 0, 0, 0
	if len(r.events) > 0 {
		r.push(ctx, out)
	}
}
