//go:build linux

// Command chaos runs the agent through one fault after the other and compares
// what it says of itself with the truth. It starts the agent as a process, gives
// it numbered records by Forward, file, OTLP and datagram, lets a sandbox take
// what it delivers, and breaks things meanwhile. It prints one line for each
// fault, and fails if a record is lost that could have waited, or if the agent's
// account is not exact.
//
//	go run ./test/chaos -agent bin/sidelight
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// options are the command line.
type options struct {
	agent    string
	short    bool
	only     string
	parallel int
	keep     bool
	sources  bool
	outage   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.agent, "agent", "bin/sidelight", "the agent's binary")
	flag.BoolVar(&o.short, "short", false, "little load and short faults: less than a minute in all")
	flag.StringVar(&o.only, "only", "", "run only the rows whose name contains this")
	flag.IntVar(&o.parallel, "parallel", 1, "rows at work at the same time")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder of a row that fails, with the agent's log")
	flag.BoolVar(&o.sources, "sources", false, "print a line for each source too")
	flag.DurationVar(&o.outage, "outage", 0, "how long the outage is; default 5 minutes, or 5 seconds if short")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := runAll(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// verdict is a row and what it came to.
type verdict struct {
	outcome
	wrong []string
	took  time.Duration
}

func runAll(ctx context.Context, out io.Writer, o options) error {
	var chosen []*row
	size := full()
	if o.short {
		size = short()
	}
	if o.outage > 0 {
		size.outage = o.outage
	}
	for _, r := range rows(size) {
		if strings.Contains(r.name, o.only) {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) == 0 || o.parallel < 1 {
		return errors.New("there is nothing to run")
	}
	verdicts := make([]verdict, len(chosen))
	turn := make(chan struct{}, o.parallel)
	var wg sync.WaitGroup
	for i, r := range chosen {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			start := time.Now()
			verdicts[i].outcome = r.play(ctx, o)
			verdicts[i].wrong = judge(&verdicts[i].outcome, r.may)
			verdicts[i].took = time.Since(start)
		})
	}
	wg.Wait()
	return print(out, chosen, verdicts, o.sources)
}

func print(out io.Writer, rows []*row, verdicts []verdict, bySource bool) error {
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintln(w, "fault\tsent\tacknowledged\tdelivered\tduplicates\trefused\tdropped\tqueued\tlost\tpeak RSS, MB\ts\tresult")
	failed := 0
	for i, r := range rows {
		v := &verdicts[i]
		t, result := v.totals(), "ok"
		if len(v.wrong) > 0 {
			result = "FAIL"
			failed++
		}
		dropped := causes(t.dropped)
		if dropped == "" {
			dropped = "0"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%d\t%.1f\t%.0f\t%s\n", r.name, t.sent, t.acked, t.delivered, t.duplicates,
			t.refused, dropped, t.queued, t.lost, float64(v.peak)/1e6, v.took.Seconds(), result)
		for s, t := range v.tallies {
			if bySource {
				fmt.Fprintf(w, "  %s\t%d\t%d\t%d\t%d\t%d\t\t\t\t\t\t\n", source(s), t.sent, t.acked, t.delivered, t.duplicates, t.refused)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, r := range rows {
		for _, what := range verdicts[i].wrong {
			fmt.Fprintf(out, "%s: %s\n", r.name, what)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d rows failed", failed, len(rows))
	}
	return nil
}
