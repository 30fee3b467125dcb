//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
)

// rows returns every fault at a scale.
func rows(s scale) []*row {
	all := []*row{
		{name: "none", may: allowed{noFault: true}},
		{name: "throttling, half of the calls", before: faults(fault.Rule{Kind: fault.Throttle, Rate: 0.5})},
		{name: "errors 500, 30 % of the calls", lasting: true, before: faults(fault.Rule{Kind: fault.Error, Rate: 0.3})},
		{
			name: "connections reset, 30 % of the calls", lasting: true, may: allowed{copies: true},
			before: faults(fault.Rule{Kind: fault.DropBefore, Rate: 0.15}, fault.Rule{Kind: fault.DropAfter, Rate: 0.15}),
		},
		outageRow(s),
		{name: fmt.Sprintf("answers after %v", s.slow), before: faults(fault.Rule{Kind: fault.Delay, Wait: fault.Duration(s.slow)})},
		rejectRow(s),
		credentialsRow(s, "file"),
		credentialsRow(s, "process"),
		skewRow(s),
		fullRow(s),
		readOnlyStartRow(s),
		readOnlyLaterRow(s),
		killRow(s),
		termRow(s, "always"),
		termRow(s, "spill"),
		floodRow(s),
	}
	for _, r := range all {
		if r.limit == 0 {
			r.limit = s.limit
		}
		if r.loads[fromForward].records == 0 {
			r.loads = s.loads()
		}
	}
	return all
}

func faults(rules ...fault.Rule) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { return w.play(rules...) }
}

// during plays rules from a second after the start for a time.
func during(d time.Duration, rules ...fault.Rule) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		if err := w.play(rules...); err != nil {
			return err
		}
		err := pause(ctx, d)
		w.heal()
		return err
	}
}

func outageRow(s scale) *row {
	s.span = s.outage + 2*time.Second
	return &row{
		name: fmt.Sprintf("outage of %v", s.outage), loads: s.loads(), limit: s.limit + s.outage,
		script: during(s.outage, fault.Rule{Kind: fault.Refuse}),
	}
}

// The bounds of event times that CloudWatch Logs takes.
const (
	tooOld = 14 * 24 * time.Hour
	tooNew = -2 * time.Hour
)

// rejectRow sends what the services do not take, between what they do: events
// beyond and within their bounds of time, and trace IDs of an unknown version. Of
// the rest, the services take only a part of some batches.
func rejectRow(s scale) *row {
	r := &row{
		name: "200 that rejects a part", may: allowed{refuse: true}, loads: s.loads(), lasting: true,
		before: faults(fault.Rule{Kind: fault.Partial, Operation: "PutTraceSegments", Rate: 0.3},
			fault.Rule{Kind: fault.Partial, Operation: "PutLogEvents", Rate: 0.1}),
	}
	age := func(n int) time.Duration {
		return [...]time.Duration{tooOld + time.Hour, tooOld - time.Hour, tooNew - time.Hour, tooNew + time.Hour, 0, 0, 0, 0}[n/20%8]
	}
	r.loads[fromForward].age, r.loads[fromOTLPLogs].age = age, age
	r.loads[fromXRay].spoil = func(n int) bool { return n%10 == 0 }
	return r
}

// credentialsRow has credentials expire, though they did not say so, and renews
// them some time later: those that stand in a shared file, or those that a
// process gives out.
func credentialsRow(s scale, from string) *row {
	renew := func(w *world, key string) error {
		text := fmt.Sprintf("[chaos]\naws_access_key_id = %s\naws_secret_access_key = secret\naws_session_token = token\n", key)
		if from == "process" {
			text = fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":"secret","SessionToken":"token"}`, key)
		}
		next := filepath.Join(w.dir, "next")
		return errors.Join(os.WriteFile(next, []byte(text), 0o600), os.Rename(next, filepath.Join(w.dir, "credentials")))
	}
	return &row{
		name: "credentials of a " + from + " expired for a while", tune: func(x *settings) { x.profile = "chaos" },
		before: func(_ context.Context, w *world) error {
			config, credentials := filepath.Join(w.dir, "aws"), filepath.Join(w.dir, "credentials")
			w.env = append(w.env, "AWS_CONFIG_FILE="+config)
			text := "[profile chaos]\n"
			if from == "file" {
				w.env = append(w.env, "AWS_SHARED_CREDENTIALS_FILE="+credentials)
			} else {
				text += "credential_process = cat " + credentials + "\n"
			}
			return errors.Join(os.WriteFile(config, []byte(text), 0o600), renew(w, "RUN1"))
		},
		script: func(ctx context.Context, w *world) error {
			expired := fault.Rule{Kind: fault.Error, Status: 400, Shape: "ExpiredTokenException", AccessKey: "RUN1"}
			if err := errors.Join(pause(ctx, s.span/4), w.play(expired), pause(ctx, s.span/2)); err != nil {
				return err
			}
			return renew(w, "RUN1-RENEWED")
		},
	}
}

// skewRow has a clock that is ten minutes behind and then ten minutes ahead.
func skewRow(s scale) *row {
	return &row{
		name: "clock 10 minutes wrong", lasting: true,
		before: faults(fault.Rule{Kind: fault.ClockSkew, Wait: fault.Duration(10 * time.Minute)}),
		script: func(ctx context.Context, w *world) error {
			if err := pause(ctx, s.span/2); err != nil {
				return err
			}
			w.heal()
			return w.play(fault.Rule{Kind: fault.ClockSkew, Wait: fault.Duration(-10 * time.Minute)})
		},
	}
}

// floodRow sends as fast as it goes into a small queue during an outage. Those
// who can wait are made to, and datagrams find no room.
func floodRow(s scale) *row {
	r := &row{
		name: "flood above capacity", may: allowed{drop: true}, loads: s.loads(),
		tune: func(x *settings) { x.memory, x.disk = "8MiB", "16MiB" },
		script: func(ctx context.Context, w *world) error {
			err := errors.Join(w.play(fault.Rule{Kind: fault.Refuse}), pause(ctx, s.span))
			w.heal()
			return err
		},
	}
	for i := range r.loads {
		l := &r.loads[i]
		l.rate, l.chunk, l.padding = 0, 50, 4000
		// Twice what the queue of the signal holds, from each source.
		l.records = 2 * 16 << 20 / l.padding
	}
	r.loads[fromOTLPTraces].records *= 2 // they have no padding
	return r
}
