//go:build clients

package clients_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fluent/fluent-logger-golang/fluent"

	"github.com/sidelight-dev/sidelight/agent/receiver/receivertest"
)

const group = "/sidelight/shop"

// forwarder is Fluentd's own client in Go, told to wait for acknowledgements.
func forwarder(t *testing.T, address string) *fluent.Fluent {
	t.Helper()
	host, port := split(t, address)
	c, err := fluent.New(fluent.Config{
		FluentHost: host, FluentPort: port, RequestAck: true, MaxRetry: 1, RetryWait: 20, SubSecondPrecision: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func split(t *testing.T, address string) (host string, port int) {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	if port, err = strconv.Atoi(text); err != nil {
		t.Fatal(err)
	}
	return host, port
}

func TestFluentLoggerGo(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s)
	c := forwarder(t, a.address(t, "forward"))
	for i := range 50 {
		if err := c.Post("app.web", map[string]any{"seq": i, "text": "grüße ☃", "nested": map[string]any{"ok": true}}); err != nil {
			t.Fatal(err)
		}
	}
	checkFifty(t, s)
	if out := a.report(t).Signals["logs"]; out.Accepted != 50 || out.Lost() != 0 {
		t.Errorf("books: %+v", out)
	}
}

// checkFifty waits for the events 0 to 49 and looks at what is in them.
func checkFifty(t *testing.T, s *sandbox) {
	t.Helper()
	var got []string
	eventually(t, "50 events", func() bool { got = s.messages(t, group, ""); return len(got) >= 50 })
	seen := texts(got, func(m string) string {
		if field(t, m, "text") != "grüße ☃" || field(t, m, "nested/ok") != "true" {
			t.Errorf("message %s", m)
		}
		return field(t, m, "seq")
	})
	slices.Sort(seen)
	want := []string{}
	for i := range 50 {
		want = append(want, fmt.Sprint(i))
	}
	slices.Sort(want)
	if !slices.Equal(seen, want) {
		t.Errorf("arrived: %v", seen)
	}
}

// The Node client speaks every mode of the protocol, with acknowledgements.
func TestFluentLoggerNode(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"Message", "Forward", "PackedForward", "CompressedPackedForward"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := startSandbox(t)
			a := startAgent(t, s)
			host, port := split(t, a.address(t, "forward"))
			run(t, nil, "node", "send.js", "fluent", host, strconv.Itoa(port), mode)
			checkFifty(t, s)
		})
	}
}

// The Node client asks for TLS, a shared key and a user at once, and is let in
// only with the right ones.
func TestFluentLoggerNodeSecure(t *testing.T) {
	t.Parallel()
	pair := receivertest.NewPair(t)
	file := filepath.Join(t.TempDir(), "sidelight.yaml")
	text := fmt.Sprintf("receivers: {forward: {tls: {cert: %q, key: %q}, shared_key: env:FORWARD_KEY, users: {shop: trout}}}\n", pair.CertFile, pair.KeyFile)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_CONFIG="+file, "FORWARD_KEY=swordfish")
	host, port := split(t, a.address(t, "forward"))
	good := run(t, nil, "node", "send.js", "fluent", host, strconv.Itoa(port), "PackedForward", pair.CertFile, "swordfish", "shop", "trout")
	if !strings.Contains(string(good), "acknowledged") {
		t.Errorf("the client printed %q", good)
	}
	checkFifty(t, s)
	for _, secret := range [][]string{{"swordfisk", "shop", "trout"}, {"swordfish", "shop", "carp"}} {
		// The client ends without a word when it is not let in.
		out := run(t, nil, append([]string{"node", "send.js", "fluent", host, strconv.Itoa(port), "PackedForward", pair.CertFile}, secret...)...)
		if strings.Contains(string(out), "acknowledged") {
			t.Errorf("let in with %v", secret)
		}
	}
	a.line(t, regexp.MustCompile(`handshake refused: shared key mismatch`))
	if n := len(s.messages(t, group, "")); n != 50 {
		t.Errorf("%d events", n)
	}
	if out := a.out.String(); strings.Contains(out, "swordfish") || strings.Contains(out, "trout") {
		t.Errorf("a secret is logged:\n%s", out)
	}
}

func TestFluentLoggerGoOverTLS(t *testing.T) {
	t.Parallel()
	pair := receivertest.NewPair(t)
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_RECEIVERS_FORWARD_TLS_CERT="+pair.CertFile, "SIDELIGHT_RECEIVERS_FORWARD_TLS_KEY="+pair.KeyFile)
	host, port := split(t, a.address(t, "forward"))
	c, err := fluent.New(fluent.Config{
		FluentNetwork: "tls", FluentHost: host, FluentPort: port, TlsInsecureSkipVerify: true, RequestAck: true, MaxRetry: 1, RetryWait: 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 50 {
		if err := c.Post("app.web", map[string]any{"seq": i, "text": "grüße ☃", "nested": map[string]any{"ok": true}}); err != nil {
			t.Fatal(err)
		}
	}
	checkFifty(t, s)
}

func TestStatsDNode(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1s")
	host, port := split(t, a.address(t, "statsd"))
	run(t, nil, "node", "send.js", "statsd", host, strconv.Itoa(port))
	dims := []string{"service", "shop", "route", "/pay"}
	eventually(t, "the count", func() bool { return s.total(t, "Sum", "orders", dims...) == 60 })
	for _, c := range []struct {
		stat, metric string
		want         float64
	}{
		{"SampleCount", "latency", 20},
		{"Sum", "latency", 210},
		{"Maximum", "stock", 7},
	} {
		eventually(t, c.stat+" of "+c.metric, func() bool { return s.total(t, c.stat, c.metric, dims...) == c.want })
	}
}
