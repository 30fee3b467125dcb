package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/render"
)

// addressFlag names the status address of a running agent.
func addressFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("address", string(config.Default().Status.Listen), "status address of the agent")
}

func (a *app) probeCommand(name, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     name,
		Short:   short,
		Long:    short + ", for the health check of a container whose\nimage has no shell. Exit code 0 for yes, 2 for no.",
		Example: `  "healthCheck": {"command": ["CMD", "/sidelight", "` + name + `"]}`,
		Args:    cobra.NoArgs,
	}
	addr := addressFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		resp, err := askAgent(cmd.Context(), *addr, "/"+name)
		if err != nil {
			return &codeError{code: exit.No, err: err}
		}
		return resp.Body.Close()
	}
	return cmd
}

// askAgent gets a page of the status interface.
func askAgent(ctx context.Context, addr, path string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	context.AfterFunc(ctx, cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return nil, usage("--address %q: %v", addr, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			err = fmt.Errorf("no agent answers on %s", addr)
		}
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("the agent on %s answers %s", addr, resp.Status)
	}
	return resp, nil
}

func (a *app) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a running agent does",
		Example: `  sidelight status
  sidelight status -o json`,
		Args: cobra.NoArgs,
	}
	addr := addressFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		asJSON, err := a.json()
		if err != nil {
			return err
		}
		r, err := agentStatus(cmd.Context(), *addr)
		if err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(r)
		}
		a.printStatus(r)
		return nil
	}
	return cmd
}

func (a *app) printStatus(r status.Report) {
	fmt.Fprintf(a.out, "%s on %s in %s, up %s, %s memory, %.2f s CPU\n\n", r.Identity.Service, r.Identity.Platform, r.Identity.Region,
		(time.Duration(r.UptimeMS) * time.Millisecond).Round(time.Second), render.Bytes(r.Process.RSSBytes), r.Process.CPUSeconds)
	a.printBooks(r)
	fmt.Fprintln(a.out)
	t := table("queue", "kept", ">events", ">bytes", ">oldest", ">requests", ">failed", "state")
	for _, q := range r.Queues {
		kept := "memory"
		if q.Durable {
			kept = "disk"
		}
		if q.Spill {
			kept = "memory, then disk"
		}
		t.Row(render.Cells(q.Name, kept, render.Count(int64(q.Events)+q.OpenEvents), render.Bytes(q.Bytes),
			render.Duration(time.Duration(q.OldestMS)*time.Millisecond), render.Count(int64(q.Attempts)), render.Count(int64(q.Failed+q.Throttled)), queueState(q))...)
	}
	fmt.Fprint(a.out, t.Draw(a.style()))
	if s := r.SetAside; s != nil && s.Events > 0 {
		fmt.Fprintf(a.out, "%s refused and set aside: sidelight queue show\n", render.Plural(s.Events, "event"))
	}
	if text := seriesText(r, a.style()) + leftOutText(r); text != "" {
		fmt.Fprintf(a.out, "\n%s", text)
	}
	a.printRoutes(r.Routes)
	var notes strings.Builder
	drawReceivers(&notes, r)
	fmt.Fprintf(a.out, "\n%s", notes.String())
	for _, l := range r.Listeners {
		fmt.Fprintf(a.out, "%-14s %s%s\n", l.Name, l.Address, takenNote(l))
	}
}

// takenNote says that an address is not the agent's.
func takenNote(l status.Listener) string {
	if l.Taken {
		return " (closed: another process has it)"
	}
	return ""
}

// printBooks prints what became of each signal.
func (a *app) printBooks(r status.Report) {
	t := table("signal", ">accepted", ">recovered", ">delivered", ">refused", ">dropped", ">queued")
	for _, s := range []string{"logs", "traces", "metrics"} {
		b := r.Signals[s]
		t.Row(render.Cells(s, render.Count(int64(b.Accepted)), render.Count(int64(b.Recovered)), render.Count(int64(b.Delivered)),
			causes(b.Refused), causes(b.Dropped), render.Count(b.Queued))...)
	}
	for _, d := range r.Destinations {
		t.Row(render.Cells(d.Name, render.Count(int64(d.Accepted)), render.Count(int64(d.Recovered)), render.Count(int64(d.Delivered)),
			causes(d.Refused), causes(d.Dropped), render.Count(d.Queued))...)
	}
	fmt.Fprint(a.out, t.Draw(a.style()))
}

// shownRoutes is how many routes status shows; -o json has all.
const shownRoutes = 12

// printRoutes prints where most was delivered.
func (a *app) printRoutes(routes []meter.RouteTotals) {
	if len(routes) == 0 {
		return
	}
	fmt.Fprintln(a.out)
	order.Stable(routes, func(a, b meter.RouteTotals) int { return cmp.Compare(b.Delivered, a.Delivered) })
	t := table("delivered to", ">events", ">bytes", ">refused", ">last")
	for _, x := range routes[:min(len(routes), shownRoutes)] {
		last := "never"
		if !x.Last.IsZero() {
			last = render.Duration(time.Since(x.Last).Truncate(time.Second)) + " ago"
		}
		t.Row(render.Cells(strings.TrimSpace(x.Exporter+" "+x.Group), render.Count(int64(x.Delivered)), render.Bytes(int64(x.Bytes)), causes(x.Refused), last)...)
	}
	fmt.Fprint(a.out, t.Draw(a.style()))
	if n := len(routes) - shownRoutes; n > 0 {
		fmt.Fprintf(a.out, "and %d more: -o json\n", n)
	}
}

// causes prints "3 full, 1 oversize", or 0.
func causes(m map[string]uint64) string {
	if len(m) == 0 {
		return "0"
	}
	var parts []string
	for cause, n := range m {
		parts = append(parts, fmt.Sprintf("%d %s", n, cause))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
