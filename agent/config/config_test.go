package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/internal/problem"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// Every mistake in the file is reported, each with its place and a hint.
func TestBadFile(t *testing.T) {
	_, ps := config.Load("testdata/bad.yaml", []string{"SIDELIGHT_QUEUE_DIRR=/x", "SIDELIGHT_SHUTDOWN_GRACE=soon", "SIDELIGHT_PORT_4317_TCP=tcp://10.0.0.1"})
	var b strings.Builder
	if err := ps.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "bad.txt", b.String())
}

// What is wrong inside an expression is marked where it is.
func TestBadLogs(t *testing.T) {
	_, ps := config.Load("testdata/badlogs.yaml", []string{"SIDELIGHT_LOGS_KEEP=level >", "SIDELIGHT_LOGS_REDACT_WHAT=email,jtw"})
	var b strings.Builder
	if err := ps.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "badlogs.txt", b.String())
}

// What the listeners for logs cannot be is said, and no secret is shown.
func TestBadInputs(t *testing.T) {
	l, ps := config.Load("testdata/badinputs.yaml", []string{"SIDELIGHT_RECEIVERS_EMF_TCP=25888", "SIDELIGHT_RECEIVERS_SYSLOG_MAX_MESSAGE=1B"})
	var b strings.Builder
	if err := ps.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if err := l.WriteYAML(&b, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "swordfish") || strings.Contains(fmt.Sprintf("%v %+v %#v", l.Config, l.Config.Receivers.Forward.SharedKey, l.Config.Receivers.Forward.SharedKey), "swordfish-1") {
		t.Errorf("a secret is shown:\n%s", b.String())
	}
	b.Reset()
	if err := ps.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "badinputs.txt", b.String())
}

func TestSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("swordfish\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRET_FOR_TEST", "perch")
	for s, want := range map[config.Secret]string{
		"carp": "carp", "env:SECRET_FOR_TEST": "perch", config.Secret("file:" + file): "swordfish", "": "",
		"env:SECRET_FOR_NOBODY": "!", "file:/nowhere/at/all": "!", config.Secret("file:" + empty): "!",
	} {
		got, err := s.Value()
		if want == "!" && err == nil || want != "!" && (err != nil || got != want) {
			t.Errorf("%s: %q, %v", s, got, err)
		}
	}
}

func TestGoodFile(t *testing.T) {
	l, ps := config.Load("testdata/good.yaml", []string{"SIDELIGHT_QUEUE_DIR=/data", "SIDELIGHT_METRICS_DIMENSIONS=service, host"})
	if len(ps) != 0 {
		t.Fatal(ps)
	}
	want := config.Default()
	want.Service = config.Service{Name: "checkout", Environment: "prod"}
	want.Traces.ApplicationSignals, want.Traces.MaxRoutes = true, 50
	want.Traces.Sample.Rate, want.Traces.Sample.KeepSlower, want.Traces.Sample.KeepRare = 10, 2*time.Second, 1
	want.Traces.Sample.Services = config.Percents{{Name: "checkout", Value: "50%"}, {Name: "a b", Value: "0%"}}
	want.AWS.Region = "eu-west-1"
	want.Receivers.OTLP.GRPC, want.Receivers.OTLP.HTTP = config.Off, "0.0.0.0:4318"
	want.Receivers.Files = []config.Files{{
		Include: []string{"/var/log/app/*.log", "/srv/**/out.log"}, Exclude: []string{"*.gz"}, Start: "end", Timestamp: config.Timestamp{Key: "time"},
	}, {
		Include: []string{"/var/log/pods/*/*/*.log"}, Format: "cri", Content: "regex", Pattern: `^(?P<ip>\S+): (?P<rest>.*)`,
		Timestamp: config.Timestamp{Layout: "%d/%b/%Y:%T %z", Zone: "Europe/Berlin"}, Multiline: config.Multiline{Stacks: []config.Stack{"java"}},
	}, {
		Include: []string{"/x"}, Watch: "poll", Encoding: "utf-16le", Multiline: config.Multiline{Start: `^\d{4}`, Wait: 2 * time.Second},
	}}
	want.Receivers.Exec = config.Exec{Format: "json", Timestamp: config.Timestamp{Key: "at"}, Multiline: config.Multiline{Stacks: []config.Stack{"auto"}}}
	want.Receivers.Forward.Format, want.Receivers.Forward.Multiline.Stacks = "docker", []config.Stack{"go", "node"}
	want.Receivers.Forward.TLS = config.TLS{Cert: "/tls/tls.crt", Key: "/tls/tls.key", ClientCA: "/tls/ca.crt"}
	want.Receivers.Forward.SharedKey = "env:FORWARD_KEY"
	want.Receivers.Forward.Users = config.Users{{Name: "shop", Value: "file:/run/secrets/shop"}}
	want.Receivers.Syslog = config.Syslog{
		TCP: "0.0.0.0:6514", UDP: "0.0.0.0:514", Unix: "/dev/log", TLS: config.TLS{Cert: "/tls/tls.crt", Key: "/tls/tls.key"},
		Zone: "Europe/Berlin", MaxMessage: 64 << 10,
	}
	want.Receivers.Lines = config.Lines{
		TCP: "127.0.0.1:5170", UDP: config.Off, Format: "logfmt", Timestamp: config.Timestamp{Key: "at"}, MaxLine: 256 << 10,
	}
	want.Receivers.OTLP.Dimensions = []string{"host.name"}
	want.Receivers.EMF.UDP = config.Off
	want.Receivers.Prometheus = []config.Prometheus{
		{Job: "node", Targets: []config.Target{"127.0.0.1:9100"}, Interval: 15 * time.Second, Dimensions: []string{"device"}, Keep: `name =~ "^node_"`, Drop: `labels.fstype = "tmpfs"`},
		{Discover: "kubernetes", Kubelet: "https://10.0.0.1:10250", TLS: config.ClientTLS{Insecure: true}, HonorTimestamps: true},
		{Targets: []config.Target{"https://db.internal:9187"}, BasicAuth: config.BasicAuth{Username: "u", Password: "env:DB_PASSWORD"}, TLS: config.ClientTLS{CA: "/tls/ca.crt"}},
	}
	want.Receivers.StatsD.Unix, want.Receivers.StatsD.Stream, want.Receivers.StatsD.Events = "/run/dsd.sock", "/run/dsd.stream", "logs"
	want.Receivers.Journald = config.Journald{
		Read: "auto", Directories: []string{"/host/journal"}, Units: []config.Glob{"nginx", "docker-*.scope"},
		Priority: "warning", Since: "now", Fields: []config.Glob{"_TRANSPORT"},
	}
	want.Scrape.Interval, want.Scrape.Host = 10*time.Second, "off"
	want.Scrape.Task, want.Scrape.Names = "on", "container-insights"
	want.Scrape.Root, want.Scrape.Kubelet, want.Scrape.Processes = "/host", config.Kubelet{Read: "on", Insecure: true, CAdvisor: true}, []string{"nginx"}
	want.Logs.Group, want.Logs.Stream = "/app/{service}", "{container}"
	want.Logs.Keep, want.Logs.Drop = `level >= info and not (route = "/healthz")`, "contains(message, 'noise')"
	want.Logs.Sample.Debug, want.Logs.Sample.Info = 0, 12.5
	want.Logs.RateLimit.PerSecond = 1000
	want.Logs.Redact.What = []config.Finder{"email", `password=(\S+)`}
	want.Logs.Fields = config.Fields{
		Add: config.Templates{{Name: "env", Value: "{environment}"}, {Name: "team name", Value: "a: b"}}, Rename: config.Renames{{Name: "msg", Value: "message"}}, Remove: []string{"pid"},
	}
	want.Logs.TraceIDs = []string{"trace_id"}
	want.Logs.Routes = []config.Route{{When: "level >= error", Group: "/errors/{service}"}, {When: "source =~ 'audit'", Stream: "audit"}}
	want.Logs.Oversize = "truncate"
	want.Metrics.Dimensions = []string{"service", "host"}
	want.Metrics.Rules = []config.MetricRule{
		{Match: "namespace = 'App' and exists(pod)", Dimensions: config.DimensionEdit{Drop: []string{"pod"}, Add: config.Templates{{Name: "at", Value: "{host}"}}}, Rollup: [][]string{{"service"}, {}}},
		{Match: `name =~ "^debug"`, Drop: true},
		{Rename: "app.{name}", Namespace: "App/All", Unit: "Bytes/Second", Resolution: 1, MaxSeries: 20, Dimensions: config.DimensionEdit{Keep: []string{}}, Via: "emf"},
	}
	want.Metrics.Derived = []config.DerivedMetric{{
		Name: "mem_used_percent", Namespace: "Sidelight/Container", Unit: "Percent", Value: "100 * mem_used / mem_limit",
	}}
	want.Queue.Dir, want.Queue.Memory, want.Queue.Disk, want.Queue.Fsync, want.Queue.SetAside = "/data", 64<<20, 1e9, true, 0
	want.Shutdown.Grace = 2 * time.Minute
	want.Log.Level, want.Log.Format = "debug", "json"
	if d := cmp.Diff(want, l.Config); d != "" {
		t.Errorf("config (-want +got):\n%s", d)
	}
	var b strings.Builder
	if err := l.WriteYAML(&b, true); err != nil {
		t.Fatal(err)
	}
	golden(t, "good.txt", b.String())
}

// What config show prints is a valid file of the same effect.
func TestShowReadsBack(t *testing.T) {
	first, ps := config.Load("testdata/good.yaml", nil)
	if len(ps) != 0 {
		t.Fatal(ps)
	}
	path := filepath.Join(t.TempDir(), "shown.yaml")
	var b strings.Builder
	if err := first.WriteYAML(&b, false); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	second, ps := config.Load(path, nil)
	if len(ps) != 0 {
		t.Fatalf("%v\n%s", ps, b.String())
	}
	if d := cmp.Diff(first.Config, second.Config, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("read back (-first +second):\n%s", d)
	}
}

func TestSources(t *testing.T) {
	cases := map[string]struct {
		path string
		env  []string
		want string // of logs.group
		err  string
	}{
		"none":           {"", nil, "/sidelight/{service}", ""},
		"yaml in env":    {"", []string{"SIDELIGHT_CONFIG=logs: {group: /x}"}, "/x", ""},
		"env wins":       {"", []string{"SIDELIGHT_CONFIG=logs: {group: /x}", "SIDELIGHT_LOGS_GROUP=/y"}, "/y", ""},
		"missing file":   {"testdata/none.yaml", nil, "", "no such file"},
		"no such scheme": {"", []string{"SIDELIGHT_CONFIG=ftp://x"}, "", "ftp://"},
		"not yaml":       {"", []string{"SIDELIGHT_CONFIG=logs: {group: [\n"}, "", "C1001"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l, ps := config.Load(c.path, c.env)
			if c.err != "" {
				if ps.Errors() == 0 || !strings.Contains(ps.Error(), c.err) {
					t.Errorf("problems = %v, want %q", ps, c.err)
				}
				return
			}
			if ps.Errors() != 0 || string(l.Config.Logs.Group) != c.want {
				t.Errorf("group %s, problems %v", l.Config.Logs.Group, ps)
			}
		})
	}
}

// Kubernetes tells pods of the services of their namespace, whatever the releases of
// the chart are called. That is no configuration, and what is misspelt still is.
func TestVariablesOfKubernetes(t *testing.T) {
	_, ps := config.Load("", []string{
		"SIDELIGHT_SERVICE_HOST=10.0.0.1", "SIDELIGHT_SERVICE_PORT=4317", "SIDELIGHT_SERVICE_PORT_OTLP_HTTP=4318", "SIDELIGHT_PORT=tcp://10.0.0.1:4317",
		"SIDELIGHT_PORT_4317_TCP_PROTO=tcp", "SIDELIGHT_GATEWAY_SERVICE_HOST=10.0.0.2", "SIDELIGHT_GATEWAY_SERVICE_PORT_OTLP_GRPC=4317",
		"SIDELIGHT_GATEWAY_PORT=tcp://10.0.0.2:4317", "SIDELIGHT_GATEWAY_PORT_4318_TCP_ADDR=10.0.0.2",
	})
	if len(ps) > 0 {
		t.Error(ps)
	}
	for _, env := range []string{"SIDELIGHT_RECEIVERS_PORT_HTTP=x", "SIDELIGHT_QUEUE_PORT_=x", "SIDELIGHT_SERVICE_NAM=x"} {
		if _, ps := config.Load("", []string{env}); len(ps) != 1 {
			t.Errorf("%s: %v", env, ps)
		}
	}
}

// SIDELIGHT_LOG_LEVEL is the variable of log.level, and the sdk's too: what the
// sdk takes does not keep the agent beside it from starting.
func TestLogLevelVariable(t *testing.T) {
	for text, want := range map[string]config.Level{
		"debug": "debug", "WARN": "warn", "Error": "error", "debug-4": "debug", "info+1": "info", "ERROR+4": "error", "": "info",
	} {
		l, ps := config.Load("", []string{"SIDELIGHT_LOG_LEVEL=" + text})
		if len(ps) != 0 || l.Config.Log.Level != want {
			t.Errorf("SIDELIGHT_LOG_LEVEL=%s: level %s, problems %v, want %s", text, l.Config.Log.Level, ps, want)
		}
		if text != "" && l.Origins["log.level"] != "SIDELIGHT_LOG_LEVEL" {
			t.Errorf("SIDELIGHT_LOG_LEVEL=%s: log.level came from %q", text, l.Origins["log.level"])
		}
	}
	l, ps := config.Load("", []string{"SIDELIGHT_CONFIG=log: {level: error}\n", "SIDELIGHT_LOG_LEVEL=debug"})
	if len(ps) != 0 || l.Config.Log.Level != "debug" {
		t.Errorf("the variable does not win over the file: %s, %v", l.Config.Log.Level, ps)
	}
	if _, ps := config.Load("", []string{"SIDELIGHT_LOG_LEVEL=wran"}); ps.Errors() != 1 || !strings.Contains(ps.Error(), `did you mean "warn"`) {
		t.Errorf("problems %v", ps)
	}
}

func TestTemplate(t *testing.T) {
	values := map[string]string{"service": "orders", "task": "t1"}
	for in, want := range map[string]string{
		"/sidelight/{service}": "/sidelight/orders", "{container}/{task}": "/t1", "{service}/{container}/{task}": "orders/t1",
		"{service}/{container}": "orders", "plain": "plain",
	} {
		if got := config.Template(in).Expand(func(n string) string { return values[n] }); got != want {
			t.Errorf("Expand(%s) = %s, want %s", in, got, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, name := range []string{"good.yaml", "bad.yaml", "badlogs.yaml", "badtraces.yaml", "badmetrics.yaml", "badinputs.yaml", "baddestinations.yaml", "destinations.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		var ps problem.Problems
		_, ps = config.Load("", []string{"SIDELIGHT_CONFIG=\n" + text})
		var b strings.Builder
		if err := ps.WriteText(&b); err != nil {
			t.Fatal(err)
		}
	})
}

func TestJournaldOn(t *testing.T) {
	for text, want := range map[string]bool{
		"receivers: {}": false, "receivers: {journald: on}": true, "receivers: {journald: off}": false,
		"receivers: {journald: {units: [nginx]}}": true, "receivers: {journald: {since: now}}": true,
		"receivers: {journald: {read: off, priority: err}}": false, "receivers: {journald: {priority: debug}}": true,
	} {
		l, ps := config.Load("", []string{"SIDELIGHT_CONFIG=" + text + "\n"})
		if len(ps) != 0 {
			t.Fatal(ps)
		}
		if got := l.Config.Receivers.Journald.On(); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// Everything that is wrong with the sampling of traces is reported at once.
func TestBadTraces(t *testing.T) {
	_, ps := config.Load("testdata/badtraces.yaml", nil)
	var b strings.Builder
	if err := ps.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "badtraces.txt", b.String())
	_, ps = config.Load("", []string{"SIDELIGHT_TRACES_SAMPLE_RULES=true", "SIDELIGHT_TRACES_SAMPLE_RATE=5%"})
	b.Reset()
	if err := ps.WriteText(&b); err != nil || !strings.Contains(b.String(), "rules and rate both decide") {
		t.Errorf("rules and a rate: %v, %s", err, b.String())
	}
}

// What is wrong with the rules for metrics is said where it is.
func TestBadMetrics(t *testing.T) {
	_, ps := config.Load("testdata/badmetrics.yaml", nil)
	var b strings.Builder
	if err := ps.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "badmetrics.txt", b.String())
}
