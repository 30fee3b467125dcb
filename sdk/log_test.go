package sdk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight/sdk"
)

func lines(t *testing.T, b []byte) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range bytes.Lines(b) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		out = append(out, m)
	}
	return out
}

func TestLoggerObeysSlogsRules(t *testing.T) {
	out := &lockedBuffer{}
	tel := start(t, &agent{}, func(c *sdk.Config) { c.Log.Output = out })
	err := slogtest.TestHandler(tel.Logger().Handler(), func() []map[string]any { return lines(t, []byte(out.String())) })
	if err != nil {
		t.Error(err)
	}
}

func TestLogLine(t *testing.T) {
	out := &lockedBuffer{}
	tel := start(t, &agent{}, func(c *sdk.Config) {
		c.Log.Output, c.Log.AddSource = out, true
	})
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0x69, 0xa4, 0xb2, 0xc2, 0x7f, 0x3d, 0x0e, 0x61, 0xa0, 0xb9, 0x4c, 0x5d, 0x8e, 0x2f, 0x1a, 0x37},
		SpanID:  trace.SpanID{0x53, 0x99, 0x5c, 0x3f, 0x42, 0xcd, 0x8a, 0xd8},
	}))
	tel.Logger().With("route", "POST /orders").ErrorContext(ctx, "payment refused",
		"error", errors.New("card \"declined\""), "took", 1500*time.Microsecond, "n", 3)
	got := out.String()
	head, rest, _ := strings.Cut(got, `,"level"`)
	when, err := time.Parse(`{"time":"2006-01-02T15:04:05.000Z"`, head)
	if err != nil || time.Since(when) > time.Minute {
		t.Errorf("line begins with %s: %v", head, err)
	}
	rest, source, _ := strings.Cut(rest, `,"source":`)
	want := `:"ERROR","msg":"payment refused","service":"orders","environment":"prod","version":"1.14.2",` +
		`"trace_id":"1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37","span_id":"53995c3f42cd8ad8","route":"POST /orders",` +
		`"error":"card \"declined\"","took_ms":1.5,"n":3`
	if d := cmp.Diff(want, rest); d != "" {
		t.Errorf("line (-want +got):\n%s", d)
	}
	if !strings.HasPrefix(source, `"log_test.go:`) {
		t.Errorf("source is %s", source)
	}
}

type panicker struct{}

func (panicker) Error() string { panic("no text") }

func TestLogValues(t *testing.T) {
	tests := map[string]struct {
		in   []any
		want string
	}{
		"numbers":       {[]any{"a", math.MinInt64, "b", uint64(math.MaxUint64), "c", 0.1, "d", 1e-9}, `"a":-9223372036854775808,"b":18446744073709551615,"c":0.1,"d":1e-09`},
		"not a number":  {[]any{"a", math.NaN(), "b", math.Inf(1)}, `"a":"NaN","b":"+Inf"`},
		"bool and nil":  {[]any{"a", true, "b", nil}, `"a":true,"b":null`},
		"time":          {[]any{"a", time.Unix(0, 5e6).UTC()}, `"a":"1970-01-01T00:00:00.005Z"`},
		"milliseconds":  {[]any{"wait", 2 * time.Second, "took_ms", time.Millisecond}, `"wait_ms":2000,"took_ms":1`},
		"struct":        {[]any{"a", struct{ X []int }{[]int{1}}}, `"a":{"X":[1]}`},
		"unmarshalable": {[]any{"a", func() {}}, `"a":"!ERROR: json: unsupported type: func()"`},
		"panic":         {[]any{"a", panicker{}, "b", 1}, `"a":"!PANIC","b":1`},
		"escapes":       {[]any{"a\n", "\x00\t\r\"\\\x7f\u2028é\xff"}, `"a\n":"\u0000\t\r\"\\\u007f` + "\u2028é\uFFFD" + `"`},
		"group":         {[]any{slog.Group("g", "a", 1, slog.Group("h", "b", 2), slog.Group("empty"))}, `"g":{"a":1,"h":{"b":2}}`},
		"inline group":  {[]any{slog.Group("", "a", 1)}, `"a":1`},
		"secrets": {
			[]any{"password", "x", "db_Password", "x", "API-TOKEN", "x", "Set-Cookie", "x", "Authorization", "x", "client_secret", 5, "tokens", 7, slog.Group("g", "token", "x")},
			`"password":"[redacted]","db_Password":"[redacted]","API-TOKEN":"[redacted]","Set-Cookie":"[redacted]","Authorization":"[redacted]","client_secret":"[redacted]","tokens":7,"g":{"token":"[redacted]"}`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			out := &lockedBuffer{}
			tel := start(t, &agent{}, func(c *sdk.Config) { c.Log.Output = out })
			tel.Logger().Info("m", tc.in...)
			_, got, _ := strings.Cut(out.String(), `"version":"1.14.2",`)
			if d := cmp.Diff(tc.want+"}\n", got); d != "" {
				t.Errorf("line (-want +got):\n%s", d)
			}
			lines(t, []byte(out.String()))
		})
	}
}

func TestLogRedact(t *testing.T) {
	out := &lockedBuffer{}
	tel := start(t, &agent{}, func(c *sdk.Config) {
		c.Log.Output = out
		c.Log.Redact = func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == "drop" {
				return slog.Attr{}
			}
			return slog.String(a.Key, strings.Join(groups, "/"))
		}
	})
	tel.Logger().WithGroup("a").With("x", 1).WithGroup("b").Info("m", slog.Group("c", "y", 1, "drop", 2), "password", "p")
	_, got, _ := strings.Cut(out.String(), `"version":"1.14.2",`)
	if want := `"a":{"x":"a","b":{"c":{"y":"a/b/c"},"password":"a/b"}}}` + "\n"; got != want {
		t.Errorf("line ends %s, want %s", got, want)
	}
}

func TestLogLevelChangesAtRunTime(t *testing.T) {
	out := &lockedBuffer{}
	level := new(slog.LevelVar)
	tel := start(t, &agent{}, func(c *sdk.Config) { c.Log.Output, c.Log.Level = out, level })
	tel.Logger().Debug("one")
	level.Set(slog.LevelDebug)
	tel.Logger().Debug("two")
	if got := lines(t, []byte(out.String())); len(got) != 1 || got[0]["msg"] != "two" {
		t.Errorf("lines %v, want only two", got)
	}
}

func TestLogsToAgent(t *testing.T) {
	a := &agent{}
	tel := start(t, a, func(c *sdk.Config) { c.Log.ToAgent = true })
	ctx, span := tel.Tracer("test").Start(t.Context(), "work")
	tel.Logger().With("tenant", "acme").WithGroup("req").InfoContext(ctx, "served", "took", time.Millisecond, slog.Group("user", "id", 7), "token", "x")
	span.End()
	flush(t, tel)
	if len(a.logs) != 1 {
		t.Fatalf("%d records, want 1", len(a.logs))
	}
	r := a.logs[0]
	want := map[string]string{"tenant": "acme", "req.took_ms": "1", "req.user.id": "7", "req.token": "[redacted]"}
	if d := cmp.Diff(want, texts(r.Attributes)); d != "" {
		t.Errorf("attributes (-want +got):\n%s", d)
	}
	sc := span.SpanContext()
	if text(r.Body) != "served" || r.SeverityText != "INFO" || trace.TraceID(r.TraceId) != sc.TraceID() || trace.SpanID(r.SpanId) != sc.SpanID() {
		t.Errorf("record is %v", r)
	}
	if c := tel.Status().Logs; c.Delivered != 1 || c.Accepted != 1 {
		t.Errorf("counts are %+v", c)
	}
}

// TestLogAllocations holds that a record costs no allocation beyond what slog
// itself needs for its arguments.
func TestLogAllocations(t *testing.T) {
	attrs := []slog.Attr{slog.String("route", "POST /orders"), slog.Int("items", 3), slog.Duration("took", time.Second)}
	count := func(l *slog.Logger) float64 {
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1},
		}))
		// What a Telemetry does in the background as it starts counts too: the
		// least of several measurements is the logger's own.
		least := math.Inf(1)
		for range 10 {
			least = min(least, testing.AllocsPerRun(500, func() { l.LogAttrs(ctx, slog.LevelInfo, "order placed", attrs...) }))
		}
		return least
	}
	base := count(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	tel := start(t, &agent{})
	// The key took_ms is made of took: write took_ms and it costs nothing.
	attrs[2].Key = "took_ms"
	if n := count(tel.Logger()); n > base {
		t.Errorf("a record allocates %v times, slog's own handler %v times", n, base)
	}
	shipping := start(t, &agent{}, func(c *sdk.Config) { c.Log.ToAgent = true })
	if n := count(shipping.Logger()); n > base {
		t.Errorf("a record to the agent allocates %v times, want only a buffer now and then", n)
	}
}

func BenchmarkLogger(b *testing.B) {
	tel := start(b, &agent{})
	ctx := trace.ContextWithSpanContext(b.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1},
	}))
	l := tel.Logger()
	b.ReportAllocs()
	for b.Loop() {
		l.LogAttrs(ctx, slog.LevelInfo, "order placed", slog.String("route", "POST /orders"), slog.Int("items", 3), slog.Int("took_ms", 9))
	}
}

// FuzzLogString holds that any text becomes one line of valid JSON that reads
// as the text, but for bytes that are not UTF-8.
func FuzzLogString(f *testing.F) {
	out := &lockedBuffer{}
	tel := start(f, &agent{}, func(c *sdk.Config) { c.Log.Output = out })
	f.Fuzz(func(t *testing.T, msg, value string) {
		out.b.Reset()
		tel.Logger().Info(msg, "k", value)
		got := lines(t, out.b.Bytes())
		// A conversion to runes replaces every byte that is not UTF-8, too.
		if len(got) != 1 || got[0]["msg"] != string([]rune(msg)) || got[0]["k"] != string([]rune(value)) {
			t.Errorf("%q and %q became %v", msg, value, got)
		}
	})
}

func TestLoggerOfDisabledSDK(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", "true")
	out := &lockedBuffer{}
	tel := start(t, &agent{answer: refuse}, func(c *sdk.Config) { c.Log.Output, c.Log.ToAgent = out, true })
	tel.Logger().Info("still here")
	if got := lines(t, []byte(out.String())); len(got) != 1 || got[0]["msg"] != "still here" {
		t.Errorf("lines %v", got)
	}
	if s := tel.Status(); s.Agent != "off" {
		t.Errorf("status is %+v, want off", s)
	}
	if err := errors.Join(tel.Flush(t.Context()), tel.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
}

func Example_logLine() {
	tel, err := sdk.Start(exampleContext(), sdk.Config{
		Service: "orders", Version: "1.14.2", KeepGlobals: true,
		Log: sdk.LogConfig{Output: withoutTime{os.Stdout}}, Transport: &agent{},
	})
	if err != nil {
		panic(err)
	}
	defer tel.Shutdown(exampleContext())
	tel.Logger().Warn("payment refused", "route", "POST /orders", "took", 12*time.Millisecond, "card_token", "4711")
	// Output: {"level":"WARN","msg":"payment refused","service":"orders","version":"1.14.2","route":"POST /orders","took_ms":12,"card_token":"[redacted]"}
}
