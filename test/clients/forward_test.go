//go:build clients

package clients_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"

	"github.com/fluent/fluent-logger-golang/fluent"
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
