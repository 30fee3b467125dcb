package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sidelight-dev/sidelight/sdk"
)

const (
	// maxOrders is how many orders are kept; older ones are forgotten.
	maxOrders = 10_000
	// slowReservation is from when on a reservation is worth a warning.
	slowReservation = 300 * time.Millisecond
)

// Orders is the service that takes orders and has them paid.
type Orders struct {
	// Listen is the address, such as 127.0.0.1:8081; port 0 chooses one.
	Listen string
	// PaymentsURL is the base URL of payments.
	PaymentsURL string
	// Chaos is the switch's first position.
	Chaos Chaos
	// Telemetry configures the sdk; Service is orders if empty.
	Telemetry sdk.Config
	// Ready is called with the base URL when the service listens. May be nil.
	Ready func(url string)
	// Stderr is told the address. Nil: standard error.
	Stderr io.Writer
}

// OrderRequest is the body of POST /orders.
type OrderRequest struct {
	Customer string `json:"customer"`
	Card     string `json:"card_token"`
	Items    []Item `json:"items"`
}

// Item is one line of an order.
type Item struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// Order is an order that was placed.
type Order struct {
	ID         string `json:"id"`
	Customer   string `json:"customer"`
	TotalCents int    `json:"total_cents"`
	PaymentID  string `json:"payment_id"`
}

// PaymentRequest and Payment are what payments takes and answers on
// POST /payments.
type (
	PaymentRequest struct {
		Order       string `json:"order"`
		AmountCents int    `json:"amount_cents"`
		Card        string `json:"card_token"`
	}
	Payment struct {
		ID string `json:"id"`
	}
)

// orders is a running Orders.
type orders struct {
	tel      *sdk.Telemetry
	payments *peer
	chaos    chaosSwitch
	placed   metric.Int64Counter
	value    metric.Float64Histogram

	mu    sync.Mutex
	byID  map[string]Order
	queue []string // IDs, oldest first
}

// Run serves until ctx ends.
func (c Orders) Run(ctx context.Context) error {
	tel := startTelemetry(ctx, "orders", c.Telemetry)
	o := &orders{
		tel: tel, payments: newPeer(tel, "payments", c.PaymentsURL),
		chaos: chaosSwitch{c: c.Chaos}, byID: make(map[string]Order),
	}
	meter := tel.Meter("github.com/sidelight-dev/sidelight/examples/shop")
	var errs [2]error
	o.placed, errs[0] = meter.Int64Counter("orders.placed", metric.WithUnit("{order}"))
	o.value, errs[1] = meter.Float64Histogram("orders.value", metric.WithUnit("EUR"),
		metric.WithExplicitBucketBoundaries(5, 10, 20, 50, 100, 200, 500))
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("make instruments: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", o.create)
	mux.HandleFunc("GET /orders/{id}", o.show)
	mux.Handle("GET /chaos", &o.chaos)
	mux.Handle("POST /chaos", &o.chaos)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	s := server{name: "orders", listen: c.Listen, stderr: c.Stderr, ready: c.Ready, tel: tel}
	return s.run(ctx, mux)
}

// create places an order.
func (o *orders) create(w http.ResponseWriter, r *http.Request) {
	start, ctx := time.Now(), r.Context()
	log := o.tel.Logger().With("route", "POST /orders")
	var req OrderRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&req); err != nil {
		log.WarnContext(ctx, "order not understood", "error", err)
		o.refuse(ctx, w, http.StatusBadRequest, "", "the order is not valid JSON")
		return
	}
	total, err := price(req.Items)
	if err != nil {
		log.WarnContext(ctx, "order refused", "customer", req.Customer, "error", err)
		o.refuse(ctx, w, http.StatusUnprocessableEntity, "", err.Error())
		return
	}
	order := Order{ID: fmt.Sprintf("o-%08x", rand.Uint32()), Customer: req.Customer, TotalCents: total}
	sdk.Annotate(ctx, attribute.String("order", order.ID), attribute.String("customer", order.Customer))
	log = log.With("order", order.ID)
	log.DebugContext(ctx, "order received", "customer", order.Customer, "items", len(req.Items), "total_cents", total)
	if err := o.reserve(ctx, order.ID, req.Items); err != nil {
		log.ErrorContext(ctx, "reservation failed", "error", err, "took", time.Since(start))
		o.refuse(ctx, w, http.StatusInternalServerError, order.ID, "stock is not available")
		return
	}
	var paid Payment
	err = o.payments.call(ctx, http.MethodPost, "/payments", PaymentRequest{order.ID, total, req.Card}, &paid)
	if err != nil {
		o.unpaid(ctx, w, order, err, time.Since(start))
		return
	}
	order.PaymentID = paid.ID
	o.keep(order)
	o.count(ctx, "placed")
	o.value.Record(ctx, float64(total)/100)
	log.InfoContext(ctx, "order placed", "customer", order.Customer, "total_cents", total, "payment", paid.ID, "took", time.Since(start))
	reply(w, http.StatusCreated, order)
}

// unpaid answers for an order whose payment failed with err.
func (o *orders) unpaid(ctx context.Context, w http.ResponseWriter, order Order, err error, took time.Duration) {
	log := o.tel.Logger().With("route", "POST /orders", "order", order.ID)
	if e, ok := errors.AsType[*statusError](err); ok && e.status == http.StatusPaymentRequired {
		log.WarnContext(ctx, "payment declined", "reason", e.text, "total_cents", order.TotalCents, "took", took)
		o.refuse(ctx, w, http.StatusPaymentRequired, order.ID, e.text)
		return
	}
	log.ErrorContext(ctx, "payment failed", "error", err, "total_cents", order.TotalCents, "took", took)
	o.refuse(ctx, w, http.StatusBadGateway, order.ID, "payment is not available")
}

func (o *orders) refuse(ctx context.Context, w http.ResponseWriter, status int, order, why string) {
	o.count(ctx, "refused")
	reply(w, status, problem{Error: why, Trace: sdk.TraceID(ctx), Order: order})
}

func (o *orders) count(ctx context.Context, outcome string) {
	o.placed.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

var errStock = errors.New("warehouse timed out")

// reserve takes items out of the warehouse, which is sometimes slow and, by
// the switch, sometimes out of order.
func (o *orders) reserve(ctx context.Context, order string, items []Item) error {
	start := time.Now()
	err := o.tel.Do(ctx, "reserve stock", func(ctx context.Context) error {
		wait := 5*time.Millisecond + rand.N(20*time.Millisecond)
		if delay, slow := o.chaos.stalls(); slow {
			wait += delay
		}
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("reserve stock: %w", err)
		}
		if o.chaos.fails() {
			return errStock
		}
		return nil
	}, attribute.Int("items", len(items)))
	if took := time.Since(start); err == nil && took > slowReservation {
		o.tel.Logger().WarnContext(ctx, "reservation was slow", "route", "POST /orders", "order", order, "took", took)
	}
	return err
}

// show returns one order.
func (o *orders) show(w http.ResponseWriter, r *http.Request) {
	start, id := time.Now(), r.PathValue("id")
	log := o.tel.Logger().With("route", "GET /orders/{id}", "order", id)
	o.mu.Lock()
	order, ok := o.byID[id]
	o.mu.Unlock()
	if !ok {
		log.WarnContext(r.Context(), "order not found")
		reply(w, http.StatusNotFound, problem{Error: "no such order", Trace: sdk.TraceID(r.Context()), Order: id})
		return
	}
	log.DebugContext(r.Context(), "order shown", "took", time.Since(start))
	reply(w, http.StatusOK, order)
}

func (o *orders) keep(order Order) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) >= maxOrders {
		delete(o.byID, o.queue[0])
		o.queue = o.queue[1:]
	}
	o.byID[order.ID] = order
	o.queue = append(o.queue, order.ID)
}
