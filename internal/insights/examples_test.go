package insights_test

import (
	"fmt"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// The twenty-five queries that users write most, each with events made by hand
// and an answer worked out by hand.

func TestExampleNewest(t *testing.T) {
	rows := messages("a", "b", "c")
	res := run(t, `fields @timestamp, @message | sort @timestamp desc | limit 2`, rows)
	if got := res.Rows[0][2]; got.Field != "@ptr" || got.Value != "P" {
		t.Errorf("last cell = %v, want @ptr", got)
	}
	var many insights.Rows
	for i := range int64(25) {
		many = append(many, at(i*7%25, fmt.Sprint(i*7%25)))
	}
	newest := show(run(t, `fields @timestamp, @message | sort @timestamp desc | limit 20`, many))
	if len(newest) != 20 || newest[0] != "@timestamp=2026-11-22 12:00:00.024 @message=24" || newest[19] != "@timestamp=2026-11-22 12:00:00.005 @message=5" {
		t.Errorf("the newest 20 of 25 are %q", newest)
	}
	expect(t, `fields @timestamp, @message | sort @timestamp desc | limit 2`, rows,
		"@timestamp=2026-11-22 12:00:02.000 @message=c", "@timestamp=2026-11-22 12:00:01.000 @message=b")
}

func TestExampleErrors(t *testing.T) {
	expect(t, `filter @message like /ERROR/ | limit 100`, messages("an ERROR", "ok", "error", "ERROR 2"),
		"@timestamp=2026-11-22 12:00:03.000 @message=ERROR 2", "@timestamp=2026-11-22 12:00:00.000 @message=an ERROR")
}

func TestExampleTimeouts(t *testing.T) {
	rows := insights.Rows{at(0, "timeout"), at(299_999, "Timeout!"), at(300_000, "TIMEOUT"), at(300_001, "fine")}
	expect(t, `filter @message like /(?i)timeout/ | stats count(*) as n by bin(5m)`, rows,
		"bin(5m)=2026-11-22 12:00:00.000 n=2", "bin(5m)=2026-11-22 12:05:00.000 n=1")
}

func TestExampleServices(t *testing.T) {
	expect(t, `fields @timestamp, level, msg | filter level = "error" and service in ["api","web"]`, messages(
		`{"level":"error","service":"api","msg":"one"}`, `{"level":"info","service":"api","msg":"two"}`,
		`{"level":"error","service":"db","msg":"three"}`, `{"level":"error","service":"web"}`),
		"@timestamp=2026-11-22 12:00:03.000 level=error", "@timestamp=2026-11-22 12:00:00.000 level=error msg=one")
}

func TestExampleByLevel(t *testing.T) {
	expect(t, `stats count(*) by level`, messages(`{"level":"warn"}`, `{"level":"error"}`, `{"level":"warn"}`, `text`),
		"level=error count(*)=1", "level=warn count(*)=2", "count(*)=1")
}

func TestExampleSlowest(t *testing.T) {
	expect(t, `stats avg(duration) as avg, pct(duration, 95) as p95, max(duration) as max by route | sort p95 desc | limit 10`, messages(
		`{"route":"/a","duration":10}`, `{"route":"/a","duration":20}`, `{"route":"/b","duration":100.5}`, `{"route":"/a","duration":30}`),
		"route=/b avg=100.5 p95=100.5 max=100.5", "route=/a avg=20 p95=29 max=30")
}

var lambda = messages(
	"START RequestId: r1 Version: $LATEST\n",
	"REPORT RequestId: r1\tDuration: 100.5 ms\tBilled Duration: 101 ms\tMemory Size: 128 MB\tMax Memory Used: 64 MB\tInit Duration: 200 ms\t\n"+
		"XRAY TraceId: 1-5e1b4151-5ac6c58f5b5daa6c5c3d0d3d\tSegmentId: 4a2c1b3d5e6f7a8b\tSampled: true\t\n",
	"END RequestId: r1\n",
	"REPORT RequestId: r2\tDuration: 50 ms\tBilled Duration: 50 ms\tMemory Size: 128 MB\tMax Memory Used: 70 MB\t\n",
)

func TestExampleLambda(t *testing.T) {
	expect(t, `filter @type = "REPORT" | stats avg(@duration), max(@maxMemoryUsed / 1000 / 1000) as maxMB by bin(1h)`, lambda,
		"bin(1h)=2026-11-22 12:00:00.000 avg(@duration)=75.25 maxMB=70")
}

func TestExampleOverProvisioned(t *testing.T) {
	expect(t, `filter @type = "REPORT" | stats max(@memorySize/1000/1000) as provMB, max(@maxMemoryUsed/1000/1000) as usedMB, provMB - usedMB as spareMB`, lambda,
		"provMB=128 usedMB=70 spareMB=58")
}

func TestExampleGlob(t *testing.T) {
	expect(t, `parse @message "user=*, method:*, latency := *" as user, method, latency | stats avg(latency) by method, user`, messages(
		"x user=ann, method:get, latency := 10", "user=ann, method:get, latency := 20", "user=bob, method:put, latency := 5", "user=ann"),
		"method=get user=ann avg(latency)=15", "method=put user=bob avg(latency)=5", "")
}

func TestExampleAccessLog(t *testing.T) {
	expect(t, `parse @message /(?<ip>\d+\.\d+\.\d+\.\d+) .* "(?<verb>\w+) (?<path>\S+) [^"]*" (?<status>\d{3})/ | stats count(*) by status`, messages(
		`10.0.0.1 - - [x] "GET /a HTTP/1.1" 200 12`, `10.0.0.2 - - [x] "GET /b HTTP/1.1" 404 0`, `10.0.0.1 - - [x] "PUT /a HTTP/1.1" 200 1`),
		"status=200 count(*)=2", "status=404 count(*)=1")
}

func TestExampleDisplay(t *testing.T) {
	expect(t, `parse @message "* [*] *" as t, lvl, txt | filter lvl in ["ERROR","WARN"] | display t, txt`, messages(
		"09:00 [ERROR] it broke", "09:01 [INFO] fine", "09:02 [WARN] hot, hot"),
		"t=09:02 txt=hot, hot", "t=09:00 txt=it broke")
}

func TestExampleNested(t *testing.T) {
	expect(t, `filter ispresent(err.code) and err.code != 0 | fields err.code, err.detail`, messages(
		`{"err":{"code":5,"detail":"five"}}`, `{"err":{"code":0,"detail":"zero"}}`, `{"err":"text"}`, `{"err":{"code":"E7"}}`),
		"err.code=E7", "err.code=5 err.detail=five")
}

func TestExampleCoalesce(t *testing.T) {
	expect(t, `fields @timestamp, coalesce(requestId, req_id, "none") as rid | filter rid != "none"`, messages(
		`{"requestId":"a"}`, `{"req_id":"b"}`, `{}`),
		"@timestamp=2026-11-22 12:00:01.000 rid=b", "@timestamp=2026-11-22 12:00:00.000 rid=a")
}

func TestExampleDailyUsers(t *testing.T) {
	rows := insights.Rows{at(0, `{"userId":1}`), at(10, `{"userId":"1"}`), at(20, `{"userId":2}`), at(43_200_000, `{"userId":2}`)}
	expect(t, `stats count_distinct(userId) as users by bin(1d)`, rows,
		"bin(1d)=2026-11-22 00:00:00.000 users=2", "bin(1d)=2026-11-23 00:00:00.000 users=1")
}

func TestExampleHaving(t *testing.T) {
	expect(t, `stats count(*) as n by host | filter n > 1 | sort n desc`, messages(
		`{"host":"a"}`, `{"host":"b"}`, `{"host":"b"}`, `{"host":"c"}`, `{"host":"c"}`, `{"host":"c"}`),
		"host=c n=3", "host=b n=2")
	var many insights.Rows
	for i := range int64(331) {
		many = append(many, at(i, fmt.Sprintf(`{"host":"%c"}`, "abcc"[min(i/100, 3)])))
	}
	// a and b have 100 each, which is not more than 100.
	expect(t, `stats count(*) as n by host | filter n > 100 | sort n desc`, many, "host=c n=131")
}

func TestExamplePeak(t *testing.T) {
	rows := insights.Rows{at(0, "a"), at(1, "b"), at(2, "c"), at(60_000, "d")}
	expect(t, `stats count(*) as perMin by bin(1m) as t | stats max(perMin) as peak, avg(perMin) as mean`, rows, "peak=3 mean=2")
}

func TestExampleFlowRejects(t *testing.T) {
	expect(t, `fields @timestamp, @message | filter srcAddr like "10." and action = "REJECT" | stats count(*) as rejects by srcAddr, dstPort | sort rejects desc | limit 20`, messages(
		"2 123456789010 eni-1 10.0.0.5 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK",
		"2 123456789010 eni-1 10.0.0.5 172.31.9.12 49762 3389 6 20 4249 1418530010 1418530070 REJECT OK",
		"2 123456789010 eni-1 10.0.0.5 172.31.9.12 49763 22 6 20 4249 1418530010 1418530070 REJECT OK",
		"2 123456789010 eni-1 10.0.0.6 172.31.9.12 49763 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
		"2 123456789010 eni-1 172.0.0.5 172.31.9.12 49763 22 6 20 4249 1418530010 1418530070 REJECT OK"),
		"srcAddr=10.0.0.5 dstPort=3389 rejects=2", "srcAddr=10.0.0.5 dstPort=22 rejects=1")
}

func TestExampleSubnet(t *testing.T) {
	expect(t, `filter isIpv4InSubnet(srcAddr, "192.0.2.0/24") | stats sum(bytes) as bytes by dstAddr | sort bytes desc`, messages(
		`{"srcAddr":"192.0.2.7","bytes":10,"dstAddr":"a"}`, `{"srcAddr":"192.0.2.8","bytes":30,"dstAddr":"b"}`,
		`{"srcAddr":"192.0.3.7","bytes":99,"dstAddr":"a"}`, `{"srcAddr":"192.0.2.9","bytes":5,"dstAddr":"a"}`),
		"dstAddr=b bytes=30", "dstAddr=a bytes=15")
}

func TestExampleLatestOfEachUser(t *testing.T) {
	expect(t, `fields @timestamp, userId, action | sort @timestamp desc | dedup userId`, messages(
		`{"userId":"u1","action":"in"}`, `{"userId":"u2","action":"in"}`, `{"action":"boot"}`, `{"userId":"u1","action":"out"}`, `{"action":"halt"}`),
		"@timestamp=2026-11-22 12:00:04.000 action=halt", "@timestamp=2026-11-22 12:00:03.000 userId=u1 action=out",
		"@timestamp=2026-11-22 12:00:02.000 action=boot", "@timestamp=2026-11-22 12:00:01.000 userId=u2 action=in")
}

func TestExampleTraceSpan(t *testing.T) {
	expect(t, `stats earliest(@timestamp) as first, latest(@timestamp) as last, count(*) as n by traceId | filter n > 1 | sort last desc`, messages(
		`{"traceId":"t1"}`, `{"traceId":"t2"}`, `{"traceId":"t1"}`, `{"traceId":"t3"}`, `{"traceId":"t2"}`),
		"traceId=t2 first=2026-11-22 12:00:01.000 last=2026-11-22 12:00:04.000 n=2",
		"traceId=t1 first=2026-11-22 12:00:00.000 last=2026-11-22 12:00:02.000 n=2")
}

func TestExampleOwnTime(t *testing.T) {
	expect(t, `fields datefloor(fromMillis(startMs), 1h) as hour | stats count(*) as n by hour | sort hour`, messages(
		`{"startMs":1795348799999}`, `{"startMs":1795348800000}`, `{"startMs":1795350000000}`),
		"hour=2026-11-22 11:00:00.000 n=1", "hour=2026-11-22 12:00:00.000 n=2")
}

func TestExampleBackticks(t *testing.T) {
	long := "/0123456789"
	for range 10 {
		long += "0123456789"
	}
	expect(t, "filter `user-agent` not like /bot/ and strlen(path) > 100 | fields substr(path, 0, 5) as head", messages(
		`{"user-agent":"curl","path":"`+long+`"}`, `{"user-agent":"bot/1","path":"`+long+`"}`, `{"user-agent":"curl","path":"/"}`),
		"head=/0123")
	expect(t, "filter `user-agent` not like /bot/ and strlen(path) > 100 | fields substr(path, 0, 50) as head", messages(
		`{"user-agent":"curl","path":"`+long+`"}`, `{"path":"`+long+`"}`), "head="+long[:50])
}

func TestExampleUnnest(t *testing.T) {
	expect(t, `fields jsonParse(@message) as j | unnest j.items into it | stats sum(it.qty) as qty by it.sku`, messages(
		`{"items":[{"sku":"a","qty":2},{"sku":"b","qty":1}]}`, `{"items":[{"sku":"a","qty":3}]}`, `{"items":[]}`),
		"it.sku=a qty=5", "it.sku=b qty=1")
}

func TestExamplePerGroup(t *testing.T) {
	rows := messages(`{"status":500,"err":"x"}`, `{"status":200}`, `{"status":503}`)
	rows[1].Stream = "test/1"
	expect(t, `fields @timestamp, @log, @logStream, @message | filter @logStream like "prod/" | stats count(*) as n, count(err) as errs, sum(status >= 500) as s5, sum(if(status >= 500, 1, 0)) as same by @log`, rows,
		"@log=123456789012:/app/web n=2 errs=1 s5=2 same=2")
	expect(t, `fields @timestamp, @log, @logStream, @message | filter @logStream like "prod/" | stats count(*) as n, count(err) as errs, sum(status >= 500) as s5 by @log`, rows,
		"@log=123456789012:/app/web n=2 errs=1 s5=2")
}
