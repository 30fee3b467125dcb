package statsd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

var (
	eventPrefix = []byte("_e{")
	checkPrefix = []byte("_sc|")
)

// event reads what follows _e{ of
//
//	_e{5,4}:title|text|d:time|h:host|k:key|p:priority|s:source|t:kind|#tag:value,…
//
// where the numbers are the bytes of title and text.
func (r *reader) event(b []byte) cause {
	title, text, rest, ok := titleAndText(b)
	if !ok {
		return badEvent
	}
	r.counts.events.Add(1)
	if r.cfg.Events == (sidelight.DestHandle{}) {
		return fine
	}
	d := r.document("event")
	d.member("title", title)
	d.member("message", unescape(text))
	level := "info"
	for len(rest) > 0 {
		var f []byte
		f, rest = cut(rest, '|')
		switch key, v := field(f); key {
		case "k":
			d.member("aggregation_key", v)
		case "p":
			d.member("priority", v)
		case "s":
			d.member("source_type", v)
		case "t":
			d.member("alert_type", v)
			level = levelOf(string(v))
		default:
			d.common(key, v)
		}
	}
	d.end(level)
	return fine
}

// titleAndText reads 5,4}:title|text and returns what follows it.
func titleAndText(b []byte) (title, text, rest []byte, ok bool) {
	lengths, rest, found := bytes.Cut(b, []byte("}:"))
	first, second, both := bytes.Cut(lengths, []byte{','})
	n, err1 := strconv.Atoi(string(first))
	m, err2 := strconv.Atoi(string(second))
	if !found || !both || err1 != nil || err2 != nil || n <= 0 || m < 0 || n > len(rest) || m > len(rest) || n+1+m > len(rest) || rest[n] != '|' {
		return nil, nil, nil, false
	}
	title, text, rest = rest[:n], rest[n+1:n+1+m], rest[n+1+m:]
	if len(rest) == 0 {
		return title, text, nil, true
	}
	return title, text, rest[1:], rest[0] == '|'
}

// check reads what follows _sc| of
//
//	_sc|name|status|d:time|h:host|#tag:value,…|m:message
func (r *reader) check(b []byte) cause {
	name, rest := cut(b, '|')
	status, rest := cut(rest, '|')
	if len(name) == 0 || len(status) != 1 || status[0] < '0' || status[0] > '3' {
		return badCheck
	}
	r.counts.checks.Add(1)
	if r.cfg.Events == (sidelight.DestHandle{}) {
		return fine
	}
	d := r.document("service_check")
	word := [4]string{"ok", "warning", "critical", "unknown"}[status[0]-'0']
	d.member("name", name)
	d.member("status", []byte(word))
	for len(rest) > 0 {
		var f []byte
		f, rest = cut(rest, '|')
		if key, v := field(f); key == "m" {
			d.member("message", unescape(v))
		} else {
			d.common(key, v)
		}
	}
	d.end(levelOf(word))
	return fine
}

// field splits d:time, and #tags.
func field(f []byte) (key string, v []byte) {
	if len(f) > 0 && f[0] == '#' {
		return "#", f[1:]
	}
	k, v := cut(f, ':')
	return string(k), v
}

// unescape makes line ends of what stands for them.
func unescape(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`\n`), []byte{'\n'}) }

// levelOf returns the level of an event's kind or a check's status.
func levelOf(kind string) string {
	switch kind {
	case "error", "critical":
		return "error"
	case "warning":
		return "warn"
	}
	return "info"
}

// document is the log event that an event or a service check becomes.
type document struct {
	r     *reader
	start int
	time  int64
	tags  series // for their dims
}

func (r *reader) document(kind string) *document {
	d := &document{r: r, start: len(r.text), time: r.now}
	r.text = append(r.text, `{"type":"`...)
	r.text = append(append(r.text, kind...), '"')
	return d
}

func (d *document) member(name string, v []byte) {
	d.r.text = append(append(append(d.r.text, `,"`...), name...), `":`...)
	d.r.text = wire.AppendString(d.r.text, v)
}

// common takes a field that events and checks both have. Others are ignored.
func (d *document) common(key string, v []byte) {
	switch key {
	case "d":
		if at, ok := seconds(v); ok {
			d.time = at
		}
	case "h":
		d.member("host", v)
	case "#":
		d.tags.tags(v)
	}
}

func (d *document) end(level string) {
	d.member("level", []byte(level))
	if len(d.tags.dims) > 0 {
		d.r.text = append(d.r.text, `,"tags":{`...)
		for i, t := range d.tags.dims {
			if i > 0 {
				d.r.text = append(d.r.text, ',')
			}
			d.r.text = append(wire.AppendString(d.r.text, []byte(t.Name)), ':')
			d.r.text = wire.AppendString(d.r.text, []byte(t.Value))
		}
		d.r.text = append(d.r.text, '}')
	}
	d.r.text = append(d.r.text, '}')
	d.r.events = append(d.r.events, sidelight.Event{Time: d.time, Body: d.r.text[d.start:len(d.r.text):len(d.r.text)]})
}

// push hands the events on. The wait for room is bounded: a datagram's sender
// cannot be told to wait.
func (r *reader) push(ctx context.Context, out sidelight.Sink) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.PushWait)
	defer cancel()
	err := out.Push(ctx, &sidelight.Batch{Signal: sidelight.Logs, Dest: r.cfg.Events, Source: "statsd", Events: r.events})
	if err != nil {
		lost := "full"
		if errors.Is(err, sidelight.ErrClosed) {
			lost = "shutdown"
		}
		r.books.Lose(sidelight.Logs, lost, len(r.events))
		r.warn.Warn("losing events that arrive as StatsD", slog.Any("err", err))
	}
	clear(r.events)
	r.events, r.text = r.events[:0], r.text[:0]
}
