package agent

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/child"
	"github.com/sidelight-dev/sidelight/agent/receiver/filelog"
	"github.com/sidelight-dev/sidelight/agent/receiver/forward"
	"github.com/sidelight-dev/sidelight/agent/receiver/otlp"
	"github.com/sidelight-dev/sidelight/agent/receiver/xray"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

// runner is a part that records measurements and pushes nothing.
type runner[T interface {
	Run(ctx context.Context) error
}] struct{ part T }

// Run runs the part.
func (r runner[T]) Run(ctx context.Context, _ sidelight.Sink) error { return r.part.Run(ctx) }

// buildReceivers opens every listener that is configured.
func (a *Agent) buildReceivers(ctx context.Context, ac aws.Config) error {
	for _, build := range []func(context.Context, aws.Config) error{
		a.buildForward, a.buildFiles, a.buildJournald, a.buildSyslog, a.buildLines, a.buildEMF, a.buildOTLP, a.buildXRay, a.buildStatsD, a.buildPrometheus, a.buildScrapers,
	} {
		if err := build(ctx, ac); err != nil {
			return err
		}
	}
	return nil
}

func (a *Agent) buildForward(context.Context, aws.Config) error {
	cfg := forward.Config{
		TCP: a.forwardTCP(), Unix: a.forwardSocket(),
		// Unfinished messages are memory too.
		Memory: int64(a.cfg.Queue.Memory), MaxMessage: int(min(a.cfg.Queue.Memory, 64<<20)),
		Dest: func(tag string) sidelight.DestHandle { return a.names.dest(logsLane, "", tag) },
	}
	if cfg.TCP == "" && cfg.Unix == "" {
		return nil
	}
	if err := a.secureForward(&cfg); err != nil {
		return wrap("forward", err)
	}
	out, err := a.forwardSink()
	if err != nil {
		return err
	}
	r, err := receive(a, "forward", out, func() (*forward.Receiver, error) {
		return forward.New(cfg, &a.books, a.log.With("receiver", "forward"))
	})
	if err != nil {
		return a.explain(err)
	}
	for _, addr := range r.Addrs() {
		a.listen("forward", addr)
	}
	return a.buildSwallow()
}

// buildFiles follows each set of files, with checkpoints of its own: they are
// found again by the patterns, whatever else the configuration changes.
func (a *Agent) buildFiles(context.Context, aws.Config) error {
	for _, f := range a.cfg.Receivers.Files {
		store, err := a.checkpoints(f.Include)
		if err != nil {
			return wrap("files", err)
		}
		cfg := filelog.Config{
			Include: f.Include, Exclude: f.Exclude, Start: filelog.Start(f.Start), PollOnly: f.Watch == "poll", Encoding: filelog.Encoding(f.Encoding),
			Dest: func(path string) sidelight.DestHandle { return a.names.dest(filesLane, "", path) },
		}
		name := "files " + strings.Join(f.Include, " ")
		now := &latest[filelog.Stats, *filelog.Receiver]{}
		out, err := a.process(name, filesLane, a.out.files, fileInput(f))
		if err != nil {
			return err
		}
		_, err = receive(a, name, out, func() (*filelog.Receiver, error) {
			return now.set(filelog.New(cfg, store, a.log.With("receiver", "files")))
		})
		if err != nil {
			return err
		}
		a.readers = append(a.readers, fileReader(a.unread(name), now.stats))
	}
	return nil
}

// checkpoints opens the store for a set of patterns beside the queue. Without a
// directory to write to, files are read from their start again after a restart.
func (a *Agent) checkpoints(include []string) (*receiver.Checkpoints, error) {
	dir := a.queueDir()
	if dir == "" {
		return receiver.MemoryCheckpoints(), nil
	}
	if a.root == nil {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		a.root = root
	}
	sum := sha256.Sum256([]byte(strings.Join(include, "\n")))
	store, err := receiver.OpenCheckpoints(a.root, fmt.Sprintf("checkpoints-%x.json", sum[:4]), a.log)
	if err != nil {
		return nil, err
	}
	a.stores = append(a.stores, store)
	return store, nil
}

func (a *Agent) buildOTLP(context.Context, aws.Config) error {
	c := a.cfg.Receivers.OTLP
	cfg := otlp.Config{
		GRPC: on(c.GRPC), HTTP: on(c.HTTP), Unix: on(c.Unix), Dimensions: c.Dimensions,
		Logs: func(service string) sidelight.Dest {
			return a.names.dest(logsLane, service, "otlp").Value()
		},
		ResourceDefaults: a.id.Resource(),
		XRay:             xraydoc.Config{Indexed: a.indexed(), LogGroup: a.logGroupOf()},
		Memory:           int64(a.cfg.Queue.Memory),
		Note:             a.noteSpans(),
		Observe:          a.observeSpans(),
		Annotate:         a.annotateSpans(),
	}
	if cfg.GRPC == "" && cfg.HTTP == "" && cfg.Unix == "" {
		return nil
	}
	if a.out.wantSegments {
		cfg.Traces = sidelight.Dest{Exporter: tracesLane}
	}
	if a.out.spansDest != (sidelight.DestHandle{}) {
		cfg.Spans = a.out.spansDest.Value()
	}
	if a.sampling != nil && cfg.Spans != (sidelight.Dest{}) {
		cfg.Pair = sidelight.Dest{Exporter: tracesLane}
	}
	out, err := a.process("otlp", logsLane, a.bySignal(), input{})
	if err != nil {
		return err
	}
	r, err := receive(a, "otlp", out, func() (*otlp.Receiver, error) {
		return otlp.New(cfg, a.aggregate, &a.books, a.log.With("receiver", "otlp"))
	})
	if err != nil {
		return err
	}
	a.exemplars = r.Exemplars
	if cfg.GRPC != "" {
		a.listen("otlp grpc", r.GRPCAddr())
	}
	if cfg.HTTP != "" {
		a.listen("otlp http", r.HTTPAddr())
	}
	return nil
}

// bySignal returns a Sink that packs logs and traces each in their own lane.
func (a *Agent) bySignal() sidelight.Sink {
	segments := a.segments()
	return sidelight.SinkFunc(func(ctx context.Context, b *sidelight.Batch) error {
		switch {
		case b.Signal != sidelight.Traces:
			return a.out.logs.Push(ctx, b)
		case b.Dest == a.out.spansDest:
			return a.out.spans.Push(ctx, b)
		}
		return segments.Push(ctx, b)
	})
}

func (a *Agent) buildXRay(context.Context, aws.Config) error {
	cfg := xray.Config{
		UDP: on(a.cfg.Receivers.XRay.UDP), TCP: on(a.cfg.Receivers.XRay.TCP),
		Dest: sidelight.Dest{Exporter: tracesLane}, Proxy: a.proxy,
	}
	if cfg.UDP == "" && cfg.TCP == "" {
		return nil
	}
	r, err := receive(a, "xray", a.linkLogs(a.countSegments(a.segments())), func() (*xray.Receiver, error) {
		return xray.New(cfg, nil, &a.books, a.log.With("receiver", "xray"))
	})
	if err != nil {
		return err
	}
	if cfg.UDP != "" {
		a.listen("xray udp", r.UDPAddr())
	}
	if cfg.TCP != "" {
		a.listen("xray tcp", r.TCPAddr())
	}
	return nil
}

// buildChild prepares the command that runs beside the agent. It is told where
// the agent listens by the variables that the SDKs read.
func (a *Agent) buildChild(cfg *child.Config) error {
	if cfg == nil {
		return nil
	}
	c := *cfg
	c.Env = append(slices.Clone(c.Env), a.childEnv()...)
	c.Dest = func(stream string) sidelight.DestHandle { return a.names.dest(logsLane, "", stream) }
	r, err := child.New(c, &a.books, a.log.With("receiver", "child"))
	if err != nil {
		return wrap("child", err)
	}
	out, err := a.process("child", logsLane, a.out.logs, execInput(a.cfg.Receivers.Exec))
	if err != nil {
		return err
	}
	a.child = r
	a.receivers = append(a.receivers, &running{
		name: "child", out: out, opened: r,
		// The command is never started a second time: it is the same receiver.
		open: func() (receiving, error) { return r, nil },
	})
	return nil
}

// childEnv names the agent's listeners.
func (a *Agent) childEnv() []string {
	var env []string
	for _, l := range a.open {
		switch l.Name {
		case "otlp http":
			env = append(env, "SIDELIGHT_ENDPOINT=http://"+l.Address, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+l.Address,
				"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
		case "xray udp":
			env = append(env, "AWS_XRAY_DAEMON_ADDRESS="+l.Address)
		case "emf tcp":
			env = append(env, "AWS_EMF_AGENT_ENDPOINT=tcp://"+l.Address)
		}
	}
	return env
}

// listen notes an open address.
func (a *Agent) listen(name string, addr net.Addr) {
	if addr != nil {
		a.open = append(a.open, status.Listener{Name: name, Address: addr.String()})
	}
}

// listeners returns every open address, and those that others have.
func (a *Agent) listeners() []status.Listener {
	out := slices.Concat(a.open, a.yielded)
	if a.status != nil {
		out = append(out, status.Listener{Name: "status", Address: a.status.Addr()})
	}
	return out
}
