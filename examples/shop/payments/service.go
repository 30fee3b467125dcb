package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-xray-sdk-go/xray"

	"github.com/sidelight-dev/sidelight/examples/shop"
)

const (
	drainTimeout = 5 * time.Second
	maxBody      = 1 << 20
	slowBank     = 800 * time.Millisecond
	// bigAmount is from when on, in cents, a payment is looked at twice.
	bigAmount = 30_000
)

// service charges cards.
type service struct {
	log   *slog.Logger
	chaos shop.Chaos
}

// run serves until ctx ends. ready is told the base URL.
func (s *service) run(ctx context.Context, listen string, ready func(url string)) error {
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("start payments: %w", err)
	}
	url := "http://" + ln.Addr().String()
	s.log.Info("service started", "address", url)
	ready(url)
	srv := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		s.log.Info("service stopping", "reason", context.Cause(ctx).Error())
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		err = srv.Shutdown(drain)
		<-served
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve payments: %w", err)
	}
	return nil
}

func (s *service) handler() http.Handler {
	paid := http.NewServeMux()
	paid.HandleFunc("POST /payments", s.pay)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/", xray.Handler(xray.NewFixedSegmentNamer("payments"), paid))
	return mux
}

// declined is why a card was not charged: the customer's trouble, not ours.
type declined string

func (d declined) Error() string { return string(d) }

// pay charges a card.
func (s *service) pay(w http.ResponseWriter, r *http.Request) {
	start, ctx := time.Now(), r.Context()
	log := s.log.With("route", "POST /payments")
	var req shop.PaymentRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&req); err != nil || req.AmountCents <= 0 {
		log.WarnContext(ctx, "payment not understood")
		s.refuse(ctx, w, http.StatusBadRequest, "the payment is not valid")
		return
	}
	_ = xray.AddAnnotation(ctx, "order", req.Order) // fails only without a segment
	log = log.With("order", req.Order, "amount_cents", req.AmountCents)
	err := s.check(ctx, req)
	if err == nil {
		err = s.charge(ctx, req)
	}
	took := slog.Float64("took_ms", float64(time.Since(start))/float64(time.Millisecond))
	if why, ok := errors.AsType[declined](err); ok {
		log.WarnContext(ctx, "card declined", "reason", string(why), took)
		s.refuse(ctx, w, http.StatusPaymentRequired, string(why))
		return
	}
	if err != nil {
		log.ErrorContext(ctx, "charge failed", "error", err.Error(), took)
		s.refuse(ctx, w, http.StatusInternalServerError, "the bank does not answer")
		return
	}
	id := fmt.Sprintf("p-%08x", rand.Uint32())
	log.InfoContext(ctx, "card charged", "payment", id, took)
	answer(w, http.StatusCreated, shop.Payment{ID: id})
}

// check looks for fraud. It takes longer for big amounts.
func (s *service) check(ctx context.Context, req shop.PaymentRequest) error {
	return xray.Capture(ctx, "check fraud", func(ctx context.Context) error {
		risk := "low"
		wait := 2*time.Millisecond + rand.N(6*time.Millisecond)
		if req.AmountCents >= bigAmount {
			risk, wait = "high", wait+20*time.Millisecond
		}
		_ = xray.AddAnnotation(ctx, "risk", risk)
		return pause(ctx, wait)
	})
}

var errBank = errors.New("bank timed out")

// charge asks the bank, which is sometimes slow or, by the switch, broken. That
// a card is declined is an answer and no fault of the subsegment.
func (s *service) charge(ctx context.Context, req shop.PaymentRequest) error {
	if strings.HasSuffix(req.Card, "declined") {
		return declined("card declined")
	}
	return xray.Capture(ctx, "charge bank", func(ctx context.Context) error {
		wait := 10*time.Millisecond + rand.N(30*time.Millisecond)
		if rand.Float64() < s.chaos.Slow {
			wait += cmp.Or(s.chaos.Delay, slowBank)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		if rand.Float64() < s.chaos.Errors {
			return errBank
		}
		return nil
	})
}

func (s *service) refuse(ctx context.Context, w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]string{"error": why, "trace_id": xray.TraceID(ctx)})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody to tell
}

// pause waits for d, as a slow dependency would, or for ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
