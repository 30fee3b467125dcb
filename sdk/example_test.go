package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/sidelight-dev/sidelight/sdk"
)

func exampleContext() context.Context { return context.Background() }

// withoutTime writes lines without their time, which examples cannot predict.
type withoutTime struct{ io.Writer }

func (w withoutTime) Write(p []byte) (int, error) {
	_, rest, _ := strings.Cut(string(p), ",")
	if _, err := io.WriteString(w.Writer, "{"+rest); err != nil {
		return 0, err
	}
	return len(p), nil
}

// exampleTelemetry samples everything and delivers nowhere.
func exampleTelemetry() *sdk.Telemetry {
	tel, err := sdk.Start(exampleContext(), sdk.Config{
		Service: "orders", KeepGlobals: true, Sampler: sdktrace.AlwaysSample(),
		Log: sdk.LogConfig{Output: io.Discard}, Transport: &agent{},
	})
	if err != nil {
		panic(err)
	}
	return tel
}

func ExampleStart() {
	ctx := context.Background()
	tel, err := sdk.Start(ctx, sdk.Config{Service: "orders", KeepGlobals: true, Log: sdk.LogConfig{Output: io.Discard}, Transport: &agent{}})
	if err != nil {
		fmt.Println("telemetry is misconfigured, running without it:", err)
	}
	defer tel.Shutdown(context.WithoutCancel(ctx))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "order %s", r.PathValue("id"))
	})
	srv := httptest.NewServer(tel.Handler(mux))
	defer srv.Close()

	res, err := http.Get(srv.URL + "/orders/7")
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	fmt.Println(string(text))
	// Output: order 7
}

func ExampleStart_misconfigured() {
	tel, err := sdk.Start(context.Background(), sdk.Config{
		Service: "orders", Endpoint: "agent:4318", KeepGlobals: true, Log: sdk.LogConfig{Output: io.Discard},
	})
	fmt.Println(err)
	fmt.Println(tel.Status().Agent)
	// Output:
	// configure telemetry: Config.Endpoint is "agent:4318", want unix:///path, http://host:port or https://host:port
	// off
}

func ExampleTelemetry_Handler() {
	tel := exampleTelemetry()
	defer tel.Shutdown(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("traced:", sdk.TraceID(r.Context()) != "")
	})
	h := tel.Handler(mux, sdk.WithoutPath("/metrics"), sdk.WithHeaders("X-Tenant"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/orders/7", nil))
	fmt.Println(w.Header().Get("X-Amzn-Trace-Id")[:7])
	// Output:
	// traced: true
	// Root=1-
}

func ExampleTelemetry_RoundTripper() {
	tel := exampleTelemetry()
	defer tel.Shutdown(context.Background())
	payments := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println("trace context:", r.Header.Get("X-Amzn-Trace-Id") != "")
	}))
	defer payments.Close()
	client := &http.Client{Transport: tel.RoundTripper(nil, sdk.WithPeer("payments"))}
	res, err := client.Get(payments.URL)
	if err != nil {
		panic(err)
	}
	res.Body.Close()
	// Output: trace context: true
}

func ExampleTelemetry_Do() {
	tel := exampleTelemetry()
	defer tel.Shutdown(context.Background())
	err := tel.Do(context.Background(), "reserve stock", func(ctx context.Context) error {
		sdk.Annotate(ctx, attribute.String("warehouse", "eu-3"))
		return errors.New("sold out")
	}, attribute.Int("items", 3))
	fmt.Println(err, tel.Status().Spans.Accepted)
	// Output: sold out 1
}

func ExampleTelemetry_Flush() {
	tel := exampleTelemetry()
	defer tel.Shutdown(context.Background())
	_, span := tel.Tracer("job").Start(context.Background(), "nightly report")
	span.End()
	if err := tel.Flush(context.Background()); err != nil {
		fmt.Println("undelivered:", err)
	}
	fmt.Println(tel.Status().Spans.Delivered)
	// Output: 1
}

func ExampleTelemetry_Shutdown() {
	gone := &agent{answer: refuse}
	tel, err := sdk.Start(context.Background(), sdk.Config{
		Service: "orders", KeepGlobals: true, Sampler: sdktrace.AlwaysSample(), Transport: gone,
		Metrics: sdk.MetricConfig{NoRuntime: true}, OnProblem: func(sdk.Problem) {},
	})
	if err != nil {
		panic(err)
	}
	_, span := tel.Tracer("job").Start(context.Background(), "nightly report")
	span.End()
	var loss *sdk.LossError
	if errors.As(tel.Shutdown(context.Background()), &loss) {
		fmt.Println(loss)
	}
	// Output: 1 spans, 0 log records and 0 metric points are undelivered: connection refused
}

func ExampleTraceID() {
	tel := exampleTelemetry()
	defer tel.Shutdown(context.Background())
	ctx, span := tel.Tracer("shop").Start(context.Background(), "checkout")
	defer span.End()
	fmt.Println(len(sdk.TraceID(ctx)), sdk.TraceID(context.Background()) == "")
	// Output: 35 true
}
