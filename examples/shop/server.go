package shop

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sidelight-dev/sidelight/sdk"
)

const (
	// drainTimeout is how long requests under way may take after a stop.
	drainTimeout = 5 * time.Second
	// maxBody bounds what a service reads of a request or an answer.
	maxBody = 1 << 20
)

// server is what both services have in common.
type server struct {
	name   string
	listen string
	stderr io.Writer
	ready  func(url string)
	tel    *sdk.Telemetry
}

// startTelemetry begins the service's telemetry. A misconfigured one is no
// reason not to sell.
func startTelemetry(ctx context.Context, name string, cfg sdk.Config) *sdk.Telemetry {
	cfg.Service = cmp.Or(cfg.Service, name)
	tel, err := sdk.Start(ctx, cfg)
	if err != nil {
		tel.Logger().Warn("telemetry is misconfigured, running without it", "error", err)
	}
	return tel
}

// run serves h until ctx ends, then lets requests finish and flushes.
func (s *server) run(ctx context.Context, h http.Handler) error {
	defer s.flush(ctx)
	ln, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	url := "http://" + ln.Addr().String()
	s.say("listening on %s", url)
	if s.ready != nil {
		s.ready(url)
	}
	log := s.tel.Logger()
	log.Info("service started", "address", url)
	srv := &http.Server{
		Handler:           s.tel.Handler(h, sdk.WithoutPath("/chaos")),
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		log.Info("service stopping", "reason", context.Cause(ctx).Error())
		err = s.drain(ctx, srv, served)
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", s.name, err)
	}
	return nil
}

// flush ends telemetry, last of all.
func (s *server) flush(ctx context.Context) {
	if err := s.tel.Shutdown(context.WithoutCancel(ctx)); err != nil {
		s.say("telemetry: %v", err)
	}
}

func (s *server) say(format string, args ...any) {
	fmt.Fprintf(cmp.Or[io.Writer](s.stderr, os.Stderr), s.name+": "+format+"\n", args...)
}

func (s *server) drain(ctx context.Context, srv *http.Server, served <-chan error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := srv.Shutdown(ctx)
	<-served
	return err
}

// problem is the body of every answer that is not a success. Trace is what to
// quote to support.
type problem struct {
	Error string `json:"error"`
	Trace string `json:"trace_id,omitempty"`
	Order string `json:"order,omitempty"`
}

func reply(w http.ResponseWriter, status int, body any) {
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

// Address is where a program listens: the flag if it was given, else all
// interfaces on the port in the variable PORT, else the default.
func Address(flag, port, byDefault string) string {
	switch {
	case flag != "":
		return flag
	case port != "":
		return ":" + port
	}
	return byDefault
}
