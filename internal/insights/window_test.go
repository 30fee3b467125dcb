package insights_test

import (
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

func TestFillMissing(t *testing.T) {
	rows := insights.Rows{at(0, `{"s":"a","v":1}`), at(180_000, `{"s":"a","v":2}`), at(60_000, `{"s":"b","v":5}`)}
	expect(t, `stats count(*) as n, sum(v) by bin(1m) as t, s | fillmissing with 0 for n, -1 for sum(v) | display t, s, n, `+"`sum(v)`"+` | limit 6`, rows,
		"t=2026-11-22 12:00:00.000 s=a n=1 sum(v)=1", "t=2026-11-22 12:00:00.000 s=b n=0 sum(v)=-1",
		"t=2026-11-22 12:01:00.000 s=a n=0 sum(v)=-1", "t=2026-11-22 12:01:00.000 s=b n=1 sum(v)=5",
		"t=2026-11-22 12:02:00.000 s=a n=0 sum(v)=-1", "t=2026-11-22 12:02:00.000 s=b n=0 sum(v)=-1")
	expect(t, `stats count(*) as n by bin(1m) as t | fillmissing`, rows[:2],
		"t=2026-11-22 12:00:00.000 n=1", "t=2026-11-22 12:01:00.000", "t=2026-11-22 12:02:00.000", "t=2026-11-22 12:03:00.000 n=1")
	expect(t, `stats count(*) as n by bin(2h) offset 1h as t | fillmissing with "none" for n`, insights.Rows{at(0, "a"), at(14_400_000, "b")},
		"t=2026-11-22 11:00:00.000 n=1", "t=2026-11-22 13:00:00.000 n=none", "t=2026-11-22 15:00:00.000 n=1")
	expect(t, `stats count(*) as n by bin(1m) as t | fillmissing | stats sum(n) as s, count(n) as c, count(*) as r`, rows[:2], "s=2 c=2 r=4")
	for _, query := range []string{
		`fillmissing`, `stats count(*) by a | fillmissing`, `stats count(*) as n by bin(1m) | sort n | fillmissing`,
		`stats count(*) as n by bin(1m) | fillmissing with 0 for m`, `stats count(*) as n by bin(1m) | fillmissing with 0`,
	} {
		if _, err := insights.Parse(query); err == nil {
			t.Errorf("%s compiles", query)
		}
	}
}

func TestAccum(t *testing.T) {
	rows := messages(`{"v":1}`, `{"v":2}`, `{}`, `{"v":4}`)
	expect(t, `fields v | sort @timestamp asc | accum v as sum`, rows, "v=1 sum=1", "v=2 sum=3", "sum=3", "v=4 sum=7")
	expect(t, `accum v | display v`, rows, "v=4", "", "v=2", "v=1")
	expect(t, `stats sum(v) as s by bin(1s) as t | accum s | display s, `+"`accum(s)`", rows, "s=1 accum(s)=1", "s=2 accum(s)=3", "accum(s)=3", "s=4 accum(s)=7")
}

func TestAutoregress(t *testing.T) {
	rows := messages(`{"v":1}`, `{"v":2}`, `{"v":3}`)
	expect(t, `fields v | sort @timestamp | autoregress v`, rows, "v=1", "v=2 v_p1=1", "v=3 v_p1=2")
	expect(t, `fields v | sort @timestamp | autoregress v as w p=1-2 | filter v = 3 | display w_p2, w_p1`, rows, "w_p2=1 w_p1=2")
	expect(t, `fields v | sort @timestamp | autoregress v p=2 | display v_p2`, rows, "", "", "v_p2=1")
	for _, query := range []string{`autoregress`, `autoregress v p=0`, `autoregress v p=3-1`, `autoregress v p=x`, `autoregress v p 1`} {
		if _, err := insights.Parse(query); err == nil {
			t.Errorf("%s compiles", query)
		}
	}
}

func TestFilldown(t *testing.T) {
	rows := messages(`{"v":1,"w":"x"}`, `{}`, `{"v":3}`, `{}`)
	expect(t, `fields v, w | sort @timestamp | filldown v, w`, rows, "v=1 w=x", "v=1 w=x", "v=3 w=x", "v=3 w=x")
	expect(t, `fields v, w | sort @timestamp | filldown v w`, rows[:2], "v=1 w=x", "v=1 w=x")
	expect(t, `fields v, w | sort @timestamp | filldown`, rows[:2], "v=1 w=x", "v=1 w=x")
	expect(t, `fields v as v1, v as v2, w | sort @timestamp | filldown v*`, rows[:2], "v1=1 v2=1 w=x", "v1=1 v2=1")
	for _, query := range []string{`filldown abs(v)`, `fields v | filldown x*`, "filldown `v"} {
		if _, err := insights.Parse(query); err == nil {
			t.Errorf("%s compiles", query)
		}
	}
}

func TestLists(t *testing.T) {
	rows := messages(`{"v":10}`, `{"v":"9"}`, `{"v":"a\"b"}`, `{"v":10}`, `{}`, `{"v":9}`, `{"v":9}`)
	expect(t, `stats values(v) as all, topk(2, v) as top`, rows, `all=["a\"b","9","10"] top=["9","10"]`)
	expect(t, `stats values(zz) as all`, rows, `all=[]`)
	if _, err := insights.Parse(`stats topk(v, 2)`); err == nil {
		t.Error("topk without a number compiles")
	}
}

func TestAddTotals(t *testing.T) {
	rows := messages(`{"a":1,"b":2.5,"s":"x"}`, `{"a":10,"s":"7"}`, `{"s":"y"}`)
	expect(t, `fields a, b | sort @timestamp | addtotals`, rows, "a=1 b=2.5 Total=3.5", "a=10 Total=10", "")
	expect(t, `fields a, b, s | sort @timestamp | addtotals fieldname=Sum b, s | filter Sum > 0`, rows, "a=1 b=2.5 s=x Sum=2.5", "a=10 s=7 Sum=7")
	expect(t, `stats sum(a) as a, count(*) as n by s | addtotals col=true`, rows, "s=x a=1 n=1 Total=2", "s=y n=1 Total=1", "s=7 a=10 n=1 Total=18", "s=7 a=11 n=3 Total=21")
	expect(t, `stats sum(a) as a, count(*) as n by s | addtotals row=false col=true a`, rows, "s=x a=1 n=1", "s=y n=1", "s=7 a=10 n=1", "a=11")
	expect(t, `stats count(*) as n by bin(1m) as t | addtotals`, rows, "t=2026-11-22 12:00:00.000 n=3 Total=3")
	for _, query := range []string{`fields a | addtotals col=true`, `addtotals row=yes`, `addtotals fieldname=`, `addtotals a,`} {
		if _, err := insights.Parse(query); err == nil {
			t.Errorf("%s compiles", query)
		}
	}
}
