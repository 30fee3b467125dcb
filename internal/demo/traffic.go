package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight/examples/shop"
)

// rate is the requests a second that the demo sends.
const rate = 25

// traffic drives the shop and counts by StatsD what it sees.
type traffic struct {
	cancel context.CancelFunc
	done   chan struct{}
	report shop.Report
	err    error
}

func (d *Demo) startTraffic(ctx context.Context) error {
	conn, err := net.Dial("udp", d.ports.statsd)
	if err != nil {
		return err
	}
	tctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t := &traffic{cancel: cancel, done: make(chan struct{})}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &counting{conn: conn, next: &http.Transport{MaxIdleConnsPerHost: 64}}}
	load := shop.Load{Target: d.Storefront(), Rate: rate, Faults: 0.06, Client: client}
	go func() {
		defer close(t.done)
		defer conn.Close()
		t.report, t.err = load.Run(tctx)
	}()
	d.traffic = t
	return nil
}

func (t *traffic) stop() {
	t.cancel()
	<-t.done
}

// counting sends a StatsD datagram for each answer.
type counting struct {
	conn net.Conn
	next http.RoundTripper
	mu   sync.Mutex
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := c.next.RoundTrip(r)
	errors := 0
	if err != nil || resp.StatusCode >= 500 {
		errors = 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// What StatsD loses it loses silently: that is its contract.
	_, _ = fmt.Fprintf(c.conn, "shop.requests:1|c\nshop.errors:%d|c\nshop.latency:%d|ms", errors, time.Since(began).Milliseconds())
	return resp, err
}

// chaos sets the share of orders that fail or are slow.
func (d *Demo) chaos(ctx context.Context, errors, slow string) error {
	form := url.Values{"errors": {errors}, "slow": {slow}, "delay": {"600ms"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.ports.orders+"/chaos?"+form.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("orders answers %s to chaos", resp.Status)
	}
	return nil
}
