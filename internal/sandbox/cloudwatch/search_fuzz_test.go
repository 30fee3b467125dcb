package cloudwatch

import (
	"testing"
	"time"
)

// FuzzSearch: no search may panic or hang, and what parses can be matched.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{`{App,"a b"} MetricName="x" (eu OR us) NOT host=test`, `"x" y=z`, `{A} NOT NOT (a)`} {
		f.Add(s)
	}
	id := newIdentity("App", "latency", []dimension{{"host", "eu"}})
	f.Fuzz(func(t *testing.T, text string) {
		s, err := newSearch(text, "Sum", time.Minute)
		if err != nil {
			return
		}
		s.match(id)
	})
}

// FuzzInsights: no Metrics Insights query may panic or hang, and what parses can
// be matched.
func FuzzInsights(f *testing.F) {
	for _, s := range []string{
		`SELECT AVG(latency) FROM SCHEMA(App, host) WHERE host != 'a\'b' AND AWS.AccountId = '1' GROUP BY host ORDER BY MAX() DESC LIMIT 5`,
		`SELECT SUM("a b") FROM "A/B"`, `SELECT SUM('`, `select count(x) from y where "z" = '`,
	} {
		f.Add(s)
	}
	id := newIdentity("App", "latency", []dimension{{"host", "eu"}})
	f.Fuzz(func(t *testing.T, text string) {
		q, err := parseInsights(text)
		if err != nil {
			return
		}
		q.match("1", id)
		q.group("1", id)
	})
}
