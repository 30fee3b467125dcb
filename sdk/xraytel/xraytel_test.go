package xraytel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-xray-sdk-go/xray"
	"github.com/aws/aws-xray-sdk-go/xraylog"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight/sdk"
	"github.com/sidelight-dev/sidelight/sdk/sdktest"
	"github.com/sidelight-dev/sidelight/sdk/xraytel"
)

// segment is what the tests read of a document.
type segment struct {
	Name        string
	ID          string
	TraceID     string `json:"trace_id"`
	ParentID    string `json:"parent_id"`
	Type        string
	Fault       bool
	Subsegments []segment
}

// daemon receives the X-Ray SDK's datagrams.
type daemon struct{ conn net.PacketConn }

// install sets the X-Ray SDK up for one test: it has global state, so these
// tests do not run in parallel.
func install(t *testing.T, tel *sdk.Telemetry) *daemon {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	xray.SetLogger(xraylog.NullLogger)
	if err := xraytel.Install(tel); err != nil {
		t.Fatal(err)
	}
	if err := xray.Configure(xray.Config{DaemonAddr: conn.LocalAddr().String()}); err != nil {
		t.Fatal(err)
	}
	return &daemon{conn}
}

func (d *daemon) next(t *testing.T) segment {
	t.Helper()
	buf := make([]byte, 64<<10)
	if err := d.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, _, err := d.conn.ReadFrom(buf)
	if err != nil {
		t.Fatalf("no segment came: %v", err)
	}
	_, body, _ := bytes.Cut(buf[:n], []byte("\n"))
	var s segment
	if err := json.Unmarshal(body, &s); err != nil {
		t.Fatalf("datagram %q: %v", buf[:n], err)
	}
	return s
}

// silent fails if anything was sent so far. UDP on loopback is in order, so a
// mark that arrives first proves it.
func (d *daemon) silent(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("udp", d.conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("{}\n{\"name\":\"mark\"}")); err != nil {
		t.Fatal(err)
	}
	if s := d.next(t); s.Name != "mark" {
		t.Errorf("%+v was sent", s)
	}
}

func TestSubsegmentsNestUnderSpans(t *testing.T) {
	rec := sdktest.New(t)
	tel := rec.Telemetry()
	d := install(t, tel)
	h := tel.Handler(xraytel.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		err := xray.Capture(r.Context(), "charge card", func(ctx context.Context) error {
			return xray.Capture(ctx, "ask bank", func(context.Context) error { return errors.New("declined") })
		})
		if err == nil {
			t.Error("Capture lost the error")
		}
	})))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	got := d.next(t)
	root := strings.TrimSuffix(strings.TrimPrefix(w.Header().Get("X-Amzn-Trace-Id"), "Root="), ";Sampled=1")
	if got.Name != "charge card" || got.Type != "subsegment" || got.TraceID != root {
		t.Errorf("segment is %+v, want a subsegment of trace %s", got, root)
	}
	if want := spanID(t, rec, "GET"); got.ParentID != want {
		t.Errorf("parent is %s, want the server span %s", got.ParentID, want)
	}
	if len(got.Subsegments) != 1 || got.Subsegments[0].Name != "ask bank" || !got.Subsegments[0].Fault {
		t.Errorf("inner subsegments are %+v", got.Subsegments)
	}
}

func spanID(t *testing.T, rec *sdktest.Recorder, name string) string {
	t.Helper()
	return rec.Span(name).SpanContext().SpanID().String()
}

func TestUntracedRequestsSendNothing(t *testing.T) {
	rec := sdktest.New(t, sdktest.WithConfig(func(c *sdk.Config) { c.Sampler = sdktrace.NeverSample() }))
	d := install(t, rec.Telemetry())
	called := false
	h := rec.Telemetry().Handler(xraytel.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = xray.Capture(r.Context(), "work", func(context.Context) error { called = true; return nil })
	})))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if !called {
		t.Error("the captured function did not run")
	}
	d.silent(t)
}

func TestSpansNestUnderSegments(t *testing.T) {
	for name, sampler := range map[string]sdktrace.Sampler{"sampled": sdktrace.AlwaysSample(), "not sampled": sdktrace.NeverSample()} {
		t.Run(name, func(t *testing.T) {
			rec := sdktest.New(t, sdktest.WithConfig(func(c *sdk.Config) { c.Sampler = sampler }))
			tel := rec.Telemetry()
			d := install(t, tel)
			inner := tel.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_ = tel.Do(r.Context(), "work", func(context.Context) error { return nil })
			}))
			outer := xray.Handler(xray.NewFixedSegmentNamer("payments"), xraytel.Handler(inner))
			outer.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://payments.test/", nil))
			if name == "not sampled" {
				d.silent(t)
				for s := range rec.Spans() {
					t.Errorf("span %q was recorded", s.Name())
				}
				return
			}
			seg := d.next(t)
			server := rec.Span("GET")
			if server.Parent().SpanID().String() != seg.ID {
				t.Errorf("the span's parent is %s, want the segment %s", server.Parent().SpanID(), seg.ID)
			}
			server.Child("work")
		})
	}
}

func TestMissingSegmentIsLoggedOnce(t *testing.T) {
	rec := sdktest.New(t)
	d := install(t, rec.Telemetry())
	for range 3 {
		_ = xray.Capture(t.Context(), "lost", func(context.Context) error { return nil })
	}
	if n := len(rec.Logs(slog.LevelWarn)); n != 1 {
		t.Errorf("%d warnings, want 1", n)
	}
	d.silent(t)
}

func TestContextLeavesOwnSegmentsAlone(t *testing.T) {
	rec := sdktest.New(t)
	install(t, rec.Telemetry())
	if ctx := t.Context(); xraytel.Context(ctx) != ctx {
		t.Error("a context without a span was changed")
	}
	ctx, seg := xray.BeginSegment(t.Context(), "own")
	defer seg.Close(nil)
	tid, err := trace.TraceIDFromHex(seg.TraceID[2:10] + seg.TraceID[11:])
	if err != nil {
		t.Fatal(err)
	}
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: tid, SpanID: trace.SpanID{1}}))
	if xray.GetSegment(xraytel.Context(ctx)) != seg {
		t.Error("the X-Ray SDK's own segment was hidden")
	}
}

func TestInstallNeedsTelemetry(t *testing.T) {
	if err := xraytel.Install(nil); err == nil {
		t.Error("Install(nil) succeeded")
	}
}

func ExampleContext() {
	ctx := context.Background()
	tel, err := sdk.Start(ctx, sdk.Config{Service: "orders"})
	if err != nil {
		slog.Warn("running without telemetry", "error", err)
	}
	defer tel.Shutdown(ctx)
	if err := xraytel.Install(tel); err != nil {
		slog.Warn("X-Ray SDK stays on its own", "error", err)
	}
	_ = tel.Do(ctx, "checkout", func(ctx context.Context) error {
		// Older code keeps its xray.Capture; it nests under the span.
		return xray.Capture(xraytel.Context(ctx), "charge card", func(context.Context) error { return nil })
	})
}
