package agent_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/fluent/fluent-logger-golang/fluent"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/receiver/child"
	"github.com/sidelight-dev/sidelight/agent/receiver/receivertest"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// sendText sends text and ends.
func sendText(t *testing.T, network, addr, text string) {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, text)
}

// sum returns the sum of a metric over the last hours.
func sum(t *testing.T, s *sandbox.Server, namespace, name string, dims ...string) float64 {
	t.Helper()
	in := &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String(namespace), MetricName: aws.String(name), Period: aws.Int32(3600),
		StartTime: aws.Time(time.Now().Add(-2 * time.Hour)), EndTime: aws.Time(time.Now().Add(time.Hour)),
		Statistics: []types.Statistic{types.StatisticSum},
	}
	for i := 0; i < len(dims); i += 2 {
		in.Dimensions = append(in.Dimensions, types.Dimension{Name: aws.String(dims[i]), Value: aws.String(dims[i+1])})
	}
	out, err := cloudwatch.NewFromConfig(sandboxtest.Config(s)).GetMetricStatistics(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, p := range out.Datapoints {
		total += *p.Sum
	}
	return total
}

func emfDocument(name, group string, value int) string {
	return fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"Shop","Dimensions":[["via"]],"Metrics":[{"Name":"orders","Unit":"Count"}]}]%s},"via":%q,"orders":%d}`,
		time.Now().UnixMilli(), group, name, value)
}

// Documents in the embedded metric format become metrics, whichever way they
// come.
func TestEMF(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Receivers.Lines.TCP = "127.0.0.1:0"
	// Metrics do not depend on which logs are kept.
	cfg.Logs.Sample.Info, cfg.Logs.Drop = 0, "exists(via)"
	dir := t.TempDir()
	cfg.Receivers.Files = []config.Files{{Include: []string{dir + "/*.log"}, Start: "beginning"}}
	a := start(t, cfg)
	named := `,"LogGroupName":"/shop/metrics","LogStreamName":"one"`
	sendText(t, "tcp", a.address(t, "emf tcp"), emfDocument("tcp", named, 3)+"\nbroken\n")
	sendText(t, "udp", a.address(t, "emf udp"), emfDocument("udp", "", 4))
	sendText(t, "tcp", a.address(t, "lines tcp"), emfDocument("lines", "", 5)+"\n")
	if err := os.WriteFile(dir+"/app.log", []byte(emfDocument("file", "", 6)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for via, want := range map[string]float64{"tcp": 3, "udp": 4, "lines": 5, "file": 6} {
		eventually(t, "the metric of "+via, func() bool { return sum(t, s, "Shop", "orders", "via", via) == want })
	}
	if got := messages(t, s, "/shop/metrics"); len(got) != 1 || !strings.Contains(got[0], `"via":"tcp"`) {
		t.Errorf("the group that was named holds %q", got)
	}
	if got := messages(t, s, "/sidelight/orders"); len(got) != 3 {
		t.Errorf("the default group holds %q", got)
	}
	a.finish(t)
	if b := a.Books(sidelight.Logs); b.Dropped["malformed"] != 1 || b.Delivered != 4 || b.Queued() != 0 {
		t.Errorf("books %+v", b)
	}
}

func TestSyslogAndLines(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Receivers.Syslog = config.Syslog{TCP: "127.0.0.1:0", UDP: "127.0.0.1:0", Zone: "UTC"}
	cfg.Receivers.Lines = config.Lines{TCP: "127.0.0.1:0", UDP: "127.0.0.1:0", Format: "json"}
	cfg.Logs.Stream = "{source}"
	cfg.Logs.Routes = []config.Route{{When: `app = "nginx" and level >= error`, Group: "/errors"}}
	a := start(t, cfg)
	at := time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	sendText(t, "tcp", a.address(t, "syslog tcp"), fmt.Sprintf("<11>1 %s web nginx 7 - - refused\nno syslog\n", at.Format(time.RFC3339)))
	sendText(t, "udp", a.address(t, "syslog udp"), "<14>"+at.Format(time.Stamp)+" web nginx[7]: served")
	sendText(t, "tcp", a.address(t, "lines tcp"), fmt.Sprintf("{\"time\":%q,\"msg\":\"hello\"}\nno JSON\n", at.Format(time.RFC3339)))
	sendText(t, "udp", a.address(t, "lines udp"), `{"msg":"bye"}`)
	eventually(t, "the logs", func() bool { return len(messages(t, s, "/sidelight/orders")) == 5 })
	eventually(t, "the error", func() bool { return len(messages(t, s, "/errors")) == 1 })
	var doc map[string]string
	if err := json.Unmarshal([]byte(messages(t, s, "/errors")[0]), &doc); err != nil || doc["time"] != at.Format("2006-01-02T15:04:05.000Z") || doc["pid"] != "7" {
		t.Errorf("%v: %v", err, doc)
	}
	if got := messages(t, s, "/sidelight/orders"); !slices.Contains(got, "no JSON") || !slices.Contains(got, `{"msg":"bye"}`) {
		t.Errorf("%q", got)
	}
	resp, err := http.Get("http://" + a.address(t, "status") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(text), "sidelight_lines_unparsed_total 1\n") {
		t.Errorf("the message that is no syslog is not counted:\n%s", text)
	}
	a.finish(t)
	if b := a.Books(sidelight.Logs); b.Delivered != 6 || b.Lost() != 0 {
		t.Errorf("books %+v", b)
	}
}

// The files of a certificate are read again when they change, and while they
// cannot be read the one before serves.
func TestCertificateIsReplaced(t *testing.T) {
	pair, next := receivertest.NewPair(t), receivertest.NewPair(t)
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Receivers.Lines.TCP = "127.0.0.1:0"
	cfg.Receivers.Lines.TLS = config.TLS{Cert: pair.CertFile, Key: pair.KeyFile, ClientCA: next.CertFile}
	a := start(t, cfg)
	dial := func(p receivertest.Pair) error {
		c, err := tls.Dial("tcp", a.address(t, "lines tcp"), &tls.Config{RootCAs: p.Roots, Certificates: []tls.Certificate{next.Cert}})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = fmt.Fprintln(c, "hello")
		return err
	}
	replace := func(cert, key string, at time.Time) {
		t.Helper()
		for from, to := range map[string]string{cert: pair.CertFile, key: pair.KeyFile} {
			text, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(pair.CertFile, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := dial(pair); err != nil {
		t.Fatal(err)
	}
	if err := dial(next); err == nil {
		t.Error("the certificate is not the one that was configured")
	}
	replace("sockets_test.go", next.KeyFile, time.Now().Add(time.Minute))
	if err := dial(pair); err != nil {
		t.Errorf("with a broken file: %v", err)
	}
	replace(next.CertFile, next.KeyFile, time.Now().Add(2*time.Minute))
	if err := dial(next); err != nil {
		t.Errorf("with the new file: %v", err)
	}
	eventually(t, "the lines", func() bool { return len(messages(t, s, "/sidelight/orders")) == 3 })
}

// What cannot be had for TLS and the handshake is a start-up error that names the
// key and no secret.
func TestSecurityRefused(t *testing.T) {
	pair := receivertest.NewPair(t)
	for name, tc := range map[string]struct {
		change func(*config.Receivers)
		want   string
	}{
		"no certificate": {func(r *config.Receivers) { r.Forward.TLS = config.TLS{Cert: "/nowhere", Key: pair.KeyFile} }, "forward: read the certificate"},
		"no key":         {func(r *config.Receivers) { r.Lines.TLS = config.TLS{Cert: pair.CertFile, Key: "/nowhere"} }, "lines: read the certificate"},
		"no roots": {func(r *config.Receivers) {
			r.Syslog.TLS = config.TLS{Cert: pair.CertFile, Key: pair.KeyFile, ClientCA: pair.KeyFile}
		}, "syslog: read the client CA"},
		"no shared key": {func(r *config.Receivers) { r.Forward.SharedKey = "env:NOT_SET_ANYWHERE" }, "forward: shared_key: environment variable NOT_SET_ANYWHERE"},
		"no password": {func(r *config.Receivers) {
			r.Forward.SharedKey, r.Forward.Users = "swordfish", config.Users{{Name: "shop", Value: "file:/nowhere"}}
		}, "forward: users: shop: "},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := settings(t, sandboxtest.New(t))
			cfg.Receivers.Lines.TCP, cfg.Receivers.Syslog.TCP = "127.0.0.1:0", "127.0.0.1:0"
			tc.change(&cfg.Receivers)
			_, err := agent.New(t.Context(), cfg, agent.Deps{Log: slog.New(slog.DiscardHandler), Identity: &identity.Identity{Service: "x"}})
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "swordfish") {
				t.Errorf("New = %v, want %q", err, tc.want)
			}
		})
	}
}

// The command that the agent runs is told where to send its metrics, and those
// that it prints are metrics too.
func TestEMFOfTheChild(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	a, err := agent.New(t.Context(), cfg, agent.Deps{
		Log:      slog.New(slog.NewTextHandler(t.Output(), nil)),
		Identity: &identity.Identity{Platform: identity.Plain, Service: "orders", Host: "h1"},
		Child: &child.Config{
			Command: []string{"/bin/sh", "-c", `echo "$DOCUMENT"; echo "at $AWS_EMF_AGENT_ENDPOINT"`},
			Env:     []string{"DOCUMENT=" + emfDocument("stdout", "", 7)},
			Stdout:  io.Discard, Stderr: io.Discard,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	addr := ""
	for _, l := range a.Report().Listeners {
		if l.Name == "emf tcp" {
			addr = l.Address
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	eventually(t, "the metric", func() bool { return sum(t, s, "Shop", "orders", "via", "stdout") == 7 })
	eventually(t, "the line", func() bool { return slices.Contains(messages(t, s, "/sidelight/orders"), "at tcp://"+addr) })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A container that prints metrics has them without being parsed by configuration.
func TestEMFOfForward(t *testing.T) {
	s := sandboxtest.New(t)
	a := start(t, settings(t, s))
	host, port, err := net.SplitHostPort(a.address(t, "forward"))
	if err != nil {
		t.Fatal(err)
	}
	var n int
	fmt.Sscan(port, &n)
	c, err := fluent.New(fluent.Config{FluentHost: host, FluentPort: n, RequestAck: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Post("app", map[string]string{"container_name": "app", "log": emfDocument("forward", "", 8)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the metric", func() bool { return sum(t, s, "Shop", "orders", "via", "forward") == 8 })
	if got := messages(t, s, "/sidelight/orders"); len(got) != 1 || !strings.Contains(got[0], `"container_name":"app"`) {
		t.Errorf("%q", got)
	}
}
