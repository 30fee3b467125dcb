package insights_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// What implementers get wrong, one test each.

func TestBinClamps(t *testing.T) {
	rows := insights.Rows{at(0, "a"), at(61_000, "b")}
	expect(t, `stats count(*) as n by bin(300s)`, rows, "bin(300s)=2026-11-22 12:00:00.000 n=1", "bin(300s)=2026-11-22 12:01:00.000 n=1")
	expect(t, `stats count(*) as n by bin(5m)`, rows, "bin(5m)=2026-11-22 12:00:00.000 n=2")
	expect(t, `stats count(*) as n by bin(48h) as t`, rows, "t=2026-11-22 00:00:00.000 n=2")
	expect(t, `stats count(*) as n by bin(5000ms) as t`, rows, "t=2026-11-22 12:00:00.000 n=1", "t=2026-11-22 12:01:01.000 n=1")
}

func TestBinOffset(t *testing.T) {
	rows := insights.Rows{at(0, "a"), at(3_600_000, "b")}
	expect(t, `stats count(*) as n by bin(2h) offset 1h as t`, rows, "t=2026-11-22 11:00:00.000 n=1", "t=2026-11-22 13:00:00.000 n=1")
}

func TestMissingCellsAreLeftOut(t *testing.T) {
	expect(t, `fields a, b, a + b as c`, messages(`{"a":1}`, `{"b":2}`, `{"a":1,"b":2}`, `x`), "", "a=1 b=2 c=3", "b=2", "a=1")
}

func TestKeywordsInAnyCaseFieldsExact(t *testing.T) {
	expect(t, `FIELDS Level | Filter NOT IsPresent(level) AND Level IN ["x"] | SORT @timestamp ASC | LIMIT 1`,
		messages(`{"Level":"x"}`, `{"level":"x"}`), "Level=x")
}

func TestParseKeepsOtherRows(t *testing.T) {
	expect(t, `fields @message | parse @message "a=*" as a`, messages("a=1", "b=2"), "@message=b=2", "@message=a=1 a=1")
	expect(t, `filter @message like "=" | parse @message "a=*" as a`, messages("a=1", "b=2"), "", "a=1")
	expect(t, `parse @message "a=*" as a | fields @message, a`, messages("a=1"), "a=1 @message=a=1")
	expect(t, `stats count(*) as n by m | parse m "*-*" as p, q`, messages(`{"m":"x-y"}`), "m=x-y n=1 p=x q=y")
	expect(t, `parse @message /a=(?<a>\d)?x(?<b>.)?/ | fields a, b`, messages("a=1x", "a=xy", "no"), "", "b=y", "a=1")
	expect(t, `parse level "*-*" as p, q | display p, q`, messages(`{"level":"a-b-c"}`), "p=a q=b-c")
	expect(t, `parse "x * z" as v | parse v "*,*" as l, r | display l, r`, messages(`0y x 1,2 z`), "l=1 r=2")
	expect(t, `parse @message "[*] * end" as a, b | display a, b`, messages(`- [x] y end z`, `[x] y`), "", "a=x b=y")
}

func TestParseMulti(t *testing.T) {
	rows := messages(`{"s":"a=1 b=2"}`, `{"s":"none"}`)
	expect(t, `parse s /(?<k>\w)=(?<v>\d)(?<w>x)?/ multi | fields s`, rows, "s=none", "k=a v=1 s=a=1 b=2", "k=b v=2 s=a=1 b=2")
	expect(t, `parse s /(?<k>\w)=(?<v>\d)/ multi | stats sum(v) as sum, count(k) as n, count(*) as rows`, rows, "sum=3 n=2 rows=3")
}

func TestParseLogfmt(t *testing.T) {
	rows := messages(`level=warn msg="say \"hi\" a=b" flag took=5ms n=3 empty= x`, `nothing`, `=x`, `a="open`)
	expect(t, `parse @message logfmt as lf | display lf.level, lf.msg, lf.n + 1 as m, lf.empty, lf.flag`, rows,
		"", "", "", `lf.level=warn lf.msg=say "hi" a=b m=4 lf.empty=`)
	expect(t, `parse logfmt as lf | filter ispresent(lf.a)`, rows, `lf={"a":"open"}`)
}

func TestDedupKeepsRowsWithoutKeys(t *testing.T) {
	expect(t, `fields a, b | dedup a, b`, messages(`{"a":1}`, `{"a":1}`, `{"a":1,"b":2}`, `{"b":2,"a":1}`), "a=1 b=2", "a=1", "a=1")
}

func TestAfterStatsOnlyColumns(t *testing.T) {
	res := run(t, `stats count(*) as n by level`, messages(`{"level":"x"}`))
	for _, f := range res.Rows[0] {
		if f.Field == "@ptr" {
			t.Error("a row of stats has @ptr")
		}
	}
	expect(t, `stats count(*) as n, max(v) as m by level | fields m * 2 as mm, level`, messages(`{"level":"x","v":4}`), "mm=8 level=x")
	expect(t, `stats count(*) as n, max(v) as m by level | display n`, messages(`{"level":"x","v":4}`), "n=1")
	expect(t, "stats count(*) by bin(1m) | sort bin(1m) desc, count(*) | filter count(*) > 0 | display count(*)", messages("x"), "count(*)=1")
	expect(t, "stats count(*) by level | stats max(count(*)) as m, sum(count(*))", messages(`{"level":"x"}`, `{"level":"x"}`, `{"level":"y"}`), "m=2 sum(count(*))=3")
	expect(t, "stats count(*) by level | filter `count(*)` > 1", messages(`{"level":"x"}`, `{"level":"x"}`, `{"level":"y"}`), "level=x count(*)=2")
}

func TestLikeHasNoWildcards(t *testing.T) {
	expect(t, `fields @message | filter @message like "x*"`, messages("xy", "x*"), "@message=x*")
	expect(t, `fields @message | filter @message like /E*/`, messages("a", "E"), "@message=E", "@message=a")
}

func TestPtrAskedFor(t *testing.T) {
	res := run(t, `fields @ptr, @message`, messages("x"))
	if got := fmt.Sprint(res.Rows); got != "[[{@ptr P} {@message x}]]" {
		t.Errorf("rows = %s", got)
	}
}

func TestColumnsAreNamedAsWritten(t *testing.T) {
	expect(t, "stats count(*), avg( v ), pct(v, 95), max(v) / 2 by upper.x, bin(1h)", messages(`{"v":4,"upper":{"x":"u"}}`),
		"upper.x=u bin(1h)=2026-11-22 12:00:00.000 count(*)=1 avg( v )=4 pct(v, 95)=4 max(v) / 2=2")
}

func TestNaturalOrder(t *testing.T) {
	want := []string{"!:", "#", "*%04", "0#", "5A", "111A", "2345_", "@", "@_", "A", "A9876fghj", "a12345hfh", "0", "01", "1", "2", "3"}
	rows := messages("-")
	for i := range want {
		// A fixed shuffle: 7 and 17 have no common factor.
		rows = append(rows, at(1, fmt.Sprintf(`{"k":%q}`, want[(i*7+3)%len(want)])))
	}
	asc := show(run(t, `fields k | sort k`, rows))
	desc := show(run(t, `fields k | sort k desc`, rows))
	for i, k := range want {
		if asc[i] != "k="+k || desc[len(want)-1-i] != "k="+k {
			t.Errorf("place %d: ascending %s, descending %s, want %s", i, asc[i], desc[len(want)-1-i], k)
		}
	}
	if asc[len(want)] != "" || desc[len(want)] != "" {
		t.Error("the row without the field is not last")
	}
}

func TestSortByColumnsThatAreComputed(t *testing.T) {
	rows := messages(`{"a":1,"b":9}`, `{"a":2,"b":1}`, `{"a":2,"b":5}`)
	expect(t, `fields a * 10 as ten, b | sort ten desc, b asc | limit 2`, rows, "ten=20 b=1", "ten=20 b=5")
	expect(t, `fields a | sort abs(a - 2), b desc | filter b < 9 | limit 2`, rows, "a=2", "a=2")
	expect(t, `fields a, b | limit 2 | sort b`, rows, "a=2 b=1", "a=2 b=5")
}

func TestSameMillisecond(t *testing.T) {
	rows := insights.Rows{at(0, "a"), at(0, "b"), at(0, "c")}
	expect(t, `fields @message | limit 2`, rows, "@message=c", "@message=b")
}

func TestChosenColumns(t *testing.T) {
	rows := messages(`{"a":1,"b":2}`)
	expect(t, `fields a | fields b`, rows, "a=1 b=2")
	expect(t, `display a | display b, a as c`, rows, "b=2 c=1")
	expect(t, `fields a as x | filter x = 1 | display x, a = 1 as y`, rows, "x=1 y=1")
	expect(t, `fields a as b | filter b = 1 | display b`, rows, "b=1")
	expect(t, `filter a = 1`, rows, `@timestamp=2026-11-22 12:00:00.000 @message={"a":1,"b":2}`)
}

func TestComments(t *testing.T) {
	expect(t, "# all of it\nfields a # the first\n# | filter a = 2\n| filter a != \"#\" # done", messages(`{"a":1}`), "a=1")
	expect(t, `fields @message | filter @message like /#/ and @message like "#x"`, messages("#x", "x"), "@message=#x")
}

func TestUnnest(t *testing.T) {
	rows := messages(`{"l":[1,[2],{"x":3}],"s":"one"}`, `{"l":"x"}`, `{}`)
	expect(t, `fields jsonParse(@message) as j | unnest j.l into e | display e, e.x`, rows, "", "e=x", "e=1", "e=[2]", `e={"x":3} e.x=3`)
	expect(t, `fields jsonParse(@message) as j | limit 3 | unnest j.l into e | filter ispresent(e.x) | display e.x, s`, rows, "e.x=3 s=one")
}

func TestAtMostTwoHundredFields(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"first":1`)
	for i := range 250 {
		fmt.Fprintf(&b, `,"f%d":%d`, i, i)
	}
	b.WriteString(`}`)
	expect(t, `fields first, f198, f199`, messages(b.String()), "first=1 f198=198")
	expect(t, `fields jsonParse(@message) as j | display j.f240`, messages(b.String()), "j.f240=240")
}

func TestMessagesThatAreNoObjects(t *testing.T) {
	rows := messages(`text {"a":1}`, `[{"a":1}]`, `{"a":1`, `"a"`, "", " {\"a\":5}\n")
	expect(t, `fields a`, rows, "a=5", "", "", "", "", "")
	for i := range rows {
		rows[i].Log = "1:/aws/lambda/f"
	}
	expect(t, `fields a`, rows, "a=5", "", "", "", "a=1", "a=1")
}

func TestLambdaFields(t *testing.T) {
	rows := insights.Rows(append(messages(), lambda...))
	expect(t, `filter @type = "REPORT" | fields @requestId, @duration, @billedDuration, @memorySize, @initDuration, @xrayTraceId, @xraySegmentId | sort @duration`, rows,
		"@requestId=r2 @duration=50 @billedDuration=50 @memorySize=128000000",
		"@requestId=r1 @duration=100.5 @billedDuration=101 @memorySize=128000000 @initDuration=200 @xrayTraceId=1-5e1b4151-5ac6c58f5b5daa6c5c3d0d3d @xraySegmentId=4a2c1b3d5e6f7a8b")
	line := at(0, "2026-11-22T12:00:00.000Z\t8f507cfc-xmpl-4697-b07a-ac58fc914c95\tINFO\thello {\"k\":1}")
	line.Log = "1:/aws/lambda/f"
	expect(t, `fields @requestId, @type, k`, insights.Rows{line}, "@requestId=8f507cfc-xmpl-4697-b07a-ac58fc914c95 k=1")
}

func TestRoute53Fields(t *testing.T) {
	expect(t, `fields queryName, responseCode, edgeLocation, resolverIp, version`, messages(
		"1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 192.168.1.1 -", "1.0 something else"),
		"", "queryName=example.com responseCode=NOERROR edgeLocation=FRA6 resolverIp=192.168.1.1 version=1.0")
}

func TestStatsWithoutRows(t *testing.T) {
	expect(t, `stats count(*) as n, avg(v) as a`, insights.Rows{}, "n=0")
	expect(t, `stats count(*) as n by v`, insights.Rows{})
}
