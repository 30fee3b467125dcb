package otlp_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/exporters/exportertest"
	"github.com/sidelight-dev/sidelight/exporters/otlp"
	"github.com/sidelight-dev/sidelight/internal/post"
)

func event(n, size int) sidelight.Event {
	return sidelight.Event{Time: 1_700_000_000_000 + int64(n), Body: []byte(`{"n":"` + strings.Repeat(string(rune('a'+n%26)), size) + `"}`)}
}

// AWS's endpoints are held to the contract of every exporter.
func TestContract(t *testing.T) {
	exportertest.Run(t, exportertest.Suite{
		New: func(t *testing.T, cfg aws.Config) sidelight.Exporter {
			x, err := otlp.New(t.Context(), otlp.Config{Signal: sidelight.Logs}, cfg, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return x
		},
		Event: event, Dest: sidelight.Dest{Exporter: "otlp", Group: "/g", Stream: "s"},
	})
}

// block returns a block of three log records.
func block(t *testing.T, x sidelight.Exporter, gzip bool) *sidelight.Block {
	t.Helper()
	return exportertest.Pack(t, x, sidelight.Dest{Exporter: "otlp", Group: "/g", Stream: "s"}, []sidelight.Event{event(1, 5), event(2, 5), event(3, 5)}, gzip)[0]
}

func TestRequest(t *testing.T) {
	for name, c := range map[string]struct {
		gzip   bool
		coding string
	}{"plain": {false, ""}, "gzip": {true, "gzip"}} {
		t.Run(name, func(t *testing.T) {
			var got http.Header
			var path string
			srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, path = r.Header, r.URL.Path }))
			defer srv.Close()
			secret := "first"
			x := exporter(t, otlp.Config{Signal: sidelight.Logs, Endpoint: srv.URL + "/base/", Headers: []post.Header{
				{Name: "api-key", Value: func() (string, error) { return secret, nil }},
			}})
			for _, want := range []string{"first", "second"} {
				secret = want
				r, err := x.Export(t.Context(), block(t, x, c.gzip))
				if err != nil || r.Accepted != 3 {
					t.Fatal(r, err)
				}
				if got.Get("Api-Key") != want || got.Get("Content-Type") != "application/x-protobuf" || got.Get("Content-Encoding") != c.coding || path != "/base/v1/logs" {
					t.Errorf("%s with %v", path, got)
				}
				if got.Get("Authorization") != "" || got.Get("X-Aws-Log-Group") != "" {
					t.Errorf("what is for AWS went elsewhere: %v", got)
				}
			}
		})
	}
}

func TestPlainFaults(t *testing.T) {
	detail, err := proto.Marshal(&status.Status{Code: 8, Message: "slow down, please"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
		want   sidelight.FaultKind
		after  time.Duration
		text   string
	}{
		"429":                 {429, http.Header{"Retry-After": {"3"}, "Content-Type": {"application/x-protobuf"}}, string(detail), sidelight.Throttled, 3 * time.Second, "slow down, please"},
		"503 with a delay":    {503, http.Header{"Retry-After": {"2"}}, "", sidelight.Throttled, 2 * time.Second, ""},
		"503":                 {503, nil, "", sidelight.Transient, 0, ""},
		"502 of a proxy":      {502, http.Header{"Content-Type": {"text/html"}}, "<html>", sidelight.Transient, 0, "502"},
		"504":                 {504, nil, "", sidelight.Transient, 0, ""},
		"500":                 {500, nil, "oops", sidelight.Transient, 0, "oops"},
		"408":                 {408, nil, "", sidelight.Transient, 0, ""},
		"400":                 {400, nil, "bad", sidelight.Rejected, 0, "bad"},
		"422":                 {422, nil, "", sidelight.Rejected, 0, ""},
		"401":                 {401, nil, "", sidelight.Denied, 0, ""},
		"403":                 {403, nil, "", sidelight.Denied, 0, ""},
		"404: the wrong path": {404, nil, "", sidelight.Denied, 0, "/v1/logs"},
		"413":                 {413, nil, "", sidelight.TooLarge, 0, ""},
		"a redirect":          {302, http.Header{"Location": {"http://127.0.0.1:1/"}}, "", sidelight.Transient, 0, ""},
		"a long delay":        {429, http.Header{"Retry-After": {"86400"}}, "", sidelight.Throttled, 5 * time.Minute, ""},
		"a past date":         {429, http.Header{"Retry-After": {"Fri, 31 Dec 1999 23:59:59 GMT"}}, "", sidelight.Throttled, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range c.header {
					w.Header()[k] = v
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer srv.Close()
			x := exporter(t, otlp.Config{Signal: sidelight.Logs, Endpoint: srv.URL})
			_, err := x.Export(t.Context(), block(t, x, false))
			f, ok := errors.AsType[*sidelight.Fault](err)
			if !ok || f.Kind != c.want || f.After != c.after || !strings.Contains(f.Error(), c.text) {
				t.Errorf("%v (%+v), want %v after %v, with %q", err, f, c.want, c.after, c.text)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	x := exporter(t, otlp.Config{Signal: sidelight.Logs, Endpoint: srv.URL})
	_, err := x.Export(t.Context(), block(t, x, false))
	if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Transient {
		t.Errorf("%v, want a transient fault", err)
	}
}

func TestSecretIsGone(t *testing.T) {
	x := exporter(t, otlp.Config{Signal: sidelight.Logs, Endpoint: "http://127.0.0.1:1", Headers: []post.Header{
		{Name: "api-key", Value: func() (string, error) { return "", os.ErrNotExist }},
	}})
	_, err := x.Export(t.Context(), block(t, x, false))
	if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Denied {
		t.Errorf("%v, want denied", err)
	}
}

// A partial success is counted item by item and never sent again.
func TestPartialSuccess(t *testing.T) {
	for name, c := range map[string]struct {
		rejected int64
		want     sidelight.Receipt
	}{
		"nothing":        {0, sidelight.Receipt{Accepted: 3}},
		"one":            {1, sidelight.Receipt{Accepted: 2, Refused: []sidelight.Refusal{{Reason: "partial_success", Events: 1, Why: "because"}}}},
		"more than all":  {7, sidelight.Receipt{Refused: []sidelight.Refusal{{Reason: "partial_success", Events: 3, Why: "because"}}}},
		"less than none": {-1, sidelight.Receipt{Accepted: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := proto.Marshal(&collogspb.ExportLogsServiceResponse{PartialSuccess: &collogspb.ExportLogsPartialSuccess{
				RejectedLogRecords: c.rejected, ErrorMessage: "because",
			}})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(answer) }))
			defer srv.Close()
			x := exporter(t, otlp.Config{Signal: sidelight.Logs, Endpoint: srv.URL})
			r, err := x.Export(t.Context(), block(t, x, false))
			if d := cmp.Diff(c.want, r); err != nil || d != "" {
				t.Errorf("%v, (-want +got):\n%s", err, d)
			}
		})
	}
}

func TestCA(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	defer srv.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	trusting := exporter(t, otlp.Config{Signal: sidelight.Logs, Endpoint: srv.URL, CA: path})
	if _, err := trusting.Export(t.Context(), block(t, trusting, true)); err != nil {
		t.Error(err)
	}
	strange := exporter(t, otlp.Config{Signal: sidelight.Logs, Endpoint: srv.URL})
	if _, err := strange.Export(t.Context(), block(t, strange, true)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
	if _, err := otlp.New(t.Context(), otlp.Config{Endpoint: srv.URL, CA: os.DevNull}, aws.Config{}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("an empty file of certificates is taken")
	}
}

// AWS's endpoint for logs is told the place, which is made before, once, and
// again when it was deleted.
func TestPrepare(t *testing.T) {
	var made, there atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Aws-Log-Group") != "/g" || r.Header.Get("X-Aws-Log-Stream") != "s" || !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/logs/") {
			t.Errorf("headers %v", r.Header)
		}
		if there.Load() > 0 {
			return
		}
		detail, err := proto.Marshal(&status.Status{Code: 3, Message: "The specified log group does not exist."})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.WriteHeader(http.StatusBadRequest)
		w.Write(detail)
	}))
	defer srv.Close()
	x, err := otlp.New(t.Context(), otlp.Config{Signal: sidelight.Logs, Prepare: func(_ context.Context, d sidelight.Dest) error {
		if d.Group != "/g" || d.Stream != "s" {
			t.Errorf("made %v", d)
		}
		made.Add(1)
		there.Store(1)
		return nil
	}}, exportertest.Config(srv.URL), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b := block(t, x, true)
	for range 2 {
		if r, err := x.Export(t.Context(), b); err != nil || r.Accepted != 3 || made.Load() != 1 {
			t.Errorf("%v, %v; made %d times", r, err, made.Load())
		}
	}
	there.Store(0)
	_, err = x.Export(t.Context(), b)
	if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Transient {
		t.Errorf("after it was deleted: %v, want to be tried again", err)
	}
	if r, err := x.Export(t.Context(), b); err != nil || r.Accepted != 3 || made.Load() != 2 {
		t.Errorf("%v, %v; made %d times", r, err, made.Load())
	}
}

func TestAdmit(t *testing.T) {
	now := time.Now()
	any := exporter(t, otlp.Config{Signal: sidelight.Traces, Endpoint: "http://127.0.0.1:1"})
	own := exporter(t, otlp.Config{Signal: sidelight.Traces})
	for name, c := range map[string]struct {
		ago time.Duration
		why string
	}{
		"now": {0, ""}, "13 days": {13 * 24 * time.Hour, ""}, "15 days": {15 * 24 * time.Hour, "too_old"}, "soon": {-time.Hour, ""}, "tomorrow": {-24 * time.Hour, "too_new"},
	} {
		at := now.Add(-c.ago).UnixMilli()
		if why, ok := own.Admit(at, now); why != c.why || ok != (c.why == "") {
			t.Errorf("AWS, %s: %q, %v", name, why, ok)
		}
		if why, ok := any.Admit(at, now); !ok {
			t.Errorf("another endpoint, %s: %q", name, why)
		}
	}
}
