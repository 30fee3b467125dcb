package ship_test

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/sdk/internal/ship"
)

func TestNewClientRefusesBadEndpoints(t *testing.T) {
	for _, endpoint := range []string{"", "agent:4318", "ftp://agent", "http://", "unix://relative/path", "http://%zz"} {
		t.Run(endpoint, func(t *testing.T) {
			if _, err := ship.NewClient(endpoint, nil); err == nil {
				t.Errorf("NewClient(%q) succeeded", endpoint)
			}
		})
	}
}

func TestClientSpeaksOverUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	paths := make(chan string, 1)
	srv := &httptest.Server{Listener: ln, Config: &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		paths <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type")
	})}}
	srv.Start()
	defer srv.Close()
	c, err := ship.NewClient("unix://"+socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := ship.NewPipe(ship.Config{Signal: "logs", Limit: 1 << 20, Classes: 1, Delay: time.Hour}, c, ship.NewHealth(func(ship.Problem) {}))
	f := &fixture{Pipe: p}
	f.add("a")
	go p.Run(t.Context())
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-paths; got != "POST /v1/logs application/x-protobuf" {
		t.Errorf("request is %q", got)
	}
	f.check(t, 1, 0, nil)
}

// TestClientCompressesForOtherHosts holds that bodies travel compressed to
// another host, and as they are on this one.
func TestClientCompressesForOtherHosts(t *testing.T) {
	tests := map[string]struct {
		endpoint string
		want     string
	}{
		"loopback":   {"http://127.0.0.1:4318", ""},
		"other host": {"http://collector.test:4318/otlp/", "gzip"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			var names []string
			c, err := ship.NewClient(tc.endpoint, roundTrip(func(r *http.Request) (*http.Response, error) {
				got = r
				body := r.Body
				if r.Header.Get("Content-Encoding") == "gzip" {
					zr, err := gzip.NewReader(r.Body)
					if err != nil {
						return nil, err
					}
					body = zr
				}
				raw, err := io.ReadAll(body)
				names = spanNames(raw)
				return status(200), err
			}))
			if err != nil {
				t.Fatal(err)
			}
			p := ship.NewPipe(ship.Config{Signal: "traces", Limit: 1 << 20, Classes: 1, Delay: time.Hour}, c, ship.NewHealth(func(ship.Problem) {}))
			(&fixture{Pipe: p}).add(strings.Repeat("x", 5000))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go p.Run(ctx)
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if e := got.Header.Get("Content-Encoding"); e != tc.want {
				t.Errorf("Content-Encoding is %q, want %q", e, tc.want)
			}
			if want := strings.TrimSuffix(tc.endpoint, "/") + "/v1/traces"; got.URL.String() != want {
				t.Errorf("URL is %s, want %s", got.URL, want)
			}
			if len(names) != 1 || len(names[0]) != 5000 {
				t.Errorf("the body arrived as %d spans", len(names))
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
