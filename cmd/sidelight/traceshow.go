//go:build !agentonly

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/render"
	"github.com/sidelight-dev/sidelight/internal/segment"
	"github.com/sidelight-dev/sidelight/internal/traces"
)

// showOptions are the flags of traces show.
type showOptions struct {
	query     traces.Query
	word      string
	raw, logs bool
	groups    []string
	rows      int
}

func (a *app) tracesShowCommand() *cobra.Command {
	o := &showOptions{}
	cmd := &cobra.Command{
		Use:   "show ID|latest|slowest",
		Short: "Show a trace as a waterfall",
		Long: `Shows one trace: by its X-Ray or W3C ID, a traceparent or an X-Amzn-Trace-Id, or
the latest or slowest of the time range and filter. --logs adds the log lines
that carry its ID, from the log groups that the trace names or --group does.`,
		Example: `  sidelight traces show slowest --filter 'service("orders")' --since 1h
  sidelight traces show 1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37 --logs`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeTraces,
	}
	times := a.timeFlags(cmd, "6h")
	f := cmd.Flags()
	f.StringVarP(&o.query.Filter, "filter", "f", "", "filter `EXPRESSION` for latest and slowest")
	f.BoolVar(&o.logs, "logs", false, "show the log lines of the trace")
	f.StringSliceVar(&o.groups, "group", nil, "look for log lines in this `GROUP` or glob; implies --logs")
	f.BoolVar(&o.raw, "raw", false, "print the documents as X-Ray has them, one a line")
	f.IntVar(&o.rows, "rows", 200, "draw at most `N` spans")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if o.query.From, o.query.To, err = times.resolve(time.Now(), a.zone()); err != nil {
			return err
		}
		o.word, o.logs = args[0], o.logs || len(o.groups) > 0
		return a.traceShow(cmd.Context(), o)
	}
	return cmd
}

func (a *app) traceShow(ctx context.Context, o *showOptions) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	t, err := c.Traces.Find(ctx, o.word, o.query)
	if bad, ok := errors.AsType[*query.NotTraceID](err); ok {
		return &hintError{err: usage("%v", bad), hint: "sidelight traces list"}
	}
	if errors.Is(err, traces.ErrNotFound) {
		return &codeError{code: exit.No, err: &hintError{err: err, hint: "sidelight traces list --since 1d"}}
	}
	if err != nil {
		return err
	}
	var lines []traceLine
	if o.logs {
		if lines, err = a.traceLogs(ctx, c, t, o.groups); err != nil {
			return err
		}
	}
	switch {
	case o.raw:
		_, err = fmt.Fprintln(a.out, strings.Join(t.Raw, "\n"))
		return err
	case asJSON:
		return a.printJSON(showJSON(t, lines))
	}
	return a.printTrace(t, o, lines)
}

func (a *app) printTrace(t *traces.Trace, o *showOptions, lines []traceLine) error {
	w := render.WaterfallOptions{Zone: a.zone(), MaxRows: o.rows}
	if !o.logs {
		w.Hint = "logs: sidelight traces show " + t.ID + " --logs"
		if a.style().Width < 110 {
			w.Hint = "logs: --logs"
		}
	}
	fmt.Fprintf(a.out, "%s\n", a.style().Paint(render.Dim, t.ID))
	if _, err := fmt.Fprint(a.out, render.Waterfall(t.Segments, w, a.style())); err != nil {
		return fmt.Errorf("print trace: %w", err)
	}
	if n := len(t.Raw) - len(t.Segments); n > 0 {
		a.note("%s could not be read: --raw shows all", render.Plural(n, "document"))
	}
	if t.Limited {
		a.note("X-Ray dropped a part of this trace, which is larger than it keeps")
	}
	if !o.logs {
		return nil
	}
	began, _ := span(t.Segments)
	if len(lines) > 0 {
		fmt.Fprintln(a.out)
	}
	for _, l := range lines {
		off := fmt.Sprintf("%6d ms", l.at.Sub(began).Milliseconds())
		fmt.Fprintf(a.out, "%s  %s  %s\n", off, a.style().Paint(render.Dim, render.Clean(l.Stream)), render.Clean(strings.TrimRight(l.Message, "\n")))
	}
	a.note("%s of this trace", render.Plural(len(lines), "log line"))
	return nil
}

// traceLine is a log line that carries the ID of a trace.
type traceLine struct {
	at      time.Time
	Time    string `json:"time"`
	Group   string `json:"group"`
	Stream  string `json:"stream"`
	Message string `json:"message"`
}

// traceLogs asks for the lines that carry the ID of a trace in either form.
func (a *app) traceLogs(ctx context.Context, c *query.Client, t *traces.Trace, groups []string) ([]traceLine, error) {
	groups, err := c.Logs.Expand(ctx, groups)
	if err != nil {
		return nil, &hintError{err: err, hint: "sidelight logs groups"}
	}
	if len(groups) == 0 {
		groups = logGroups(t.Raw)
	}
	if len(groups) == 0 {
		return nil, &hintError{err: usage("the trace does not say which log groups belong to it"), hint: "--group /ecs/orders"}
	}
	began, ended := span(t.Segments)
	r, err := c.Logs.Query(ctx, query.LogsQuery{
		Groups: groups, From: began.Add(-time.Minute), To: ended.Add(time.Minute), Limit: 1000,
		Text: fmt.Sprintf("fields @timestamp, @log, @logStream, @message | filter @message like %q or @message like %q | sort @timestamp asc", t.ID, query.W3CTraceID(t.ID)),
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("logs of trace %s: %w", t.ID, err)
	}
	var out []traceLine
	for _, row := range r.Rows {
		at, err := time.Parse("2006-01-02 15:04:05.000", row["@timestamp"])
		if err != nil {
			continue // a line without a time has no place in the trace
		}
		_, group, _ := strings.Cut(row["@log"], ":")
		out = append(out, traceLine{at: at, Time: rfc(at), Group: group, Stream: row["@logStream"], Message: row["@message"]})
	}
	return out, nil
}

// logGroups returns the log groups that segments name (X-Ray developer guide,
// "Segment documents": aws.cloudwatch_logs).
func logGroups(raw []string) []string {
	var out []string
	for _, text := range raw {
		var doc struct {
			AWS struct {
				Logs []struct {
					Group string `json:"log_group"`
				} `json:"cloudwatch_logs"`
			} `json:"aws"`
		}
		if json.Unmarshal([]byte(text), &doc) != nil {
			continue
		}
		for _, l := range doc.AWS.Logs {
			if l.Group != "" && !slices.Contains(out, l.Group) {
				out = append(out, l.Group)
			}
		}
	}
	return out
}

// span is when a trace began and ended, as far as it has.
func span(docs []*segment.Document) (time.Time, time.Time) {
	var first, last float64
	for _, d := range docs {
		if first == 0 || d.StartTime < first {
			first = d.StartTime
		}
		last = max(last, d.StartTime, d.EndTime)
	}
	return segment.Time(first), segment.Time(last)
}

func showJSON(t *traces.Trace, lines []traceLine) any {
	docs := make([]json.RawMessage, 0, len(t.Raw))
	for _, text := range t.Raw {
		if json.Valid([]byte(text)) {
			docs = append(docs, json.RawMessage(text))
		}
	}
	began, _ := span(t.Segments)
	return struct {
		Format     string            `json:"format"`
		ID         string            `json:"id"`
		W3CID      string            `json:"w3c_id"`
		Start      string            `json:"start"`
		DurationMS float64           `json:"duration_ms"`
		Limited    bool              `json:"limit_exceeded"`
		Segments   []json.RawMessage `json:"segments"`
		Logs       []traceLine       `json:"logs,omitempty"`
	}{"sidelight.trace/1", t.ID, query.W3CTraceID(t.ID), rfc(began), float64(t.Duration) / float64(time.Millisecond), t.Limited, docs, lines}
}
