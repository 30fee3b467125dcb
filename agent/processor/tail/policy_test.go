package tail_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/processor/tail"
	"github.com/sidelight-dev/sidelight/internal/xraysample"
)

// rulesOf answers GetSamplingRules.
func rulesOf(records ...string) *xraysample.Rules {
	for i, r := range records {
		records[i] = `{"SamplingRule":{"ServiceName":"*","ServiceType":"*","Host":"*","HTTPMethod":"*","URLPath":"*","ResourceARN":"*","Version":1,` + r + `}}`
	}
	return xraysample.New(xraysample.Config{Call: func(_ context.Context, path string, _ []byte) ([]byte, error) {
		if path != xraysample.RulesPath {
			return []byte(`{}`), nil
		}
		return []byte(`{"SamplingRuleRecords":[` + strings.Join(records, ",") + `]}`), nil
	}})
}

func TestRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := rulesOf(
			`"RuleName":"pay","Priority":1,"URLPath":"/pay*","HTTPMethod":"POST","ServiceName":"ord*","FixedRate":1`,
			`"RuleName":"vip","Priority":2,"Attributes":{"tier":"gold"},"FixedRate":1`,
			`"RuleName":"type","Priority":3,"ServiceType":"AWS::ECS::*","FixedRate":1`,
			`"RuleName":"Default","Priority":10000,"FixedRate":0,"ReservoirSize":1`)
		ctx, cancel := context.WithCancel(t.Context())
		polled := make(chan error, 1)
		go func() { polled <- rules.Run(ctx) }()
		synctest.Wait()
		s := newStage(t, tail.Config{Policy: tail.Policy{Rules: rules}, Wait: time.Minute})
		s.start(t.Context())
		request := func(method, path, more string) string {
			return fmt.Sprintf(`,"http":{"request":{"method":%q,"url":"http://x%s"}}%s`, method, path, more)
		}
		for i, members := range []string{
			0: request("POST", "/pay/1?x=2", ""), 1: request("GET", "/pay/1", ""), // borrowed
			2: request("GET", "/", `,"annotations":{"tier":"gold"}`), 3: request("GET", "/", `,"metadata":{"default":{"tier":"lead"}}`),
			4: request("GET", "/", `,"origin":"AWS::ECS::Fargate"`), 5: request("GET", "/", ""),
		} {
			s.send(t, span(i, child), span(i, members))
		}
		synctest.Wait()
		if d := cmp.Diff(map[string]int{id(0): 2, id(1): 2, id(2): 2, id(4): 2}, s.kept()); d != "" {
			t.Errorf("kept (-want +got):\n%s", d)
		}
		s.finish(t)
		cancel()
		<-polled
	})
}

// The decision about a trace is the same for everybody, and the part is right.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var both [2]map[string]int
		for i := range both {
			s := newStage(t, tail.Config{Policy: tail.Policy{Rate: 0.1}})
			s.start(t.Context())
			for n := 0; n < 5000; n += 100 {
				docs := make([]string, 100)
				for i := range docs {
					docs[i] = span(n+i, "")
				}
				s.send(t, docs...)
			}
			s.finish(t)
			both[i] = s.kept()
		}
		if d := cmp.Diff(both[0], both[1]); d != "" {
			t.Errorf("two samplers decided differently:\n%s", d)
		}
		// 500, with a standard deviation of 21.
		if n := len(both[0]); n < 400 || n > 600 {
			t.Errorf("%d of 5000 traces kept at 10 %%", n)
		}
	})
}
