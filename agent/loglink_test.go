package agent_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// Segments name the group of their logs, however they come, unless that is
// switched off or is not known; those that name one keep it.
func TestLogLinks(t *testing.T) {
	const arn = `"arn":"arn:aws:logs:us-east-1:123456789012:log-group:`
	for name, c := range map[string]struct {
		tune      func(*config.Traces, *config.Logs)
		udp, otlp string // the member of the document
	}{
		"by default": {
			func(*config.Traces, *config.Logs) {},
			`"cloudwatch_logs":[{"log_group":"/sidelight/orders",` + arn + `/sidelight/orders"}]`,
			`"cloudwatch_logs":[{"log_group":"/sidelight/over-otlp",` + arn + `/sidelight/over-otlp"}]`,
		},
		"off": {func(tr *config.Traces, _ *config.Logs) { tr.LinkLogs = false }, "", ""},
		"a group for each container": {
			func(_ *config.Traces, l *config.Logs) { l.Group = "/x/{service}/{container}" },
			"", `"cloudwatch_logs":[{"log_group":"/x/over-otlp",` + arn + `/x/over-otlp"}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sandboxtest.New(t)
			cfg := settings(t, s)
			c.tune(&cfg.Traces, &cfg.Logs)
			made, err := agent.New(t.Context(), cfg, agent.Deps{
				Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
				Identity: &identity.Identity{
					Platform: identity.ECS, Service: "orders", Host: "h1", TaskARN: "arn:aws:ecs:us-east-1:123456789012:task/c/0123",
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			a := run(t, made)
			daemon, err := net.Dial("udp", a.address(t, "xray udp"))
			if err != nil {
				t.Fatal(err)
			}
			defer daemon.Close()
			fmt.Fprint(daemon, segment(1, "bare", `,"aws":{"xray":{"sdk":"X-Ray for Go"}}`))
			fmt.Fprint(daemon, segment(2, "own", `,"aws":{"cloudwatch_logs":[{"log_group":"/own"}]}`))
			post(t, "http://"+a.address(t, "otlp http")+"/v1/traces", fmt.Sprintf(
				`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"over-otlp"}}]},"scopeSpans":[{"spans":[{"traceId":"5759e988bd862e3fe1be46a994272793","spanId":"53995c3f42cd8ad8","name":"op","kind":2,"startTimeUnixNano":"%d","endTimeUnixNano":"%[1]d"}]}]}]}`, time.Now().UnixNano()))
			docs := map[string]string{}
			traces := xray.NewFromConfig(sandboxtest.Config(s))
			eventually(t, "three segments", func() bool {
				sum, err := traces.GetTraceSummaries(t.Context(), &xray.GetTraceSummariesInput{StartTime: ago(time.Hour), EndTime: ago(-time.Hour)})
				if err != nil || len(sum.TraceSummaries) < 3 {
					return false
				}
				var ids []string
				for _, x := range sum.TraceSummaries {
					ids = append(ids, *x.Id)
				}
				out, err := traces.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: ids})
				if err != nil {
					return false
				}
				for _, tr := range out.Traces {
					for _, seg := range tr.Segments {
						name, _, _ := strings.Cut((*seg.Document)[strings.Index(*seg.Document, `"name":"`)+8:], `"`)
						docs[name] = *seg.Document
					}
				}
				return len(docs) == 3
			})
			for name, want := range map[string]string{"bare": c.udp, "own": `"cloudwatch_logs":[{"log_group":"/own"}]`, "over-otlp": c.otlp} {
				if want == "" && strings.Contains(docs[name], "cloudwatch_logs") || !strings.Contains(docs[name], want) {
					t.Errorf("%s: %s, want %s", name, docs[name], want)
				}
			}
			if !strings.Contains(docs["bare"], `"sdk":"X-Ray for Go"`) {
				t.Errorf("lost what the SDK says: %s", docs["bare"])
			}
		})
	}
}

func ago(d time.Duration) *time.Time {
	at := time.Now().Add(-d)
	return &at
}

func post(t *testing.T, url, body string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", resp.Status, text)
	}
}

// In the X-Ray daemon's place no logs are taken, and there is no group to name.
func TestNoLinkWithoutLogs(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Receivers.OTLP = config.OTLP{GRPC: config.Off, HTTP: config.Off, Unix: config.Off}
	cfg.Receivers.Forward = config.Forward{TCP: config.Off, Unix: config.Off}
	a := start(t, cfg)
	daemon, err := net.Dial("udp", a.address(t, "xray udp"))
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	sent := segment(1, "bare", `,"aws":{"xray":{"sdk":"X-Ray for Go"}}`)
	fmt.Fprint(daemon, sent)
	_, doc, _ := strings.Cut(sent, "\n")
	id, _, _ := strings.Cut(doc[strings.Index(doc, `"trace_id":"`)+12:], `"`)
	traces := xray.NewFromConfig(sandboxtest.Config(s))
	eventually(t, "the segment", func() bool {
		out, err := traces.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{id}})
		if err != nil || len(out.Traces) == 0 {
			return false
		}
		if got := *out.Traces[0].Segments[0].Document; strings.Contains(got, "cloudwatch_logs") {
			t.Errorf("%s became %s", doc, got)
		}
		return true
	})
}
