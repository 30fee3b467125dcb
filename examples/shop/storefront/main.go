// Command storefront is the service of the example shop that the public talks
// to. See README.md.
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
	listen := flag.String("listen", "", "`address` to listen on (default :$PORT, or 127.0.0.1:8080)")
	orders := flag.String("orders", cmp.Or(os.Getenv("ORDERS_URL"), "http://127.0.0.1:8081"), "base `URL` of orders, or $ORDERS_URL")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := shop.Storefront{
		Listen:    shop.Address(*listen, os.Getenv("PORT"), "127.0.0.1:8080"),
		OrdersURL: *orders,
	}.Run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "storefront: error:", err)
		os.Exit(1)
	}
}
