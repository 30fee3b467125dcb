package insights_test

import (
	"fmt"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// accessLog makes JSON events of about 300 bytes.
func accessLog(n int) insights.Rows {
	levels := []string{"INFO", "INFO", "INFO", "WARN", "ERROR"}
	services := []string{"cart", "payments", "search"}
	rows := make(insights.Rows, n)
	for i := range rows {
		rows[i] = at(int64(i), fmt.Sprintf(`{"time":"2026-11-22T12:00:00.000Z","level":%q,"service":%q,"trace_id":"%032x","method":"POST",`+
			`"route":"/api/v1/carts/{id}/items/%d","status":%d,"duration":%d.%d,"bytes":%d,"user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0","msg":"request handled"}`,
			levels[i%5], services[i%3], i*7919, i%20, 200+i%5*75, i%900, i%10, i%5000))
	}
	return rows
}

func BenchmarkRun(b *testing.B) {
	const n = 100_000
	rows := accessLog(n)
	for name, query := range map[string]string{
		"like_count":        `filter @message like /ERROR/ | stats count(*)`,
		"fold_count":        `filter @message like /(?i)error/ | stats count(*)`,
		"fold_either":       `filter @message like /(?i)(exception|fatal|panic)/ | stats count(*)`,
		"regex_count":       `filter @message like /carts.*items\/1[0-9]"/ | stats count(*)`,
		"field_count":       `filter level = "ERROR" | stats count(*)`,
		"two_fields":        `filter level = "ERROR" and service like /pay/ | stats count(*) by status`,
		"group_avg":         `stats avg(duration) by route`,
		"group_all":         `stats count(*) as n, avg(duration), pct(duration, 95), max(bytes) by service, bin(5m)`,
		"newest":            `fields @timestamp, level, status | filter status >= 500 | limit 20`,
		"parse_regex":       `parse @message /"trace_id":"(?<id>[0-9a-f]+)"/ | stats count_distinct(id)`,
		"parse_glob":        `parse @message '"duration":*,' as d | stats sum(d)`,
		"sort_top":          `fields route, duration | sort duration desc | limit 20`,
		"dedup":             `fields service, status | dedup service, status`,
		"pattern":           `pattern @message`,
		"absent_everywhere": `filter level = "FATAL" | stats count(*)`,
	} {
		b.Run(name, func(b *testing.B) {
			q := parse(b, query)
			b.SetBytes(int64(n * len(rows[0].Message)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := q.Run(b.Context(), rows, options()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}
