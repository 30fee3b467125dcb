package sdktest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight/sdk"
	"github.com/sidelight-dev/sidelight/sdk/sdktest"
)

var errDeclined = errors.New("declined")

// order is code under test.
func order(ctx context.Context, tel *sdk.Telemetry) error {
	return tel.Do(ctx, "order", func(ctx context.Context) error {
		tel.Logger().DebugContext(ctx, "reserving")
		if err := tel.Do(ctx, "reserve", func(context.Context) error { return nil }, attribute.Int("items", 2)); err != nil {
			return err
		}
		err := tel.Do(ctx, "pay", func(context.Context) error { return errDeclined })
		tel.Logger().ErrorContext(ctx, "payment refused", "error", err)
		return err
	})
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	rec := sdktest.New(t)
	if err := order(t.Context(), rec.Telemetry()); err != errDeclined {
		t.Fatal(err)
	}
	root := rec.Span("order").Failed(errDeclined)
	root.Child("pay").Failed(errDeclined).HasExactly()
	if got := root.Child("reserve").HasExactly(attribute.Int("items", 2)).Attr("items").AsInt64(); got != 2 {
		t.Errorf("items is %d", got)
	}
	want := "order error: declined\n  reserve\n  pay error: declined\n"
	if got := rec.Tree(); got != want {
		t.Errorf("tree is\n%swant\n%s", got, want)
	}
	logs := rec.Logs(slog.LevelWarn)
	if len(logs) != 1 || logs[0].Message != "payment refused" || logs[0].Attrs["error"] != "declined" || !strings.HasPrefix(logs[0].TraceID, "1-") {
		t.Errorf("logs are %+v", logs)
	}
	if n := len(rec.Logs(slog.LevelDebug)); n != 2 {
		t.Errorf("%d records from debug on, want 2", n)
	}
	rec.Reset()
	for s := range rec.Spans() {
		t.Errorf("after Reset there is %q", s.Name())
	}
}

func TestRecorderMetrics(t *testing.T) {
	t.Parallel()
	rec := sdktest.New(t)
	tel := rec.Telemetry()
	c, err := tel.Meter("shop").Float64Counter("money")
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"eu", "us", "eu"} {
		c.Add(t.Context(), 1.5, metric.WithAttributes(attribute.String("region", region)))
	}
	h := tel.Handler(http.NotFoundHandler())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if got := rec.Metric("money").Sum(); got != 4.5 {
		t.Errorf("money is %v, want 4.5", got)
	}
	if got := rec.Metric("money", attribute.String("region", "eu")).Sum(); got != 3 {
		t.Errorf("money of eu is %v, want 3", got)
	}
	if p := rec.Metric("http.server.request.duration", attribute.Int("http.response.status_code", 404)); p.Count() != 1 || p.Sum() <= 0 {
		t.Errorf("duration is %+v", p)
	}
	if k := rec.Span("GET").Kind(); k != trace.SpanKindServer {
		t.Errorf("kind is %v", k)
	}
	rec.Reset()
	c.Add(t.Context(), 1, metric.WithAttributes(attribute.String("region", "eu")))
	if got := rec.Metric("money").Sum(); got != 1 {
		t.Errorf("money after Reset is %v, want 1", got)
	}
}

// TestAgentMisbehaves is how a program proves that it does not care.
func TestAgentMisbehaves(t *testing.T) {
	for name, option := range map[string]sdktest.Option{
		"gone": sdktest.AgentGone(), "hangs": sdktest.AgentHangs(), "refuses": sdktest.AgentRefuses(503),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := sdktest.New(t, option)
				began := time.Now()
				if err := order(t.Context(), rec.Telemetry()); err != errDeclined {
					t.Error(err)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("the program waited %v", took)
				}
				loss, ok := errors.AsType[*sdk.LossError](rec.Telemetry().Shutdown(t.Context()))
				if !ok || loss.Spans != 3 || time.Since(began) > 3*time.Second {
					t.Errorf("Shutdown lost %+v after %v, want 3 spans within 3 s", loss, time.Since(began))
				}
			})
		})
	}
}

// failing catches what an assertion says, in the place of a test.
type failing struct {
	testing.TB
	said []string
}

func (f *failing) Helper()                   {}
func (f *failing) Failed() bool              { return true }
func (f *failing) Logf(s string, a ...any)   { f.said = append(f.said, fmt.Sprintf(s, a...)) }
func (f *failing) Errorf(s string, a ...any) { f.said = append(f.said, fmt.Sprintf(s, a...)) }
func (f *failing) Fatalf(s string, a ...any) {
	f.Errorf(s, a...)
	panic(f)
}

func TestAssertionsFail(t *testing.T) {
	tests := map[string]struct {
		check func(*sdktest.Recorder)
		want  string
	}{
		"no span":      {func(r *sdktest.Recorder) { r.Span("x") }, `no such span "x" among ["order" "reserve" "pay"]`},
		"no child":     {func(r *sdktest.Recorder) { r.Span("pay").Child("reserve") }, `no such span "reserve"`},
		"not failed":   {func(r *sdktest.Recorder) { r.Span("reserve").Failed(nil) }, "want an error"},
		"other error":  {func(r *sdktest.Recorder) { r.Span("pay").Failed(errors.New("x")) }, `did not record "x"`},
		"attributes":   {func(r *sdktest.Recorder) { r.Span("reserve").HasExactly() }, "items=2"},
		"no metric":    {func(r *sdktest.Recorder) { r.Metric("x") }, `no such metric "x"`},
		"tree printed": {func(*sdktest.Recorder) {}, "reserve"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := &failing{TB: t}
			t.Cleanup(func() { // runs after the recorder's own
				if said := strings.Join(f.said, "\n"); !strings.Contains(said, tc.want) {
					t.Errorf("said %q, want %q in it", said, tc.want)
				}
			})
			rec := sdktest.New(f)
			_ = order(t.Context(), rec.Telemetry())
			func() {
				defer func() {
					if v := recover(); v != nil && v != any(f) {
						panic(v)
					}
				}()
				tc.check(rec)
			}()
		})
	}
}

func ExampleNew() {
	var t *testing.T // the test's own

	rec := sdktest.New(t)
	_ = order(t.Context(), rec.Telemetry())
	rec.Span("order").Child("pay").Failed(errDeclined)
	if logs := rec.Logs(slog.LevelError); len(logs) != 1 {
		t.Errorf("%d errors were logged, want 1", len(logs))
	}
}
