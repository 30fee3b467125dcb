package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/dirlock"
	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/render"
)

// queueFlags say whose queue is meant and which of its events.
type queueFlags struct {
	addr   *string
	dir    string
	filter refused.Filter
	ids    []uint
	all    bool
}

func addQueueFlags(cmd *cobra.Command) *queueFlags {
	f := &queueFlags{addr: addressFlag(cmd)}
	fl := cmd.Flags()
	fl.StringVar(&f.dir, "dir", "", "the queue's `DIR`ectory, if no agent runs")
	fl.StringVar(&f.filter.Destination, "destination", "", "only of this `GROUP`, or group:stream")
	fl.StringVar(&f.filter.Queue, "queue", "", "only of this `QUEUE`: logs, files, traces or metrics")
	return f
}

// addChoice adds the flags that choose events which were set aside.
func (f *queueFlags) addChoice(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.filter.Reason, "reason", "", "only refused for this `REASON`, as too_old")
	cmd.Flags().UintSliceVar(&f.ids, "id", nil, "only the event of this `ID`; may be given again")
}

// choose completes the filter. A command that changes something needs to be told
// what.
func (f *queueFlags) choose(change bool) error {
	for _, id := range f.ids {
		f.filter.IDs = append(f.filter.IDs, uint64(id))
	}
	none := len(f.ids) == 0 && f.filter.Destination == "" && f.filter.Reason == "" && f.filter.Queue == ""
	switch {
	case change && none && !f.all:
		return &hintError{err: usage("which events? expected --all, --id, --destination, --reason or --queue"), hint: "sidelight queue show --events"}
	case f.all && !none:
		return usage("--all and a choice exclude each other")
	}
	return nil
}

func (a *app) queueCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use:   "queue",
		Short: "See what waits and what AWS refused",
		Example: `  sidelight queue show
  sidelight queue show --events --reason too_old`,
	}, a.queueShow(), a.queueRequeue(), a.queueDrop())
}

func (a *app) queueShow() *cobra.Command {
	var events bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show what waits and what was set aside",
		Long: `Shows what waits for each destination, and why it does, and the events that AWS
refused for good and that were set aside. Asks the agent that runs, or reads the
directory of one that does not.`,
		Example: `  sidelight queue show
  sidelight queue show --events --reason too_old
  sidelight queue show --dir /var/lib/sidelight -o json`,
		Args: cobra.NoArgs,
	}
	f := addQueueFlags(cmd)
	f.addChoice(cmd)
	cmd.Flags().BoolVar(&events, "events", false, "print the events that were set aside, one a line")
	fail := addFailFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.choose(false); err != nil {
			return err
		}
		if events {
			return a.showRefused(cmd.Context(), f, fail)
		}
		return a.showQueues(cmd.Context(), f, fail)
	}
	return cmd
}

func (a *app) queueRequeue() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "requeue",
		Short: "Send set-aside events again",
		Long: `Puts events that were set aside back into their queue, to be sent again: by the
agent that runs, or, with --dir, when it starts. They count as accepted anew.`,
		Example: `  sidelight queue requeue --all
  sidelight queue requeue --destination /ecs/orders
  sidelight queue requeue --id 17 --id 18 --dir /var/lib/sidelight`,
		Args: cobra.NoArgs,
	}
	f := addQueueFlags(cmd)
	f.addChoice(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "all that was set aside")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.choose(true); err != nil {
			return err
		}
		return a.changeQueue(cmd.Context(), f, "requeue", "put back", func() (int, error) {
			return agent.RequeueStopped(cmd.Context(), f.dir, f.filter, a.logger())
		})
	}
	return cmd
}

func (a *app) queueDrop() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "drop",
		Short: "Delete set-aside events",
		Long: `Deletes events that were set aside. They stay counted as refused. What waits is
not touched.`,
		Example: `  sidelight queue drop --reason too_old
  sidelight queue drop --all --yes`,
		Args: cobra.NoArgs,
	}
	f := addQueueFlags(cmd)
	f.addChoice(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "all that was set aside")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.choose(true); err != nil {
			return err
		}
		if !yes {
			if err := a.confirmDrop(cmd.Context(), f); err != nil {
				return err
			}
		}
		return a.changeQueue(cmd.Context(), f, "drop", "deleted", func() (int, error) {
			return agent.DropStopped(f.dir, f.filter, a.logger())
		})
	}
	return cmd
}

// logger prints what the agent's parts warn of.
func (a *app) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.talk, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (a *app) confirmDrop(ctx context.Context, f *queueFlags) error {
	q, err := a.queues(ctx, f)
	if err != nil {
		return err
	}
	n := 0
	for _, g := range q.SetAside {
		n += g.Events
	}
	yes, err := a.confirm(ctx, "Delete "+render.Plural(n, "event")+" for good?", "--yes")
	if err != nil {
		return err
	}
	if !yes {
		return &codeError{code: exit.Refused, err: errors.New("not confirmed: nothing was deleted")}
	}
	return nil
}

// queues asks the agent, or reads the directory.
func (a *app) queues(ctx context.Context, f *queueFlags) (status.Queues, error) {
	if f.dir != "" {
		return agent.LookQueues(f.dir, f.filter)
	}
	resp, err := askQueue(ctx, f, http.MethodGet, "/queue?"+status.Query(f.filter).Encode(), nil)
	if err != nil {
		return status.Queues{}, err
	}
	defer resp.Body.Close()
	var q status.Queues
	if err := json.NewDecoder(resp.Body).Decode(&q); err != nil {
		return q, fmt.Errorf("read the agent's answer: %w", err)
	}
	return q, nil
}

// askQueue asks the agent that runs.
func askQueue(ctx context.Context, f *queueFlags, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+*f.addr+path, body)
	if err != nil {
		return nil, usage("--address %q: %v", *f.addr, err)
	}
	req.Header.Set(status.CommandHeader, "queue")
	resp, err := http.DefaultClient.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, &hintError{err: fmt.Errorf("no agent answers on %s", *f.addr), hint: "--dir /var/lib/sidelight, if it does not run"}
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	return nil, fmt.Errorf("the agent on %s answers %s: %s", *f.addr, resp.Status, strings.TrimSpace(string(text)))
}

// changeQueue has events put back or deleted and says how many those were.
func (a *app) changeQueue(ctx context.Context, f *queueFlags, verb, done string, stopped func() (int, error)) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	var c status.Changed
	if f.dir != "" {
		c.Events, err = stopped()
		if errors.Is(err, dirlock.ErrHeld) {
			return &codeError{code: exit.Refused, err: &hintError{
				err: fmt.Errorf("an agent uses %s: nothing was changed", f.dir), hint: "without --dir, which asks the agent",
			}}
		}
		if err != nil {
			c.Error = err.Error()
		}
	} else if c, err = askChange(ctx, f, verb); err != nil {
		return err
	}
	if asJSON {
		if err := a.printJSON(c); err != nil {
			return err
		}
	} else if c.Error == "" || c.Events > 0 {
		a.note("%s %s", render.Plural(c.Events, "event"), done)
	}
	if c.Error == "" {
		return nil
	}
	code := exit.Failed
	if c.Events > 0 {
		code = exit.Partial
	}
	return &codeError{code: code, err: errors.New(c.Error)}
}

func askChange(ctx context.Context, f *queueFlags, verb string) (status.Changed, error) {
	var c status.Changed
	body, err := json.Marshal(f.filter)
	if err != nil {
		return c, err
	}
	resp, err := askQueue(ctx, f, http.MethodPost, "/queue/"+verb, bytes.NewReader(body))
	if err != nil {
		return c, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
		return c, fmt.Errorf("read the agent's answer: %w", err)
	}
	return c, nil
}

// eachRefused calls f for each event that was set aside, asked for or read.
func eachRefused(ctx context.Context, f *queueFlags, show func(*refused.Record) bool) error {
	if f.dir != "" {
		return agent.LookRefused(f.dir, f.filter, show)
	}
	resp, err := askQueue(ctx, f, http.MethodGet, "/queue/events?"+status.Query(f.filter).Encode(), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(bufio.NewReader(resp.Body))
	for {
		var r refused.Record
		if err := dec.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the agent's answer: %w", err)
		}
		if !show(&r) {
			return nil
		}
	}
}

// age is how long ago t was.
func age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return render.Duration(max(0, time.Since(t)))
}
