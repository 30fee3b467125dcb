//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
)

// nobody is the user that runs the agent where root would not be stopped by a
// directory's mode.
const nobody = 65534

// diskSize is what the queue's file system holds in the row that fills it.
const diskSize = 3 << 20

// outageLoads are loads of larger records, which exceed a small disk and a small
// memory together.
func (s scale) outageLoads() [sources]load {
	all := s.loads()
	for i := range all {
		all[i].padding = 8 << 20 / all[i].records
	}
	return all
}

// fullRow gives the queue a small file system. In an outage it fills up; what it
// does not hold waits in memory and is not acknowledged, so that a kill loses
// nothing either.
func fullRow(s scale) *row {
	return &row{
		name: "disk full, and kill -9", loads: withoutDatagrams(s.outageLoads()), may: allowed{copies: true, again: true},
		tune: func(x *settings) { x.memory, x.disk = "8MiB", "64MiB" },
		before: func(_ context.Context, w *world) error {
			err := syscall.Mount("tmpfs", w.queue(), "tmpfs", 0, fmt.Sprintf("size=%d", diskSize))
			if errors.Is(err, syscall.EPERM) {
				// Who may not mount can still forbid files to grow.
				w.fileLimit, err = diskSize, nil
			}
			if err != nil {
				return fmt.Errorf("mount a small file system: %w", err)
			}
			return w.play(fault.Rule{Kind: fault.Refuse})
		},
		script: func(ctx context.Context, w *world) error {
			if err := errors.Join(pause(ctx, s.span), w.killAgent(), w.start(ctx), pause(ctx, time.Second)); err != nil {
				return err
			}
			w.heal()
			return nil
		},
		cleanup: func(w *world) error {
			if w.fileLimit > 0 {
				return nil
			}
			return syscall.Unmount(w.queue(), 0)
		},
	}
}

// asNobody makes the agent obey the modes of directories, if the row runs as
// root.
func asNobody(x *settings) {
	if os.Getuid() == 0 {
		x.uid = nobody
	}
}

// readOnlyStartRow gives the agent a directory that it cannot write to: it runs
// from memory, and acknowledges what is delivered.
func readOnlyStartRow(s scale) *row {
	return &row{
		name: "directory read-only at the start", loads: s.loads(), tune: asNobody, may: allowed{again: true, drop: true},
		before: func(_ context.Context, w *world) error { return os.Chmod(w.queue(), 0o555) },
		script: during(s.span/4, fault.Rule{Kind: fault.Refuse}),
	}
}

// readOnlyLaterRow takes the right to make files away while there is an outage,
// and gives it back before the end.
func readOnlyLaterRow(s scale) *row {
	return &row{
		name: "directory read-only later", loads: s.outageLoads(), may: allowed{again: true, drop: true},
		tune: func(x *settings) {
			asNobody(x)
			x.memory, x.disk = "8MiB", "16MiB"
		},
		before: faults(fault.Rule{Kind: fault.Refuse}),
		script: func(ctx context.Context, w *world) error {
			err := errors.Join(os.Chmod(w.queue(), 0o555), pause(ctx, s.span*3/4))
			for _, lane := range []string{"logs", "traces", "metrics"} {
				err = errors.Join(err, os.Chmod(w.queue()+"/"+lane, 0o555))
			}
			err = errors.Join(err, pause(ctx, s.span/4))
			w.heal()
			for _, lane := range []string{"logs", "traces", "metrics"} {
				err = errors.Join(err, os.Chmod(w.queue()+"/"+lane, 0o755))
			}
			return errors.Join(err, os.Chmod(w.queue(), 0o755))
		},
	}
}
