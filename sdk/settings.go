package sdk

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	agentSocket   = "/run/sidelight/agent.sock"
	agentEndpoint = "http://127.0.0.1:4318"
	xrayDaemon    = "127.0.0.1:2000"

	maxServiceName = 200 // X-Ray: a segment's name
	minBuffer      = 4 << 10
)

// settings is a Config with every gap filled, and what else the environment
// says.
type settings struct {
	Config
	disabled bool
	attrs    map[string]string // OTEL_RESOURCE_ATTRIBUTES
	sampling string            // base URL of the sampling proxy
	task     *ecsTask          // nil outside ECS
}

// problems collects what is wrong with a configuration.
type problems []error

func (p *problems) add(where string, got any, want string) {
	*p = append(*p, fmt.Errorf("%s is %q, want %s", where, fmt.Sprint(got), want))
}

// resolve fills cfg from the environment and the defaults. The settings are
// usable for logging even if the error is not nil, which names every problem.
func resolve(cfg Config, getenv func(string) string, task *ecsTask) (settings, error) {
	var bad problems
	s := settings{Config: cfg, task: task}
	s.resolveEnvironment(getenv, &bad)
	s.resolveIdentity(getenv, &bad)
	s.resolveLog(getenv, &bad)
	s.resolveMetrics(&bad)
	s.resolveLimits(&bad)
	if s.ShutdownTimeout < 0 {
		bad.add("Config.ShutdownTimeout", s.ShutdownTimeout, "a positive duration")
	}
	s.ShutdownTimeout = cmp.Or(s.ShutdownTimeout, 3*time.Second)
	return s, errors.Join(bad...)
}

func (s *settings) resolveEnvironment(getenv func(string) string, bad *problems) {
	s.disabled = strings.EqualFold(strings.TrimSpace(getenv("OTEL_SDK_DISABLED")), "true")
	s.attrs = resourceAttributes(getenv("OTEL_RESOURCE_ATTRIBUTES"), bad)
	s.resolveEndpoint(getenv, bad)
	address := cmp.Or(getenv("AWS_XRAY_DAEMON_ADDRESS"), xrayDaemon)
	host := tcpAddress(address)
	if u, err := url.Parse("http://" + host); err != nil || u.Hostname() == "" || u.Port() == "" {
		bad.add("AWS_XRAY_DAEMON_ADDRESS", address, "host:port or tcp:host:port udp:host:port")
	}
	s.sampling = "http://" + host
}

func (s *settings) resolveEndpoint(getenv func(string) string, bad *problems) {
	where := "Config.Endpoint"
	for _, name := range []string{"SIDELIGHT_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		if v := getenv(name); s.Endpoint == "" && v != "" {
			s.Endpoint, where = v, name
		}
	}
	if s.Endpoint == "" {
		s.Endpoint = agentEndpoint
		if _, err := os.Stat(agentSocket); err == nil {
			s.Endpoint = "unix://" + agentSocket
		}
	}
	u, err := url.Parse(s.Endpoint)
	if err == nil && u.Scheme == "unix" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		return
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		bad.add(where, s.Endpoint, "unix:///path, http://host:port or https://host:port")
	}
}

// tcpAddress takes the TCP address out of the two forms that the X-Ray SDKs
// know: host:port, and tcp:host:port udp:host:port in either order.
func tcpAddress(address string) string {
	for part := range strings.FieldsSeq(address) {
		if host, ok := strings.CutPrefix(part, "tcp:"); ok {
			return host
		}
	}
	return address
}

// resourceAttributes reads key=value,key=value with percent-encoded values, as
// OpenTelemetry's environment specification has it.
func resourceAttributes(text string, bad *problems) map[string]string {
	attrs := make(map[string]string)
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !ok || err != nil || key == "" {
			bad.add("OTEL_RESOURCE_ATTRIBUTES", pair, "key=value with percent-encoded value")
			continue
		}
		attrs[key] = decoded
	}
	return attrs
}

func (s *settings) resolveIdentity(getenv func(string) string, bad *problems) {
	where := "Config.Service"
	if s.Service == "" {
		where = "OTEL_SERVICE_NAME"
		s.Service = cmp.Or(getenv("OTEL_SERVICE_NAME"), s.attrs["service.name"])
	}
	if s.Service == "" && s.task != nil {
		s.Service = s.task.Family
	}
	if s.Service == "" {
		s.Service = serviceName(filepath.Base(os.Args[0]))
	}
	if n := utf8.RuneCountInString(s.Service); n > maxServiceName || strings.ContainsFunc(s.Service, notInName) {
		bad.add(where, s.Service, `1 to 200 letters, digits, spaces and _.:/%&#=+\-@`)
	}
	s.Environment = cmp.Or(s.Environment, s.attrs["deployment.environment.name"], s.attrs["deployment.environment"])
	s.Version = cmp.Or(s.Version, s.attrs["service.version"], buildVersion())
}

// notInName says whether X-Ray forbids r in the name of a segment.
func notInName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r) && !strings.ContainsRune(`_.:/%&#=+\-@`, r)
}

// serviceName makes a valid name of a file name.
func serviceName(file string) string {
	name := strings.Map(func(r rune) rune {
		if notInName(r) {
			return -1
		}
		return r
	}, strings.TrimSuffix(file, ".exe"))
	for utf8.RuneCountInString(name) > maxServiceName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return cmp.Or(name, "service")
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, kv := range info.Settings {
		if kv.Key == "vcs.revision" {
			return kv.Value[:min(len(kv.Value), 12)]
		}
	}
	return ""
}

func (s *settings) resolveLog(getenv func(string) string, bad *problems) {
	if s.Log.Output == nil {
		s.Log.Output = os.Stdout
	}
	if s.Log.Level != nil {
		return
	}
	s.Log.Level = new(slog.LevelVar)
	text := getenv("SIDELIGHT_LOG_LEVEL")
	if text == "" {
		return
	}
	if err := s.Log.Level.UnmarshalText([]byte(text)); err != nil {
		bad.add("SIDELIGHT_LOG_LEVEL", text, "debug, info, warn or error")
	}
}

func (s *settings) resolveMetrics(bad *problems) {
	m := &s.Metrics
	m.Interval = cmp.Or(m.Interval, time.Minute)
	if m.Interval < time.Second || m.Interval > time.Hour {
		bad.add("Config.Metrics.Interval", m.Interval, "1s to 1h")
	}
	m.SeriesLimit = cmp.Or(m.SeriesLimit, 200)
	if m.SeriesLimit < 1 {
		bad.add("Config.Metrics.SeriesLimit", m.SeriesLimit, "a positive number")
	}
}

func (s *settings) resolveLimits(bad *problems) {
	l := &s.Limits
	for _, f := range []struct {
		name       string
		value      *int
		least, def int
	}{
		{"SpanBytes", &l.SpanBytes, minBuffer, 2 << 20},
		{"MetricBytes", &l.MetricBytes, minBuffer, 1 << 20},
		{"LogBytes", &l.LogBytes, minBuffer, 1 << 20},
		{"AttributesPerSpan", &l.AttributesPerSpan, 1, 64},
		{"ValueBytes", &l.ValueBytes, 1, 4096},
	} {
		*f.value = cmp.Or(*f.value, f.def)
		if *f.value < f.least {
			bad.add("Config.Limits."+f.name, *f.value, fmt.Sprintf("at least %d", f.least))
		}
	}
}
