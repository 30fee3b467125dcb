// Command payments is the service of the example shop that charges cards. It is
// instrumented with the AWS X-Ray SDK alone, as older services are. See
// README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sidelight-dev/sidelight/examples/shop"
)

func main() {
	listen := flag.String("listen", "", "`address` to listen on (default :$PORT, or 127.0.0.1:8082)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "payments: error:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, listen string) error {
	chaos, err := shop.Chaos{}.Change(os.Getenv("CHAOS_ERRORS"), os.Getenv("CHAOS_SLOW"), os.Getenv("CHAOS_DELAY"))
	if err != nil {
		return fmt.Errorf("read variables CHAOS_*: %w", err)
	}
	s := &service{log: newLogger(os.Stdout), chaos: chaos}
	return s.run(ctx, shop.Address(listen, os.Getenv("PORT"), "127.0.0.1:8082"), func(url string) {
		fmt.Fprintf(os.Stderr, "payments: listening on %s\n", url)
	})
}
