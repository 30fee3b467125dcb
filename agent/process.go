package agent

import (
	"fmt"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/processor"
	"github.com/sidelight-dev/sidelight/agent/processor/multiline"
	"github.com/sidelight-dev/sidelight/agent/processor/redact"
	"github.com/sidelight-dev/sidelight/agent/processor/timestamp"
	"github.com/sidelight-dev/sidelight/agent/supervise"
	"github.com/sidelight-dev/sidelight/internal/loglevel"
)

// stage is a pipeline and the receiver it stands behind.
type stage struct {
	name string
	*processor.Pipeline
}

// input is what the configuration says of one receiver's events.
type input struct {
	processor.Input
	timestamp config.Timestamp
}

// process puts what the configuration wants done with the log events of a
// receiver in front of next.
func (a *Agent) process(name, lane string, next sidelight.Sink, in input) (sidelight.Sink, error) {
	cfg, err := a.processing(lane)
	if err != nil {
		return nil, wrap("logs", err)
	}
	cfg.Input = in.Input
	if in.timestamp.On() {
		cfg.Input.Stamp, cfg.Input.Key = true, in.timestamp.Key
		if cfg.Input.Layout, err = layout(in.timestamp); err != nil {
			return nil, wrap(name, err)
		}
	}
	p, err := processor.New(cfg, next, &a.books, a.log.With("receiver", name))
	if err != nil {
		return nil, wrap(name, err)
	}
	a.stages = append(a.stages, stage{name, p})
	return p, nil
}

func layout(t config.Timestamp) (timestamp.Layout, error) {
	zone, err := time.LoadLocation(string(t.Zone))
	if err != nil {
		return timestamp.Layout{}, fmt.Errorf("load the time zone: %w", err)
	}
	return timestamp.New(string(t.Layout), zone)
}

// processing is what is done with every log event.
func (a *Agent) processing(lane string) (processor.Config, error) {
	c := a.cfg.Logs
	cfg := processor.Config{
		Keep: string(c.Keep), Drop: string(c.Drop), Sample: sample(c.Sample),
		Rate: c.RateLimit.PerSecond, Burst: c.RateLimit.Burst,
		Redact:   redact.Config{What: words(c.Redact.What), Action: redact.Action(c.Redact.Action), Salt: c.Redact.Salt},
		Fields:   processor.Fields{Remove: c.Fields.Remove},
		TraceIDs: c.TraceIDs, Budget: a.logBudget(),
		Oversize: processor.Oversize(c.Oversize),
	}
	for _, f := range c.Fields.Add {
		cfg.Fields.Add = append(cfg.Fields.Add, processor.Field{Name: f.Name, Value: func(source string) string {
			return a.names.expand(config.Template(f.Value), "", source)
		}})
	}
	for _, r := range c.Fields.Rename {
		cfg.Fields.Rename = append(cfg.Fields.Rename, [2]string{r.Name, r.Value})
	}
	for i, r := range c.Routes {
		if r.When == "" {
			return cfg, fmt.Errorf("routes[%d]: when is missing", i)
		}
		cfg.Routes = append(cfg.Routes, processor.Route{
			When: string(r.When),
			Dest: func(source string, from sidelight.DestHandle) sidelight.DestHandle {
				return a.names.route(r, lane, source, from)
			},
		})
	}
	return cfg, nil
}

// sample returns the part of each level that goes on, nil for all of them.
func sample(s config.Sample) *[loglevel.Count]float64 {
	if !s.On() {
		return nil
	}
	var parts [loglevel.Count]float64
	for i := range parts {
		parts[i] = 1
	}
	for level, p := range map[loglevel.Level]config.Percent{
		loglevel.Trace: s.Trace, loglevel.Debug: s.Debug, loglevel.Info: s.Info,
		loglevel.Notice: s.Notice, loglevel.Warn: s.Warn, loglevel.Error: s.Error,
	} {
		parts[level] = float64(p) / 100
	}
	return &parts
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

func fileInput(f config.Files) input {
	return input{processor.Input{
		Format: processor.Format(f.Format), Content: processor.Format(f.Content), Pattern: string(f.Pattern),
		Multiline: joined(f.Multiline), Wait: f.Multiline.Wait,
	}, f.Timestamp}
}

func forwardInput(f config.Forward) input {
	in := input{processor.Input{
		Format: processor.Format(f.Format), Pattern: string(f.Pattern), Records: true,
		Multiline: joined(f.Multiline), Wait: f.Multiline.Wait,
	}, f.Timestamp}
	if f.Format == "record" {
		in.Format = processor.Plain
	}
	return in
}

func execInput(e config.Exec) input {
	return input{processor.Input{
		Format: processor.Format(e.Format), Pattern: string(e.Pattern),
		Multiline: joined(e.Multiline), Wait: e.Multiline.Wait,
	}, e.Timestamp}
}

func joined(m config.Multiline) multiline.Config {
	return multiline.Config{Start: string(m.Start), Continue: string(m.Continue), Stacks: words(m.Stacks)}
}

// superviseStages lets pipelines do what is due without data.
func (a *Agent) superviseStages(s *supervise.Supervisor) {
	for _, p := range a.stages {
		s.Add(stageProcess, supervise.Actor{Name: p.name + " processing", Restart: true, Run: p.Run, Stop: p.Close})
	}
}

// unparsed counts the lines that were not in the format they should be in.
func (a *Agent) unparsed() (n int64) {
	for _, p := range a.stages {
		n += p.Unparsed()
	}
	return n + a.strange.Load()
}
