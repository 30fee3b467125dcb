//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// load is what one sender gives.
type load struct {
	records int
	rate    int // a second; zero: as fast as it goes
	chunk   int // records handed over at once
	padding int // bytes of each record beside what it needs
	// age returns how old record n shall be; nil: not at all.
	age func(n int) time.Duration
	// spoil reports whether record n shall be one that the service refuses. Only
	// the X-Ray sender knows how.
	spoil func(n int) bool
}

// pace calls give for each chunk, at the rate of the load.
func (l *load) pace(ctx context.Context, give func(n int) error) error {
	start := time.Now()
	for done := 0; done < l.records; {
		n := min(l.chunk, l.records-done)
		if l.rate > 0 {
			if err := pause(ctx, time.Until(start.Add(time.Duration(done)*time.Second/time.Duration(l.rate)))); err != nil {
				return err
			}
		}
		if err := give(n); err != nil {
			return err
		}
		done += n
	}
	return nil
}

func (l *load) at(n int) time.Time {
	if l.age == nil {
		return time.Now()
	}
	return time.Now().Add(-l.age(n))
}

// text is the message of a log event.
func (l *load) text(s source, n int) string {
	return marker + id(s, n) + " the quick brown fox jumps over the lazy dog " + strings.Repeat("x", l.padding)
}

// traceID returns an ID that X-Ray takes, for the trace of record n.
func (l *load) traceID(n int) string { return fmt.Sprintf("%08x%024x", time.Now().Unix(), n) }

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// retry is how long senders wait before they try again.
const retry = 50 * time.Millisecond

// sendFile writes lines to a file, which it renames twice on the way as a log
// rotation does.
func sendFile(ctx context.Context, l *ledger, load load, dir string) error {
	path := filepath.Join(dir, "app.log")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	part, rotated := 0, 0
	return load.pace(ctx, func(n int) error {
		first := l.give(fromFile, n)
		var b strings.Builder
		for i := range n {
			b.WriteString(load.text(fromFile, first+i) + "\n")
		}
		if _, err := f.WriteString(b.String()); err != nil {
			return err
		}
		if part += n; part < load.records/3 || rotated == 2 {
			return nil
		}
		part = 0
		rotated++
		if err := errors.Join(f.Close(), os.Rename(path, filepath.Join(dir, fmt.Sprintf("app-%d.log", rotated)))); err != nil {
			return err
		}
		f, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		return err
	})
}

// sendXRay sends segments by datagram, as the X-Ray SDKs do.
func sendXRay(ctx context.Context, l *ledger, load load, addr string) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "udp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	return load.pace(ctx, func(n int) error {
		first := l.give(fromXRay, n)
		for i := range n {
			version := "1"
			if load.spoil != nil && load.spoil(first+i) {
				version = "9"
			}
			trace := load.traceID(first + i)
			now := float64(time.Now().UnixMilli()) / 1e3
			doc := fmt.Sprintf(`{"format":"json","version":1}`+"\n"+
				`{"name":"chaos","id":%q,"trace_id":"%s-%s-%s","start_time":%.3f,"end_time":%.3f,"metadata":{"default":{"note":%q}}}`,
				id(fromXRay, first+i), version, trace[:8], trace[8:], now-0.1, now, strings.Repeat("x", load.padding))
			if _, err := c.Write([]byte(doc)); err != nil {
				return err
			}
		}
		return nil
	})
}
