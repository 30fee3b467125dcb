package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/render"
)

// showQueues prints what waits and what was set aside, summed up. The fail flags
// are about the latter.
func (a *app) showQueues(ctx context.Context, f *queueFlags, fail *failFlags) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	q, err := a.queues(ctx, f)
	if err != nil {
		return err
	}
	n := 0
	for _, g := range q.SetAside {
		n += g.Events
	}
	if asJSON {
		if err := a.printJSON(q); err != nil {
			return err
		}
		return fail.held(n)
	}
	if q.Live && f.dir != "" {
		a.note("an agent uses %s: what it holds in memory is not shown", f.dir)
	}
	a.printWaiting(q.Waiting)
	a.printAside(q)
	return fail.held(n)
}

func (a *app) printWaiting(list []status.Waiting) {
	if len(list) == 0 {
		fmt.Fprintln(a.out, "nothing waits")
		return
	}
	t := table("waiting", "destination", ">blocks", ">events", ">bytes", ">oldest", "state")
	for _, w := range list {
		t.Row(render.Cells(w.Queue, w.Destination, render.Count(int64(w.Blocks)), render.Count(int64(w.Events)),
			render.Bytes(w.Bytes), age(w.Oldest), waitingState(w))...)
	}
	fmt.Fprint(a.out, t.Draw(a.style()))
}

// waitingState says why something waits.
func waitingState(w status.Waiting) string {
	switch {
	case w.Denied && w.Full:
		return fmt.Sprintf("denied, its share of the queue is full, attempt %d in %s: %s", w.Attempts+1, render.Duration(max(0, time.Until(w.Again))), w.Error)
	case w.Denied:
		return fmt.Sprintf("denied, attempt %d in %s: %s", w.Attempts+1, render.Duration(max(0, time.Until(w.Again))), w.Error)
	case w.Attempts > 0:
		return fmt.Sprintf("failed %d times: %s", w.Attempts, w.Error)
	}
	return "on its way"
}

func (a *app) printAside(q status.Queues) {
	fmt.Fprintln(a.out)
	if len(q.SetAside) == 0 {
		fmt.Fprintln(a.out, "nothing was set aside")
	} else {
		t := table("set aside", "destination", "reason", ">events", ">bytes", ">last", "error")
		for _, g := range q.SetAside {
			t.Row(render.Cells(g.Queue, g.Destination, g.Reason, render.Count(int64(g.Events)), render.Bytes(g.Bytes), age(g.Last), g.Error)...)
		}
		fmt.Fprint(a.out, t.Draw(a.style()))
	}
	if s := q.Store; s != nil {
		fmt.Fprintf(a.out, "%s of %s kept", render.Bytes(s.Bytes), render.Bytes(s.Limit))
		if s.Displaced > 0 {
			fmt.Fprintf(a.out, ", %s made room for newer ones", render.Count(int64(s.Displaced)))
		}
		if s.Lost > 0 {
			fmt.Fprintf(a.out, ", %s could not be kept", render.Count(int64(s.Lost)))
		}
		fmt.Fprintln(a.out)
	}
}

// showRefused prints events, one a line: as JSON, or the id, the time, the reason,
// the destination and the event.
func (a *app) showRefused(ctx context.Context, f *queueFlags, fail *failFlags) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	n := 0
	var failed error
	err = eachRefused(ctx, f, func(r *refused.Record) bool {
		n++
		if asJSON {
			failed = enc.Encode(r)
		} else {
			_, failed = fmt.Fprintln(a.out, a.refusedLine(r))
		}
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	return fail.held(n)
}

func (a *app) refusedLine(r *refused.Record) string {
	when := time.UnixMilli(r.At)
	if a.utc {
		when = when.UTC()
	}
	body := r.Event + r.Text
	if r.Data != nil && r.Text == "" {
		body = fmt.Sprintf("(%s, not text)", render.Bytes(int64(len(r.Data))))
	}
	return fmt.Sprintf("%d  %s  %s  %s  %s", r.ID, when.Format("2006-01-02T15:04:05.000Z07:00"), refusedFor(r), cmp.Or(r.Destination(), "-"), oneLine(body))
}

// refusedFor is the reason, and that r may have been taken.
func refusedFor(r *refused.Record) string {
	if r.Maybe == "" {
		return r.Reason
	}
	return r.Reason + " (" + r.Maybe + ")"
}

// oneLine shows control characters as escapes, so that an event is a line and
// cannot steer the terminal.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteByte('\t')
		case r < ' ' || r >= 0x7f && r < 0xa0:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
