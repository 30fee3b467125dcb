package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatch"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatchlogs"
	"github.com/sidelight-dev/sidelight/exporters/otlp"
	"github.com/sidelight-dev/sidelight/exporters/xray"
	"github.com/sidelight-dev/sidelight/internal/line"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
)

// LookQueues tells what waits in the queue directory of an agent, running or
// not, and what was set aside there. It changes nothing.
func LookQueues(dir string, f refused.Filter) (status.Queues, error) {
	out := status.Queues{Format: status.QueueFormat, Dir: dir}
	names, err := queueNames(dir)
	if err != nil {
		return out, err
	}
	for _, name := range names {
		if f.Queue != "" && f.Queue != name {
			continue
		}
		waiting, held, err := queue.Look(filepath.Join(dir, name))
		if err != nil {
			return out, fmt.Errorf("queue %s: %w", name, err)
		}
		out.Live = out.Live || held
		out.Waiting = append(out.Waiting, found(name, waiting, f.Destination)...)
	}
	v, err := refused.Look(filepath.Join(dir, refusedDir))
	if errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	defer v.Close()
	held, err := v.Held()
	if err != nil {
		return out, err
	}
	out.Live = out.Live || held
	out.SetAside, err = refused.Summarize(v, f)
	return out, err
}

// queueNames lists the queues that have files in dir.
func queueNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the queue: %w", err)
	}
	var names []string
	for _, e := range entries {
		// Other directories may lie there, as on a volume of its own.
		_, err := os.Stat(filepath.Join(dir, e.Name(), "lock"))
		if err == nil && e.Name() != refusedDir {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// found is what a queue's files hold.
func found(name string, waiting []line.Waiting, only string) []status.Waiting {
	var out []status.Waiting
	for _, w := range waiting {
		if !named(w.Dest, only) {
			continue
		}
		out = append(out, status.Waiting{
			Queue: name, Signal: w.Signal.String(), Destination: destination(w.Dest),
			Blocks: w.Blocks, Events: w.Events, Bytes: w.Bytes, Oldest: w.Oldest,
		})
	}
	return out
}

// named reports whether a filter's word, a group or group:stream or nothing,
// means d.
func named(d sidelight.Dest, word string) bool {
	return word == "" || word == d.Group || word == destination(d)
}

// LookRefused calls f for each event that is set aside in the queue directory of
// an agent, running or not.
func LookRefused(dir string, filter refused.Filter, f func(*refused.Record) bool) error {
	v, err := refused.Look(filepath.Join(dir, refusedDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer v.Close()
	return v.Each(filter, f)
}

// DropStopped deletes events that are set aside in the queue directory of an
// agent that does not run. It fails if one does.
func DropStopped(dir string, f refused.Filter, log *slog.Logger) (int, error) {
	s, err := openStopped(dir, log)
	if err != nil {
		return 0, err
	}
	n, err := s.Remove(f)
	return n, errors.Join(err, s.Close())
}

// RequeueStopped puts events that are set aside back into the queues of an agent
// that does not run, which delivers them when it starts. It fails if one runs.
func RequeueStopped(ctx context.Context, dir string, f refused.Filter, log *slog.Logger) (int, error) {
	s, err := openStopped(dir, log)
	if err != nil {
		return 0, err
	}
	open := map[string]*stoppedLane{}
	n, err := requeue(ctx, s, f, func(name string) (sidelight.Sink, error) {
		if l := open[name]; l != nil {
			return l.packer, nil
		}
		l, err := openLane(ctx, dir, name, log)
		if err != nil {
			return nil, err
		}
		open[name] = l
		return l.packer, nil
	})
	errs := []error{err}
	for _, l := range open {
		errs = append(errs, l.packer.Close(), l.queue.Close(), l.queue.Release())
	}
	return n, errors.Join(append(errs, s.Close())...)
}

// openStopped opens what is set aside, which must be there.
func openStopped(dir string, log *slog.Logger) (*refused.Store, error) {
	if _, err := os.Stat(filepath.Join(dir, refusedDir)); err != nil {
		return nil, fmt.Errorf("nothing is set aside in %q: %w", dir, err)
	}
	return refused.Open(refused.Config{Dir: filepath.Join(dir, refusedDir)}, log)
}

// stoppedLane is a queue that is written to and not delivered from.
type stoppedLane struct {
	queue  *queue.Queue
	packer *pack.Packer
}

// openLane opens one of the queues of an agent that does not run.
func openLane(ctx context.Context, dir, name string, log *slog.Logger) (*stoppedLane, error) {
	exp, err := encoderOf(ctx, name, log)
	if err != nil {
		return nil, err
	}
	q, err := queue.Open(queue.Config{
		Dir: filepath.Join(dir, name), Finish: func(b *sidelight.Block) { pack.Complete(exp, b, false) },
	}, log)
	if err != nil {
		return nil, err
	}
	return &stoppedLane{queue: q, packer: pack.New(pack.Config{}, exp, q, &meter.Account{}, log)}, nil
}

// encoderOf returns the exporter of a queue, which nothing will be sent by.
func encoderOf(ctx context.Context, name string, log *slog.Logger) (sidelight.Encoder, error) {
	nowhere := aws.Config{Region: "nowhere"}
	switch name {
	case logsLane:
		return cloudwatchlogs.New(ctx, cloudwatchlogs.Config{}, nowhere, log)
	case tracesLane:
		return xray.New(ctx, nowhere)
	case metricsLane:
		return cloudwatch.New(ctx, nowhere)
	}
	for _, s := range []sidelight.Signal{sidelight.Logs, sidelight.Traces} {
		// What is read back says by itself where it comes from.
		if strings.HasPrefix(name, s.String()+"-") {
			return otlp.New(ctx, otlp.Config{Signal: s}, nowhere, log)
		}
	}
	return nil, fmt.Errorf("there is no queue %q", name)
}
