package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sidelight-dev/sidelight/internal/query"
)

// How long the phases last. The storm lasts until the alarm fires, at least
// shortest and at most longest.
const (
	calm     = 12 * time.Second
	shortest = 10 * time.Second
	longest  = 60 * time.Second
	after    = 5 * time.Second
)

// Drive sends traffic: calm, then with faults until the alarm fires, then calm
// again until everything has arrived.
func (d *Demo) Drive(ctx context.Context) error {
	if err := d.startTraffic(ctx); err != nil {
		return err
	}
	d.o.Progress("traffic    %d requests a second, all well", rate)
	if err := sleep(ctx, calm); err != nil {
		return err
	}
	if err := d.chaos(ctx, "0.5", "0.2"); err != nil {
		return err
	}
	d.o.Progress("traffic    half of the orders fail now, a fifth are slow")
	began := time.Now()
	if err := d.awaitAlarm(ctx); err != nil {
		return err
	}
	d.o.Progress("alarm      %s is in ALARM after %.0f s", Alarm, time.Since(began).Seconds())
	if err := sleep(ctx, shortest-time.Since(began)); err != nil {
		return err
	}
	if err := d.chaos(ctx, "0", "0"); err != nil {
		return err
	}
	if err := sleep(ctx, after); err != nil {
		return err
	}
	if err := d.stopTraffic(); err != nil {
		return err
	}
	d.o.Progress("traffic    done")
	return d.awaitArrival(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

func (d *Demo) awaitAlarm(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, longest, errors.New("the alarm did not fire"))
	defer cancel()
	client := query.New(d.cfg)
	for {
		alarms, err := client.Alarms.List(ctx, query.AlarmsQuery{Prefix: Alarm})
		if err != nil {
			return err
		}
		if len(alarms) == 1 && alarms[0].State == query.StateAlarm {
			return nil
		}
		if err := sleep(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
}

// awaitArrival waits until the agent holds nothing of logs and traces any more.
// Metrics come with every interval for ever.
func (d *Demo) awaitArrival(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("the agent did not deliver everything in 30 s"))
	defer cancel()
	quiet := 0
	for quiet < 4 {
		r, err := d.Report()
		if err != nil {
			return fmt.Errorf("ask the agent: %w", err)
		}
		// Services export in intervals: it must stay empty for a while.
		if quiet++; r.Signals["logs"].Queued+r.Signals["traces"].Queued > 0 {
			quiet = 0
		}
		if err := sleep(ctx, 700*time.Millisecond); err != nil {
			return err
		}
	}
	r, err := d.Report()
	d.final = r
	return err
}
