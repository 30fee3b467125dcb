// Package kubelet measures a node of Kubernetes, its pods, their containers and
// persistent volumes, by the node's kubelet: /stats/summary says what is used,
// once a scrape and at most every 10 s; /pods what was requested, what the limits
// are and how often containers were restarted, once a minute. The API server is
// not asked.
//
// The service account needs get on nodes/stats for the former and nodes/pods
// for the latter, before Kubernetes 1.33 on nodes/proxy, which allows far more.
// Without the latter there are no limits, requests, restarts and numbers of
// running pods, and pods go by their own names in place of their workload's.
//
// # Formulas
//
// CPU is usageNanoCores or, where a kubelet leaves it out, the growth of
// usageCoreNanoSeconds between its own time stamps. The node's memory is what is
// available and the working set together. A pod has a limit if all of its
// containers have one; sidecars (init containers that go on) count. Rates of the
// network are between the kubelet's time stamps. What an answer does not say is
// not measured: absent is not zero.
//
// # What the summary lacks
//
// With Config.CAdvisor, /metrics/cadvisor says how far containers were throttled,
// what their memory consists of, what they read and wrote, how many processes and
// files they have and how long they waited, and which packets pods and the node
// lost. It takes get on nodes/metrics. Nothing that the summary says is taken from
// there, so nothing is counted twice. The text, of some MB on a node with hundreds
// of containers, is read as it comes and not kept. Reads and writes are added up
// over devices, packets over interfaces other than those of a pod's end on the
// node. Of a text that is not whole nothing is recorded.
package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/internal/procfile"
)

// The files of a service account.
const (
	TokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	CAFile    = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
)

const (
	minInterval = 10 * time.Second
	podInterval = time.Minute
	// early is how much too early a scrape may come.
	early   = 100 * time.Millisecond
	timeout = 5 * time.Second
	// cadvisorPath is where the kubelet tells what its cAdvisor knows.
	cadvisorPath = "/metrics/cadvisor"
	// maxAnswer bounds an answer, in bytes: a pod has some 10 kB of
	// specification, and a node at most some hundreds of them.
	maxAnswer = 32 << 20
)

// Config shapes a Scraper.
type Config struct {
	// Endpoint is the kubelet's, such as https://10.0.0.5:10250. Required.
	Endpoint string
	// Token is the file with the bearer token, read for each request, since it
	// is replaced while the agent runs. Default TokenFile.
	Token string
	// CA is the file with the certificates that sign the kubelet's, read once.
	// Default CAFile.
	CA string
	// Insecure does not check the kubelet's certificate.
	Insecure bool
	// Names is the family. Default scraper.Sidelight, also for the CloudWatch
	// agent's, which has none of a pod.
	Names scraper.Family
	// Cluster and Node are dimensions. Node defaults to what the kubelet says.
	Cluster, Node string
	// Cores are the node's CPUs. Default: those of /proc/stat, which are the
	// node's in a container too.
	Cores float64
	// CAdvisor measures what /stats/summary lacks too.
	CAdvisor bool
}

// Scraper implements scraper.Scraper.
type Scraper struct {
	cfg    Config
	base   string
	http   *http.Client
	cores  float64
	tables Tables
	w      scraper.Writer
	clock  scraper.Clock
	asked  time.Time
	listed time.Time
	plan   *plan // nil before /pods was answered

	cadvisor *cadvisor // nil if it is not wanted

	node                      *scraper.Thing
	pods, containers, volumes *scraper.Things
}

// New returns a scraper of the node. It asks nothing yet.
func New(cfg Config) (*Scraper, error) {
	u, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("parse the kubelet's endpoint: %w", err)
	}
	if u.Host == "" || u.Scheme != "https" {
		return nil, fmt.Errorf("kubelet's endpoint %q is not a URL of https", cfg.Endpoint)
	}
	if cfg.Token == "" {
		cfg.Token = TokenFile
	}
	if cfg.CA == "" {
		cfg.CA = CAFile
	}
	client, err := client(cfg)
	if err != nil {
		return nil, err
	}
	s := &Scraper{
		cfg: cfg, base: strings.TrimSuffix(cfg.Endpoint, "/"), http: client, cores: cfg.Cores, tables: FamilyTables(cfg.Names),
		node: scraper.NewThing(numNumbers, make([]string, numIDs)...),
		pods: scraper.NewThings("pods", numNumbers), containers: scraper.NewThings("containers", numNumbers), volumes: scraper.NewThings("volumes", numNumbers),
	}
	if s.cores == 0 {
		s.cores = float64(countCPUs())
	}
	if cfg.CAdvisor {
		s.cadvisor = newCAdvisor(cfg.Names)
	}
	return s, nil
}

func client(cfg Config) (*http.Client, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.Insecure} //nolint:gosec // asked for by name
	if !cfg.Insecure {
		b, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, fmt.Errorf("read the certificates that sign the kubelet's: %w", err)
		}
		if t.RootCAs = x509.NewCertPool(); !t.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("no certificates in %s", cfg.CA)
		}
	}
	// No proxy and no compression: the kubelet is on the same machine. A redirect
	// would carry the token elsewhere.
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: t, DisableCompression: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: 2 * podInterval},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func countCPUs() int {
	r, n := procfile.NewReader("/proc"), 0
	b, err := r.ReadOnce("stat")
	for err == nil && len(b) > 0 {
		var line []byte
		if line, b = procfile.Line(b); len(line) > 3 && string(line[:3]) == "cpu" && line[3] != ' ' {
			n++
		}
	}
	return n
}

// Name returns "kubelet".
func (s *Scraper) Name() string { return "kubelet" }

// Excess implements scraper.Bounded.
func (s *Scraper) Excess() []scraper.Excess {
	out := []scraper.Excess{s.pods.Excess(), s.containers.Excess(), s.volumes.Excess()}
	if c := s.cadvisor; c != nil {
		out = append(out, c.pods.Excess(), c.containers.Excess())
	}
	return out
}

// Scrape asks the kubelet and records levels, and what counters did since the
// scrape before. It does nothing if the last one was less than 10 s ago, and
// takes at most some 10 s. With an error of /pods, what is used was recorded all
// the same.
func (s *Scraper) Scrape(ctx context.Context, to sidelight.Recorder) error {
	if !s.asked.IsZero() && time.Since(s.asked) < minInterval-early {
		return nil
	}
	s.asked = time.Now()
	ctx, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	listErr := s.list(ctx)
	b, err := s.get(ctx, "/stats/summary")
	if err != nil {
		return errors.Join(err, listErr)
	}
	a, err := decodeSummary(b)
	if err != nil {
		return errors.Join(err, listErr)
	}
	s.measure(a, to, s.clock.Tick())
	return errors.Join(listErr, s.detail(ctx, to))
}

// list asks for the pods, once in a while. What was known stays known.
func (s *Scraper) list(ctx context.Context) error {
	if !s.listed.IsZero() && time.Since(s.listed) < podInterval-early {
		return nil
	}
	s.listed = time.Now()
	b, err := s.get(ctx, "/pods")
	if err != nil {
		return err
	}
	p, err := decodePods(b)
	if err != nil {
		return err
	}
	s.plan = newPlan(p)
	return nil
}

func (s *Scraper) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := s.ask(ctx, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the kubelet's answer of %s: %w", path, err)
	}
	if len(b) > maxAnswer {
		return nil, fmt.Errorf("read the kubelet's answer of %s: it is over 32 MiB", path)
	}
	return b, nil
}

// ask returns the body of an answer, to be closed.
func (s *Scraper) ask(ctx context.Context, path string) (io.ReadCloser, error) {
	token, err := os.ReadFile(s.cfg.Token)
	if err != nil {
		return nil, fmt.Errorf("read the service account's token: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the kubelet for %s: %w", path, err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the kubelet: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("ask the kubelet for %s: HTTP status %s%s", path, resp.Status, hint(resp.StatusCode, path)), resp.Body.Close())
	}
	return resp.Body, nil
}

// hint says which right is missing.
func hint(status int, path string) string {
	switch {
	case status != http.StatusForbidden:
		return ""
	case path == "/pods":
		return ": the service account needs get on nodes/proxy (or nodes/pods)"
	case path == cadvisorPath:
		return ": the service account needs get on nodes/metrics"
	}
	return ": the service account needs get on nodes/stats"
}
