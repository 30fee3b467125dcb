package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// perMessage is how many records one PackedForward message has, as Docker's and
// fluent-bit's senders have them when they are busy.
const perMessage = 20

// line returns an application's log line, a JSON document of 240 bytes or so.
func line(n int) string {
	return fmt.Sprintf(`{"time":"2026-11-22T10:11:12.%06dZ","level":"INFO","logger":"checkout.http","msg":"request served","method":"POST",`+
		`"path":"/v1/orders/%08d","status":201,"ms":%d,"trace_id":"1-67406a0d-%024x","user":"u-%06d"}`, n%1_000_000, n, n%97, n, n%9973)
}

// fileLine returns a line of 500 bytes with its end.
func fileLine(n int) string {
	s := line(n)
	return s[:len(s)-1] + `,"note":"` + strings.Repeat("x", 500-len(s)-len(`,"note":""`)-1) + "\"}\n"
}

// writeFile writes count lines to path.
func writeFile(path string, count int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	for n := range count {
		if _, err := w.WriteString(fileLine(n)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// message appends a PackedForward message of records as ECS FireLens makes them:
// about 500 bytes of JSON text each, the line and five keys of metadata.
func message(dst []byte, first, records int) []byte {
	var entries []byte
	now := time.Now()
	for n := range records {
		entries = append(entries, 0x92, 0xd7, 0)
		entries = binary.BigEndian.AppendUint32(entries, uint32(now.Unix()))
		entries = binary.BigEndian.AppendUint32(entries, uint32(now.Nanosecond()))
		entries = append(entries, 0x86)
		for _, s := range []string{
			"log", line(first + n), "source", "stdout",
			"container_id", "6f2a0d6d84b64c3f9f4bb3ab7b1d2f10-2531612879", "container_name", "checkout",
			"ecs_cluster", "production", "ecs_task_arn", "arn:aws:ecs:eu-west-1:123456789012:task/production/6f2a0d6d84b64c3f9f4bb3ab7b1d2f10",
		} {
			entries = appendStr(entries, s)
		}
	}
	dst = append(dst, 0x92)
	dst = appendStr(dst, "checkout-firelens-6f2a0d6d")
	dst = append(dst, 0xc6)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(entries)))
	return append(dst, entries...)
}

func appendStr(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n < 256:
		dst = append(dst, 0xd9, byte(n))
	default:
		dst = append(dst, 0xda, byte(n>>8), byte(n))
	}
	return append(dst, s...)
}

// messages encodes count records ahead of the run, so that the load is the
// cheaper side.
func messages(count int) [][]byte {
	var all [][]byte
	for n := 0; n < count; n += perMessage {
		all = append(all, message(nil, n, min(perMessage, count-n)))
	}
	return all
}

// forward gives records over Forward.
func forward() load {
	return load{
		receivers: func(addr, _ string) string { return fmt.Sprintf("forward: {tcp: %q}", addr) },
		prepare: func(c benchCase, _ string) (give, error) {
			all := messages(c.count)
			return func(ctx context.Context, addr string) error {
				conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
				if err != nil {
					return err
				}
				defer conn.Close()
				return send(ctx, conn, all, c.rate, perMessage)
			}, nil
		},
	}
}

// fileTail gives lines in a file, which is there at once when it gets its name.
func fileTail() load {
	return load{
		// Forward shows when the agent is ready.
		receivers: func(addr, dir string) string {
			return fmt.Sprintf("forward: {tcp: %q}\n  files: [{include: [%q]}]", addr, filepath.Join(dir, "*.log"))
		},
		prepare: func(c benchCase, dir string) (give, error) {
			hidden := filepath.Join(dir, "app.hidden")
			if err := writeFile(hidden, c.count); err != nil {
				return nil, err
			}
			return func(context.Context, string) error { return os.Rename(hidden, filepath.Join(dir, "app.log")) }, nil
		},
	}
}

// send writes messages of each records, at rate records a second if rate is not
// zero.
func send(ctx context.Context, c net.Conn, messages [][]byte, rate, each int) error {
	start := time.Now()
	for i, m := range messages {
		if rate > 0 {
			due := start.Add(time.Duration(i*each) * time.Second / time.Duration(rate))
			if err := sleep(ctx, time.Until(due)); err != nil {
				return err
			}
		}
		if _, err := c.Write(m); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
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
