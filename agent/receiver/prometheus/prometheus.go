package prometheus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/internal/expr"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// Config says what is scraped and what of it is recorded. Zero fields take the
// defaults.
type Config struct {
	// Job, if given, is a label of every series.
	Job string
	// Targets are host:port or URLs.
	Targets []string
	// Discover finds further targets before each scrape. Nil: none.
	Discover Discover
	// Interval is how often targets are scraped, Timeout how long one may take.
	// Defaults 60 s and 10 s, or the interval if that is shorter.
	Interval, Timeout time.Duration
	// Path is that of targets that name none. Default /metrics.
	Path string
	// Namespace is CloudWatch's. Empty: the agent's.
	Namespace string
	// Dimensions are the labels that are kept. None: all, and the instance if
	// there can be several.
	Dimensions []string
	// Keep and Drop are expressions over name, labels.NAME, job and instance.
	// Empty: everything is kept.
	Keep, Drop string
	// TokenFile holds a bearer token. It is read for each scrape.
	TokenFile string
	// User and Password are basic authentication's, if User is not empty.
	User, Password string
	// CA is a file of roots for HTTPS. Empty: the system's. Insecure accepts any
	// certificate.
	CA       string
	Insecure bool
	// HonorTimestamps records samples at the time they carry.
	HonorTimestamps bool
	// MaxSeries is how many series of a target are read. Default 10,000.
	MaxSeries int
	// MaxBody is how many bytes of an answer are read. Default 16 MiB.
	MaxBody int64
}

func (c Config) withDefaults() Config {
	if c.Interval <= 0 {
		c.Interval = time.Minute
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	c.Timeout = min(c.Timeout, c.Interval)
	if c.Path == "" {
		c.Path = "/metrics"
	}
	if c.MaxSeries <= 0 {
		c.MaxSeries = 10_000
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 16 << 20
	}
	return c
}

// Found is a target that was discovered.
type Found struct {
	// URL is where it is.
	URL string
	// Labels are put on its series.
	Labels map[string]string
}

// Discover finds targets.
type Discover interface {
	Discover(ctx context.Context) ([]Found, error)
}

// Stats counts what was read.
type Stats struct {
	// Targets is how many there are, Up how many answered the last scrape.
	Targets, Up int
	// Samples, Invalid lines, Exemplars (which are ignored), values that are not
	// finite numbers, and series Refused for want of room.
	Samples, Invalid, Exemplars, NotFinite, Refused uint64
}

// Receiver scrapes the targets of one job. It pushes nothing: samples go to a
// Recorder.
type Receiver struct {
	cfg        Config
	rec        sidelight.Recorder
	log        *slog.Logger
	warn       *receiver.Warner
	client     *http.Client
	keep, drop *expr.Expr

	targets map[string]*target // by URL

	mu    sync.Mutex
	stats Stats
}

// perRound is how many targets are scraped at once.
const perRound = 4

// New returns a Receiver; it makes no call.
func New(cfg Config, rec sidelight.Recorder, log *slog.Logger) (*Receiver, error) {
	cfg = cfg.withDefaults()
	r := &Receiver{cfg: cfg, rec: rec, log: log, warn: receiver.NewWarner(log), targets: map[string]*target{}}
	if len(cfg.Targets) == 0 && cfg.Discover == nil {
		return nil, errors.New("prometheus receiver: neither targets nor a way to discover them")
	}
	var err error
	if r.keep, err = compile(cfg.Keep); err != nil {
		return nil, fmt.Errorf("prometheus receiver: keep: %w", err)
	}
	if r.drop, err = compile(cfg.Drop); err != nil {
		return nil, fmt.Errorf("prometheus receiver: drop: %w", err)
	}
	for _, t := range cfg.Targets {
		if _, err := address(t, cfg.Path); err != nil {
			return nil, fmt.Errorf("prometheus receiver: target %q: %w", t, err)
		}
	}
	security := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.Insecure}
	if cfg.CA != "" {
		if security.RootCAs, err = roots(cfg.CA); err != nil {
			return nil, fmt.Errorf("prometheus receiver: %w", err)
		}
	}
	r.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: security, MaxIdleConnsPerHost: 1, IdleConnTimeout: cfg.Interval + time.Minute, Proxy: http.ProxyFromEnvironment,
	}}
	return r, nil
}

func compile(text string) (*expr.Expr, error) {
	if text == "" {
		return nil, nil
	}
	return expr.Parse(text)
}

func roots(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read the CA: %s holds no certificate", file)
	}
	return pool, nil
}

// address makes a URL of host:port or a URL without a path.
func address(text, path string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("expected host:port or a URL of http or https")
	}
	if u.Path == "" {
		u.Path = path
	}
	return u.String(), nil
}

// authorize adds what tells the target who asks.
func (r *Receiver) authorize(req *http.Request) error {
	if r.cfg.TokenFile != "" {
		token, err := os.ReadFile(r.cfg.TokenFile)
		if err != nil {
			return fmt.Errorf("read the bearer token: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	if r.cfg.User != "" {
		req.SetBasicAuth(r.cfg.User, r.cfg.Password)
	}
	return nil
}

// Stats returns a copy of the counters.
func (r *Receiver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Run scrapes at once, so that counters have something to differ from, then at
// each interval, and once more when ctx ends, so that the last part of an
// interval is not lost. It returns nil.
func (r *Receiver) Run(ctx context.Context) error {
	defer r.client.CloseIdleConnections()
	r.round(ctx, false)
	t := time.NewTicker(r.cfg.Interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			r.round(last, true)
			return nil
		case <-t.C:
			r.round(ctx, false)
		}
	}
}

// round scrapes every target once. In the last round nobody is looked for, and
// who does not answer any more is not reported.
func (r *Receiver) round(ctx context.Context, last bool) {
	if !last {
		r.find(ctx)
	}
	turns := make(chan struct{}, perRound)
	var wg sync.WaitGroup
	up := 0
	for _, t := range r.targets {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			began := time.Now()
			res, err := t.scrape(ctx)
			if err != nil && (last || ctx.Err() != nil) {
				return // it is not the target that stops
			}
			t.about(res, time.Since(began), err)
			r.count(t, res, err, &up)
		})
	}
	wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Targets, r.stats.Up = len(r.targets), up
}

func (r *Receiver) count(t *target, res result, err error, up *int) {
	if err != nil {
		r.warn.Warn("cannot scrape a target", slog.String("target", t.url), slog.Any("err", err))
	}
	if t.refused > 0 {
		r.warn.Warn("a target has more series than are read", slog.String("target", t.url), slog.Int("over", t.refused), slog.Int("max_series", r.cfg.MaxSeries))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		*up++
	}
	r.stats.Samples += uint64(res.samples)
	r.stats.Invalid += uint64(res.invalid)
	r.stats.Exemplars += uint64(res.exemplars)
	r.stats.NotFinite += uint64(res.notFinite)
	r.stats.Refused += uint64(t.refused)
}

// complain logs a line that is not in the format, the first of a scrape.
func (r *Receiver) complain(target string, line []byte, soFar int) {
	if soFar == 1 {
		shown := strings.ToValidUTF8(string(line[:min(len(line), 120)]), "?")
		r.warn.Warn("a line of a target is not in Prometheus' text format", slog.String("target", target), slog.String("line", shown))
	}
}

// find brings the targets up to date. While discovery fails those of before stay.
func (r *Receiver) find(ctx context.Context) {
	var found []Found
	failed := false
	for _, t := range r.cfg.Targets {
		if u, err := address(t, r.cfg.Path); err == nil { // New has checked them
			found = append(found, Found{URL: u})
		}
	}
	if r.cfg.Discover != nil {
		ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
		defer cancel()
		more, err := r.cfg.Discover.Discover(ctx)
		if err != nil {
			r.warn.Warn("cannot look for targets", slog.Any("err", err))
		}
		found = append(found, more...)
		failed = err != nil
	}
	now := make(map[string]*target, len(found))
	if failed {
		maps.Copy(now, r.targets)
	}
	for _, f := range found {
		if now[f.URL] != nil {
			continue
		}
		t := r.targets[f.URL]
		if t == nil {
			t = r.newTarget(f)
		}
		now[f.URL] = t
	}
	r.targets = now
}

// newTarget gives a target its labels. The instance is one of them where it tells
// targets apart, or is asked for.
func (r *Receiver) newTarget(f Found) *target {
	t := &target{Receiver: r, url: f.URL, series: map[string]*series{}, distributions: map[string]*distribution{}}
	add := func(name, value string) {
		if value != "" {
			t.labels = append(t.labels, sidelight.Dimension{Name: name, Value: value})
		}
	}
	add("job", r.cfg.Job)
	for name, value := range f.Labels {
		add(name, value)
	}
	if u, err := url.Parse(f.URL); err == nil && (len(r.cfg.Targets) > 1 || r.cfg.Discover != nil || r.cfg.Job == "" || len(r.cfg.Dimensions) > 0) {
		add("instance", u.Host)
	}
	order.By(t.labels, func(a, b sidelight.Dimension) int { return strings.Compare(a.Name, b.Name) })
	return t
}
