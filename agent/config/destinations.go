package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// OTLPOut is an endpoint that speaks OTLP over HTTP.
type OTLPOut struct {
	Endpoint    EndpointURL `key:"endpoint" doc:"a URL such as https://collector:4318, aws for AWS's own endpoints, or in also shared: that of the section otlp"`
	Headers     Headers     `key:"headers" doc:"names and values; env:NAME and file:/path keep secrets out of the file"`
	Compression Compression `key:"compression" doc:"gzip or none; default gzip"`
	CA          string      `key:"ca" doc:"file of certificates that may sign the endpoint's; default: the system's"`
}

// AWSEndpoint is the Endpoint that stands for AWS's own, SharedEndpoint the one
// that stands for the section otlp.
const (
	AWSEndpoint    EndpointURL = "aws"
	SharedEndpoint EndpointURL = "shared"
)

// Also is a destination beside the first.
type Also struct {
	OTLP     OTLPOut  `key:"otlp" short:"endpoint" doc:"an endpoint; without one, the endpoint of the section otlp"`
	Remote   Remote   `key:"remote_write" short:"url" doc:"an endpoint of Prometheus's remote write; of metrics only"`
	Stdout   Stdout   `key:"stdout" short:"enabled" doc:"documents on standard output, one a line"`
	Name     DestName `key:"name" doc:"tells several of a kind apart; a part of the queue's directory"`
	WhenFull WhenFull `key:"when_full" doc:"drop (miss and count what comes) or push_back (make everything wait); default drop"`
	Disk     Bytes    `key:"disk" min:"1MiB" doc:"bytes of files of its queue; default queue.disk"`
}

// Remote is an endpoint of Prometheus's remote write.
type Remote struct {
	URL     RemoteURL `key:"url" doc:"the whole URL; requests to Amazon's (aps-workspaces.REGION.amazonaws.com) are signed"`
	Headers Headers   `key:"headers" doc:"names and values; env:NAME and file:/path keep secrets out of the file"`
	CA      string    `key:"ca" doc:"file of certificates that may sign the endpoint's; default: the system's"`
}

// RemoteURL is the URL of an endpoint of remote write.
type RemoteURL string

func (r *RemoteURL) parse(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") == "":
		return errors.New("expected a whole URL such as https://prometheus:9090/api/v1/write")
	case u.User != nil:
		return errors.New("a password does not belong in a URL; add headers: {authorization: env:NAME}")
	}
	*r = RemoteURL(text)
	return nil
}

// Stdout is standard output.
type Stdout struct {
	Enabled Toggle `key:"enabled"`
}

// Kind is "otlp", "remote_write" or "stdout".
func (a Also) Kind() string {
	switch {
	case a.Stdout.Enabled == "on":
		return "stdout"
	case a.Remote.URL != "":
		return "remote_write"
	}
	return "otlp"
}

// Label tells a from the others of its signal: its kind, and its name if it has
// one.
func (a Also) Label() string {
	if a.Name == "" {
		return a.Kind()
	}
	return a.Kind() + "-" + string(a.Name)
}

// Resolve returns o with what it does not say taken from shared: an endpoint of
// its own stands alone, as the headers of one are not for another.
func (o OTLPOut) Resolve(shared OTLPOut) OTLPOut {
	if o.Endpoint != "" && o.Endpoint != SharedEndpoint {
		return o
	}
	if o.Compression == "" {
		o.Compression = shared.Compression
	}
	if o.CA == "" {
		o.CA = shared.CA
	}
	o.Endpoint = shared.Endpoint
	o.Headers = append(slices.Clone(shared.Headers), o.Headers...)
	return o
}

// EndpointURL is the URL of an endpoint, or aws.
type EndpointURL string

func (e *EndpointURL) parse(text string) error {
	if e0 := EndpointURL(text); e0 == AWSEndpoint || e0 == SharedEndpoint {
		*e = e0
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("expected a URL such as https://collector:4318, or aws")
	case u.User != nil:
		return errors.New("a password does not belong in a URL; add headers: {authorization: env:NAME}")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("expected a URL without a query")
	}
	for _, p := range []string{"/v1/logs", "/v1/traces", "/v1/metrics"} {
		if strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), p) {
			return fmt.Errorf("expected the URL without %s, which is added", p)
		}
	}
	*e = EndpointURL(text)
	return nil
}

// Headers are names and values, in the order of the file.
type Headers []Pair

// secret is what names of headers look like whose values are nobody's business.
var secret = regexp.MustCompile(`(?i)auth|key|token|secret|password|cookie|credential`)

func (Headers) check(value string) error {
	if strings.ContainsAny(value, "\r\n") {
		return errors.New("expected one line")
	}
	return nil
}

// token is what HTTP allows in the name of a header.
var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// checkPair says what is wrong with a header.
func (Headers) checkPair(name, value string) error {
	switch lower := strings.ToLower(name); {
	case !token.MatchString(name):
		return errors.New("is not a name of a header")
	case lower == "content-type", lower == "content-encoding", lower == "content-length", lower == "host":
		return errors.New("is set by the agent")
	case secret.MatchString(name) && !strings.HasPrefix(value, "env:") && !strings.HasPrefix(value, "file:"):
		return errors.New("looks like a secret; expected env:NAME or file:/path, which keep it out of the configuration")
	case value == "env:" || value == "file:":
		return errors.New("expected env:NAME or file:/path")
	}
	return nil
}

// Compression is gzip or none.
type Compression string

func (c *Compression) parse(text string) error { return oneOf(c, text, "gzip", "none") }

// Toggle is on or off.
type Toggle string

func (t *Toggle) parse(text string) error {
	switch text {
	case "true":
		text = "on"
	case "false":
		text = "off"
	}
	return oneOf(t, text, "on", "off")
}

// WhenFull is drop or push_back.
type WhenFull string

func (w *WhenFull) parse(text string) error { return oneOf(w, text, "drop", "push_back") }

// DestName is a name that may be a part of a directory's.
type DestName string

var destName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

func (n *DestName) parse(text string) error {
	if !destName.MatchString(text) {
		return errors.New("expected lower-case letters, digits and hyphens, 32 at most")
	}
	*n = DestName(text)
	return nil
}

// LogClass is a class of log groups.
type LogClass string

func (c *LogClass) parse(text string) error {
	return oneOf(c, text, "standard", "infrequent_access", "delivery")
}

// KMSKey is the ARN of a key.
type KMSKey string

func (k *KMSKey) parse(text string) error {
	if text != "" && !(strings.HasPrefix(text, "arn:") && strings.Contains(text, ":kms:") && strings.Contains(text, ":key/")) {
		return errors.New("expected arn:aws:kms:REGION:ACCOUNT:key/ID")
	}
	*k = KMSKey(text)
	return nil
}

// Limits of the tags of a log group.
const (
	maxTags     = 50
	maxTagName  = 128
	maxTagValue = 256
)

// checkGroups looks at how log groups are made.
func (d *decoder) checkGroups(cfg *Config, clash clashFunc) {
	l := cfg.Logs
	if len(l.Tags) > maxTags {
		clash("logs.tags", fmt.Sprintf("%d tags", len(l.Tags)), fmt.Sprintf("a log group takes %d", maxTags))
	}
	for _, t := range l.Tags {
		switch {
		case strings.HasPrefix(strings.ToLower(t.Name), "aws:"):
			clash("logs.tags", fmt.Sprintf("%q begins with aws:", t.Name), "that prefix belongs to AWS")
		case len(t.Name) > maxTagName || len(t.Value) > maxTagValue:
			clash("logs.tags", fmt.Sprintf("%.20q… is too long", t.Name), fmt.Sprintf("at most %d characters for a name, %d for a value", maxTagName, maxTagValue))
		}
	}
	if l.Class != "standard" && cfg.Traces.ApplicationSignals {
		clash("logs.class", fmt.Sprintf("%s extracts no metrics, and traces.application_signals needs that", l.Class), "set logs: {class: standard}")
	}
	if l.Class == "delivery" && l.MaxMonthly > 0 {
		clash("logs.max_monthly", "the class delivery has no price by the byte", "remove it")
	}
	if l.Class == "delivery" && d.given("logs.retention") {
		clash("logs.retention", "groups of the class delivery have a retention of their own", "remove it")
	}
}

// LogsVia is the first destination of logs.
type LogsVia string

func (v *LogsVia) parse(text string) error { return oneOf(v, text, "cloudwatch", "otlp") }

// TracesVia is the first destination of traces, or both first ones.
type TracesVia string

func (v *TracesVia) parse(text string) error { return oneOf(v, text, "segments", "otlp", "both") }

// Spans reports whether spans go to the endpoint of the section otlp.
func (v TracesVia) Spans() bool { return v == "otlp" || v == "both" }

// MetricsVia is where metrics go.
type MetricsVia string

func (v *MetricsVia) parse(text string) error { return oneOf(v, text, "api", "emf", "otlp", "none") }

// Vias returns the destinations that metrics may have: that of all, and those of
// rules.
func (m Metrics) Vias() map[MetricsVia]bool {
	vias := map[MetricsVia]bool{m.Via: true}
	for _, r := range m.Rules {
		vias[r.Via] = true
	}
	return vias
}

// checkMetricsVia looks at what a destination of metrics needs.
func (d *decoder) checkMetricsVia(path string, via MetricsVia, cfg *Config, clash clashFunc) {
	if via != "emf" {
		return
	}
	if cfg.Logs.Via != "cloudwatch" {
		clash(path, "emf goes through CloudWatch Logs, and logs.via is "+string(cfg.Logs.Via), "set logs: {via: cloudwatch}, or metrics: {via: api}")
	}
	if cfg.Logs.Class != "standard" {
		clash(path, fmt.Sprintf("groups of the class %s make no metrics of emf", cfg.Logs.Class), "set logs: {class: standard}, or metrics: {via: api}")
	}
}

// checkDestinations looks at where everything goes.
func (d *decoder) checkDestinations(cfg *Config, clash clashFunc) {
	d.checkGroups(cfg, clash)
	d.checkOTLP("otlp", cfg.OTLP, clash)
	if cfg.OTLP.Endpoint == SharedEndpoint {
		clash("otlp.endpoint", "shared stands for this very endpoint", "write a URL, or aws")
	}
	taken := func(yes bool) string {
		if yes {
			return "otlp"
		}
		return ""
	}
	if cfg.Logs.Via == "otlp" && cfg.Traces.ApplicationSignals {
		clash("traces.application_signals", "needs logs in CloudWatch, and logs.via is otlp", "set logs: {via: cloudwatch}")
	}
	d.checkAlso("logs.also", cfg.Logs.Also, taken(cfg.Logs.Via == "otlp"), clash)
	d.checkMetricsVia("metrics.via", cfg.Metrics.Via, cfg, clash)
	for i, r := range cfg.Metrics.Rules {
		d.checkMetricsVia(fmt.Sprintf("metrics.rules[%d].via", i), r.Via, cfg, clash)
	}
	d.checkAlso("metrics.also", cfg.Metrics.Also, taken(cfg.Metrics.Vias()["otlp"]), clash)
	d.checkAlso("traces.also", cfg.Traces.Also, taken(cfg.Traces.Via.Spans()), clash)
	for i, a := range cfg.Traces.Also {
		if cfg.Traces.Via == "otlp" && a.Kind() == "stdout" {
			clash(fmt.Sprintf("traces.also[%d]", i), "standard output takes segments, and via: otlp makes none", "set traces.via: both, or remove the entry")
		}
	}
}

// checkAlso looks at the destinations of a signal together. It notes which of
// them are standard output.
func (d *decoder) checkAlso(path string, list []Also, first string, clash clashFunc) {
	seen := map[string]string{}
	if first != "" {
		seen[first] = path[:strings.LastIndexByte(path, '.')] + ".via"
	}
	for i := range list {
		a, at := &list[i], fmt.Sprintf("%s[%d]", path, i)
		if d.given(at+".stdout") && a.Stdout.Enabled == "" {
			a.Stdout.Enabled = "on"
		}
		otlp, stdout, remote := d.given(at+".otlp"), a.Stdout.Enabled == "on", d.given(at+".remote_write")
		switch {
		case otlp && stdout || otlp && remote || stdout && remote:
			clash(at, "names two destinations", "make two entries of them")
			continue
		case !otlp && !stdout && !remote:
			clash(at, "names no destination", "expected otlp: https://collector:4318 or stdout: on")
			continue
		case remote && path != "metrics.also":
			clash(at+".remote_write", "takes metrics only", "move the entry to metrics.also")
			continue
		case remote && a.Remote.URL == "":
			if !d.given(at + ".remote_write.url") {
				clash(at+".remote_write", "names no endpoint", "add url: https://prometheus:9090/api/v1/write")
			}
			continue
		}
		d.checkHeaders(at+".remote_write.headers", a.Remote.Headers, clash)
		if other, twice := seen[a.Label()]; twice {
			clash(at, fmt.Sprintf("is called %s, and so is %s", a.Label(), other), "add name: backup, or the like")
		}
		seen[a.Label()] = at
		if otlp && a.OTLP.Endpoint == "" {
			a.OTLP.Endpoint = SharedEndpoint
		}
		d.checkOTLP(at+".otlp", a.OTLP, clash)
	}
}

func (d *decoder) checkHeaders(path string, headers Headers, clash clashFunc) {
	for _, h := range headers {
		if err := (Headers{}).checkPair(h.Name, h.Value); err != nil {
			clash(path, fmt.Sprintf("%q %s", h.Name, err), "as in headers: {api-key: env:API_KEY}")
		}
	}
}

// checkOTLP looks at the values of an endpoint together.
func (d *decoder) checkOTLP(path string, o OTLPOut, clash clashFunc) {
	d.checkHeaders(path+".headers", o.Headers, clash)
	if o.Endpoint != AWSEndpoint {
		return
	}
	if len(o.Headers) > 0 {
		clash(path+".headers", "AWS's endpoints take a signature and no headers", "remove them")
	}
	if o.CA != "" {
		clash(path+".ca", "certificates for AWS's endpoints", "set AWS_CA_BUNDLE instead")
	}
}
