package insights_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

func TestLimitsOfSubqueries(t *testing.T) {
	rows := make(insights.Rows, 100_001)
	for i := range rows {
		rows[i] = at(int64(i), `{"k":`+strconv.Itoa(i)+`}`)
	}
	const join = `join left=a right=b where a.k = b.k (SOURCE 'g' | fields k | limit 60000) | stats count(*) as n`
	for n, want := range map[int]string{50_000: "", 50_001: "the right side of join has more than 50000 keys"} {
		res, err := parse(t, join).Run(t.Context(), rows[:1], subqueries(rows[:n]))
		if want == "" && (err != nil || strings.Join(show(res), "") != "n=1") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d keys: %v, want %q", n, err, want)
		}
	}
	_, err := parse(t, `filter k in (SOURCE 'g' | fields k)`).Run(t.Context(), rows[:1], subqueries(rows))
	if err == nil || !strings.Contains(err.Error(), "more than 100000 rows") {
		t.Errorf("a subquery of 100001 rows: %v", err)
	}
}

func TestTimeOfSubqueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options()
		opt.Subqueries = []insights.Source{blocks{func(ctx context.Context, _ func(*insights.Row) bool) error {
			<-ctx.Done()
			return ctx.Err()
		}}}
		begin := time.Now()
		_, err := parse(t, `filter k in (SOURCE 'g' | fields k)`).Run(t.Context(), messages("x"), opt)
		if err == nil || !strings.Contains(err.Error(), "longer than 30 s") || time.Since(begin) != 30*time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}
