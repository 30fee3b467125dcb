// Package agent builds the graph of receivers, packers, queues and exporters
// from a configuration and runs it. It is the whole agent but for flags and
// signals, and may run several times in one process.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/aggregate"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/exposition"
	"github.com/sidelight-dev/sidelight/agent/firelens"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/processor"
	"github.com/sidelight-dev/sidelight/agent/processor/join"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/child"
	"github.com/sidelight-dev/sidelight/agent/receiver/statsd"
	"github.com/sidelight-dev/sidelight/agent/receiver/xray"
	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/agent/spend"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/agent/supervise"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/price"
)

// The stages of a stop, in the data's direction.
const (
	stageIntake supervise.Stage = iota
	stageReceive
	stageJoin    // lines that were cut
	stageProcess // what was held back for more of it
	stageGather  // spans whose trace is not decided
	stageSample
	stageAggregate
	stagePack
	stageDeliver
	stageCheckpoint // what was delivered last must still be written down
	stageStatus
)

// Deps is what the agent does not make itself.
type Deps struct {
	Log *slog.Logger
	// Version is printed by the status interface.
	Version string
	// Identity is where the agent runs; nil detects it.
	Identity *identity.Identity
	// Child runs a command beside the agent and ships what it prints. Nil: none.
	Child *child.Config
	// RulesEvery is how often X-Ray is asked for the targets of sampling rules.
	// Zero: 10 s, which is what it expects.
	RulesEvery time.Duration
	// Chosen tells whether somebody set the value at a path of the configuration
	// ("receivers.otlp.grpc"). A default address that nobody chose is left closed
	// if another process has it. Nil: all was chosen.
	Chosen func(path string) bool
}

// Agent is a built agent. Its listeners are open once New returns.
type Agent struct {
	cfg     config.Config
	log     *slog.Logger
	id      identity.Identity
	version string
	began   time.Time

	books  meter.Account
	routes meter.Routes
	meters meter.Set

	rulesEvery time.Duration
	intake     intake
	names      names

	firelens *firelens.Plan // nil: not a FireLens router
	router   *firelens.Router
	joining  *join.Stage // of what Docker cut, nil without a router

	lanes     []*lane
	out       outputs
	metrics   metricWays
	aggregate *aggregate.Aggregate
	spent     *spend.Ledger
	shown     exposition.Store // on /metrics
	prices    price.Table
	budget    *processor.Budget               // nil: log events cost what they cost
	spans     *spanmetrics.Metrics            // nil: spans are not counted
	statsd    atomic.Pointer[statsd.Receiver] // nil: none
	scraping  atomic.Pointer[scraper.Runner]  // nil: nothing is scraped
	exemplars func() uint64                   // of OTLP's metrics, nil without OTLP
	jobs      []job                           // of Prometheus
	readers   []reader                        // of files and of the journal
	proxy     *xray.Proxy
	sampling  *sampling       // nil: all traces go on
	telemetry *telemetry      // nil: X-Ray is told nothing
	child     *child.Receiver // nil: none
	runs      bool            // a command beside it, whose output is logs
	receivers []*running
	stages    []stage
	strange   atomic.Int64 // messages that a receiver could not read and passed on
	open      []status.Listener
	yielded   []status.Listener // to other processes
	dir       *string           // the queue's directory, once looked for; "" is none
	root      *os.Root          // the queue's directory, for checkpoints; may be nil
	stores    []*receiver.Checkpoints
	refused   *refused.Store // nil: no directory
	requeuing sync.Mutex     // one at a time
	status    *status.Server

	left  left
	ended []status.Destination // after Run
}

// receiving is a part that runs with a sink.
type receiving interface {
	Run(ctx context.Context, out sidelight.Sink) error
}

// running is a receiver and where its data goes.
type running struct {
	name string
	out  sidelight.Sink
	open func() (receiving, error)
	// opened is what open returned, until it runs.
	opened receiving
}

// run runs the receiver, opening it anew if it has run before: a receiver that
// failed has closed its listeners.
func (r *running) run(ctx context.Context, out sidelight.Sink) error {
	x := r.opened
	r.opened = nil
	if x == nil {
		var err error
		if x, err = r.open(); err != nil {
			return err
		}
	}
	return x.Run(ctx, out)
}

// receive opens a receiver and keeps it to be run. T is what the caller asks for
// addresses.
func receive[T receiving](a *Agent, name string, out sidelight.Sink, open func() (T, error)) (T, error) {
	x, err := open()
	if err != nil {
		return x, wrap(name, err)
	}
	a.receivers = append(a.receivers, &running{
		name: name, out: out, opened: x,
		open: func() (receiving, error) { return open() },
	})
	return x, nil
}

// New builds the agent and opens its listeners. It makes no call to AWS.
func New(ctx context.Context, cfg config.Config, deps Deps) (*Agent, error) {
	a := &Agent{cfg: cfg, log: deps.Log, version: deps.Version, began: time.Now(), rulesEvery: deps.RulesEvery}
	if err := a.identify(ctx, deps.Identity); err != nil {
		return nil, err
	}
	awsCfg, err := a.awsConfig(ctx)
	if err != nil {
		return nil, err
	}
	a.names = names{logs: cfg.Logs, id: a.id}
	if err := errors.Join(a.loadFireLens(), a.loadPrices()); err != nil {
		return nil, err
	}
	a.giveWay(deps.Chosen)
	if err := a.buildLanes(ctx, awsCfg); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := errors.Join(a.buildProxy(ctx, awsCfg), a.buildTelemetry(ctx, awsCfg), a.buildSampling()); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.buildSpanMetrics()
	a.runs = deps.Child != nil
	a.spent = spend.New(a.began, string(cfg.Metrics.Via))
	if err := a.buildAggregate(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := a.buildReceivers(ctx, awsCfg); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := a.buildChild(deps.Child); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if a.cfg.Status.Listen.On() {
		if a.status, err = status.New(string(a.cfg.Status.Listen), a.Report, a.registerMeters(), a.log); err != nil {
			return nil, errors.Join(err, a.Close())
		}
		a.status.Control(a)
		a.status.Spend(a.Spend)
		if cfg.Metrics.Expose {
			a.status.Expose(a.shown.WriteText)
		}
	}
	return a, nil
}

func (a *Agent) identify(ctx context.Context, given *identity.Identity) error {
	if given != nil {
		a.id = *given
	} else {
		id, err := identity.Detect(ctx, identity.Options{Program: a.cfg.Service.Name})
		if err != nil {
			a.log.Warn("running without the platform's metadata", "err", err)
		}
		a.id = id
	}
	if a.cfg.Service.Name != "" {
		a.id.Service = a.cfg.Service.Name
	}
	if a.cfg.Service.Environment != "" {
		a.id.Environ = a.cfg.Service.Environment
	}
	return nil
}

func (a *Agent) awsConfig(ctx context.Context) (aws.Config, error) {
	o := awsapi.Options{
		Profile: a.cfg.AWS.Profile, Endpoint: a.cfg.AWS.Endpoint, XRay: string(a.cfg.Traces.Endpoint), RoleARN: a.cfg.AWS.RoleARN,
		Proxy: string(a.cfg.AWS.Proxy), Unverified: a.cfg.AWS.Insecure, Metadata: a.cfg.AWS.Metadata,
	}
	if o.Unverified {
		a.log.Warn("the certificates of AWS's endpoints are not checked: whoever is on the way can read and change everything", "setting", "aws.insecure")
	}
	if r := a.cfg.AWS.Region; r != "auto" && r != "" {
		o.Region = r
	} else {
		o.Region = a.id.Region
	}
	cfg, err := awsapi.Load(ctx, o)
	if err != nil {
		return aws.Config{}, err
	}
	if cfg.Region == "" {
		return aws.Config{}, errors.New("no AWS region: set aws.region or AWS_REGION, or aws.metadata to ask the machine")
	}
	a.id.Region = cfg.Region
	return cfg, nil
}

// dimensions are put on every metric.
func (a *Agent) dimensions() []sidelight.Dimension {
	var out []sidelight.Dimension
	for _, name := range a.cfg.Metrics.Dimensions {
		if v := a.id.Value(name); v != "" {
			out = append(out, sidelight.Dimension{Name: name, Value: v})
		}
	}
	return out
}

// Identity is where the agent believes to run.
func (a *Agent) Identity() identity.Identity { return a.id }

// Child is the command that runs beside the agent, or nil.
func (a *Agent) Child() *child.Receiver { return a.child }

// Run works until ctx ends, then stops within the grace period: intake stays
// open until the senders are quiet, and everything on the way is delivered or
// left on disk.
func (a *Agent) Run(ctx context.Context) error {
	s := &supervise.Supervisor{Log: a.log, Grace: a.cfg.Shutdown.Grace}
	a.superviseIntake(s)
	for _, r := range a.receivers {
		s.Add(stageReceive, supervise.Actor{
			Name: r.name, Restart: true,
			Run: func(ctx context.Context) error { return r.run(ctx, a.intake.watch(r.out)) },
		})
	}
	a.superviseFireLens(s)
	a.superviseStages(s)
	a.superviseSampling(s)
	s.Add(stageAggregate, supervise.Actor{
		Name: "aggregate", Run: a.aggregate.Run,
		Stop: func(context.Context) error { a.aggregate.Close(); return nil },
	})
	for _, l := range a.lanes {
		s.Add(stagePack, supervise.Actor{
			Name: l.name + " packer", Restart: true, Run: l.packer.Run,
			Stop: func(context.Context) error { return l.packer.Close() },
		})
		s.Add(stageDeliver, supervise.Actor{
			Name: l.name + " delivery", Restart: true, Run: l.runDelivery,
			Stop: func(context.Context) error { return l.queue.Close() },
		})
	}
	for _, c := range a.stores {
		s.Add(stageCheckpoint, supervise.Actor{Name: "checkpoints", Restart: true, Run: c.Run})
	}
	a.superviseTelemetry(s)
	if a.status != nil {
		s.Add(stageStatus, supervise.Actor{Name: "status", Restart: true, Run: a.status.Run, Stop: a.status.Stop})
	}
	err := s.Run(ctx)
	return errors.Join(err, a.release())
}

// superviseIntake keeps the receivers open until the senders are quiet or half
// the grace period is spent.
func (a *Agent) superviseIntake(s *supervise.Supervisor) {
	stopped := make(chan struct{})
	s.Add(stageIntake, supervise.Actor{
		Name: "intake",
		Run: func(ctx context.Context) error {
			select {
			case <-stopped:
			case <-ctx.Done():
			}
			return nil
		},
		Stop: func(ctx context.Context) error {
			defer close(stopped)
			a.intake.settle(ctx, a.cfg.Shutdown.Quiet, a.cfg.Shutdown.Grace/2)
			return nil
		},
	})
}

func (a *Agent) release() error {
	errs := []error{a.releaseSampling()}
	for _, l := range a.lanes {
		rest, err := l.release()
		a.left.disk += rest.disk
		a.left.files += rest.files
		errs = append(errs, err)
	}
	a.ended = a.Destinations()
	a.lanes = nil
	if a.refused != nil {
		errs = append(errs, a.refused.Close())
		a.refused = nil
	}
	if a.root != nil {
		errs = append(errs, a.root.Close())
		a.root = nil
	}
	return errors.Join(errs...)
}

// Close releases what New opened, for an agent that will not Run.
func (a *Agent) Close() error {
	var errs []error
	for _, r := range a.receivers {
		if c, ok := r.opened.(interface{ Close() error }); ok {
			errs = append(errs, c.Close())
		}
	}
	errs = append(errs, a.release())
	return errors.Join(errs...)
}

// LeftOnDisk is how many events stayed in the durable queue after Run.
func (a *Agent) LeftOnDisk() int { return a.left.disk }

// LeftInFiles is how many lines were read and not delivered when Run ended. They
// are read again at the next start.
func (a *Agent) LeftInFiles() int { return a.left.files }

// Books returns a signal's account.
func (a *Agent) Books(s sidelight.Signal) meter.Totals { return a.books.Totals(s) }

// wrap names the part that could not be built.
func wrap(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}
