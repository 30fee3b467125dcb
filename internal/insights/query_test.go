package insights_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// noon is 2026-11-22 12:00:00 UTC in Unix milliseconds, a Sunday.
const noon = 1795348800000

// at makes a row that many milliseconds after noon.
func at(ms int64, message string) insights.Row {
	return insights.Row{
		Time: noon + ms, Ingested: noon + ms + 500, Log: "123456789012:/app/web", Stream: "prod/web-1",
		Message: []byte(message), Ref: uint64(ms),
	}
}

// messages makes rows one second apart.
func messages(lines ...string) insights.Rows {
	var rows insights.Rows
	for i, line := range lines {
		rows = append(rows, at(int64(i)*1000, line))
	}
	return rows
}

func options() insights.Options {
	return insights.Options{
		Now: time.UnixMilli(noon + 3_600_000), Start: noon - 3_600_000, End: noon + 86_400_000, Workers: 2,
		Ptr: func(*insights.Row) string { return "P" },
	}
}

// show renders a result as one line a row: name=value name=value. The @ptr of
// events is left out.
func show(res *insights.Result) []string {
	lines := []string{}
	for _, row := range res.Rows {
		var cells []string
		for _, f := range row {
			if f.Field != "@ptr" {
				cells = append(cells, f.Field+"="+f.Value)
			}
		}
		lines = append(lines, strings.Join(cells, " "))
	}
	return lines
}

func parse(t testing.TB, query string) *insights.Query {
	t.Helper()
	q, err := insights.Parse(query)
	if err != nil {
		t.Fatalf("Parse(%q): %v", query, err)
	}
	return q
}

func run(t testing.TB, query string, rows insights.Source) *insights.Result {
	t.Helper()
	res, err := parse(t, query).Run(t.Context(), rows, options())
	if err != nil {
		t.Fatalf("Run(%q): %v", query, err)
	}
	return res
}

// expect runs query and compares what it shows.
func expect(t *testing.T, query string, rows insights.Source, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, show(run(t, query, rows))); diff != "" {
		t.Errorf("%s\n-want +got:\n%s", query, diff)
	}
}
