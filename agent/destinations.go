package agent

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatch"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatchlogs"
	"github.com/sidelight-dev/sidelight/exporters/otlp"
	"github.com/sidelight-dev/sidelight/exporters/remotewrite"
	"github.com/sidelight-dev/sidelight/exporters/stdout"
	"github.com/sidelight-dev/sidelight/exporters/xray"
	"github.com/sidelight-dev/sidelight/internal/deliver"
	"github.com/sidelight-dev/sidelight/internal/fan"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/post"
)

// form is what a destination takes.
type form uint8

const (
	logEvents form = iota
	fileEvents
	segments // X-Ray's documents
	spans    // as they were sent
	datums
	metrics   // of OTLP
	documents // in the embedded metric format
	samples   // of remote write
)

// laneParts are the parts of the memory that the queues of each form get: the
// first destination's, of defaultParts in all, and any other's beside it.
var laneParts = [...]struct{ first, other int64 }{
	logEvents: {3, 2}, fileEvents: {3, 0}, segments: {1, 1}, spans: {1, 1}, datums: {1, 1}, metrics: {1, 1}, documents: {1, 1}, samples: {1, 1},
}

const defaultParts = 8

// planned is a lane to be built.
type planned struct {
	form form
	cfg  laneConfig
	exp  sidelight.Exporter
	part int64
	// first says that the lane is on the way that everything waits for, and that
	// its books are the agent's.
	first, durable bool
	drop           bool
	lane           *lane
}

// outputs are the ends of the receivers' ways. Those of what is not received are
// nil.
type outputs struct {
	logs, files, segments, spans sidelight.Sink
	// emf takes log events that are for CloudWatch Logs only.
	emf sidelight.Sink
	// spansDest marks batches of spans as they were sent.
	spansDest sidelight.DestHandle
	// wantSegments says that spans are to be translated.
	wantSegments bool
}

// planLanes lists the destinations. Files get a queue of their own, in memory:
// what their first destination has not is still in the file.
func (a *Agent) planLanes(ctx context.Context, ac aws.Config) ([]*planned, error) {
	b := &planner{a: a, ctx: ctx, ac: ac}
	for _, step := range []func() error{b.logs, b.traces, b.metrics} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return b.plan, nil
}

type planner struct {
	a    *Agent
	ctx  context.Context
	ac   aws.Config
	plan []*planned

	cwl *cloudwatchlogs.Exporter
}

func (b *planner) add(p planned) *planned {
	p.part = laneParts[p.form].other
	if p.first {
		p.part = laneParts[p.form].first
	}
	b.plan = append(b.plan, &p)
	return &p
}

func (b *planner) logs() error {
	c := b.a.cfg.Logs
	var err error
	b.cwl, err = cloudwatchlogs.New(b.ctx, cloudwatchlogs.Config{
		RetentionDays: int32(c.Retention), Retention: b.a.fireLensRetention,
		Class: logClass(c.Class), KMSKey: string(c.KMSKey), Tags: b.a.groupTags(),
	}, b.ac, b.a.log)
	if err != nil {
		return wrap("logs", err)
	}
	first := planned{form: logEvents, exp: b.cwl, first: true, durable: true, cfg: laneConfig{
		name: logsLane, signal: sidelight.Logs, pack: pack.Config{Gzip: c.Gzip},
	}}
	if c.Via == "otlp" {
		if first.exp, err = b.otlp(sidelight.Logs, b.a.cfg.OTLP); err != nil {
			return wrap("otlp", err)
		}
		first.cfg.name, first.cfg.pack.Gzip = logsLane+"-otlp", b.a.cfg.OTLP.Compression != "none"
	}
	b.add(first)
	if r := b.a.cfg.Receivers; len(r.Files) > 0 || r.Journald.On() {
		files := first
		files.form, files.cfg.name, files.durable = fileEvents, filesLane, false
		b.add(files)
	}
	return b.also(logEvents, sidelight.Logs, c.Also)
}

// logClass returns the service's name of a class; groups of the class standard
// are made as they always were, so that regions without classes take them.
func logClass(c config.LogClass) types.LogGroupClass {
	if c == "standard" {
		return ""
	}
	return types.LogGroupClass(strings.ToUpper(string(c)))
}

// groupTags returns the tags of groups; a value that comes out empty is left out.
func (a *Agent) groupTags() map[string]string {
	tags := map[string]string{}
	for _, t := range a.cfg.Logs.Tags {
		if v := a.names.expand(config.Template(t.Value), "", ""); v != "" {
			tags[t.Name] = v
		}
	}
	return tags
}

func (b *planner) traces() error {
	c := b.a.cfg.Traces
	out := &b.a.out
	wantSpans := c.Via.Spans()
	for _, x := range c.Also {
		wantSpans = wantSpans || x.Kind() == "otlp"
		out.wantSegments = out.wantSegments || x.Kind() == "stdout"
	}
	out.wantSegments = out.wantSegments || c.Via != "otlp"
	if wantSpans {
		out.spansDest = sidelight.Dest{Exporter: tracesLane, Group: "spans"}.Handle()
	}
	// Segments that X-Ray's SDKs send have no other way, nor have those that an
	// earlier run left undecided.
	if c.Via != "otlp" || on(b.a.cfg.Receivers.XRay.UDP) != "" || b.a.leftUndecided() {
		exp, err := xray.New(b.ctx, b.ac)
		if err != nil {
			return wrap("traces", err)
		}
		b.add(planned{form: segments, exp: exp, first: true, durable: true, cfg: laneConfig{name: tracesLane, signal: sidelight.Traces, accept: traceBooks{b.a}}})
	}
	if c.Via.Spans() {
		exp, err := b.otlp(sidelight.Traces, b.a.cfg.OTLP)
		if err != nil {
			return wrap("otlp", err)
		}
		b.add(planned{form: spans, exp: exp, first: c.Via == "otlp", durable: true, cfg: laneConfig{
			name: tracesLane + "-otlp", signal: sidelight.Traces, pack: pack.Config{Gzip: b.a.cfg.OTLP.Compression != "none"},
			accept: b.spanBooks(),
		}})
	}
	return b.also(segments, sidelight.Traces, c.Also)
}

// spanBooks are the books for what the lane of spans takes in: where it is the
// first, what comes from the sampler was accepted before.
func (b *planner) spanBooks() pack.Books {
	if b.a.cfg.Traces.Via == "otlp" {
		return traceBooks{b.a}
	}
	return nil
}

func (b *planner) metrics() error {
	vias := b.a.cfg.Metrics.Vias()
	if vias["api"] {
		exp, err := cloudwatch.New(b.ctx, b.ac)
		if err != nil {
			return wrap("metrics", err)
		}
		b.add(planned{form: datums, exp: exp, first: true, durable: true, cfg: laneConfig{
			name: metricsLane, signal: sidelight.Metrics, pack: pack.Config{Gzip: true}, deliver: deliver.Config{Workers: 2},
		}})
	}
	if vias["otlp"] {
		exp, err := b.otlp(sidelight.Metrics, b.a.cfg.OTLP)
		if err != nil {
			return wrap("otlp", err)
		}
		b.add(planned{form: metrics, exp: exp, first: true, durable: true, cfg: laneConfig{
			name: metricsLane + "-otlp", signal: sidelight.Metrics, pack: pack.Config{Gzip: b.a.cfg.OTLP.Compression != "none"},
			deliver: deliver.Config{Workers: 2},
		}})
	}
	return b.also(metrics, sidelight.Metrics, b.a.cfg.Metrics.Also)
}

// also adds the further destinations of a signal.
func (b *planner) also(f form, s sidelight.Signal, list []config.Also) error {
	for _, x := range list {
		p := planned{form: f, durable: true, drop: x.WhenFull != "push_back", cfg: laneConfig{
			name: s.String() + "-" + x.Label(), signal: s, disk: int64(x.Disk), deliver: deliver.Config{Workers: 2},
		}}
		var err error
		switch x.Kind() {
		case "remote_write":
			p.form = samples
			p.exp, err = b.remote(x.Remote)
		case "stdout":
			p.cfg.deliver.Workers = 1
			if f == metrics {
				p.form = documents
			}
			p.exp, err = stdout.New(os.Stdout)
		default:
			to := x.OTLP.Resolve(b.a.cfg.OTLP)
			p.cfg.pack.Gzip = to.Compression != "none"
			p.exp, err = b.otlp(s, to)
			if f == segments {
				p.form = spans
			}
		}
		if err != nil {
			return wrap(p.cfg.name, err)
		}
		b.add(p)
	}
	return nil
}

func (b *planner) otlp(s sidelight.Signal, to config.OTLPOut) (sidelight.Exporter, error) {
	cfg := otlp.Config{Signal: s, CA: to.CA, Resource: b.a.id.Resource()}
	if to.Endpoint == config.AWSEndpoint {
		if s == sidelight.Logs {
			cfg.Prepare = b.cwl.Make
		}
	} else {
		cfg.Endpoint = string(to.Endpoint)
	}
	var err error
	if cfg.Headers, err = headers(to.Headers); err != nil {
		return nil, err
	}
	return otlp.New(b.ctx, cfg, b.ac, b.a.log.With("exporter", s.String()+"-otlp"))
}

func (b *planner) remote(to config.Remote) (sidelight.Exporter, error) {
	list, err := headers(to.Headers)
	if err != nil {
		return nil, err
	}
	return remotewrite.New(remotewrite.Config{
		URL: string(to.URL), Sign: remotewrite.IsAmazon(string(to.URL)), Headers: list, CA: to.CA,
	}, b.ac)
}

func headers(list config.Headers) ([]post.Header, error) {
	var out []post.Header
	for _, h := range list {
		value, err := headerValue(h.Value)
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", h.Name, err)
		}
		out = append(out, post.Header{Name: h.Name, Value: value})
	}
	return out, nil
}

// headerValue returns what reads the value of a header: a file's each time, so
// that a secret may be replaced.
func headerValue(text string) (func() (string, error), error) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		v, set := os.LookupEnv(name)
		if !set || v == "" {
			return nil, fmt.Errorf("the environment variable %s is not set", name)
		}
		return func() (string, error) { return v, nil }, nil
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		read := func() (string, error) {
			b, err := os.ReadFile(path)
			return strings.TrimSpace(string(b)), err
		}
		_, err := read()
		return read, err
	}
	return func() (string, error) { return text, nil }, nil
}

// admitter is an exporter whose service takes only what is of some time.
type admitter interface {
	Admit(ms int64, now time.Time) (why string, ok bool)
}

// connect makes the receivers' ends of the ways.
func (a *Agent) connect(plan []*planned) {
	var logs, files, docs, native, more []fan.Way
	a.metrics.via = map[config.MetricsVia]pushFunc{}
	for _, p := range plan {
		w := fan.Way{Name: p.lane.name, Packer: p.lane.packer, Books: p.lane.books, Drop: p.drop}
		if x, ok := p.exp.(admitter); ok {
			w.Admit = x.Admit
		}
		switch p.form {
		case logEvents:
			logs = append(logs, w)
			if p.first {
				a.out.emf = p.lane.packer
			} else {
				more = append(more, w)
			}
		case fileEvents:
			files = append(files, w)
		case segments:
			docs = append(docs, w)
		case spans:
			native = append(native, w)
		case datums, metrics, documents, samples:
			a.connectMetrics(p, w)
		}
	}
	a.out.logs = a.sink(logs, fan.PushBack(logs))
	if len(files) > 0 {
		files = append(files, more...)
		a.out.files = a.sink(files, fan.PushBack(files))
	}
	// A request's segments and spans come one after the other: for the sake of
	// both the first waits, so that nothing is taken by half.
	waits := fan.PushBack(docs)
	if a.out.wantSegments {
		waits = append(waits, fan.PushBack(native)...)
		a.out.spans = a.sink(native, nil)
	} else {
		a.out.spans = a.sink(native, fan.PushBack(native))
	}
	a.out.segments = a.sink(docs, waits)
}

// connectMetrics makes a way for points.
func (a *Agent) connectMetrics(p *planned, w fan.Way) {
	ways := []fan.Way{w}
	to := a.sink(ways, fan.PushBack(ways))
	var push pushFunc
	switch p.form {
	case datums:
		push = a.encoded(p.lane.name, to, datumEncoder)
	case metrics:
		push = a.encoded(p.lane.name, to, otlpEncoder(a.cfg.Metrics.Interval))
	case samples:
		push = a.samples(p.lane.name, to)
	default:
		push = a.documents(sidelight.Metrics, func() sidelight.Sink { return to }, sidelight.Dest{Exporter: p.lane.name}.Handle())
	}
	switch {
	case !p.first:
		a.metrics.also = append(a.metrics.also, push)
	case p.form == datums:
		a.metrics.via["api"] = push
	default:
		a.metrics.via["otlp"] = push
	}
}

// sink returns what gives batches to all ways: the packer itself where there is
// one way, and nothing else to wait for.
func (a *Agent) sink(ways []fan.Way, waits []fan.Packer) sidelight.Sink {
	if len(ways) == 1 && len(waits) == 1 && ways[0].Admit == nil {
		if p, ok := ways[0].Packer.(sidelight.Sink); ok {
			return p
		}
	}
	return fan.New(ways, waits, a.log)
}

// warnStranded looks for queues of destinations that the configuration does not
// name any more.
func (a *Agent) warnStranded(dir string) {
	if dir == "" {
		return
	}
	known := map[string]bool{}
	for _, l := range a.lanes {
		known[l.name] = true
	}
	known[undecidedQueue] = true // it is opened if anything is in it
	found, _ := filepath.Glob(filepath.Join(dir, "*", "*.seg"))
	warned := ""
	for _, path := range found {
		name := filepath.Base(filepath.Dir(path))
		if known[name] || name == warned {
			continue
		}
		warned = name
		a.log.LogAttrs(context.Background(), slog.LevelWarn, "a queue holds data of a destination that is not configured any more; it waits until it is again",
			slog.String("queue", name), slog.String("dir", filepath.Dir(path)))
	}
}
