package sdk

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func env(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestResolvePrecedence(t *testing.T) {
	task := &ecsTask{Family: "orders-task"}
	tests := map[string]struct {
		cfg  Config
		env  func(string) string
		task *ecsTask
		get  func(settings) string
		want string
	}{
		"service: field":         {Config{Service: "a"}, env("OTEL_SERVICE_NAME", "b"), task, service, "a"},
		"service: variable":      {Config{}, env("OTEL_SERVICE_NAME", "b", "OTEL_RESOURCE_ATTRIBUTES", "service.name=c"), task, service, "b"},
		"service: attribute":     {Config{}, env("OTEL_RESOURCE_ATTRIBUTES", "service.name=c"), task, service, "c"},
		"service: task":          {Config{}, env(), task, service, "orders-task"},
		"service: executable":    {Config{}, env(), nil, service, "sdk.test"},
		"version: attribute":     {Config{}, env("OTEL_RESOURCE_ATTRIBUTES", "service.version=1.2"), nil, func(s settings) string { return s.Version }, "1.2"},
		"environment: field":     {Config{Environment: "x"}, env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=y"), nil, stage, "x"},
		"environment: attribute": {Config{}, env("OTEL_RESOURCE_ATTRIBUTES", "a=b,deployment.environment.name=pr%2Cod"), nil, stage, "pr,od"},
		"environment: old name":  {Config{}, env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=z"), nil, stage, "z"},
		"endpoint: field":        {Config{Endpoint: "unix:///x"}, env("SIDELIGHT_ENDPOINT", "http://b:1"), nil, endpoint, "unix:///x"},
		"endpoint: ours":         {Config{}, env("SIDELIGHT_ENDPOINT", "http://b:1", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1"), nil, endpoint, "http://b:1"},
		"endpoint: otel's":       {Config{}, env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1/base"), nil, endpoint, "http://c:1/base"},
		"endpoint: default":      {Config{}, env(), nil, endpoint, "http://127.0.0.1:4318"},
		"sampling: default":      {Config{}, env(), nil, sampling, "http://127.0.0.1:2000"},
		"sampling: one address":  {Config{}, env("AWS_XRAY_DAEMON_ADDRESS", "agent:3000"), nil, sampling, "http://agent:3000"},
		"sampling: two":          {Config{}, env("AWS_XRAY_DAEMON_ADDRESS", "udp:a:1 tcp:b:2"), nil, sampling, "http://b:2"},
		"level: variable":        {Config{}, env("SIDELIGHT_LOG_LEVEL", "warn"), nil, level, "WARN"},
		"level: field":           {Config{Log: LogConfig{Level: new(slog.LevelVar)}}, env("SIDELIGHT_LOG_LEVEL", "warn"), nil, level, "INFO"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := resolve(tc.cfg, tc.env, tc.task)
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.get(s); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func service(s settings) string  { return s.Service }
func stage(s settings) string    { return s.Environment }
func endpoint(s settings) string { return s.Endpoint }
func sampling(s settings) string { return s.sampling }
func level(s settings) string    { return s.Log.Level.Level().String() }

func TestResolveTellsEveryProblem(t *testing.T) {
	cfg := Config{
		Service: "or|ders", ShutdownTimeout: -1,
		Metrics: MetricConfig{Interval: time.Millisecond, SeriesLimit: -1},
		Limits:  Limits{SpanBytes: 1, MetricBytes: -5, LogBytes: 100, AttributesPerSpan: -1, ValueBytes: -1},
	}
	_, err := resolve(cfg, env(
		"SIDELIGHT_ENDPOINT", "tcp://x", "OTEL_RESOURCE_ATTRIBUTES", "novalue", "SIDELIGHT_LOG_LEVEL", "loud", "AWS_XRAY_DAEMON_ADDRESS", "nowhere"), nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`Config.Service is "or|ders", want`, "Config.ShutdownTimeout", "Config.Metrics.Interval", "Config.Metrics.SeriesLimit",
		"Config.Limits.SpanBytes", "Config.Limits.MetricBytes", "Config.Limits.LogBytes", "Config.Limits.AttributesPerSpan", "Config.Limits.ValueBytes",
		`SIDELIGHT_ENDPOINT is "tcp://x", want`, `OTEL_RESOURCE_ATTRIBUTES is "novalue"`, `SIDELIGHT_LOG_LEVEL is "loud"`, `AWS_XRAY_DAEMON_ADDRESS is "nowhere"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

func TestServiceNameFromExecutable(t *testing.T) {
	for in, want := range map[string]string{"orders.exe": "orders", "a|b": "ab", "|": "service", strings.Repeat("ü", 300): strings.Repeat("ü", 200)} {
		if got := serviceName(in); got != want {
			t.Errorf("serviceName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestResourceOnECS(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v4/abc":
			_, _ = w.Write([]byte(`{"DockerId":"abc-1","Name":"app","ContainerARN":"arn:aws:ecs:eu-west-1:111122223333:container/c/1/2"}`))
		case "/v4/abc/task":
			_, _ = w.Write([]byte(`{"Cluster":"shop","TaskARN":"arn:aws:ecs:eu-west-1:111122223333:task/shop/1","Family":"orders","Revision":"7","AvailabilityZone":"eu-west-1b","LaunchType":"FARGATE","Unknown":{}}`))
		}
	}))
	defer srv.Close()
	s, err := resolve(Config{Version: "1", Environment: "prod"}, env("OTEL_RESOURCE_ATTRIBUTES", "team=shop,host.name=h"), ecsMetadata(t.Context(), srv.URL+"/v4/abc"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, kv := range s.resource().Attributes() {
		got[string(kv.Key)] = kv.Value.AsString()
	}
	delete(got, "telemetry.sdk.version")
	want := map[string]string{
		"service.name": "orders", "service.version": "1", "deployment.environment.name": "prod", "team": "shop", "host.name": "h",
		"cloud.provider": "aws", "cloud.platform": "aws_ecs", "cloud.region": "eu-west-1", "cloud.account.id": "111122223333", "cloud.availability_zone": "eu-west-1b",
		"aws.ecs.task.arn": "arn:aws:ecs:eu-west-1:111122223333:task/shop/1", "aws.ecs.task.family": "orders", "aws.ecs.task.revision": "7",
		"aws.ecs.cluster.arn": "arn:aws:ecs:eu-west-1:111122223333:cluster/shop", "aws.ecs.launchtype": "fargate",
		"aws.ecs.container.arn": "arn:aws:ecs:eu-west-1:111122223333:container/c/1/2", "container.name": "app", "container.id": "abc-1",
		"telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "go", "telemetry.distro.name": "sidelight",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("resource (-want +got):\n%s", d)
	}
}

func TestPrintProblem(t *testing.T) {
	var b strings.Builder
	at := time.Date(2026, 3, 1, 9, 40, 2, 0, time.UTC)
	report := printProblem(&b)
	report(Problem{Signal: "traces", Cause: context.DeadlineExceeded, At: at})
	report(Problem{Signal: "traces", Lost: 7, At: at.Add(time.Minute)})
	want := "sidelight: 2026-03-01T09:40:02Z cannot deliver traces: context deadline exceeded\n" +
		"sidelight: 2026-03-01T09:41:02Z delivery recovered, 7 items were lost\n"
	if b.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", b.String(), want)
	}
}

func TestMetadataThatFailsIsAbsent(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, task := range map[string]*ecsTask{
		"no variable": ecsMetadata(t.Context(), ""), "not found": ecsMetadata(t.Context(), srv.URL), "no time": ecsMetadata(ended, srv.URL), "bad URL": ecsMetadata(t.Context(), "http://%zz"),
	} {
		if task != nil {
			t.Errorf("%s: %+v", name, task)
		}
	}
}
