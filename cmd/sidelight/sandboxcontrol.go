//go:build !agentonly

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/render"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
)

// sandboxControl are the commands for a sandbox that runs.
func (a *app) sandboxControl() []*cobra.Command {
	return []*cobra.Command{
		a.sandboxReset(), a.sandboxClock(), a.sandboxFault(), a.sandboxInbox(), a.sandboxCalls(), a.sandboxSnapshot(),
	}
}

// askSandbox calls the control interface of the sandbox at --endpoint-url, or
// AWS_ENDPOINT_URL, or the usual address.
func (a *app) askSandbox(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	base := "http://" + sandboxAddress
	if v := os.Getenv("AWS_ENDPOINT_URL"); v != "" && !a.sandbox {
		base = v
	}
	if a.endpoint != "" {
		base = a.endpoint
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+"/_sidelight/"+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask sandbox: %w", err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, &hintError{err: fmt.Errorf("ask sandbox: %w", err), hint: "sidelight sandbox, or --endpoint-url with its address"}
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	var refused struct{ Error string }
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&refused) != nil || refused.Error == "" {
		return nil, fmt.Errorf("ask sandbox at %s: it answers %s", base, resp.Status)
	}
	return nil, fmt.Errorf("ask sandbox: %s", refused.Error)
}

// askSandboxJSON sends in, unless it is nil, and reads the answer into out.
func (a *app) askSandboxJSON(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	resp, err := a.askSandbox(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read answer of the sandbox: %w", err)
	}
	return nil
}

func (a *app) sandboxReset() *cobra.Command {
	return &cobra.Command{
		Use: "reset", Short: "Forget all that a running sandbox holds; its clock stays", Args: cobra.NoArgs,
		Example: `  sidelight sandbox reset`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out struct{}
			return a.askSandboxJSON(cmd.Context(), http.MethodPost, "reset", nil, &out)
		},
	}
}

func (a *app) sandboxClock() *cobra.Command {
	return &cobra.Command{
		Use: "clock [+DURATION | freeze | run | TIME]", Short: "Show or move the clock of a running sandbox", Args: cobra.MaximumNArgs(1),
		Long: "Shows the sandbox's time, or moves it on: by a duration (+20m), to a time\n(2026-03-01T09:00:00Z), freezes it, or lets it run again. It never goes back.",
		Example: `  sidelight sandbox clock
  sidelight sandbox clock +20m`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var now struct {
				Now    time.Time `json:"now"`
				Frozen bool      `json:"frozen"`
			}
			method, in, err := http.MethodGet, any(nil), error(nil)
			if len(args) == 1 {
				method = http.MethodPost
				if in, err = clockRequest(args[0]); err != nil {
					return err
				}
			}
			if err := a.askSandboxJSON(cmd.Context(), method, "clock", in, &now); err != nil {
				return err
			}
			if asJSON, err := a.json(); err != nil || asJSON {
				return errors.Join(err, a.printJSON(now))
			}
			state := "runs"
			if now.Frozen {
				state = "frozen"
			}
			_, err = fmt.Fprintln(a.out, now.Now.Format(time.RFC3339Nano), state)
			return err
		},
	}
}

func clockRequest(word string) (map[string]any, error) {
	switch word {
	case "freeze", "run":
		return map[string]any{word: true}, nil
	}
	if d, ok := strings.CutPrefix(word, "+"); ok {
		if _, err := time.ParseDuration(d); err != nil {
			return nil, usage("clock %q: expected a duration such as +20m", word)
		}
		return map[string]any{"advance": d}, nil
	}
	if _, err := time.Parse(time.RFC3339, word); err != nil {
		return nil, usage("clock %q: expected +DURATION, freeze, run or a time such as 2026-03-01T09:00:00Z", word)
	}
	return map[string]any{"set": word}, nil
}

func (a *app) sandboxFault() *cobra.Command {
	var r fault.Rule
	var wait, duration time.Duration
	var clearAll bool
	cmd := &cobra.Command{
		Use: "fault [KIND]", Short: "Show, add or end the faults that a running sandbox plays", Args: cobra.MaximumNArgs(1),
		Long: `Kinds: throttle, error, delay, drop-before and drop-after (break off the
connection before or after the call is applied), partial (take half of a batch),
bad-signature, refuse (an outage), clock-skew (the service's clock is off by
--wait, and signatures must fit it).`,
		Example: `  sidelight sandbox fault throttle --op PutLogEvents --rate 0.3
  sidelight sandbox fault --clear`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if clearAll {
				if len(args) > 0 {
					return usage("--clear takes no kind")
				}
				var out struct{}
				return a.askSandboxJSON(ctx, http.MethodDelete, "faults", nil, &out)
			}
			if len(args) == 1 {
				r.Kind, r.Wait, r.Duration = fault.Kind(args[0]), fault.Duration(wait), fault.Duration(duration)
				if err := a.askSandboxJSON(ctx, http.MethodPost, "faults", &r, &r); err != nil {
					return err
				}
			}
			return a.showFaults(ctx)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Operation, "op", "", "operation to meet, such as PutLogEvents; default all")
	f.StringVar(&r.Service, "service", "", "service to meet: logs, monitoring, xray, sts or tagging; default all")
	f.Float64Var(&r.Rate, "rate", 0, "share of the calls to meet, up to 1; 0 is all")
	f.IntVar(&r.Count, "count", 0, "calls to meet before the fault ends; 0 is no limit")
	f.DurationVar(&duration, "for", 0, "time after which the fault ends; 0 is no limit")
	f.DurationVar(&wait, "wait", 0, "how long a delay waits, or how far a clock is ahead")
	f.StringVar(&r.AccessKey, "access-key", "", "meet only calls signed with this access key")
	f.IntVar(&r.Status, "status", 0, "HTTP status of an error")
	f.StringVar(&r.Shape, "shape", "", "name of an error")
	f.BoolVar(&clearAll, "clear", false, "end all faults")
	return cmd
}

func (a *app) showFaults(ctx context.Context) error {
	var out struct {
		Faults []fault.Rule `json:"faults"`
	}
	if err := a.askSandboxJSON(ctx, http.MethodGet, "faults", nil, &out); err != nil {
		return err
	}
	if asJSON, err := a.json(); err != nil || asJSON {
		return errors.Join(err, a.printJSON(out))
	}
	t := table("id", "kind", "service", "operation", ">rate", ">count", ">hits")
	for _, r := range out.Faults {
		t.Row(render.Cells(r.ID, string(r.Kind), r.Service, r.Operation, fmt.Sprint(r.Rate), fmt.Sprint(r.Count), fmt.Sprint(r.Hits))...)
	}
	_, err := fmt.Fprint(a.out, t.Draw(a.style()))
	return err
}

func (a *app) sandboxInbox() *cobra.Command {
	return &cobra.Command{
		Use: "inbox", Short: "Show what alarms of a running sandbox have sent", Args: cobra.NoArgs,
		Example: `  sidelight sandbox inbox`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out struct {
				Total         int `json:"total"`
				Notifications []struct {
					Time    time.Time `json:"time"`
					Target  string    `json:"target"`
					Source  string    `json:"source"`
					Subject string    `json:"subject"`
					Message string    `json:"message"`
				} `json:"notifications"`
			}
			if err := a.askSandboxJSON(cmd.Context(), http.MethodGet, "inbox", nil, &out); err != nil {
				return err
			}
			if asJSON, err := a.json(); err != nil || asJSON {
				return errors.Join(err, a.printJSON(out))
			}
			t := table("time", "target", "subject")
			for _, n := range out.Notifications {
				t.Row(render.Cells(n.Time.Format(time.RFC3339), n.Target, n.Subject)...)
			}
			_, err := fmt.Fprint(a.out, t.Draw(a.style()))
			return err
		},
	}
}

func (a *app) sandboxCalls() *cobra.Command {
	return &cobra.Command{
		Use: "calls", Short: "Show the latest calls of a running sandbox", Args: cobra.NoArgs,
		Example: `  sidelight sandbox calls`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out struct {
				Total int `json:"total"`
				Calls []struct {
					Time      time.Time `json:"time"`
					Service   string    `json:"service"`
					Operation string    `json:"operation"`
					Protocol  string    `json:"protocol"`
					Status    int       `json:"status"`
					Error     string    `json:"error,omitempty"`
					Millis    float64   `json:"ms"`
					RequestID string    `json:"requestId"`
				} `json:"calls"`
			}
			if err := a.askSandboxJSON(cmd.Context(), http.MethodGet, "calls", nil, &out); err != nil {
				return err
			}
			if asJSON, err := a.json(); err != nil || asJSON {
				return errors.Join(err, a.printJSON(out))
			}
			t := table("time", "service", "operation", "protocol", ">status", ">ms", "error")
			for _, c := range out.Calls {
				t.Row(render.Cells(c.Time.Format("15:04:05.000"), c.Service, c.Operation, c.Protocol, fmt.Sprint(c.Status), fmt.Sprintf("%.1f", c.Millis), c.Error)...)
			}
			_, err := fmt.Fprint(a.out, t.Draw(a.style()))
			return err
		},
	}
}

func (a *app) sandboxSnapshot() *cobra.Command {
	cmd := &cobra.Command{Use: "snapshot", Short: "Save what a running sandbox holds, or load it", Example: `  sidelight sandbox snapshot save before.sandbox
  sidelight sandbox snapshot load before.sandbox`}
	save := &cobra.Command{
		Example: `  sidelight sandbox snapshot save before.sandbox`,
		Use:     "save FILE", Short: "Save all that the sandbox holds, and its clock", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.saveSnapshot(cmd.Context(), args[0]) },
	}
	load := &cobra.Command{
		Example: `  sidelight sandbox snapshot load before.sandbox`,
		Use:     "load FILE", Short: "Replace all that the sandbox holds by a snapshot", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("load snapshot: %w", err)
			}
			defer f.Close()
			resp, err := a.askSandbox(cmd.Context(), http.MethodPost, "snapshot", f)
			if err != nil {
				return err
			}
			return resp.Body.Close()
		},
	}
	return parent(cmd, save, load)
}

// saveSnapshot writes a snapshot beside its place first, so that one which
// fails leaves what was there.
func (a *app) saveSnapshot(ctx context.Context, path string) error {
	resp, err := a.askSandbox(ctx, http.MethodGet, "snapshot", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f, err := os.Create(path + ".new")
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	_, err = io.Copy(f, resp.Body)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("save snapshot: %w", errors.Join(err, os.Remove(path+".new")))
	}
	return nil
}
