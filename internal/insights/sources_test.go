package insights_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// expectWith runs a query that reads more than the rows.
func expectWith(t *testing.T, query string, rows insights.Source, opt insights.Options, want ...string) {
	t.Helper()
	res, err := parse(t, query).Run(t.Context(), rows, opt)
	if err != nil {
		t.Fatalf("Run(%q): %v", query, err)
	}
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, show(res)); diff != "" {
		t.Errorf("%s\n-want +got:\n%s", query, diff)
	}
}

func subqueries(sources ...insights.Source) insights.Options {
	opt := options()
	opt.Subqueries = sources
	return opt
}

func TestSubquery(t *testing.T) {
	rows := messages(`{"id":1,"u":"ann"}`, `{"id":"2","u":"bob"}`, `{"id":3}`, `{"u":"eve"}`)
	others := messages(`{"ref":"1","bad":true}`, `{"ref":2,"bad":true}`, `{"ref":3,"bad":false}`)
	bad := subqueries(others)
	const sub = `(SOURCE 'g' | filter bad = true | fields ref)`
	expectWith(t, `filter id in `+sub+` | fields id | sort id`, rows, bad, "id=1", "id=2")
	expectWith(t, `fields id | filter id not in `+sub, rows, bad, "id=3")
	expectWith(t, `filter not id in `+sub+` | fields u`, rows, bad, "u=eve", "")
	expectWith(t, `stats count(*) as n by id | filter id in `+sub+` | sort id desc`, rows, bad, "id=2 n=1", "id=1 n=1")
	q := parse(t, `SOURCE 'a' | filter id in (SOURCE logGroups(namePrefix: ["b"]) | fields ref)`)
	if subs := q.Subqueries(); len(subs) != 1 || !slices.Equal(subs[0].Groups().Prefixes, []string{"b"}) || !slices.Equal(q.Groups().Names, []string{"a"}) {
		t.Errorf("subqueries = %v of %v", subs, q.Groups())
	}
	if _, err := q.Run(t.Context(), rows, options()); err == nil {
		t.Error("a query runs without the source of its subquery")
	}
}

func TestSubqueryCountsItsRows(t *testing.T) {
	q := parse(t, `filter a in (SOURCE 'g' | fields a)`)
	res, err := q.Run(t.Context(), messages(`{"a":1}`), subqueries(messages(`{"a":1}`, `{"a":2}`)))
	if err != nil || res.Statistics.RecordsScanned != 3 || res.Statistics.RecordsMatched != 1 {
		t.Errorf("statistics = %+v, %v, want 3 scanned and 1 matched", res.Statistics, err)
	}
}

func TestJoin(t *testing.T) {
	orders := messages(`{"order":1,"user":"ann"}`, `{"order":2,"user":"bob"}`, `{"order":3,"user":"joe"}`)
	users := subqueries(messages(`{"name":"ann","team":"x"}`, `{"name":"ann","team":"y"}`, `{"name":"bob","team":"x"}`))
	const right = `(SOURCE 'users' | fields name, team)`
	expectWith(t, `fields order | join left=o right=u where o.user = u.name `+right+` | sort order, team`, orders, users,
		"order=1 u.name=ann u.team=x", "order=1 u.name=ann u.team=y", "order=2 u.name=bob u.team=x")
	expectWith(t, `join type=left left=o right=u where u.name = o.user `+right+` | fields o.order, team | sort order, u.team`, orders, users,
		"o.order=1 team=x", "o.order=1 team=y", "o.order=2 team=x", "o.order=3")
	expectWith(t, `join type=INNER left=o right=u where o.user = u.name `+right+` | stats count(*) as n by u.team`, orders, users, "u.team=x n=2", "u.team=y n=1")
	expectWith(t, `stats count(*) as n by user | join left=o right=u where o.user = u.name (SOURCE 'g' | stats count(*) as teams by name) | display user, n, teams`,
		orders, users, "user=ann n=1 teams=2", "user=bob n=1 teams=1")
	expectWith(t, `join left=o right=u where o.user = u.name and o.team = u.team `+right, orders, users)
	expectWith(t, `join left=o right=u where o.user = u.name `+right+` | filter u.team = "x" and user = "bob" | fields order`, orders, users, "order=2")
}

func TestLookup(t *testing.T) {
	opt := options()
	opt.Tables = map[string]*insights.Table{
		"users": {Columns: []string{"id", "name", "team"}, Rows: [][]string{{"1", "ann", "x"}, {"2", "bob", ""}, {"1", "late", "y"}}},
		"nets":  {Columns: []string{"net", "site"}, Rows: [][]string{{"10.0.0.0/8", "all"}, {"10.1.0.0/16", "lab"}, {"2001:db8::/32", "six"}, {"x", "none"}}},
	}
	rows := messages(`{"u":1,"ip":"10.1.2.3"}`, `{"u":"2","ip":"10.2.2.3"}`, `{"u":3,"ip":"2001:db8::1"}`, `{"ip":"nowhere"}`)
	expectWith(t, `lookup users id as u OUTPUT name, team as t | display u, name, t`, rows, opt, "", "u=3", "u=2 name=bob", "u=1 name=ann t=x")
	expectWith(t, `cidrlookup nets ip as net OUTPUT site | stats count(*) as n by site`, rows, opt, "site=all n=1", "site=lab n=1", "site=six n=1", "n=1")
	expectWith(t, `stats count(*) as n by u | lookup users id as u OUTPUT name | filter ispresent(name)`, rows, opt, "u=1 n=1 name=ann", "u=2 n=1 name=bob")
	expectWith(t, `cidrlookup nets ip OUTPUT site | stats count(*) as n by site`, rows, opt, "site=all n=1", "site=lab n=1", "site=six n=1", "n=1")
	expectWith(t, `fields u as name | lookup users id as u OUTPUTNEW name, team | display name, team`, rows, opt, "", "name=3", "name=2", "name=1 team=x")
	expectWith(t, `fields if(u = 3, "own", zz) as name | lookup users id as u OUTPUT name | display name`, rows, opt, "", "", "name=bob", "name=ann")
	for query, want := range map[string]string{
		`cidrlookup users u OUTPUT name`:       `characters 11 to 16: no column of lookup table "users" has networks`,
		`lookup nobody id as u OUTPUT name`:    `characters 7 to 13: there is no lookup table "nobody"`,
		`lookup users ident as u OUTPUT name`:  `characters 13 to 18: the lookup table has no column "ident"`,
		`lookup users id as u OUTPUT id, nam`:  `did you mean "name"?`,
		`cidrlookup nets u as nat OUTPUT site`: `did you mean "net"?`,
	} {
		q := parse(t, query)
		if err := q.CheckTables(opt.Tables); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckTables(%s) = %v, want %s", query, err, want)
		}
		if _, err := q.Run(t.Context(), rows, opt); err == nil {
			t.Errorf("%s runs", query)
		}
	}
}

func TestDiff(t *testing.T) {
	const hour = 3_600_000
	now := []insights.Row{at(0, "took 5 ms"), at(1, "took 7 ms"), at(2, "lost a packet")}
	before := []insights.Row{at(-hour, "took 9 ms"), at(-hour+1, "gone now"), at(-hour-86_400_000, "far away")}
	opt := options()
	opt.Start, opt.End = noon, noon+hour-1
	rows := insights.Rows(append(before, now...))
	want := []string{
		"@pattern=took <Number-1> ms @ratio=0.6667 @sampleCount=2 @comparisonCount=1 @difference=1",
		"@pattern=lost a packet @ratio=0.3333 @sampleCount=1 @comparisonCount=0 @difference=1",
		"@pattern=gone now @ratio=0 @sampleCount=0 @comparisonCount=1 @difference=-1",
	}
	expectWith(t, `pattern @message | diff`, rows, opt, want...)
	expectWith(t, `filter @message not like /zz/ | diff`, rows, opt, want...)
	expectWith(t, `diff | filter @difference < 0 | fields @pattern`, rows, opt, "@pattern=gone now")
	for query, back := range map[string]int64{"diff": hour, "diff previousDay": 24 * hour, "diff previousWeek": 7 * 24 * hour, "diff previousMonth": 31 * 24 * hour} {
		from, to, ok := parse(t, query).Compared(opt.Start, opt.End)
		if !ok || from != opt.Start-back || to != opt.End-back {
			t.Errorf("%s compares with %d to %d, %v, want %d ms earlier", query, from, to, ok, back)
		}
	}
	opt.Start, opt.End = 0, 0
	if _, err := parse(t, "diff").Run(t.Context(), rows, opt); err == nil {
		t.Error("diff runs without a range of time")
	}
}

// TestSourcesAgainstNaiveEvaluator compares joins, subqueries and lookups of
// random rows with nested loops over decoded ones.
func TestSourcesAgainstNaiveEvaluator(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	make := func(n int) (insights.Rows, []naiveRow) {
		var rows insights.Rows
		var decoded []naiveRow
		for i := range n {
			message := randomMessage(r)
			dec := json.NewDecoder(strings.NewReader(message))
			dec.UseNumber()
			var row naiveRow
			if err := dec.Decode(&row); err != nil {
				t.Fatal(err)
			}
			rows, decoded = append(rows, at(int64(i), message)), append(decoded, row)
		}
		return rows, decoded
	}
	for round := range 60 {
		left, leftRows := make(40)
		right, rightRows := make(30)
		c := randomCondition(r, 1)
		var matched, outer int
		keyed := map[string]int{}
		for _, a := range leftRows {
			partners := 0
			for _, b := range rightRows {
				if order, ok := naiveCompare(a.get("a"), b.get("b")); ok && order == 0 && c.hold(b) {
					partners++
				}
			}
			if partners > 0 {
				keyed["in"]++
			} else if a.get("a") != nil {
				keyed["not in"]++
			}
			matched += partners
			outer += max(partners, 1)
		}
		sub := `(SOURCE 'g' | filter ` + c.text + ` | fields b)`
		for query, want := range map[string]int{
			`filter a in ` + sub + ` | stats count(*) as n`:                                 keyed["in"],
			`filter a not in ` + sub + ` | stats count(*) as n`:                             keyed["not in"],
			`join left=l right=r where l.a = r.b ` + sub + ` | stats count(*) as n`:         matched,
			`join type=left left=l right=r where l.a=r.b ` + sub + ` | stats count(*) as n`: outer,
		} {
			res, err := parse(t, query).Run(t.Context(), left, subqueries(right))
			if got := show(res); err != nil || len(got) != 1 || got[0] != fmt.Sprintf("n=%d", want) {
				t.Fatalf("round %d: %s = %v, %v, want %d", round, query, got, err, want)
			}
		}
	}
}
