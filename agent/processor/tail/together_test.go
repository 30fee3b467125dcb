package tail_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/tail"
)

// All policies at once: each trace is kept by the first that wants it, and what
// comes after the decision follows it.
func TestPoliciesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, tail.Config{Wait: 10 * time.Second, Policy: tail.Policy{
			Errors: true, Slower: 2 * time.Second, Rare: 1, Senders: true, Services: map[string]float64{"orders": 0, "vip": 1},
		}})
		s.start(t.Context())
		get := func(path string) string {
			return fmt.Sprintf(`,"http":{"request":{"method":"GET","url":"http://x/%s"}}`, path)
		}
		slow, now := span(3, ""), float64(time.Now().UnixMilli())/1000
		slow = slow[:strings.Index(slow, `"start_time"`)] + fmt.Sprintf(`"start_time":%f,"end_time":%f%s}`, now-3, now, get("a"))
		s.send(t,
			span(0, get("a")),                 // the first of its operation in this minute
			span(1, get("a")+`,"error":true`), // failed
			span(2, get("a")+`,"fault":true`), // failed
			slow,                              // slow
			strings.Replace(span(4, get("a")), "orders", "vip", 1), // rare, as its service is new
			span(5, get("a")+`,"aws":{"xray":{"sampling_rule_name":"r"}}`),
			span(6, get("a")), span(7, get("a")), // nothing keeps them
			span(8, get("b")), // rare too
			strings.Replace(span(9, get("a")), "orders", "vip", 1), // of a service that is kept
		)
		time.Sleep(time.Minute / 4)
		synctest.Wait()
		for n := range 10 {
			s.send(t, span(n, child))
		}
		s.finish(t)
		want := map[string]int{}
		for _, n := range []int{0, 1, 2, 3, 4, 5, 8, 9} {
			want[id(n)] = 2
		}
		if d := cmp.Diff(want, s.kept()); d != "" {
			t.Errorf("kept (-want +got):\n%s", d)
		}
		st := s.Stats()
		if d := cmp.Diff(map[string]uint64{"error": 2, "slow": 1, "rare": 3, "sender": 1, "rate": 1}, st.Kept); d != "" {
			t.Errorf("reasons (-want +got):\n%s", d)
		}
		if b := s.books.Totals(sidelight.Traces); b.Accepted != 20 || b.Dropped[tail.LeftOut] != 4 {
			t.Errorf("books %+v", b)
		}
	})
}
