package shop

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/sidelight-dev/sidelight/sdk"
)

// Storefront is the service that the public talks to.
type Storefront struct {
	// Listen is the address, such as 127.0.0.1:8080; port 0 chooses one.
	Listen string
	// OrdersURL is the base URL of orders.
	OrdersURL string
	// Telemetry configures the sdk; Service is storefront if empty.
	Telemetry sdk.Config
	// Ready is called with the base URL when the service listens. May be nil.
	Ready func(url string)
	// Stderr is told the address. Nil: standard error.
	Stderr io.Writer
}

// storefront is a running Storefront.
type storefront struct {
	tel    *sdk.Telemetry
	orders *peer
}

// Run serves until ctx ends.
func (c Storefront) Run(ctx context.Context) error {
	tel := startTelemetry(ctx, "storefront", c.Telemetry)
	f := &storefront{tel: tel, orders: newPeer(tel, "orders", c.OrdersURL)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.list)
	mux.HandleFunc("GET /products/{sku}", f.product)
	mux.HandleFunc("POST /checkout", f.checkout)
	mux.HandleFunc("GET /orders/{id}", f.order)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	s := server{name: "storefront", listen: c.Listen, stderr: c.Stderr, ready: c.Ready, tel: tel}
	return s.run(ctx, mux)
}

func (f *storefront) list(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	products := Catalogue()
	f.tel.Logger().DebugContext(r.Context(), "catalogue shown", "route", "GET /", "products", len(products), "took", time.Since(start))
	reply(w, http.StatusOK, products)
}

func (f *storefront) product(w http.ResponseWriter, r *http.Request) {
	start, sku := time.Now(), r.PathValue("sku")
	log := f.tel.Logger().With("route", "GET /products/{sku}", "sku", sku)
	p, ok := product(sku)
	if !ok {
		log.WarnContext(r.Context(), "product not found")
		reply(w, http.StatusNotFound, problem{Error: "no such product", Trace: sdk.TraceID(r.Context())})
		return
	}
	log.InfoContext(r.Context(), "product shown", "took", time.Since(start))
	reply(w, http.StatusOK, p)
}

// checkout passes an order on.
func (f *storefront) checkout(w http.ResponseWriter, r *http.Request) {
	start, ctx := time.Now(), r.Context()
	log := f.tel.Logger().With("route", "POST /checkout")
	var req OrderRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&req); err != nil {
		log.WarnContext(ctx, "basket not understood", "error", err)
		reply(w, http.StatusBadRequest, problem{Error: "the basket is not valid JSON", Trace: sdk.TraceID(ctx)})
		return
	}
	sdk.Annotate(ctx, attribute.String("customer", req.Customer))
	log = log.With("customer", req.Customer)
	var order Order
	if err := f.orders.call(ctx, http.MethodPost, "/orders", req, &order); err != nil {
		f.fail(ctx, w, "checkout failed", "POST /checkout", err, start)
		return
	}
	log.InfoContext(ctx, "checkout done", "order", order.ID, "total_cents", order.TotalCents, "took", time.Since(start))
	reply(w, http.StatusCreated, order)
}

func (f *storefront) order(w http.ResponseWriter, r *http.Request) {
	start, ctx, id := time.Now(), r.Context(), r.PathValue("id")
	var order Order
	if err := f.orders.call(ctx, http.MethodGet, "/orders/"+url.PathEscape(id), nil, &order); err != nil {
		f.fail(ctx, w, "order not shown", "GET /orders/{id}", err, start)
		return
	}
	f.tel.Logger().InfoContext(ctx, "order shown", "route", "GET /orders/{id}", "order", id, "took", time.Since(start))
	reply(w, http.StatusOK, order)
}

// fail answers for orders: the customer's mistakes go to the customer, all
// else is ours.
func (f *storefront) fail(ctx context.Context, w http.ResponseWriter, msg, route string, err error, start time.Time) {
	log := f.tel.Logger().With("route", route, "took", time.Since(start))
	if e, ok := errors.AsType[*statusError](err); ok && e.status < 500 {
		log.WarnContext(ctx, msg, "status", e.status, "reason", e.text)
		reply(w, e.status, problem{Error: e.text, Trace: sdk.TraceID(ctx)})
		return
	}
	log.ErrorContext(ctx, msg, "error", err)
	reply(w, http.StatusBadGateway, problem{Error: "the shop has a problem, please quote the trace", Trace: sdk.TraceID(ctx)})
}
