//go:build !linux

package child

import (
	"errors"
	"log/slog"
)

// reaper is nothing where the agent cannot be the parent of orphans.
type reaper struct{}

func newReaper(always bool, _ *slog.Logger) (*reaper, error) {
	if always {
		return nil, errors.New("orphans can be reaped on Linux only")
	}
	return nil, nil
}

func (*reaper) spare(int) {}
func (*reaper) stop()     {}
