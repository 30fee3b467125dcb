// Command orders is the service of the example shop that takes orders. See
// README.md.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sidelight-dev/sidelight/examples/shop"
)

func main() {
	listen := flag.String("listen", "", "`address` to listen on (default :$PORT, or 127.0.0.1:8081)")
	payments := flag.String("payments", cmp.Or(os.Getenv("PAYMENTS_URL"), "http://127.0.0.1:8082"), "base `URL` of payments, or $PAYMENTS_URL")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *payments); err != nil {
		fmt.Fprintln(os.Stderr, "orders: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, payments string) error {
	chaos, err := shop.Chaos{}.Change(os.Getenv("CHAOS_ERRORS"), os.Getenv("CHAOS_SLOW"), os.Getenv("CHAOS_DELAY"))
	if err != nil {
		return fmt.Errorf("read variables CHAOS_*: %w", err)
	}
	return shop.Orders{
		Listen:      shop.Address(listen, os.Getenv("PORT"), "127.0.0.1:8081"),
		PaymentsURL: payments,
		Chaos:       chaos,
	}.Run(ctx)
}
