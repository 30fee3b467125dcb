//go:build !agentonly

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/render"
	"github.com/sidelight-dev/sidelight/internal/traces"
)

func (a *app) tracesCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use:   "traces",
		Short: "List, show and follow traces, and draw the service map",
		Example: `  sidelight traces list 'fault = true' --since 1h
  sidelight traces show slowest`,
	}, a.tracesListCommand(), a.tracesShowCommand(), a.tracesMapCommand(), a.tracesWatchCommand())
}

func (a *app) tracesListCommand() *cobra.Command {
	var q traces.Query
	cmd := &cobra.Command{
		Use:   "list ['FILTER']",
		Short: "List traces, newest first",
		Long: `Lists traces, newest first, that match a filter expression of X-Ray, such as
'service("orders") AND responsetime > 1' or 'annotation.customer = "c7"'.`,
		Example: `  sidelight traces list
  sidelight traces list 'service("orders") AND fault' --since 6h`,
		Args: cobra.MaximumNArgs(1),
	}
	times := a.timeFlags(cmd, "1h")
	cmd.Flags().IntVarP(&q.Limit, "limit", "n", 50, "at most `N` traces; 0 means all")
	fail := addFailFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			q.Filter = args[0]
		}
		var err error
		if q.From, q.To, err = times.resolve(time.Now(), a.zone()); err != nil {
			return err
		}
		return a.tracesList(cmd.Context(), q, fail)
	}
	return cmd
}

func (a *app) tracesList(ctx context.Context, q traces.Query, fail *failFlags) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	p := a.progress()
	p.show("looking for traces")
	l, err := c.Traces.List(ctx, q)
	p.clear()
	if err != nil {
		return err
	}
	if asJSON {
		if err := a.printJSON(tracesJSON(l)); err != nil {
			return err
		}
		return fail.held(len(l.Traces))
	}
	fmt.Fprint(a.out, render.TraceList(l.Traces, a.zone(), a.style()))
	more := ""
	if l.More {
		more = ", and there are more: --limit 0"
	}
	a.note("%s%s", render.Plural(len(l.Traces), "trace"), more)
	return fail.held(len(l.Traces))
}

type traceJSON struct {
	ID         string  `json:"id"`
	Start      string  `json:"start"`
	ResponseMS float64 `json:"response_time_ms"`
	DurationMS float64 `json:"duration_ms"`
	Service    string  `json:"service"`
	Method     string  `json:"method"`
	URL        string  `json:"url"`
	Status     int32   `json:"status"`
	Fault      bool    `json:"fault"`
	Error      bool    `json:"error"`
	Throttle   bool    `json:"throttle"`
	InProgress bool    `json:"in_progress"`
}

func tracesJSON(l *traces.List) any {
	list := make([]traceJSON, 0, len(l.Traces))
	for i := range l.Traces {
		list = append(list, traceOf(&l.Traces[i]))
	}
	return struct {
		Format string      `json:"format"`
		More   bool        `json:"more"`
		Traces []traceJSON `json:"traces"`
	}{"sidelight.traces/1", l.More, list}
}

func traceOf(t *types.TraceSummary) traceJSON {
	j := traceJSON{
		ID: aws.ToString(t.Id), Start: rfc(aws.ToTime(t.StartTime)), ResponseMS: ms(t.ResponseTime), DurationMS: ms(t.Duration),
		Fault: aws.ToBool(t.HasFault), Error: aws.ToBool(t.HasError), Throttle: aws.ToBool(t.HasThrottle), InProgress: aws.ToBool(t.IsPartial),
	}
	if t.EntryPoint != nil {
		j.Service = aws.ToString(t.EntryPoint.Name)
	}
	if h := t.Http; h != nil {
		j.Method, j.URL, j.Status = aws.ToString(h.HttpMethod), aws.ToString(h.HttpURL), aws.ToInt32(h.HttpStatus)
	}
	return j
}

// ms is seconds in milliseconds, exact to a microsecond.
func ms(seconds *float64) float64 {
	return float64(time.Duration(aws.ToFloat64(seconds)*float64(time.Second)).Round(time.Microsecond)) / float64(time.Millisecond)
}

func (a *app) tracesMapCommand() *cobra.Command {
	var group string
	cmd := &cobra.Command{
		Use:   "map",
		Short: "Draw the map of services and their calls",
		Long: `Draws which services call which, how often, and how it went, over at most six
hours.`,
		Example: `  sidelight traces map
  sidelight traces map --since 6h -o json`,
		Args: cobra.NoArgs,
	}
	times := a.timeFlags(cmd, "1h")
	cmd.Flags().StringVar(&group, "group", "", "only traces of this X-Ray `GROUP`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		from, to, err := times.resolve(time.Now(), a.zone())
		if err != nil {
			return err
		}
		if to.Sub(from) > 6*time.Hour {
			return usage("the range is %s; a map covers at most 6 hours", render.Duration(to.Sub(from)))
		}
		return a.tracesMap(cmd.Context(), from, to, group)
	}
	return cmd
}

func (a *app) tracesMap(ctx context.Context, from, to time.Time, group string) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	services, err := c.Traces.Graph(ctx, from, to, group)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(mapJSON(from, to, services))
	}
	if len(services) == 0 {
		a.note("no traces between %s and %s", from.In(a.zone()).Format(time.DateTime), to.In(a.zone()).Format(time.DateTime))
		return nil
	}
	fmt.Fprint(a.out, render.ServiceMap(services, render.MapOptions{Window: to.Sub(from)}, a.style()))
	return nil
}

type countsJSON struct {
	Requests  int64   `json:"requests"`
	OK        int64   `json:"ok"`
	Errors    int64   `json:"errors"`
	Throttles int64   `json:"throttles"`
	Faults    int64   `json:"faults"`
	MeanMS    float64 `json:"mean_ms"`
}

type edgeJSON struct {
	To int32 `json:"to"`
	countsJSON
}

type nodeJSON struct {
	ID   int32  `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
	countsJSON
	Edges []edgeJSON `json:"edges"`
}

func counts(total *int64, ok *int64, e *types.ErrorStatistics, f *types.FaultStatistics, seconds *float64) countsJSON {
	c := countsJSON{Requests: aws.ToInt64(total), OK: aws.ToInt64(ok)}
	if e != nil {
		c.Throttles = aws.ToInt64(e.ThrottleCount)
		c.Errors = aws.ToInt64(e.TotalCount)
	}
	if f != nil {
		c.Faults = aws.ToInt64(f.TotalCount)
	}
	if c.Requests > 0 {
		c.MeanMS = ms(aws.Float64(aws.ToFloat64(seconds) / float64(c.Requests)))
	}
	return c
}

func mapJSON(from, to time.Time, services []types.Service) any {
	list := make([]nodeJSON, 0, len(services))
	for _, s := range services {
		n := nodeJSON{ID: aws.ToInt32(s.ReferenceId), Name: aws.ToString(s.Name), Type: aws.ToString(s.Type), Edges: []edgeJSON{}}
		if st := s.SummaryStatistics; st != nil {
			n.countsJSON = counts(st.TotalCount, st.OkCount, st.ErrorStatistics, st.FaultStatistics, st.TotalResponseTime)
		}
		for _, e := range s.Edges {
			j := edgeJSON{To: aws.ToInt32(e.ReferenceId)}
			if st := e.SummaryStatistics; st != nil {
				j.countsJSON = counts(st.TotalCount, st.OkCount, st.ErrorStatistics, st.FaultStatistics, st.TotalResponseTime)
			}
			n.Edges = append(n.Edges, j)
		}
		list = append(list, n)
	}
	return struct {
		Format   string     `json:"format"`
		From     string     `json:"from"`
		To       string     `json:"to"`
		Services []nodeJSON `json:"services"`
	}{"sidelight.map/1", rfc(from), rfc(to), list}
}
