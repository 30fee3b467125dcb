package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// scrapeInterval is how often host and task are measured.
const scrapeInterval = 10 * time.Second

// reading is what the agent has used and holds at a time.
type reading struct {
	at        time.Time
	cpu       time.Duration
	rss, anon int64
}

// runScrapes lets the agent measure host and task for o.length, and prints its
// CPU and memory each o.every and in sum.
func runScrapes(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t, err := newTask()
	if err != nil {
		return err
	}
	defer t.server.Close()
	s, err := sandbox.New(sandbox.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.WithoutCancel(ctx)) }()
	defer func() { err = errors.Join(err, s.Close(), <-served) }()
	status, err := freePort()
	if err != nil {
		return err
	}
	o.env += " ECS_CONTAINER_METADATA_URI_V4=" + t.server.URL + "/v4/0"
	a, err := startAgent(ctx, o, dir, scrapesConfig(dir, s.URL(), status))
	if err != nil {
		return err
	}
	if err = ready(ctx, status); err == nil {
		err = watch(ctx, o, a)
	}
	asked := t.asked.Load()
	if err = errors.Join(err, a.stop()); err != nil {
		return err
	}
	series, err := measured(ctx, s.URL())
	if err != nil {
		return err
	}
	fmt.Printf("%d scrapes of the task, %d series in CloudWatch\n", asked, series)
	// A scrape that is due less than ten seconds after a late one is left out.
	if least := int64(o.length/scrapeInterval) * 9 / 10; asked < least || series < 5*taskContainers {
		return fmt.Errorf("expected %d scrapes and %d series at least", least, 5*taskContainers)
	}
	return nil
}

// scrapesConfig has defaults but for addresses, which are free ones, and the pace.
func scrapesConfig(dir, endpoint, status string) string {
	return fmt.Sprintf(`service: {name: bench}
aws: {region: us-east-1, endpoint: %q}
receivers:
  statsd: {udp: "127.0.0.1:0"}
  otlp: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}
  xray: {udp: "127.0.0.1:0", tcp: "127.0.0.1:0"}
  forward: {tcp: "127.0.0.1:0"}
  emf: {tcp: "127.0.0.1:0", udp: "127.0.0.1:0"}
scrape: {interval: %s}
queue: {dir: %q}
status: {listen: %q}
`, endpoint, scrapeInterval, filepath.Join(dir, "queue"), status)
}

// watch reads the agent's use until the time is over.
func watch(ctx context.Context, o options, a *agent) error {
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	first, err := a.read()
	if err != nil {
		return err
	}
	all := []reading{first}
	fmt.Println("minutes  % of a core  RSS MB  anonymous MB")
	for last := first; last.at.Sub(first.at) < o.length; {
		if err := sleep(ctx, min(o.every, time.Until(first.at.Add(o.length)))); err != nil {
			return err
		}
		now, err := a.read()
		if err != nil {
			return err
		}
		fmt.Printf("%7.1f  %11.3f  %6.2f  %12.2f\n", now.at.Sub(first.at).Minutes(), share(last, now), float64(now.rss)/1e6, float64(now.anon)/1e6)
		all, last = append(all, now), now
	}
	end := all[len(all)-1]
	fmt.Printf("%s: %.3f s of CPU, %.3f %% of a core; RSS %.2f MB in the first half, %.2f MB in the second (medians), %.2f MB at most\n",
		end.at.Sub(first.at).Round(time.Second), (end.cpu - first.cpu).Seconds(), share(first, end),
		medianRSS(all[:(len(all)+1)/2]), medianRSS(all[len(all)/2:]), float64(slices.MaxFunc(all, func(a, b reading) int { return int(a.rss - b.rss) }).rss)/1e6)
	return nil
}

// share is the CPU between two readings in percent of a core.
func share(from, to reading) float64 {
	return 100 * (to.cpu - from.cpu).Seconds() / to.at.Sub(from.at).Seconds()
}

// medianRSS is in megabytes.
func medianRSS(all []reading) float64 {
	var rss []int64
	for _, r := range all {
		rss = append(rss, r.rss)
	}
	slices.Sort(rss)
	return float64(rss[len(rss)/2]) / 1e6
}

func (a *agent) read() (r reading, err error) {
	r.at = time.Now()
	if r.cpu, err = a.cpu(); err != nil {
		return r, err
	}
	if r.rss, err = a.memory("VmRSS"); err != nil {
		return r, err
	}
	r.anon, err = a.memory("RssAnon")
	return r, err
}

// measured returns how many series the sandbox has of the host, the task and its
// containers.
func measured(ctx context.Context, url string) (int, error) {
	pages := cloudwatch.NewListMetricsPaginator(cloudwatch.NewFromConfig(sandboxtest.ConfigFor(url)), &cloudwatch.ListMetricsInput{})
	n := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, m := range page.Metrics {
			if strings.HasPrefix(aws.ToString(m.Namespace), "Sidelight/") {
				n++
			}
		}
	}
	return n, nil
}
