//go:build !agentonly

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/render"
	"github.com/sidelight-dev/sidelight/internal/traces"
)

// errEnough ends a watch that has shown what it was to show.
var errEnough = errors.New("enough traces")

func (a *app) tracesWatchCommand() *cobra.Command {
	var w traces.Watch
	var count int
	cmd := &cobra.Command{
		Use:   "watch ['FILTER']",
		Short: "Follow traces as they come",
		Long: `Prints traces that match a filter expression of X-Ray as they come, until
Ctrl-C: each once, when nothing was added to it between two looks. With -o json
each is one line. X-Ray charges for traces that are looked at: a longer interval
looks at fewer of them twice.`,
		Example: `  sidelight traces watch
  sidelight traces watch 'fault = true' --interval 10s`,
		Args: cobra.MaximumNArgs(1),
	}
	since := cmd.Flags().Duration("since", time.Minute, "begin this far back")
	cmd.Flags().DurationVar(&w.Interval, "interval", 5*time.Second, "between two looks")
	cmd.Flags().IntVarP(&count, "count", "n", 0, "end after `N` traces; 0: never")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if w.Interval < 100*time.Millisecond || count < 0 || *since < 0 || *since > 6*time.Hour {
			return usage("--interval %v --count %d --since %v: expected at least 100ms, no negative count, and 0s to 6h", w.Interval, count, *since)
		}
		if len(args) > 0 {
			w.Filter = args[0]
		}
		w.From = time.Now().Add(-*since)
		return a.tracesWatch(cmd.Context(), w, count)
	}
	return cmd
}

func (a *app) tracesWatch(ctx context.Context, w traces.Watch, count int) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	w.Slowed = func(err error, pause time.Duration) {
		a.note("slower: %s; next look in %v", explain(err).because, pause)
	}
	shown := 0
	err = c.Traces.Watch(ctx, w, func(list []types.TraceSummary) error {
		if count > 0 && len(list) > count-shown {
			list = list[:count-shown]
		}
		if err := a.printTraces(list, asJSON); err != nil {
			return err
		}
		if shown += len(list); count > 0 && shown == count {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// printTraces prints a line for each trace.
func (a *app) printTraces(list []types.TraceSummary, asJSON bool) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i := range list {
		if !asJSON {
			b.WriteString(render.TraceLine(&list[i], a.zone(), a.style()))
			continue
		}
		line := struct {
			Format string `json:"format"`
			traceJSON
		}{"sidelight.trace-line/1", traceOf(&list[i])}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprint(a.out, b.String()); err != nil {
		return fmt.Errorf("print traces: %w", err)
	}
	return nil
}
