package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Prometheus is a job: targets that are scraped in the same way.
type Prometheus struct {
	Job             string        `key:"job" doc:"a label of every series"`
	Targets         []Target      `key:"targets" doc:"host:port or URLs"`
	Discover        Discovery     `key:"discover" doc:"further targets: ecs (containers of the task with the label sidelight.prometheus.port), kubernetes (pods of the node with the annotation prometheus.io/scrape) or off"`
	Kubelet         string        `key:"kubelet" doc:"of discover: kubernetes, such as https://10.0.0.1:10250; default: port 10250 of the variable HOST_IP or NODE_NAME"`
	Interval        time.Duration `key:"interval" min:"1s" max:"1h" doc:"default 60 s"`
	Timeout         time.Duration `key:"timeout" min:"100ms" max:"10m" doc:"default 10 s, and never more than the interval"`
	Path            string        `key:"path" doc:"default /metrics"`
	Namespace       string        `key:"namespace" doc:"default: metrics.namespace"`
	Dimensions      []string      `key:"dimensions" doc:"labels that are kept; default all"`
	Keep            Expr          `key:"keep" doc:"series that are kept, by name, labels.NAME, job and instance"`
	Drop            Expr          `key:"drop" doc:"series that are not kept"`
	TokenFile       string        `key:"bearer_token_file" doc:"read for each scrape"`
	BasicAuth       BasicAuth     `key:"basic_auth"`
	TLS             ClientTLS     `key:"tls" doc:"of targets by HTTPS"`
	HonorTimestamps bool          `key:"honor_timestamps" doc:"take samples at the time that they carry, not at that of the scrape"`
	MaxSeries       int           `key:"max_series" min:"1" max:"1000000" doc:"series of a target that are read; default 10000"`
	MaxBody         Bytes         `key:"max_body" min:"1KiB" max:"1GiB" doc:"of an answer; default 16 MiB"`
}

// BasicAuth is a user and a password.
type BasicAuth struct {
	Username string `key:"username"`
	Password Secret `key:"password" doc:"env:NAME and file:/path keep it out of the file"`
}

// ClientTLS says which certificates of others are accepted.
type ClientTLS struct {
	CA       string `key:"ca" doc:"file of roots, in PEM; default: the system's"`
	Insecure bool   `key:"insecure" doc:"accept any certificate"`
}

// Target is host:port or a URL.
type Target string

func (t *Target) parse(text string) error {
	full := text
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("expected host:port or a URL such as https://127.0.0.1:9100/metrics")
	}
	*t = Target(text)
	return nil
}

// Discovery is ecs, kubernetes or off.
type Discovery string

func (d *Discovery) parse(text string) error { return oneOf(d, text, "off", "ecs", "kubernetes") }

// On reports whether targets are to be discovered.
func (d Discovery) On() bool { return d != "" && d != "off" }

// checkPrometheus looks at the values of each job together.
func checkPrometheus(jobs []Prometheus, clash clashFunc) {
	seen := map[string]bool{}
	for i, j := range jobs {
		if j.Job != "" && seen[j.Job] {
			clash(fmt.Sprintf("receivers.prometheus[%d].job", i), fmt.Sprintf("%q is another job already", j.Job), "give it another name")
		}
		seen[j.Job] = true
		path := fmt.Sprintf("receivers.prometheus[%d]", i)
		if len(j.Targets) == 0 && !j.Discover.On() {
			clash(path, "names no targets", "expected targets: [127.0.0.1:9100], or discover: ecs or kubernetes")
		}
		if j.Kubelet != "" && j.Discover != "kubernetes" {
			clash(path+".kubelet", "nobody asks the kubelet", "add discover: kubernetes")
		}
		if j.BasicAuth.Password != "" && j.BasicAuth.Username == "" {
			clash(path+".basic_auth", "a password needs a user", "add username")
		}
		if j.BasicAuth.Username != "" && j.TokenFile != "" {
			clash(path+".bearer_token_file", "a target takes a token or a password, not both", "remove one")
		}
	}
}
