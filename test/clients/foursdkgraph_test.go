//go:build clients

package clients_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// counted is how often something happened, and how it went.
type counted struct{ Requests, OK, Errors, Throttles, Faults int64 }

func (c counted) plus(status int, n int64) counted {
	c.Requests += n
	switch {
	case status == 429:
		c.Errors += n
		c.Throttles += n
	case status >= 500:
		c.Faults += n
	default:
		c.OK += n
	}
	return c
}

// graph is a service graph: its edges as "caller > callee", its services by name.
type graph struct{ edges, services map[string]counted }

func newGraph() graph { return graph{map[string]counted{}, map[string]counted{}} }

// checkoutGraph is the graph of n traces.
func checkoutGraph(n int64) graph {
	g := newGraph()
	for call, status := range checkoutCalls() {
		edge, _, _ := strings.Cut(call, " /")
		_, callee, _ := strings.Cut(edge, " > ")
		g.edges[edge] = g.edges[edge].plus(status, n)
		g.services[callee] = g.services[callee].plus(status, n)
	}
	return g
}

func (g graph) check(t *testing.T, what string, want graph) {
	t.Helper()
	if !maps.Equal(g.edges, want.edges) {
		t.Errorf("%s has the edges\n%+v, want\n%+v", what, g.edges, want.edges)
	}
	if !maps.Equal(g.services, want.services) {
		t.Errorf("%s has the services\n%+v, want\n%+v", what, g.services, want.services)
	}
}

// graphOf reads a graph as X-Ray's API answers it.
func graphOf(t *testing.T, services []xraytypes.Service) graph {
	t.Helper()
	g := newGraph()
	names := map[int32]string{}
	for _, s := range services {
		names[*s.ReferenceId] = *s.Name
		if aws.ToString(s.Type) == "client" {
			names[*s.ReferenceId] = "client"
		}
	}
	for _, s := range services {
		name := names[*s.ReferenceId]
		if st := s.SummaryStatistics; st != nil {
			if _, twice := g.services[name]; twice {
				t.Errorf("%s is in the graph twice", name)
			}
			g.services[name] = counted{*st.TotalCount, *st.OkCount, *st.ErrorStatistics.TotalCount, *st.ErrorStatistics.ThrottleCount, *st.FaultStatistics.TotalCount}
		}
		for _, e := range s.Edges {
			st := e.SummaryStatistics
			g.edges[name+" > "+names[*e.ReferenceId]] = counted{*st.TotalCount, *st.OkCount, *st.ErrorStatistics.TotalCount, *st.ErrorStatistics.ThrottleCount, *st.FaultStatistics.TotalCount}
		}
	}
	return g
}

// checkGraphs checks the graph of the last hour, that of all the traces, and
// that of each.
func checkGraphs(t *testing.T, s *sandbox, ids []string) {
	t.Helper()
	from, to := hour()
	of, err := s.xray().GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: &from, EndTime: &to})
	if err != nil {
		t.Fatal(err)
	}
	graphOf(t, of.Services).check(t, "GetServiceGraph", checkoutGraph(checkouts))
	sets := [][]string{ids}
	for _, id := range ids {
		sets = append(sets, []string{id})
	}
	for _, set := range sets {
		of, err := s.xray().GetTraceGraph(t.Context(), &xray.GetTraceGraphInput{TraceIds: set})
		if err != nil {
			t.Fatal(err)
		}
		graphOf(t, of.Services).check(t, "GetTraceGraph of "+strings.Join(set, " "), checkoutGraph(int64(len(set))))
	}
}

// checkSummaries checks which traces filter expressions find by what happened
// at services and edges.
func checkSummaries(t *testing.T, s *sandbox, ids []string) {
	t.Helper()
	for expression, found := range map[string]bool{
		"":                                       true,
		`edge("orders", "ledger") { fault }`:     true,
		`edge("pricing", "ledger") { fault }`:    false,
		`edge("pricing", "ledger") { ok }`:       true,
		`edge("front", "pricing") { throttle }`:  true,
		`edge("orders", "pricing") { throttle }`: false,
		`edge("ledger", "orders") { ok }`:        true,
		`edge("front", "ledger")`:                false,
		`service("ledger") { fault }`:            true,
		`service("pricing") { throttle }`:        true,
		`service("orders") { fault }`:            false,
		`service("front") { fault OR error }`:    false,
	} {
		var want []string
		if found {
			want = ids
		}
		summaries := s.traces(t, expression)
		got := texts(summaries, func(x xraytypes.TraceSummary) string { return *x.Id })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", expression, got, want)
		}
		for _, x := range summaries {
			if name := aws.ToString(x.EntryPoint.Name); name != "front" {
				t.Errorf("%s begins at %s, want front", *x.Id, name)
			}
		}
	}
}

// checkShown checks what the waterfall of a trace says of the requests.
func checkShown(t *testing.T, s *sandbox, id string) {
	t.Helper()
	text := string(run(t, credentials(), binary(t), "traces", "show", id, "--endpoint-url", s.url))
	var got []string
	for _, m := range regexp.MustCompile(`(?m) (front|orders|pricing|ledger) +(GET .*)$`).FindAllStringSubmatch(text, -1) {
		what := regexp.MustCompile(`:\d+`).ReplaceAllString(m[2], "")
		got = append(got, m[1]+" "+strings.Join(strings.Fields(what), " "))
	}
	slices.Sort(got)
	want := []string{
		"front GET /checkout", "front GET 127.0.0.1", "front GET 127.0.0.1 ! 429 throttled",
		"ledger GET /broken ✗ 500", "ledger GET /entry", "ledger GET 127.0.0.1",
		"orders GET /audit", "orders GET /order", "orders GET 127.0.0.1", "orders GET 127.0.0.1 ✗ 500",
		"pricing GET /price", "pricing GET /quota ! 429 throttled", "pricing GET 127.0.0.1",
	}
	if !slices.Equal(got, want) || !strings.Contains(text, "4 services, 1 fault, 1 error") {
		t.Errorf("the waterfall shows %q, want %q, and of 4 services, 1 fault, 1 error:\n%s", got, want, text)
	}
}

// checkMap checks the map as a document and as text.
func checkMap(t *testing.T, s *sandbox) {
	t.Helper()
	var doc struct {
		Services []struct {
			counted
			ID         int32
			Name, Type string
			Edges      []struct {
				counted
				To int32
			}
		}
	}
	if err := json.Unmarshal(run(t, credentials(), binary(t), "traces", "map", "-o", "json", "--endpoint-url", s.url), &doc); err != nil {
		t.Fatal(err)
	}
	names := map[int32]string{}
	got := newGraph()
	for _, x := range doc.Services {
		if x.Type == "client" {
			x.Name = "client"
		} else {
			got.services[x.Name] = x.counted
		}
		names[x.ID] = x.Name
	}
	for _, x := range doc.Services {
		for _, e := range x.Edges {
			got.edges[names[x.ID]+" > "+names[e.To]] = e.counted
		}
	}
	want := checkoutGraph(checkouts)
	got.check(t, "the map", want)

	text := string(run(t, credentials(), binary(t), "traces", "map", "--endpoint-url", s.url))
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(\w+) +→ +(\w+) .*/min +(\d+) % +(\d+) % +(\d+) %`).FindAllStringSubmatch(text, -1) {
		edge := m[1] + " > " + m[2]
		c := want.edges[edge]
		share := func(n int64) string { return fmt.Sprint(100 * n / max(1, c.Requests)) }
		if seen[edge] || m[3] != share(c.OK) || m[4] != share(c.Errors) || m[5] != share(c.Faults) {
			t.Errorf("the map's row %q is not of %+v", m[0], c)
		}
		seen[edge] = true
	}
	if len(seen) != len(want.edges) {
		t.Errorf("the map has %d edges, want %d:\n%s", len(seen), len(want.edges), text)
	}
}
