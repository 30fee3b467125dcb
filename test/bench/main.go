// Command bench measures what the paths of logs and of traces cost: it starts
// the agent as a process of its own, gives it records, spans or segments, takes
// what it delivers at an endpoint that answers like PutLogEvents and
// PutTraceSegments, and prints one table.
//
//	go run ./test/bench -agent bin/sidelight-agent
//	go run ./test/bench -agent bin/sidelight-agent -signal traces
//	go run ./test/bench -agent bin/sidelight-agent -signal statsd
//	go run ./test/bench -agent bin/sidelight-agent -signal scrapes -for 1h
//
// CPU is the agent's, user and system, from the first record to the last
// arrival. Everything is counted on arrival; a run that loses one fails, but for
// datagrams, whose loss is a column.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// options are the command line.
type options struct {
	signal  string
	agent   string
	count   int
	rate    int
	runs    int
	cpu     string
	only    string
	profile string
	env     string
	length  time.Duration
	every   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.signal, "signal", "logs", "what to measure: logs, traces, statsd or scrapes")
	flag.StringVar(&o.agent, "agent", "bin/sidelight-agent", "the agent's binary")
	flag.IntVar(&o.count, "count", 300_000, "records of a run")
	flag.IntVar(&o.rate, "rate", 10_000, "records a second of the paced run")
	flag.IntVar(&o.runs, "runs", 3, "runs of each case; the median by CPU is printed")
	flag.StringVar(&o.cpu, "cpu", "0", "the CPU that the agent is bound to, by taskset; empty for none")
	flag.StringVar(&o.only, "only", "", "run only the cases whose name contains this")
	flag.StringVar(&o.profile, "profile", "", "directory for the agent's profiles")
	flag.StringVar(&o.env, "env", "", "environment of the agent, added to its own: A=1 B=2")
	flag.DurationVar(&o.length, "for", time.Hour, "how long the agent is watched that measures host and task")
	flag.DurationVar(&o.every, "every", time.Minute, "how often its CPU and memory are read")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.runs < 1 || o.count < 1 || o.rate < 1 || o.length <= 0 || o.every <= 0 {
		return errors.New("runs, count, rate and times must be positive")
	}
	switch o.signal {
	case "statsd":
		return runStatsD(ctx, o)
	case "scrapes":
		return runScrapes(ctx, o)
	case "logs", "traces":
		return runCases(ctx, o)
	}
	return fmt.Errorf("-signal %s: expected logs, traces, statsd or scrapes", o.signal)
}

// runCases prints a row for each case of logs or of traces.
func runCases(ctx context.Context, o options) error {
	w := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "case\trecords\tlost\trecords/s\tCPU s\trecords/CPU-s\tMB/CPU-s\tidle RSS MB\tpeak RSS MB\t")
	for _, c := range cases(o) {
		if !strings.Contains(c.name, o.only) {
			continue
		}
		results := make([]result, 0, o.runs)
		for range o.runs {
			r, err := c.measure(ctx, o)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			results = append(results, r)
		}
		slices.SortFunc(results, func(a, b result) int { return int(a.cpu - b.cpu) })
		r := results[len(results)/2]
		slices.SortFunc(results, func(a, b result) int { return int(a.peak - b.peak) })
		r.peak = results[len(results)/2].peak
		r.lost = slices.MaxFunc(results, func(a, b result) int { return int(a.lost - b.lost) }).lost
		cpu := r.cpu.Seconds()
		fmt.Fprintf(w, "%s\t%d\t%d\t%.0f\t%.2f\t%.0f\t%.0f\t%.1f\t%.1f\t\n", c.name, r.records, r.lost, float64(r.records)/r.took.Seconds(),
			cpu, float64(r.records)/cpu, float64(r.bytes)/1e6/cpu, float64(r.idle)/1e6, float64(r.peak)/1e6)
	}
	return w.Flush()
}
