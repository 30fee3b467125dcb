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
