package insights_test

import (
	"fmt"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// counters of two hosts: one grows by 2 a second, the other by 10 in 4 minutes.
func counters() insights.Rows {
	var rows insights.Rows
	for i := range 5 {
		rows = append(rows, at(int64(i)*60_000, fmt.Sprintf(`{"host":"a","bytes":%d}`, 100+120*i)))
	}
	return append(rows, at(0, `{"host":"b","bytes":5}`), at(240_000, `{"host":"b","bytes":15}`), at(250_000, `{"host":"c","bytes":1}`))
}

func TestTimeSeries(t *testing.T) {
	expect(t, `stats rate(bytes, 1s) as persecond, rate(bytes, 1m) as perminute by host`, counters(),
		"host=a persecond=2 perminute=120", "host=b persecond=0.041666666666666664 perminute=2.5", "host=c")
	expect(t, `stats count_over_time(host) as n, sum_over_time(bytes) as sum by bin(2m) as t`, counters(),
		"t=2026-11-22 12:00:00.000 n=3 sum=325", "t=2026-11-22 12:02:00.000 n=2 sum=800", "t=2026-11-22 12:04:00.000 n=3 sum=596")
	expect(t, `stats histogram(bytes, 4) as h`, counters(), `h={"1-145.75":4,"145.75-290.5":1,"290.5-435.25":1,"435.25-580":2}`)
	// A map can be read on.
	expect(t, "stats histogram(bytes, 2) as h | fields h.`1-290.5` as low", counters(), "low=5")
}

func TestSessionize(t *testing.T) {
	rows := insights.Rows{
		at(0, `{"u":"ann","d":1}`), at(1_000, `{"u":"bob","d":1}`), at(1_800_000, `{"u":"ann","d":2}`),
		at(3_600_001, `{"u":"ann","d":1}`), at(3_700_000, `{"d":1}`), at(3_800_000, `{"u":"bob","d":1}`),
	}
	expect(t, `sort @timestamp | sessionize u | display u, session_id`, rows,
		"u=ann session_id=1", "u=bob session_id=2", "u=ann session_id=1", "u=ann session_id=3", "", "u=bob session_id=4")
	expect(t, `sort @timestamp | sessionize u, d maxspan 2h as s | display u, d, s`, rows,
		"u=ann d=1 s=1", "u=bob d=1 s=2", "u=ann d=2 s=3", "u=ann d=1 s=1", "d=1", "u=bob d=1 s=2")
	expect(t, `fields u | filter d = 1 | sessionize u maxspan 1m`, rows[:3], "u=bob session_id=2", "u=ann session_id=1")
	expect(t, `sessionize u | stats count(*) as n, latest(d) as d by session_id | sort session_id`, rows,
		"session_id=1 n=2 d=2", "session_id=2 n=1 d=1", "session_id=3 n=1 d=1", "session_id=4 n=1 d=1", "n=1 d=1")
}

func TestOutlier(t *testing.T) {
	rows := messages(`{"v":1}`, `{"v":2}`, `{"v":3}`, `{"v":4}`, `{"v":100}`, `{"v":-100}`, `{"v":"x"}`, `{}`)
	// Quartiles 1.25 and 3.75, so that 2.5 times their distance is 6.25.
	expect(t, `fields v | sort @timestamp | outlier v`, rows, "v=1", "v=2", "v=3", "v=4", "v=10", "v=-100", "v=x", "")
	expect(t, `fields v | sort @timestamp | outlier uselower=true mark=true v`, rows,
		"v=1 v_outlier=0", "v=2 v_outlier=0", "v=3 v_outlier=0", "v=4 v_outlier=0", "v=10 v_outlier=1", "v=-5 v_outlier=1", "v=x v_outlier=0", "v_outlier=0")
	expect(t, `fields v | sort @timestamp | outlier action=remove param=100 v`, rows, "v=1", "v=2", "v=3", "v=4", "v=100", "v=-100", "v=x", "")
	expect(t, `fields v | sort @timestamp | outlier action=remove param=0 uselower=true v | filter ispresent(v)`, rows, "v=2", "v=3", "v=x")
	expect(t, `stats sum(v) as s by v % 2 as odd | outlier s odd | display s`, messages(`{"v":1}`, `{"v":2}`), "s=2", "s=1")
	// A field may be called like an option.
	expect(t, `fields mark | outlier mark | display mark`, messages(`{"mark":7}`), "mark=7")
}

func TestAnomaly(t *testing.T) {
	var lines []string
	for i := range 400 {
		lines = append(lines, fmt.Sprintf("GET /orders/%d answered", i))
	}
	for i := range 3 {
		lines = append(lines, fmt.Sprintf("cache is %d full", i), fmt.Sprintf("reload %d", i), fmt.Sprintf("user %d logged in again", i), fmt.Sprintf("gave %d coupons away", i))
	}
	lines = append(lines, "ERROR card gateway timed out")
	expect(t, `pattern @message | anomaly | filter @anomaly = 1 | display @pattern, @anomalyType`, messages(lines...),
		"@pattern=GET /orders/<Number-1> answered @anomalyType=frequency", "@pattern=ERROR card gateway timed out @anomalyType=severity")
	expect(t, `pattern @message | anomaly | stats count(*) as n, sum(@anomaly) as odd`, messages(lines...), "n=6 odd=2")
	expect(t, `pattern @message | anomaly`, messages("one", "one"), "@pattern=one @ratio=1 @sampleCount=2 @anomaly=0")
}
