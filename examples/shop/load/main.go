// Command load drives steady traffic through the example shop. See README.md.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight/examples/shop"
)

func main() {
	var l shop.Load
	flag.StringVar(&l.Target, "target", cmp.Or(os.Getenv("STOREFRONT_URL"), "http://127.0.0.1:8080"), "base `URL` of the storefront, or $STOREFRONT_URL")
	flag.Float64Var(&l.Rate, "rate", 10, "requests a second")
	flag.DurationVar(&l.Duration, "duration", time.Minute, "how long; 0 until interrupted")
	flag.Float64Var(&l.Faults, "faults", 0.05, "`share` of requests that are wrong by intent, 0 to 1")
	flag.StringVar(&l.StatsD, "statsd", "", "`address` of a StatsD server to count answers with")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := l.Run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "load: error:", err)
		os.Exit(1)
	}
	fmt.Print(report)
}
