package render_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/render"
)

// edgeSpec is a line of a graph: "client" calls in the place of its callee's
// client node.
type edgeSpec struct {
	from, to         string
	ok, errs, faults int64
	p99              float64
}

// graph builds services with the given types by name; the silent ones sent no
// segments.
func graph(kinds map[string]string, silent []string, edges ...edgeSpec) []types.Service {
	index := map[string]int{}
	var out []types.Service
	add := func(name, typ string) int {
		key := name + "/" + typ
		if i, ok := index[key]; ok {
			return i
		}
		i := len(out)
		index[key] = i
		s := types.Service{ReferenceId: aws.Int32(int32(i)), Name: aws.String(name), State: aws.String("active")}
		if typ != "" {
			s.Type = aws.String(typ)
		}
		if slices.Contains(silent, name) {
			s.State = aws.String("unknown")
		}
		if typ != "client" {
			s.SummaryStatistics = &types.ServiceStatistics{
				OkCount: new(int64), TotalCount: new(int64),
				ErrorStatistics: &types.ErrorStatistics{TotalCount: new(int64), ThrottleCount: new(int64)}, FaultStatistics: &types.FaultStatistics{TotalCount: new(int64)},
			}
		}
		out = append(out, s)
		return i
	}
	for _, e := range edges {
		fromType := kinds[e.from]
		from := e.from
		if e.from == "client" {
			from, fromType = e.to, "client"
		}
		f, t := add(from, fromType), add(e.to, kinds[e.to])
		total := e.ok + e.errs + e.faults
		h := []types.HistogramEntry{{Value: e.p99 / 10, Count: int32(total - 1)}, {Value: e.p99, Count: 1}}
		if total > 100 {
			h = []types.HistogramEntry{{Value: e.p99 / 10, Count: int32(total - total/50)}, {Value: e.p99, Count: int32(total / 50)}}
		}
		out[f].Edges = append(out[f].Edges, types.Edge{
			ReferenceId: aws.Int32(int32(t)), ResponseTimeHistogram: h,
			SummaryStatistics: &types.EdgeStatistics{
				OkCount: &e.ok, TotalCount: &total,
				ErrorStatistics: &types.ErrorStatistics{TotalCount: &e.errs, ThrottleCount: new(int64)}, FaultStatistics: &types.FaultStatistics{TotalCount: &e.faults},
			},
		})
		st := out[t].SummaryStatistics
		*st.OkCount += e.ok
		*st.ErrorStatistics.TotalCount += e.errs
		*st.FaultStatistics.TotalCount += e.faults
		*st.TotalCount += total
		out[t].ResponseTimeHistogram = append(out[t].ResponseTimeHistogram, h...)
	}
	return out
}

func shopGraph() []types.Service {
	return graph(map[string]string{"orders": "AWS::ECS::Fargate", "tokens": "AWS::DynamoDB::Table", "card gateway": "remote"},
		[]string{"tokens", "card gateway"},
		edgeSpec{"client", "orders", 720, 14, 10, 1.84},
		edgeSpec{"orders", "payments", 715, 0, 9, 1.702},
		edgeSpec{"orders", "cart", 730, 14, 0, 0.015},
		edgeSpec{"payments", "tokens", 1420, 28, 0, 0.007},
		edgeSpec{"payments", "card gateway", 715, 0, 9, 1.66},
	)
}

func bigGraph() []types.Service {
	return graph(map[string]string{"web": "AWS::ECS::Fargate", "orders-table": "AWS::DynamoDB::Table", "events": "AWS::SNS::Topic", "sessions": "remote"},
		[]string{"orders-table", "events", "sessions"},
		edgeSpec{"client", "web", 7200, 14, 3, 0.42},
		edgeSpec{"web", "catalog", 5000, 0, 0, 0.08},
		edgeSpec{"web", "checkout", 700, 20, 30, 1.2},
		edgeSpec{"web", "sessions", 7200, 0, 0, 0.004},
		edgeSpec{"catalog", "search", 4000, 0, 0, 0.05},
		edgeSpec{"checkout", "catalog", 700, 0, 0, 0.02},
		edgeSpec{"checkout", "payments", 690, 0, 30, 1.1},
		edgeSpec{"checkout", "orders-table", 700, 0, 0, 0.009},
		edgeSpec{"payments", "events", 690, 0, 0, 0.03},
		edgeSpec{"search", "catalog", 40, 0, 0, 0.03},
	)
}

func TestServiceMap(t *testing.T) {
	minute := render.MapOptions{Window: time.Minute}
	for name, tc := range map[string]struct {
		services []types.Service
		opts     render.MapOptions
		style    render.Style
	}{
		"map_shop":    {shopGraph(), minute, render.Style{}},
		"map_big":     {bigGraph(), minute, render.Style{}},
		"map_wide":    {bigGraph(), minute, render.Style{Width: 140}},
		"map_ascii":   {bigGraph(), minute, render.Style{ASCII: true}},
		"map_color":   {shopGraph(), render.MapOptions{Window: time.Minute, NoTable: true}, render.Style{Color: true}},
		"map_counts":  {shopGraph(), render.MapOptions{}, render.Style{Width: 120}},
		"map_list":    {bigGraph(), minute, render.Style{Width: 60}},
		"map_lone":    {graph(nil, nil, edgeSpec{"client", "api", 3, 0, 0, 0.1}), minute, render.Style{}},
		"map_parts":   {graph(nil, nil, edgeSpec{"client", "api", 3, 0, 0, 0.1}, edgeSpec{"client", "jobs", 1, 0, 1, 4}, edgeSpec{"jobs", "mailer", 1, 0, 0, 1}), minute, render.Style{}},
		"map_inner":   {graph(nil, nil, edgeSpec{"client", "web", 9, 0, 0, 0.1}, edgeSpec{"client", "api", 3, 1, 0, 0.1}, edgeSpec{"web", "api", 9, 0, 0, 0.2}), minute, render.Style{}},
		"map_skip":    {graph(nil, nil, edgeSpec{"a", "b", 9, 0, 0, 0.1}, edgeSpec{"b", "c", 9, 0, 0, 0.1}, edgeSpec{"c", "d", 9, 0, 0, 0.1}, edgeSpec{"a", "d", 9, 0, 9, 0.1}, edgeSpec{"b", "d", 1, 0, 0, 1}), minute, render.Style{}},
		"map_ring":    {graph(nil, nil, edgeSpec{"a", "b", 9, 0, 0, 0.1}, edgeSpec{"b", "a", 9, 0, 0, 0.1}, edgeSpec{"a", "a", 2, 0, 0, 0.1}), minute, render.Style{}},
		"map_hostile": {graph(nil, nil, edgeSpec{"client", "a\x1b[2J\nb", 1, 0, 0, 1}, edgeSpec{"a\x1b[2J\nb", "注文サービスの長い名前です", 1, 0, 0, 1}), minute, render.Style{}},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, render.ServiceMap(tc.services, tc.opts, tc.style)) })
	}
	if got := render.ServiceMap(nil, minute, render.Style{}); got != "" {
		t.Errorf("an empty graph draws %q", got)
	}
}

// TestServiceMapOfFaultyGraph draws graphs that the service does not make.
func TestServiceMapOfFaultyGraph(t *testing.T) {
	n := func(i int32) *int32 { return &i }
	client := func(id int32, edges ...types.Edge) types.Service {
		return types.Service{ReferenceId: &id, Name: aws.String("c" + strconv.Itoa(int(id))), Type: aws.String("client"), Edges: edges}
	}
	for name, services := range map[string][]types.Service{
		"nothing set":       {{}, {}},
		"only clients":      {client(0, types.Edge{ReferenceId: n(1)}), client(1, types.Edge{ReferenceId: n(1)})},
		"a client called":   {client(0, types.Edge{ReferenceId: n(1)}), {ReferenceId: n(1), Name: aws.String("x"), Edges: []types.Edge{{ReferenceId: n(0)}}}},
		"edges to nowhere":  {{ReferenceId: n(3), Name: aws.String("x"), Edges: []types.Edge{{ReferenceId: n(9)}, {}}}},
		"numbers not alone": {{ReferenceId: n(1), Name: aws.String("x")}, {ReferenceId: n(1), Name: aws.String("y"), Edges: []types.Edge{{ReferenceId: n(1)}}}},
	} {
		for _, width := range []int{1, 100} {
			if got := render.ServiceMap(services, render.MapOptions{}, render.Style{Width: width}); got == "" {
				t.Errorf("%s: nothing is drawn", name)
			}
		}
	}
}

// TestServiceMapOfAnyGraph draws random graphs: nothing panics, no line of a
// drawing is too long, every service is named and every edge listed.
func TestServiceMapOfAnyGraph(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	drawn := 0
	for range 1000 {
		var edges []edgeSpec
		n := 1 + rng.IntN(9)
		name := func() string { return "svc" + strconv.Itoa(rng.IntN(n)) }
		for range 1 + rng.IntN(12) {
			e := edgeSpec{name(), name(), int64(1 + rng.IntN(500)), int64(rng.IntN(3)), int64(rng.IntN(2)), rng.Float64()}
			if rng.IntN(5) == 0 {
				e.from = "client"
			}
			edges = append(edges, e)
		}
		services := graph(nil, nil, edges...)
		width := 40 + rng.IntN(120)
		drawing := render.ServiceMap(services, render.MapOptions{Window: time.Minute, NoTable: true}, render.Style{Width: width})
		if strings.Contains(drawing, "┌") {
			drawn++
			for _, line := range strings.Split(drawing, "\n") {
				if render.Width(line) > width {
					t.Fatalf("a line of %d cells in %d:\n%s", render.Width(line), width, drawing)
				}
			}
		}
		table := render.ServiceMap(services, render.MapOptions{}, render.Style{Width: 1})
		for _, e := range edges {
			if !strings.Contains(drawing, e.to) {
				t.Fatalf("%s is missing in\n%s", e.to, drawing)
			}
			if !regexp.MustCompile(`(?m)^` + e.from + ` +→  ` + e.to + ` `).MatchString(table) {
				t.Fatalf("%s → %s is missing in\n%s", e.from, e.to, table)
			}
		}
	}
	if drawn < 300 {
		t.Errorf("only %d of 1000 graphs were drawn", drawn)
	}
}
