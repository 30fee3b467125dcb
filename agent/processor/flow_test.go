package processor_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor"
	"github.com/sidelight-dev/sidelight/agent/processor/multiline"
	"github.com/sidelight-dev/sidelight/agent/processor/redact"
)

// Many receivers push at once while the timer runs; nothing is lost.
func TestConcurrent(t *testing.T) {
	s := newSink()
	p := pipeline(t, processor.Config{
		Input: processor.Input{Multiline: multiline.Config{Start: `^S`}, Wait: time.Millisecond}, Drop: `contains(message, "noise")`,
		Redact: redact.Config{What: []string{"email"}}, Rate: 1e6, Report: time.Millisecond,
		Routes: []processor.Route{{When: `contains(message, "odd")`, Dest: func(string, sidelight.DestHandle) sidelight.DestHandle { return group("odd") }}},
	}, s)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context()) }()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				b := batch(fmt.Sprintf("S<%d.%d> a@b.io", g, i), " more", "S noise", fmt.Sprintf("S odd (%d.%d)", g, i))
				b.Source = strconv.Itoa(g / 2)
				if err := p.Push(t.Context(), b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	all := strings.Join(s.bodies["g"], "|") + strings.Join(s.bodies["odd"], "|")
	for g := range 8 {
		for i := range 50 {
			for _, want := range []string{fmt.Sprintf("S<%d.%d> [email]", g, i), fmt.Sprintf("S odd (%d.%d)", g, i)} {
				if n := strings.Count(all, want); n != 1 {
					t.Errorf("%s arrived %d times", want, n)
				}
			}
		}
	}
	if s.lost["filtered"] != 400 {
		t.Errorf("lost %v", s.lost)
	}
}

func everything() processor.Config {
	return processor.Config{
		Input: processor.Input{Format: processor.Logfmt},
		Keep:  `level >= info and not (route = "/healthz")`, Rate: 1e9, Redact: redact.Config{What: redact.Detectors()},
		Fields: processor.Fields{Add: fields("env", "prod"), Rename: [][2]string{{"msg", "message"}}}, TraceIDs: []string{"trace_id"},
		Routes: []processor.Route{{When: `level >= error`, Dest: func(string, sidelight.DestHandle) sidelight.DestHandle { return group("errors") }}},
	}
}

func everyLine() []string {
	var lines []string
	for range 250 {
		lines = append(lines, `level=info msg="handled" route=/orders user=a@b.io trace_id=581cf771a006649127e371903a2de979 took=12.5`,
			`level=error msg="cannot pay" route=/pay`, `level=info route=/healthz`, `level=debug msg=x`)
	}
	return lines
}

func TestAllocs(t *testing.T) {
	discard := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil })
	p, err := processor.New(everything(), discard, newSink(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b := batch(everyLine()...)
	// Under the race detector a pool forgets on purpose, so that some are left.
	if n := testing.AllocsPerRun(20, func() { _ = p.Push(t.Context(), b) }); n/1000 > 0.2 {
		t.Errorf("%v allocations for 1000 lines", n)
	}
}

func BenchmarkPipeline(b *testing.B) {
	discard := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil })
	keep := processor.Config{Keep: everything().Keep}
	for name, cfg := range map[string]processor.Config{"nothing": {}, "keep": keep, "everything": everything()} {
		b.Run(name, func(b *testing.B) {
			p, err := processor.New(cfg, discard, newSink(), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			in := batch(everyLine()...)
			b.ReportAllocs()
			for b.Loop() {
				_ = p.Push(b.Context(), in)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(in.Events)), "ns/line")
		})
	}
}
