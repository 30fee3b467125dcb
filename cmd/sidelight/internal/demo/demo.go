// Package demo runs the whole product on one machine: a sandbox, an agent, and
// the services of the example shop, with steady traffic and a fault that makes
// an alarm fire. Everything but the sandbox is a process of its own, so that what
// the agent costs can be told from the rest; they speak the real protocols.
//
//	shop ──▶ OTLP, X-Ray UDP, StatsD, log files ──▶ agent ──▶ AWS protocols ──▶ sandbox
package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/agent/recipe"
	"github.com/sidelight-dev/sidelight/agent/recipe/apply"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
)

//go:embed demo.recipe.yaml
var recipeText []byte

// Names of what the demo makes.
const (
	// LogGroup takes the logs of all services.
	LogGroup = "/demo/shop"
	// Alarm is the name that the recipe's alarm gets.
	Alarm = "demo-dev-checkout-errors"
)

// Options say what to run.
type Options struct {
	// Agent is the command of this binary.
	Agent string
	// Shop is the folder of the shop's programs: storefront, orders, payments
	// and load.
	Shop string
	// Dir takes configuration, logs and the queue.
	Dir string
	// Listen is the sandbox's address. Default: a free port of loopback.
	Listen string
	// Progress is told what happens, for people. Required.
	Progress func(format string, args ...any)
}

// Demo is a running demo.
type Demo struct {
	o       Options
	sandbox *sandbox.Server
	served  chan error
	cfg     aws.Config
	procs   []*process
	ports   ports
	began   time.Time

	traffic *process
	agent   *process
	final   status.Report
}

// ports are addresses of loopback that were free a moment ago.
type ports struct {
	status, grpc, http, xray, forward, statsd, storefront, orders, payments string
}

// Start starts everything and applies the recipe. Stop must be called also after
// an error.
func Start(ctx context.Context, o Options) (*Demo, error) {
	d := &Demo{o: o, began: time.Now(), served: make(chan error, 1)}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"sandbox", d.startSandbox}, {"agent", d.startAgent}, {"services", d.startServices}, {"recipe", d.applyRecipe},
	} {
		if err := step.run(ctx); err != nil {
			return d, fmt.Errorf("start the %s: %w", step.name, err)
		}
	}
	return d, nil
}

func (d *Demo) startSandbox(ctx context.Context) error {
	listen := d.o.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	var err error
	// Alarms are looked at each second: a demo should not wait for the minute.
	d.sandbox, err = sandbox.New(sandbox.Options{Listen: listen, AlarmEvery: time.Second})
	if err != nil {
		return err
	}
	go func() { d.served <- d.sandbox.Serve(context.WithoutCancel(ctx)) }()
	d.cfg, err = awsapi.Load(ctx, awsapi.Options{Region: sandbox.DefaultRegion, Endpoint: d.sandbox.URL()})
	if err != nil {
		return err
	}
	d.o.Progress("sandbox    speaks CloudWatch, Logs and X-Ray on %s", d.sandbox.URL())
	return d.sampleEverything(ctx)
}

// sampleEverything makes a sampling rule, as one would in the X-Ray console: the
// services ask for it through the agent, and every request becomes a trace.
func (d *Demo) sampleEverything(ctx context.Context) error {
	any := aws.String("*")
	_, err := xray.NewFromConfig(d.cfg).CreateSamplingRule(ctx, &xray.CreateSamplingRuleInput{SamplingRule: &types.SamplingRule{
		RuleName: aws.String("demo"), Priority: aws.Int32(1), FixedRate: 1, ReservoirSize: 50, Version: aws.Int32(1),
		ServiceName: any, ServiceType: any, Host: any, HTTPMethod: any, URLPath: any, ResourceARN: any,
	}})
	return err
}

// AWS is the configuration for clients of the sandbox.
func (d *Demo) AWS() aws.Config { return d.cfg }

// Endpoint is the sandbox's URL.
func (d *Demo) Endpoint() string { return d.sandbox.URL() }

// StatusAddress is where the agent's status interface listens.
func (d *Demo) StatusAddress() string { return d.ports.status }

// Storefront is the base URL of the shop.
func (d *Demo) Storefront() string { return "http://" + d.ports.storefront }

func (d *Demo) startAgent(ctx context.Context) error {
	var err error
	if d.ports, err = freePorts(); err != nil {
		return err
	}
	config := filepath.Join(d.o.Dir, "sidelight.yaml")
	if err := os.WriteFile(config, d.agentConfig(), 0o600); err != nil {
		return err
	}
	begin := time.Now()
	d.agent, err = d.spawn(ctx, "agent", []string{d.o.Agent, "run", "--config", config}, nil)
	if err != nil {
		return err
	}
	if err := d.agent.wait(ctx, func() bool { return d.ask("/ready") == nil }); err != nil {
		return err
	}
	d.o.Progress("agent      ready after %d ms, configuration in %s", time.Since(begin).Milliseconds(), config)
	return nil
}

func (d *Demo) agentConfig() []byte {
	p := d.ports
	return fmt.Appendf(nil, `# The demo's agent. Intervals are short so that there is something to see soon.
service: {name: shop, environment: demo}
aws: {region: %s, endpoint: "%s"}
receivers:
  otlp: {grpc: "%s", http: "%s"}
  xray: {udp: "%s", tcp: "%s"}
  forward: {tcp: "%s", unix: off}
  emf: {tcp: off, udp: off}
  statsd: {udp: "%s"}
  files:
    - {include: ["%s"], timestamp: time}
scrape: {interval: 2s}
logs: {group: %s, stream: "{source}", retention: 7d}
metrics: {interval: 5s, dimensions: [service, environment]}
queue: {dir: "%s"}
shutdown: {grace: 20s}
status: {listen: "%s"}
`, sandbox.DefaultRegion, d.Endpoint(), p.grpc, p.http, p.xray, p.xray, p.forward, p.statsd,
		filepath.Join(d.o.Dir, "logs", "*.log"), LogGroup, filepath.Join(d.o.Dir, "queue"), p.status)
}

// freePorts asks the kernel for addresses that nobody uses. X-Ray's must be free
// for UDP and TCP both.
func freePorts() (ports, error) {
	var p ports
	for _, field := range []*string{&p.status, &p.grpc, &p.http, &p.xray, &p.forward, &p.statsd, &p.storefront, &p.orders, &p.payments} {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		*field = tcp.Addr().String()
		defer tcp.Close()
		udp, err := net.ListenPacket("udp", *field)
		if err != nil {
			return p, err
		}
		defer udp.Close()
	}
	return p, nil
}

// ask gets a page of the agent's status interface.
func (d *Demo) ask(path string) error {
	resp, err := http.Get("http://" + d.ports.status + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// Report asks the agent for its account.
func (d *Demo) Report() (status.Report, error) {
	var r status.Report
	resp, err := http.Get("http://" + d.ports.status + "/status")
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	return r, json.NewDecoder(resp.Body).Decode(&r)
}

func (d *Demo) startServices(ctx context.Context) error {
	p := d.ports
	env := []string{
		"SIDELIGHT_ENDPOINT=http://" + p.http, "AWS_XRAY_DAEMON_ADDRESS=" + p.xray,
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=demo", "OTEL_METRIC_EXPORT_INTERVAL=2000",
		"ORDERS_URL=http://" + p.orders, "PAYMENTS_URL=http://" + p.payments,
	}
	for _, s := range []struct{ name, addr string }{{"payments", p.payments}, {"orders", p.orders}, {"storefront", p.storefront}} {
		proc, err := d.spawn(ctx, s.name, []string{d.program(s.name), "-listen", s.addr}, env)
		if err != nil {
			return err
		}
		if err := proc.wait(ctx, func() bool { return reachable(s.addr) }); err != nil {
			return err
		}
	}
	d.o.Progress("services   storefront, orders (sdk) and payments (aws-xray-sdk-go), shop on %s", d.Storefront())
	return nil
}

// program is the path of one of the shop's.
func (d *Demo) program(name string) string { return filepath.Join(d.o.Shop, name) }

func reachable(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// applyRecipe plans and applies the demo's recipe, and plans again: there must
// be nothing left to do.
func (d *Demo) applyRecipe(ctx context.Context) error {
	path := filepath.Join(d.o.Dir, "recipe.yaml")
	if err := os.WriteFile(path, recipeText, 0o600); err != nil {
		return err
	}
	stack, problems := recipe.Load(path, recipe.Options{Env: "dev"})
	if err := problems.Err(); err != nil {
		return err
	}
	clients := plan.NewClients(d.cfg)
	p, err := plan.Make(ctx, clients, stack)
	if err != nil {
		return err
	}
	if _, err := apply.Run(ctx, clients, p, apply.Options{}); err != nil {
		return err
	}
	again, err := plan.Make(ctx, clients, stack)
	if err != nil {
		return err
	}
	if left := again.ExitCode(true); left != 0 {
		return errors.New("the plan after the apply is not empty")
	}
	d.o.Progress("recipe     %s applied; a second plan is empty", path)
	return nil
}

// Stop ends the services, then the agent, which drains, then the sandbox.
func (d *Demo) Stop() error {
	var errs []error
	for i := len(d.procs) - 1; i >= 0; i-- {
		errs = append(errs, d.procs[i].stop(30*time.Second))
	}
	if d.sandbox != nil {
		errs = append(errs, d.sandbox.Close(), <-d.served)
	}
	return errors.Join(errs...)
}
