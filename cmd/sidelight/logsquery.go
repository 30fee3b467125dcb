//go:build !agentonly

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/render"
)

// pricePerGB is what Logs Insights costs per gigabyte scanned, in US dollars: the
// list price of us-east-1; other regions cost up to twice as much.
const pricePerGB = 0.005

func (a *app) logsQueryCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "query GROUP… 'QUERY'",
		Short: "Run a Logs Insights query",
		Long: `Runs a query in the language of CloudWatch Logs Insights over log groups, which
are names, ARNs or globs. Ctrl-C stops the query and prints the rows so far.`,
		Example: `  sidelight logs query /ecs/orders 'fields @timestamp, @message | sort @timestamp desc | limit 20'
  sidelight logs query '/ecs/*' 'stats count(*) as n, pct(ms, 99) as p99 by route | sort n desc' --since 3h`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: a.completeGroups(50),
	}
	times := a.timeFlags(cmd, "1h")
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most `N` rows, to 100000; a limit in the query wins")
	fail := addFailFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q := query.LogsQuery{Groups: args[:len(args)-1], Text: args[len(args)-1], Limit: limit}
		var err error
		if q.From, q.To, err = times.resolve(time.Now(), a.zone()); err != nil {
			return err
		}
		if limit < 0 || limit > 100_000 {
			return usage("--limit %d: expected 1 to 100000", limit)
		}
		return a.logsQuery(cmd.Context(), q, fail)
	}
	return cmd
}

func (a *app) logsQuery(ctx context.Context, q query.LogsQuery, fail *failFlags) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	groups := strings.Join(q.Groups, ", ")
	if q.Groups, err = c.Logs.Expand(ctx, q.Groups); err != nil {
		return &hintError{err: err, hint: "sidelight logs groups"}
	}
	p := a.progress()
	r, err := c.Logs.Query(ctx, q, func(s query.Statistics) {
		p.show("%s matched, %s scanned (%s)", render.Count(s.Matched), render.Count(s.Scanned), render.Bytes(s.Bytes))
	})
	p.clear()
	if bad, ok := errors.AsType[*query.SyntaxError](err); ok {
		a.showSyntax(q.Text, bad)
		return &codeError{code: exit.Usage}
	}
	if err != nil && (r == nil || !errors.Is(err, context.Canceled)) {
		return fmt.Errorf("query on %s: %w", groups, err)
	}
	if asJSON {
		if printErr := a.printJSON(queryJSON(r)); printErr != nil {
			return printErr
		}
	} else {
		a.printRows(r)
	}
	if err != nil {
		return err
	}
	return fail.held(len(r.Rows))
}

// showSyntax prints the query with a caret below the mistake.
func (a *app) showSyntax(text string, bad *query.SyntaxError) {
	fmt.Fprintf(a.talk, "error: %v\n", bad)
	if bad.Start == 0 && bad.End == 0 {
		return
	}
	runes := []rune(text)
	start := min(bad.Start, len(runes))
	begin := start - slices.Index(append(reversed(runes[:start]), '\n'), '\n')
	line, _, _ := strings.Cut(string(runes[begin:]), "\n")
	room := max(1, utf8.RuneCountInString(line)-(start-begin))
	fmt.Fprintf(a.talk, "  | %s\n  | %s%s\n", line, strings.Repeat(" ", start-begin), strings.Repeat("^", min(max(1, bad.End-start), room)))
}

func reversed(in []rune) []rune {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
}

// printRows prints a table on the data stream and what it took on the other.
func (a *app) printRows(r *query.LogsResult) {
	columns := slices.DeleteFunc(slices.Clone(r.Columns), func(c string) bool { return c == "@ptr" })
	if len(r.Rows) > 0 {
		t := &render.Table{}
		for i, c := range columns {
			col := render.Column{Title: c}
			if numeric(r.Rows, c) {
				col.Align = render.AlignRight
			} else if a.terminal() && i == len(columns)-1 {
				// The last column may be long: on a terminal it ends with the line.
				col.Max = max(20, a.width()-a.columnsWidth(r.Rows, columns[:i]))
			}
			t.Columns = append(t.Columns, col)
		}
		for _, row := range r.Rows {
			cells := make([]render.Cell, len(columns))
			for i, c := range columns {
				cells[i] = render.Cell{Text: a.cell(c, row[c])}
			}
			t.Row(cells...)
		}
		fmt.Fprint(a.out, t.Draw(a.style()))
	}
	a.note("%s", a.footer(r))
}

// cell is a value for people: the service's times are in UTC.
func (a *app) cell(column, value string) string {
	if column == "@timestamp" || column == "@ingestionTime" {
		if at, err := time.Parse("2006-01-02 15:04:05.000", value); err == nil {
			return at.In(a.zone()).Format("2006-01-02 15:04:05.000")
		}
	}
	return strings.TrimRight(value, "\n")
}

// columnsWidth is the width of columns with the gaps behind them.
func (a *app) columnsWidth(rows []map[string]string, columns []string) int {
	total := 0
	for _, c := range columns {
		w := render.Width(c)
		for _, row := range rows {
			w = max(w, render.Width(a.cell(c, row[c])))
		}
		total += w + 2
	}
	return total
}

func numeric(rows []map[string]string, column string) bool {
	some := false
	for _, row := range rows {
		v, ok := row[column]
		if !ok || v == "" {
			continue
		}
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return false
		}
		some = true
	}
	return some
}

// footer is "2 rows · 1 204 331 scanned (361 MB, ≈ $0.0018) · 1.4 s".
func (a *app) footer(r *query.LogsResult) string {
	st := a.style()
	scanned := render.Bytes(r.Bytes)
	if a.realLogs() {
		about := "≈ $"
		if st.ASCII {
			about = "about $"
		}
		scanned += ", " + about + strconv.FormatFloat(float64(r.Bytes)/1e9*pricePerGB, 'f', 4, 64)
	}
	parts := []string{
		render.Plural(len(r.Rows), "row"), render.Count(r.Matched) + " matched",
		fmt.Sprintf("%s scanned (%s)", render.Count(r.Scanned), scanned), render.Duration(r.Took.Round(time.Millisecond)),
	}
	if !r.Complete {
		parts = append(parts, "stopped early")
	}
	return strings.Join(parts, " "+strings.TrimSpace(st.Separator())+" ")
}

// realLogs reports whether a query costs money: no endpoint replaces AWS's.
func (a *app) realLogs() bool {
	return a.endpoint == "" && !a.sandbox && os.Getenv("AWS_ENDPOINT_URL") == "" && os.Getenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS") == ""
}

type resultJSON struct {
	Format       string              `json:"format"`
	QueryID      string              `json:"query_id"`
	Complete     bool                `json:"complete"`
	Columns      []string            `json:"columns"`
	Rows         []map[string]string `json:"rows"`
	Matched      int64               `json:"records_matched"`
	Scanned      int64               `json:"records_scanned"`
	BytesScanned int64               `json:"bytes_scanned"`
	TookMS       int64               `json:"took_ms"`
}

func queryJSON(r *query.LogsResult) resultJSON {
	j := resultJSON{
		Format: "sidelight.query/1", QueryID: r.QueryID, Complete: r.Complete, Columns: r.Columns, Rows: r.Rows,
		Matched: r.Matched, Scanned: r.Scanned, BytesScanned: r.Bytes, TookMS: r.Took.Milliseconds(),
	}
	if j.Columns == nil {
		j.Columns = []string{}
	}
	if j.Rows == nil {
		j.Rows = []map[string]string{}
	}
	return j
}
