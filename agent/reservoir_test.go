package agent_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// callProxy makes a call by the agent's TCP port, unsigned as the SDKs do.
func callProxy(t *testing.T, addr, path, body string, out any) {
	t.Helper()
	resp, err := http.Post("http://"+addr+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", path, resp.Status, err)
	}
}

// A hundred processes that start at once cost one call for the rules, and X-Ray
// divides the reservoir of a rule among them by what each reports for itself.
func TestReservoirIsShared(t *testing.T) {
	const clients, reservoir = 100, 150
	s := sandboxtest.New(t)
	_, err := xray.NewFromConfig(sandboxtest.Config(s)).CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: &types.SamplingRule{
		RuleName: aws.String("shop"), Priority: aws.Int32(1), FixedRate: 0.1, ReservoirSize: reservoir, ServiceName: aws.String("*"), ServiceType: aws.String("*"),
		Host: aws.String("*"), HTTPMethod: aws.String("*"), URLPath: aws.String("*"), ResourceARN: aws.String("*"), Version: aws.Int32(1),
	}})
	if err != nil {
		t.Fatal(err)
	}
	a := start(t, settings(t, s))
	addr := a.address(t, "xray tcp")
	each := func(f func(client int)) {
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() { f(i) })
		}
		wg.Wait()
	}
	each(func(int) {
		var rules struct{ SamplingRuleRecords []any }
		callProxy(t, addr, "/GetSamplingRules", "{}", &rules)
		if len(rules.SamplingRuleRecords) != 2 {
			t.Errorf("%d rules", len(rules.SamplingRuleRecords))
		}
	})
	quotas := make([]int, clients)
	report := func(i int) {
		var out struct {
			SamplingTargetDocuments []struct{ ReservoirQuota int }
		}
		callProxy(t, addr, "/SamplingTargets", fmt.Sprintf(
			`{"SamplingStatisticsDocuments":[{"RuleName":"shop","ClientID":"%024x","Timestamp":%d,"RequestCount":10,"SampledCount":2,"BorrowCount":1}]}`,
			i+1, time.Now().Unix()), &out)
		if len(out.SamplingTargetDocuments) != 1 {
			t.Errorf("targets %+v", out)
			return
		}
		quotas[i] = out.SamplingTargetDocuments[0].ReservoirQuota
	}
	each(report) // X-Ray gets to know them all
	each(report)
	sum := 0
	for _, q := range quotas {
		sum += q
		if q < reservoir/clients || q > reservoir/clients+1 {
			t.Errorf("a quota of %d", q)
		}
	}
	if sum != reservoir {
		t.Errorf("the quotas sum up to %d, want %d", sum, reservoir)
	}
	calls := map[string]int{}
	for _, c := range s.Calls() {
		calls[c.Operation]++
	}
	if calls["GetSamplingRules"] != 1 || calls["GetSamplingTargets"] != 2*clients {
		t.Errorf("calls %v", calls)
	}
	a.finish(t)
}
