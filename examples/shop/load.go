package shop

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxInFlight bounds the requests that wait for an answer at one time. Those
// that would exceed it are not sent and counted as skipped.
const maxInFlight = 256

// Load drives traffic through a shop: steady, whatever the answers are.
type Load struct {
	// Target is the base URL of the storefront.
	Target string
	// Rate is requests a second, above 0 up to 1000.
	Rate float64
	// Duration is how long; zero means until the context ends.
	Duration time.Duration
	// Faults is the share of requests, 0 to 1, that are wrong by intent: an
	// unknown product, a broken body, a card that is declined.
	Faults float64
	// Client makes the requests. Nil: one of Load's own.
	Client *http.Client
	// StatsD is the address of a server that is told of each answer, as a
	// synthetic check would. Empty: none.
	StatsD string
}

// Report is what a Load saw.
type Report struct {
	Sent, Skipped int
	// Status counts answers; 0 stands for none.
	Status map[int]int
	// Median, P90 and Worst are durations until the whole answer was there.
	Median, P90, Worst time.Duration
}

// String is the report for people.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests, %d skipped; median %v, p90 %v, worst %v\n", r.Sent, r.Skipped,
		r.Median.Round(time.Millisecond), r.P90.Round(time.Millisecond), r.Worst.Round(time.Millisecond))
	codes := make([]int, 0, len(r.Status))
	for code := range r.Status {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		name := http.StatusText(code)
		if code == 0 {
			name = "no answer"
		}
		fmt.Fprintf(&b, "  %3d %-22s %6d\n", code, name, r.Status[code])
	}
	return b.String()
}

// driver is a running Load.
type driver struct {
	Load
	mu     sync.Mutex
	report Report
	took   []time.Duration
	known  []string // orders that were placed
}

func (l *Load) validate() error {
	switch {
	case !(l.Rate > 0 && l.Rate <= 1000):
		return fmt.Errorf("rate is %v, want more than 0 and at most 1000 requests a second", l.Rate)
	case !(l.Faults >= 0 && l.Faults <= 1):
		return fmt.Errorf("faults is %v, want 0 to 1", l.Faults)
	case !strings.HasPrefix(l.Target, "http://") && !strings.HasPrefix(l.Target, "https://"):
		return fmt.Errorf("target is %q, want http://host:port", l.Target)
	}
	return nil
}

// Run sends requests until the duration is over or ctx ends, waits for the
// answers that are still to come, and reports.
func (l Load) Run(ctx context.Context) (Report, error) {
	if err := l.validate(); err != nil {
		return Report{}, err
	}
	if l.Client == nil {
		l.Client = &http.Client{Timeout: callTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: maxInFlight}}
		defer l.Client.CloseIdleConnections()
	}
	if l.StatsD != "" {
		conn, err := net.Dial("udp", l.StatsD)
		if err != nil {
			return Report{}, fmt.Errorf("reach StatsD: %w", err)
		}
		defer conn.Close()
		counted := *l.Client
		counted.Transport = &counting{conn: conn, next: cmp.Or[http.RoundTripper](counted.Transport, http.DefaultTransport)}
		l.Client = &counted
	}
	d := &driver{Load: l, report: Report{Status: make(map[int]int)}}
	d.drive(ctx)
	return d.finish(), nil
}

func (d *driver) drive(ctx context.Context) {
	sendCtx := context.WithoutCancel(ctx) // requests under way may finish
	if d.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Duration)
		defer cancel()
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / d.Rate))
	defer tick.Stop()
	free := make(chan struct{}, maxInFlight)
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case free <- struct{}{}:
			wg.Go(func() {
				defer func() { <-free }()
				d.send(sendCtx)
			})
		default:
			d.mu.Lock()
			d.report.Skipped++
			d.mu.Unlock()
		}
	}
}

// send makes one request of the mix and notes the answer.
func (d *driver) send(ctx context.Context) {
	method, path, body := d.next()
	start := time.Now()
	status, answer := d.do(ctx, method, path, body)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.report.Sent++
	d.report.Status[status]++
	d.took = append(d.took, time.Since(start))
	var order Order
	if status == http.StatusCreated && json.Unmarshal(answer, &order) == nil {
		d.known = append(d.known[max(0, len(d.known)-99):], order.ID)
	}
}

func (d *driver) do(ctx context.Context, method, path string, body []byte) (int, []byte) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(d.Target, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	req.Header.Set("User-Agent", "shop-load/1")
	res, err := d.Client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, answer
}

// next throws the dice for a request: half look at products, a tenth at the
// catalogue, a tenth at an order, the rest buy.
func (d *driver) next() (method, path string, body []byte) {
	if rand.Float64() < d.Faults {
		return faulty()
	}
	products := Catalogue()
	switch dice := rand.Float64(); {
	case dice < 0.5:
		return http.MethodGet, "/products/" + products[rand.IntN(len(products))].SKU, nil
	case dice < 0.6:
		return http.MethodGet, "/", nil
	case dice < 0.7:
		if id := d.order(); id != "" {
			return http.MethodGet, "/orders/" + id, nil
		}
	}
	return http.MethodPost, "/checkout", basket(products, "card-ok")
}

// order is one that was placed lately, or "".
func (d *driver) order() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) == 0 {
		return ""
	}
	return d.known[rand.IntN(len(d.known))]
}

func faulty() (method, path string, body []byte) {
	switch rand.IntN(4) {
	case 0:
		return http.MethodGet, "/products/unobtainium", nil
	case 1:
		return http.MethodPost, "/checkout", []byte(`{"customer":`)
	case 2:
		return http.MethodGet, "/orders/o-unknown", nil
	}
	return http.MethodPost, "/checkout", basket(Catalogue(), "card-declined")
}

func basket(products []Product, card string) []byte {
	req := OrderRequest{Customer: fmt.Sprintf("c-%03d", rand.IntN(50)), Card: card}
	for range 1 + rand.IntN(3) {
		req.Items = append(req.Items, Item{products[rand.IntN(len(products))].SKU, 1 + rand.IntN(4)})
	}
	b, err := json.Marshal(req)
	if err != nil {
		panic("BUG: " + err.Error()) // plain data
	}
	return b
}

func (d *driver) finish() Report {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.took); n > 0 {
		slices.Sort(d.took)
		d.report.Median, d.report.P90, d.report.Worst = d.took[n/2], d.took[n*9/10], d.took[n-1]
	}
	return d.report
}
