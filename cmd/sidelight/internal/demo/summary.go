package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/sandbox/inbox"
	"github.com/sidelight-dev/sidelight/internal/traces"
)

// Summary is what the demo has to show, all of it read back by the AWS APIs but
// the agent's own account and the inbox.
type Summary struct {
	From, To time.Time
	// Levels counts log events by level, most first.
	Levels []Level
	Query  query.LogsResult
	// Series are CPU, memory and the shop's own requests.
	Series   []query.Series
	Services []types.Service
	Slowest  *traces.Trace
	Alarm    query.Alarm
	Inbox    []inbox.Notification
	Agent    status.Report
	// Missing names what did not arrive; empty if everything did.
	Missing []string
}

// Level is a number of log events.
type Level struct {
	Name  string
	Count string
}

// LogQuery is the query that counts the levels.
const LogQuery = `stats count(*) as n by level | sort n desc`

// metrics are the series of the summary.
func metrics() []string {
	return []string{
		`avg(Sidelight/Host:cpu_usage_active{environment=demo,service=shop})`,
		`avg(Sidelight/Host:mem_used_percent{environment=demo,service=shop})`,
		`sum(Sidelight:shop.requests{environment=demo,service=shop})`,
		`sum(Sidelight:shop.errors{environment=demo,service=shop})`,
		`p99(Sidelight:shop.latency{environment=demo,service=shop})`,
	}
}

// Summarize reads everything back.
func (d *Demo) Summarize(ctx context.Context) (*Summary, error) {
	s := &Summary{From: d.began.Add(-time.Second), To: time.Now().Add(time.Second), Agent: d.final, Inbox: d.sandbox.Inbox().List()}
	client := query.New(d.cfg)
	for _, read := range []func(context.Context, *query.Client) error{s.logs, s.metrics, s.traces, s.alarm} {
		if err := read(ctx, client); err != nil {
			return nil, err
		}
	}
	s.check()
	return s, nil
}

func (s *Summary) logs(ctx context.Context, c *query.Client) error {
	r, err := c.Logs.Query(ctx, query.LogsQuery{Groups: []string{LogGroup}, Text: LogQuery, From: s.From, To: s.To}, nil)
	if err != nil {
		return err
	}
	s.Query = *r
	for _, row := range r.Rows {
		s.Levels = append(s.Levels, Level{Name: row["level"], Count: row["n"]})
	}
	return nil
}

func (s *Summary) metrics(ctx context.Context, c *query.Client) error {
	q := query.DataQuery{From: s.From, To: s.To, Period: 5 * time.Second}
	for _, text := range metrics() {
		op, err := query.ParseOperand(text, "")
		if err != nil {
			return err
		}
		q.Operands = append(q.Operands, op)
	}
	var err error
	s.Series, err = c.Metrics.Data(ctx, q)
	return err
}

func (s *Summary) traces(ctx context.Context, c *query.Client) error {
	var err error
	if s.Services, err = c.Traces.Graph(ctx, s.From, s.To, ""); err != nil {
		return err
	}
	s.Slowest, err = c.Traces.Find(ctx, "slowest", traces.Query{From: s.From, To: s.To, Filter: `service("payments")`})
	return err
}

func (s *Summary) alarm(ctx context.Context, c *query.Client) error {
	alarms, err := c.Alarms.List(ctx, query.AlarmsQuery{Prefix: Alarm})
	if err != nil {
		return err
	}
	if len(alarms) == 1 {
		s.Alarm = alarms[0]
	}
	return nil
}

// Fired returns the notification of the alarm's change to ALARM.
func (s *Summary) Fired() (n inbox.Notification, reason string, ok bool) {
	for _, n := range s.Inbox {
		var m struct{ AlarmName, NewStateValue, NewStateReason string }
		if json.Unmarshal([]byte(n.Message), &m) == nil && m.AlarmName == Alarm && m.NewStateValue == "ALARM" {
			return n, m.NewStateReason, true
		}
	}
	return inbox.Notification{}, "", false
}

// check notes every part that did not arrive.
func (s *Summary) check() {
	missing := func(ok bool, format string, args ...any) {
		if !ok {
			s.Missing = append(s.Missing, fmt.Sprintf(format, args...))
		}
	}
	for _, level := range []string{"INFO", "WARN", "ERROR"} {
		missing(slices.ContainsFunc(s.Levels, func(l Level) bool { return strings.EqualFold(l.Name, level) }), "logs of level %s", level)
	}
	for _, x := range s.Series {
		missing(len(x.Points) > 0, "metric %s", x.Operand.Metric.String())
	}
	edges := s.edges()
	for _, e := range []string{"client>storefront", "storefront>orders", "orders>payments"} {
		missing(edges[e], "call %s on the service map", strings.Replace(e, ">", " → ", 1))
	}
	missing(s.Slowest != nil && len(s.Slowest.Segments) >= 3, "a trace through three services")
	_, _, fired := s.Fired()
	missing(fired, "the alarm's notification")
	for name, sig := range s.Agent.Signals {
		missing(sig.Delivered > 0, "%s at AWS", name)
		missing(sig.Lost() == 0, "%d %s that were refused or dropped", sig.Lost(), name)
		missing(name == "metrics" || sig.Queued == 0, "%d %s still queued", sig.Queued, name)
	}
	slices.Sort(s.Missing)
}

// edges returns the calls on the map as caller>callee, where a client is called
// that.
func (s *Summary) edges() map[string]bool {
	names := map[int32]string{}
	for _, svc := range s.Services {
		names[aws.ToInt32(svc.ReferenceId)] = aws.ToString(svc.Name)
	}
	out := map[string]bool{}
	for _, svc := range s.Services {
		from := aws.ToString(svc.Name)
		if aws.ToString(svc.Type) == "client" {
			from = "client"
		}
		for _, e := range svc.Edges {
			out[from+">"+names[aws.ToInt32(e.ReferenceId)]] = true
		}
	}
	return out
}
