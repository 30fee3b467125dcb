package insights_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// blocks is a source of functions.
type blocks []func(ctx context.Context, yield func(*insights.Row) bool) error

type block func(ctx context.Context, yield func(*insights.Row) bool) error

func (b block) Rows(ctx context.Context, yield func(*insights.Row) bool) error { return b(ctx, yield) }

func (b blocks) Blocks() []insights.Block {
	var out []insights.Block
	for _, f := range b {
		out = append(out, block(f))
	}
	return out
}

func TestResultWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := parse(t, `filter @message like "x" | stats count(*) as n`)
		hold := make(chan struct{})
		src := blocks{
			func(ctx context.Context, yield func(*insights.Row) bool) error {
				<-time.After(time.Second) // slow storage
				return messages("x", "y", "x").Rows(ctx, yield)
			},
			func(ctx context.Context, yield func(*insights.Row) bool) error {
				<-hold
				return messages("x", "z").Rows(ctx, yield)
			},
		}
		x := q.Prepare(src, options())
		if diff := cmp.Diff([]string{"n=0"}, show(x.Result())); diff != "" {
			t.Errorf("before: -want +got:\n%s", diff)
		}
		done := make(chan error)
		go func() { done <- x.Run(t.Context()) }()
		<-time.After(2 * time.Second)
		synctest.Wait()
		res := x.Result()
		if diff := cmp.Diff([]string{"n=2"}, show(res)); diff != "" {
			t.Errorf("while running: -want +got:\n%s", diff)
		}
		if want := (insights.Statistics{RecordsMatched: 2, RecordsScanned: 3, BytesScanned: 3, Groups: 1}); res.Statistics != want {
			t.Errorf("statistics = %+v, want %+v", res.Statistics, want)
		}
		close(hold)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"n=3"}, show(x.Result())); diff != "" {
			t.Errorf("at the end: -want +got:\n%s", diff)
		}
	})
}

// TestResultAtAnyTime asks for results as fast as it can while the query runs,
// for the race detector to watch.
func TestResultAtAnyTime(t *testing.T) {
	rows := accessLog(9_000)
	for _, query := range []string{
		`stats count(*) as n, pct(duration, 50), count_distinct(trace_id), values(level) by status | sort n`,
		`fields level, status | sort duration desc | limit 100`, `fields level | dedup route`, `pattern @message`,
		`fields duration | limit 500 | accum duration | autoregress duration`,
	} {
		x := parse(t, query).Prepare(rows, options())
		done := make(chan error, 1)
		go func() { done <- x.Run(t.Context()) }()
		for running := true; running; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				running = false
			default:
				if n := x.Result().Statistics.RecordsScanned; n > int64(len(rows)) {
					t.Fatalf("%s: %d rows scanned of %d", query, n, len(rows))
				}
			}
		}
		if diff := cmp.Diff(show(run(t, query, rows)), show(x.Result())); diff != "" {
			t.Errorf("%s: -at once +watched:\n%s", query, diff)
		}
	}
}

func TestRunStops(t *testing.T) {
	stopped := errors.New("stopped by its user")
	ctx, cancel := context.WithCancelCause(t.Context())
	src := blocks{func(ctx context.Context, yield func(*insights.Row) bool) error {
		for i := range 1 << 20 {
			if i == 5000 {
				cancel(stopped)
			}
			r := at(int64(i), "x")
			if !yield(&r) {
				return nil
			}
		}
		return errors.New("read to the end")
	}}
	res, err := parse(t, `stats count(*) as n`).Run(ctx, src, options())
	if !errors.Is(err, stopped) {
		t.Errorf("Run = %v, want the cause of the context", err)
	}
	if n := res.Statistics.RecordsScanned; n < 5000 || n > 10_000 {
		t.Errorf("%d rows scanned, want a stop soon after 5000", n)
	}
	if len(res.Rows) != 1 {
		t.Errorf("rows = %v, want the count so far", res.Rows)
	}
}

func TestRunReportsABlockThatFails(t *testing.T) {
	broken := errors.New("torn segment")
	src := blocks{func(context.Context, func(*insights.Row) bool) error { return broken }}
	_, err := parse(t, `limit 1`).Run(t.Context(), src, options())
	if !errors.Is(err, broken) {
		t.Errorf("Run = %v, want %v", err, broken)
	}
}

func TestTimeRangeIsInclusive(t *testing.T) {
	opt := insights.Options{Start: noon, End: noon + 2000}
	rows := insights.Rows{at(-1, "before"), at(0, "first"), at(2000, "last"), at(2001, "after")}
	res, err := parse(t, `fields @message`).Run(t.Context(), rows, opt)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"@message=last", "@message=first"}, show(res)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := res.Statistics.RecordsScanned; got != 2 {
		t.Errorf("%d rows scanned, want 2", got)
	}
}

func TestLimits(t *testing.T) {
	rows := accessLog(25_000)
	tests := map[string]struct {
		query string
		limit int
		want  int
	}{
		"default":            {`fields level`, 0, 10_000},
		"of the API":         {`fields level`, 7, 7},
		"text wins":          {`fields level | limit 12`, 7, 12},
		"beyond the default": {`fields level | limit 20000`, 0, 20_000},
		"any":                {`fields level | limit any 9`, 0, 9},
		"of groups":          {`stats count(*) by trace_id`, 30, 30},
		"all groups":         {`stats count(*) by trace_id | limit 100000`, 0, 25_000},
		"after dedup":        {`fields status | dedup status | limit 3`, 0, 3},
		"none found":         {`filter level = "X"`, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			res, err := parse(t, tt.query).Run(t.Context(), rows, insights.Options{Limit: tt.limit})
			if err != nil {
				t.Fatal(err)
			}
			if res.Rows == nil || len(res.Rows) != tt.want {
				t.Errorf("%d rows, want %d", len(res.Rows), tt.want)
			}
		})
	}
}

// TestOrderDoesNotDependOnWorkers reads many small blocks and compares with one
// goroutine.
func TestOrderDoesNotDependOnWorkers(t *testing.T) {
	var src blocks
	for i := range 300 {
		rows := insights.Rows{}
		for j := range 20 {
			rows = append(rows, at(int64((i*7+j)%50), fmt.Sprintf(`{"i":%d,"j":%d,"k":%d.1}`, i, j, i*j%13)))
		}
		src = append(src, rows.Rows)
	}
	for _, query := range []string{
		`fields i, j`, `fields i, j | limit 10`, `fields i, j | sort k | limit 50`, `fields i | sort k desc, i`, `fields i | dedup k`,
		`stats sum(k), avg(k), stddev(k), pct(k, 30), earliest(i), latest(i), count_distinct(i) by j`,
	} {
		opt := options()
		opt.Workers = 1
		want, err := parse(t, query).Run(t.Context(), src, opt)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			opt.Workers = 8
			got, err := parse(t, query).Run(t.Context(), src, opt)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(show(want), show(got)); diff != "" {
				t.Fatalf("%s: -one +eight workers:\n%s", query, diff)
			}
		}
	}
}

func TestNeedles(t *testing.T) {
	tests := map[string][]string{
		`filter @message like "abc" and @message like /x.*def/ | filter level = "e"`: {"abc", "def"},
		`filter @message like "abc" or level = 1`:                                    nil,
		`filter @message not like "abc"`:                                             nil,
		`limit 5 | filter @message like "abc"`:                                       nil,
		`sort a | filter @message like "abc"`:                                        {"abc"},
		`stats count(*) as n | filter n like "abc"`:                                  nil,
	}
	for query, want := range tests {
		var got []string
		for _, n := range parse(t, query).Needles() {
			got = append(got, string(n))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", query, diff)
		}
	}
}

func TestGroups(t *testing.T) {
	tests := map[string]*insights.GroupSelection{
		`fields a`:                          nil,
		`SOURCE "a", 'b' | fields @message`: {Names: []string{"a", "b"}},
		`source loggroups() | fields a`:     {},
		`SOURCE logGroups(namePrefix: ["a/", "b"], accountIdentifiers: ["1"], class: ["STANDARD"])`: {Prefixes: []string{"a/", "b"}, Accounts: []string{"1"}, Classes: []string{"STANDARD"}},
	}
	for query, want := range tests {
		if diff := cmp.Diff(want, parse(t, query).Groups()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", query, diff)
		}
	}
}

func TestRowsThatDoNotMatchAllocateNothing(t *testing.T) {
	rows := accessLog(2000)
	for _, query := range []string{
		`filter @message like /nowhere/ | stats count(*)`,
		`filter status = 999 and level in ["x"] | limit 3`,
		`fields toupper(level) as l, duration * 2 as d | filter l = "none" or d < 0 | stats count(*) by l`,
	} {
		q := parse(t, query)
		count := func(rows insights.Rows) float64 {
			return testing.AllocsPerRun(5, func() {
				if _, err := q.Run(t.Context(), rows, options()); err != nil {
					t.Fatal(err)
				}
			})
		}
		if few, many := count(rows[:100]), count(rows); many-few > 5 {
			t.Errorf("%s: %v allocations for 100 rows, %v for 2000", query, few, many)
		}
	}
}
