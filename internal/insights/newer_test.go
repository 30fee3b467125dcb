package insights_test

import (
	"fmt"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

func TestSessionsInTime(t *testing.T) {
	const minute = 60_000
	rows := insights.Rows{
		at(40*minute, `{"u":"a","d":1,"k":4}`), at(0, `{"u":"a","d":1,"k":1}`), at(30*minute, `{"u":"a","d":"1","k":3}`),
		at(10*minute, `{"u":"b","d":1,"k":2}`), at(71*minute, `{"u":"a","d":1,"k":5}`), at(72*minute, `{"k":6}`),
	}
	// Rows of sessions are told apart in their own order, whatever the query's.
	expect(t, `sessionize u, d | sort k | display k, session_id`, rows,
		"k=1 session_id=1", "k=2 session_id=2", "k=3 session_id=1", "k=4 session_id=1", "k=5 session_id=3", "k=6")
	expect(t, `fields k | sort k desc | sessionize u maxspan 10m as s`, rows,
		"k=6", "k=5 s=4", "k=4 s=3", "k=3 s=3", "k=2 s=2", "k=1 s=1")
	expect(t, `sessionize u maxspan 24h | stats count(*) as n, min(@timestamp) as begin by session_id | filter ispresent(session_id)`, rows,
		"session_id=1 n=4 begin=2026-11-22 12:00:00.000", "session_id=2 n=1 begin=2026-11-22 12:10:00.000")
	expect(t, `filter u = "b" | sessionize tolower(u) | display session_id | limit 1`, rows, "session_id=1")
}

func TestOutliersOfRows(t *testing.T) {
	// Quartiles 2 and 4: what is above 4+2.5*2 = 9 is far.
	rows := messages(`{"v":1,"k":1}`, `{"v":2,"k":2}`, `{"v":"3","k":3}`, `{"v":4,"k":4}`, `{"v":100,"k":5}`, `{"v":"x","k":6}`, `{"k":7}`)
	expect(t, `fields k, v | sort k | outlier v`, rows, "k=1 v=1", "k=2 v=2", "k=3 v=3", "k=4 v=4", "k=5 v=9", "k=6 v=x", "k=7")
	expect(t, `fields v | sort k | outlier action=remove v`, rows, "v=1", "v=2", "v=3", "v=4", "v=x", "")
	expect(t, `fields v | sort k | outlier action=transform param=48 mark=true v k | limit 2`, rows,
		"v=1 v_outlier=0 k=1 k_outlier=0", "v=2 v_outlier=0 k=2 k_outlier=0")
	expect(t, `outlier param=0 uselower=true mark=true v | filter v_outlier = 1 | sort k | display k, v`, rows, "k=1 v=2", "k=5 v=4")
	expect(t, `outlier action=remove param=0 uselower=true v, k | stats count(*) as n`, rows, "n=2")
	expect(t, `stats sum(v) as s by k | outlier action=remove s | stats max(s) as m`, rows, "m=4")
	expect(t, `outlier zz | stats count(*) as n`, rows, "n=7")
}

func TestCountFrequent(t *testing.T) {
	rows := messages(`{"m":"GET","s":200}`, `{"m":"PUT","s":200}`, `{"m":"GET","s":"200"}`, `{"m":"GET"}`, `{"m":"GET","s":404}`, `{"m":"GET"}`)
	expect(t, `fields m, s | countFrequent m, s`, rows,
		"m=GET s=200 _approxcount=2", "m=GET _approxcount=2", "m=GET s=404 _approxcount=1", "m=PUT s=200 _approxcount=1")
	expect(t, `COUNTFREQUENT tolower(m) | filter _approxcount > 1 | display _approxcount`, rows, "_approxcount=5")
	expect(t, `count_frequent m | stats sum(_approxcount) as all, count(*) as n`, rows, "all=6 n=2")
}

func TestExpand(t *testing.T) {
	rows := messages(`{"items":["apple","banana",{"k":1}],"host":"web-01"}`, `{"items":"[1,2]","host":"b"}`, `{"items":[],"host":"c"}`, `{"items":5}`, `{}`, "x")
	expect(t, `expand items | filter host = "web-01" | stats count(*) as n by items, host`, rows,
		"items=apple host=web-01 n=1", "items=banana host=web-01 n=1", "host=web-01 n=1")
	expect(t, `fields items, host | expand items | sort items`, rows,
		"items=apple host=web-01", "items=banana host=web-01", "items=1 host=b", "items=2 host=b", "items=5", "", "", `items={"k":1} host=web-01`)
	expect(t, `expand items | display items.k | filter ispresent(items.k)`, rows, "items.k=1")
	expect(t, `fields jsonParse(@message) as j, j.items as l | expand l | filter j.host = "b" or l = "apple" | display l`, rows, "l=1", "l=2", "l=apple")
	expect(t, `stats values(host) as v | expand v | limit 2`, rows, "v=b", "v=c")
}

func TestJSONCommand(t *testing.T) {
	rows := messages(`got {"user":{"name":"ann","tags":["x","y"]}} here`, `{"ctx":{"identity":{"ip":"10.0.0.1"}},"s":"{\"a\":[7]}"}`, `no`)
	expect(t, `parse @message /(?<payload>\{.*\})/ as payload | json field=payload "user.name" as username | display username`, rows[:1], "username=ann")
	expect(t, `json field=ctx "identity.ip" as ip | json field=s 'a.0' as a | json field=s "zz" as z | display ip, a, z`, rows, "", "ip=10.0.0.1 a=7", "")
	expect(t, `json field=ctx "identity" as i | filter ispresent(i) | display i, i.ip`, rows, `i={"ip":"10.0.0.1"} i.ip=10.0.0.1`)
	expect(t, `fields s | json field=s "a" as a | filter ispresent(s)`, rows, `s={"a":[7]} a=[7]`)
}

func TestParseCSV(t *testing.T) {
	rows := messages("web-1,GET,\"/a,b\",200,12.5", "web-2,PUT,\"say \"\"hi\"\"\",500", "", `"open,x`, `"a"b,c`+"\r\n")
	expect(t, `parse @message csv as host, method, path, status, duration`, rows,
		"host=ab method=c", "host=open,x", "host=", `host=web-2 method=PUT path=say "hi" status=500`, "host=web-1 method=GET path=/a,b status=200 duration=12.5")
	expect(t, `parse csv as a, b | filter b = "GET" | display a`, rows, "a=web-1")
	expect(t, `parse @message csv as host, method, path, status, duration | stats avg(duration) by method | limit 1`, rows, "method=GET avg(duration)=12.5")
	expect(t, `parse a.b csv as x, y | display x, y`, messages(`{"a":{"b":"1,,"}}`, `{"a":1}`), "", "x=1 y=")
}

func TestParseRegexAs(t *testing.T) {
	rows := messages("from 10.0.0.1 to 10.0.0.2", "from 10.0.0.1", "none")
	expect(t, `parse @message /(\d+\.\d+\.\d+\.\d+)/ as ip_addr multi | stats count(*) by ip_addr`, rows,
		"ip_addr=10.0.0.1 count(*)=2", "ip_addr=10.0.0.2 count(*)=1", "count(*)=1")
	expect(t, `parse @message /(\w+) (\S+)/ as w, a | display w, a`, rows, "", "w=from a=10.0.0.1", "w=from a=10.0.0.1")
}

func TestAnomalies(t *testing.T) {
	var rows insights.Rows
	for i, n := range []int{9, 10, 11, 12, 10, 9000} {
		for j := range n {
			rows = append(rows, at(int64(j), fmt.Sprintf("kind%c happened", 'a'+i)))
		}
	}
	expect(t, `pattern @message | anomaly | filter @anomaly = 1 | display @pattern, @sampleCount, @anomalyType`, rows,
		"@pattern=kindf happened @sampleCount=9000 @anomalyType=frequency")
	expect(t, `pattern @message | anomaly | stats count(*) as n by @anomaly`, rows, "@anomaly=0 n=5", "@anomaly=1 n=1")
	// Patterns have no time, by which the guide sorts them.
	expect(t, `pattern @message | anomaly | sort @timestamp desc | limit 1 | display @sampleCount, @anomaly`, rows, "@sampleCount=9000 @anomaly=1")
	const hour = 3_600_000
	opt := options()
	opt.Start, opt.End = noon, noon+hour-1
	both := insights.Rows{at(0, "took 5 ms"), at(1, "lost a packet"), at(-hour, "took 9 ms"), at(-hour+1, "gone now")}
	expectWith(t, `pattern @message | diff | anomaly | display @pattern, @anomaly, @anomalyType`, both, opt,
		"@pattern=took <Number-1> ms @anomaly=0", "@pattern=lost a packet @anomaly=1 @anomalyType=new", "@pattern=gone now @anomaly=0")
}

func TestLogcompare(t *testing.T) {
	const week = 7 * 86_400_000
	opt := options()
	opt.Start, opt.End = noon, noon+3_599_999
	rows := insights.Rows{at(0, "took 5 ms"), at(1, "took 7 ms"), at(-week, "took 9 ms"), at(-1, "between")}
	want := "@pattern=took <Number-1> ms @ratio=1 @sampleCount=2 @comparisonCount=1 @difference=1"
	expectWith(t, `logcompare timeshift 7d`, rows, opt, want)
	expectWith(t, `pattern @message | logcompare timeshift 1w`, rows, opt, want)
	for query, back := range map[string]int64{"logcompare timeshift 7d": week, "logcompare timeshift 30m": 1_800_000, "logcompare timeshift 1mo": 31 * 86_400_000} {
		from, to, ok := parse(t, query).Compared(opt.Start, opt.End)
		if !ok || from != opt.Start-back || to != opt.End-back {
			t.Errorf("%s compares with %d to %d, %v, want %d ms earlier", query, from, to, ok, back)
		}
	}
}

func TestAppendCols(t *testing.T) {
	rows := messages(`{"svc":"a","v":1}`, `{"svc":"a","v":2}`, `{"svc":"b"}`, `{"svc":"c","v":9}`)
	other := subqueries(messages(`{"svc":"x","latency":10}`, `{"svc":"y","latency":20}`))
	expectWith(t, `fields svc | stats count(*) as cnt by svc | appendcols override=true ( SOURCE lg | stats avg(latency) as avgLat by svc )`, rows, other,
		"svc=x cnt=2 avgLat=10", "svc=y cnt=1 avgLat=20", "svc=c cnt=1")
	expectWith(t, `stats count(*) as cnt by svc | appendcols (SOURCE 'lg' | stats avg(latency) as avgLat by svc)`, rows, other,
		"svc=a cnt=2 avgLat=10", "svc=b cnt=1 avgLat=20", "svc=c cnt=1")
	expectWith(t, `stats sum(v) as v by svc | appendcols max=1 (SOURCE /a/b-c | stats max(latency) as v by svc | display v) | stats sum(v) as s`, rows, other, "s=12")
	expectWith(t, `stats sum(v) as v by svc | appendcols (SOURCE lg.x | sort svc | fields latency as v) | display svc, v`, rows, other, "svc=a v=3", "svc=b v=20", "svc=c v=9")
	expectWith(t, `fields svc | limit 1 | appendcols (SOURCE lg | fields latency)`, rows, other, "svc=c latency=20")
}

func TestRelevantFields(t *testing.T) {
	rows := messages(
		`{"t":500,"svc":"pay","path":"/a","ok":1}`, `{"t":900,"svc":"pay","path":"/b"}`,
		`{"t":10,"svc":"web","path":"/a","ok":1}`, `{"t":20,"svc":"web","path":"/b"}`, `{"t":30,"svc":"pay","path":"/a","ok":"1"}`, `{"svc":"web","path":"/b"}`)
	// svc: pay 2/2 against 1/4, web 0 against 3/4: (3/4+3/4)/2.
	expect(t, `relevantfields where t > 400`, rows,
		"@fieldName=t @relevanceScore=1 @conditionalMedian=700 @baselineMedian=20",
		`@fieldName=svc @relevanceScore=0.75 @topRelevanceContributors=["pay"]`,
		"@fieldName=ok @relevanceScore=0 @conditionalMedian=1 @baselineMedian=1",
		"@fieldName=path @relevanceScore=0 @topRelevanceContributors=[]")
	expect(t, `relevantfields path, svc where t > 400 | display @fieldName | limit 1`, rows, "@fieldName=svc")
	// A number that only one of the sets has counts by its presence.
	expect(t, `relevantfields t where not ispresent(t)`, rows, "@fieldName=t @relevanceScore=1 @topRelevanceContributors=[]")
	expect(t, `relevantfields where t > 4000`, rows)
	expect(t, `stats max(t) as m, count(*) as n by svc | relevantfields where n > 2 | stats count(*) as n`, rows, "n=0")
	expect(t, `relevantfields u where u = 3 or u = 4`, messages(`{"u":1}`, `{"u":2}`, `{"u":3}`, `{"u":4}`), "@fieldName=u @relevanceScore=1 @conditionalMedian=3.5 @baselineMedian=1.5")
}

// TestStatsBehindOtherCommands: only sort, limit and dedup end the stats of a
// query.
func TestStatsBehindOtherCommands(t *testing.T) {
	rows := messages(`{"v":1}`, `{"v":2}`)
	expect(t, `accum v as a | autoregress v | filldown v | addtotals v | stats max(a) as a, count(v_p1) as p, sum(Total) as t`, rows, "a=3 p=1 t=3")
}
