package shop

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// counting tells a StatsD server of each answer: shop.requests, shop.errors (no
// answer, or a status of 500 and above) and shop.latency in milliseconds.
type counting struct {
	conn net.Conn
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := c.next.RoundTrip(r)
	failed := 0
	if err != nil || resp.StatusCode >= 500 {
		failed = 1
	}
	// What StatsD loses it loses silently: that is its contract.
	_, _ = fmt.Fprintf(c.conn, "shop.requests:1|c\nshop.errors:%d|c\nshop.latency:%d|ms", failed, time.Since(began).Milliseconds())
	return resp, err
}
