package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

const (
	// statsdSeries is how many series the samples are of.
	statsdSeries = 500
	// statsdFor is how long they are sent.
	statsdFor = 5 * time.Second
)

// statsdCase is one row: samples a second, in datagrams of up to size bytes.
type statsdCase struct {
	name       string
	rate, size int
}

func statsdCases() []statsdCase {
	return []statsdCase{
		{"1400 bytes a datagram, 500000/s", 500_000, 1400},
		{"1400 bytes a datagram, 1000000/s", 1_000_000, 1400},
		{"a sample a datagram, 100000/s", 100_000, 1},
		{"a sample a datagram, 250000/s", 250_000, 1},
	}
}

// statsdResult is what one run cost, and what became of the samples.
type statsdResult struct {
	sent, taken, lost, stored int64
	took, cpu                 time.Duration
	peak                      int64
}

func runStatsD(ctx context.Context, o options) error {
	w := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "case\tsamples\tsent/s\ttaken\tdatagrams lost at most\tin CloudWatch\tCPU s\tns/sample\tpeak RSS MB\t")
	for _, c := range statsdCases() {
		if !strings.Contains(c.name, o.only) {
			continue
		}
		results := make([]statsdResult, 0, o.runs)
		for range o.runs {
			r, err := c.measure(ctx, o)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			results = append(results, r)
		}
		slices.SortFunc(results, func(a, b statsdResult) int { return int(a.cpu - b.cpu) })
		r := results[len(results)/2]
		r.lost = slices.MaxFunc(results, func(a, b statsdResult) int { return int(a.lost - b.lost) }).lost
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%d\t%d\t%d\t%.2f\t%.0f\t%.1f\t\n", c.name, r.sent, float64(r.sent)/r.took.Seconds(), r.taken, r.lost, r.stored,
			r.cpu.Seconds(), float64(r.cpu.Nanoseconds())/float64(r.taken), float64(r.peak)/1e6)
	}
	return w.Flush()
}

// measure sends the samples to an agent, stops it, and asks a sandbox for the sum
// of what arrived.
func (c statsdCase) measure(ctx context.Context, o options) (res statsdResult, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := sandbox.New(sandbox.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		return res, err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.WithoutCancel(ctx)) }()
	defer func() { err = errors.Join(err, s.Close(), <-served) }()
	addr, err := freePort()
	if err != nil {
		return res, err
	}
	status, err := freePort()
	if err != nil {
		return res, err
	}
	a, err := startAgent(ctx, o, dir, c.config(dir, s.URL(), addr, status))
	if err != nil {
		return res, err
	}
	if err = c.load(ctx, a, addr, status, &res); err != nil {
		return res, errors.Join(err, a.stop())
	}
	if err := a.stop(); err != nil {
		return res, err
	}
	res.stored, err = stored(ctx, s.URL())
	if err == nil && res.stored != res.taken {
		err = fmt.Errorf("%d of %d samples that were taken are in CloudWatch", res.stored, res.taken)
	}
	return res, err
}

func (c statsdCase) config(dir, endpoint, addr, status string) string {
	return fmt.Sprintf(`service: {name: bench}
aws: {region: us-east-1, endpoint: %q}
receivers:
  statsd: {udp: %q}
  otlp: {grpc: "off", http: "off"}
  xray: {udp: "off", tcp: "off"}
  forward: {tcp: "off"}
  emf: {tcp: "off", udp: "off"}
scrape: {host: "off", cgroup: "off"}
metrics: {dimensions: []}
queue: {dir: %q}
status: {listen: %q}
`, endpoint, addr, filepath.Join(dir, "queue"), status)
}

// load sends the samples and waits until they are taken or lost.
func (c statsdCase) load(ctx context.Context, a *agent, addr, status string, res *statsdResult) error {
	if err := ready(ctx, status); err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	datagrams, samples := c.datagrams()
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	before, err := a.cpu()
	if err != nil {
		return err
	}
	start, sent := time.Now(), int64(0)
	goal := int64(c.rate) * int64(statsdFor/time.Second)
	for i := 0; res.sent < goal; i++ {
		d := i % len(datagrams)
		if due := start.Add(time.Duration(res.sent) * time.Second / time.Duration(c.rate)); i%16 == 0 {
			if err := sleep(ctx, time.Until(due)); err != nil {
				return err
			}
		}
		if _, err := conn.Write(datagrams[d]); err != nil {
			return err
		}
		res.sent += int64(samples[d])
		sent++
	}
	res.took = time.Since(start)
	for got := int64(0); got < sent; {
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		n, err := counters(ctx, status)
		if err != nil {
			return err
		}
		res.taken, res.lost = n["samples"], n["lost"]
		if now := n["datagrams"] + n["lost"]; now > got {
			got = now
		} else if time.Since(start) > res.took+10*time.Second {
			return fmt.Errorf("%d of %d datagrams are neither taken nor lost", sent-got, sent)
		}
	}
	after, err := a.cpu()
	if err != nil {
		return err
	}
	res.cpu = after - before
	res.peak, err = a.memory("VmHWM")
	return err
}

// datagrams returns datagrams with counts of one, and how many each has.
func (c statsdCase) datagrams() (all [][]byte, samples []int) {
	var b []byte
	n := 0
	for i := range 10 * statsdSeries {
		l := fmt.Sprintf("shop.requests:1|c|#route:/orders/%03d,status:200,env:production\n", i%statsdSeries)
		if n > 0 && len(b)+len(l) > c.size {
			all, samples, b, n = append(all, b), append(samples, n), nil, 0
		}
		b = append(b, l...)
		n++
	}
	return append(all, b), append(samples, n)
}

var statsdCounter = regexp.MustCompile(`(?m)^sidelight_statsd_(datagrams|samples|lost)_total (\S+)$`)

// counters reads the agent's account of StatsD.
func counters(ctx context.Context, status string) (map[string]int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+status+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, m := range statsdCounter.FindAllSubmatch(text, -1) {
		f, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			return nil, err
		}
		out[string(m[1])] = int64(f)
	}
	return out, nil
}

// stored returns the sum of what the sandbox has of all series.
func stored(ctx context.Context, url string) (int64, error) {
	client := cloudwatch.NewFromConfig(sandboxtest.ConfigFor(url))
	now := time.Now()
	var sum float64
	for i := range statsdSeries {
		res, err := client.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String("Sidelight"), MetricName: aws.String("shop.requests"), Period: aws.Int32(60),
			StartTime: aws.Time(now.Add(-10 * time.Minute)), EndTime: aws.Time(now.Add(2 * time.Minute)),
			Statistics: []types.Statistic{types.StatisticSum},
			Dimensions: []types.Dimension{
				{Name: aws.String("env"), Value: aws.String("production")},
				{Name: aws.String("route"), Value: aws.String(fmt.Sprintf("/orders/%03d", i))},
				{Name: aws.String("status"), Value: aws.String("200")},
			},
		})
		if err != nil {
			return 0, err
		}
		for _, p := range res.Datapoints {
			sum += aws.ToFloat64(p.Sum)
		}
	}
	return int64(sum), nil
}
