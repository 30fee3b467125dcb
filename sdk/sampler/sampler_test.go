package sampler

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/sidelight-dev/sidelight/internal/xraysample"
)

// service plays GetSamplingRules and GetSamplingTargets.
type service struct {
	mu      sync.Mutex
	rules   string // SamplingRuleRecords' content; empty fails
	targets string // the whole answer; empty fails
	calls   []string
	reports []xraysample.Report
}

func (s *service) set(rules, targets string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules, s.targets = rules, targets
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf("%s %s", r.Method, r.URL.Path))
	answer := s.targets
	if r.URL.Path == "/GetSamplingRules" {
		answer = s.rules
	} else {
		var in struct{ SamplingStatisticsDocuments []xraysample.Report }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			return nil, err
		}
		s.reports = append(s.reports, in.SamplingStatisticsDocuments...)
	}
	if answer == "" {
		return nil, fmt.Errorf("connection refused")
	}
	return &http.Response{StatusCode: 200, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(answer))}, nil
}

func (s *service) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c == "POST "+path {
			n++
		}
	}
	return n
}

// rules makes an answer of GetSamplingRules.
func rules(docs ...xraysample.Document) string {
	type record struct{ SamplingRule xraysample.Document }
	var out struct{ SamplingRuleRecords []record }
	for _, d := range docs {
		for _, field := range []*string{&d.ServiceName, &d.ServiceType, &d.Host, &d.HTTPMethod, &d.URLPath, &d.ResourceARN} {
			if *field == "" {
				*field = "*"
			}
		}
		d.Version = max(d.Version, 1)
		out.SamplingRuleRecords = append(out.SamplingRuleRecords, record{d})
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func newRemote(t *testing.T, s *service) *Remote {
	t.Helper()
	r, err := New(Config{
		Endpoint: "http://127.0.0.1:2000", ServiceName: "orders", ServiceType: "AWS::ECS::Container",
		Client: &http.Client{Transport: s},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func run(t *testing.T, r *Remote) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	synctest.Wait()
}

func params(host, method, path string, more ...attribute.KeyValue) sdktrace.SamplingParameters {
	return sdktrace.SamplingParameters{
		ParentContext: context.Background(),
		Attributes: append([]attribute.KeyValue{
			attribute.String("server.address", host), attribute.String("http.request.method", method), attribute.String("url.path", path),
		}, more...),
	}
}

// kept counts how many of n decisions are to sample.
func kept(r *Remote, n int, p sdktrace.SamplingParameters) int {
	yes := 0
	for range n {
		if r.ShouldSample(p).Decision == sdktrace.RecordAndSample {
			yes++
		}
	}
	return yes
}

func TestRulesMatchInOrder(t *testing.T) {
	docs := []xraysample.Document{
		{RuleName: "Default", Priority: 10000, FixedRate: 1},
		{RuleName: "pay", Priority: 10, URLPath: "/pay/*", HTTPMethod: "P?ST", FixedRate: 1},
		{RuleName: "no pay", Priority: 20, URLPath: "/pay/*"},
		{RuleName: "host", Priority: 30, Host: "*.internal"},
		{RuleName: "tenant", Priority: 40, Attributes: map[string]string{"tenant": "a*", "tier": "gold"}},
		{RuleName: "other service", Priority: 1, ServiceName: "payments"},
		{RuleName: "other type", Priority: 1, ServiceType: "AWS::EC2::Instance"},
		{RuleName: "other resource", Priority: 1, ResourceARN: "arn:aws:ecs:*"},
		{RuleName: "other version", Priority: 1, Version: 2},
	}
	tests := map[string]struct {
		in   sdktrace.SamplingParameters
		want bool
	}{
		"default":             {params("a.test", "GET", "/"), true},
		"first by priority":   {params("a.test", "POST", "/pay/1"), true},
		"method case":         {params("a.test", "post", "/PAY/1"), true},
		"second by priority":  {params("a.test", "GET", "/pay/1"), false},
		"star needs the rest": {params("a.test", "GET", "/pay"), true},
		"host":                {params("db.internal", "GET", "/"), false},
		"attributes":          {params("a.test", "GET", "/", attribute.String("tenant", "acme"), attribute.String("tier", "gold")), false},
		"one attribute":       {params("a.test", "GET", "/", attribute.String("tenant", "acme")), true},
		"wrong attribute":     {params("a.test", "GET", "/", attribute.String("tenant", "b"), attribute.String("tier", "gold")), true},
		"number attribute":    {params("a.test", "GET", "/", attribute.Int("tenant", 1), attribute.String("tier", "gold")), true},
		"old names":           {sdktrace.SamplingParameters{ParentContext: t.Context(), Attributes: []attribute.KeyValue{attribute.String("http.host", "x.internal")}}, false},
	}
	synctest.Test(t, func(t *testing.T) {
		s := &service{rules: rules(docs...)}
		r := newRemote(t, s)
		run(t, r)
		for name, tc := range tests {
			if got := kept(r, 50, tc.in) == 50; got != tc.want {
				t.Errorf("%s: sampled = %v, want %v", name, got, tc.want)
			}
		}
	})
}

func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, &service{})
		p := params("a", "GET", "/")
		if first := r.ShouldSample(p).Decision; first != sdktrace.RecordAndSample {
			t.Errorf("the first trace of a second is %v, want it sampled", first)
		}
		// One and 5 % of 20 000 more: 1 000, with a standard deviation of 31.
		if n := kept(r, 20_000, p); n < 800 || n > 1200 {
			t.Errorf("%d of 20000 sampled in the same second, want about 1000", n)
		}
		time.Sleep(time.Second)
		if next := r.ShouldSample(p).Decision; next != sdktrace.RecordAndSample {
			t.Errorf("the first trace of the next second is %v, want it sampled", next)
		}
	})
}

func TestRulesExpireAfterAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{rules: rules(xraysample.Document{RuleName: "Default", FixedRate: 1})}
		r := newRemote(t, s)
		run(t, r)
		p := params("a", "GET", "/")
		s.set("", "")
		time.Sleep(50 * time.Minute)
		if n := kept(r, 100, p); n != 100 {
			t.Errorf("%d of 100 sampled by rules of 50 min, want all", n)
		}
		time.Sleep(11 * time.Minute)
		if n := kept(r, 100, p); n > 40 {
			t.Errorf("%d of 100 sampled by rules of 61 min, want about 6: the fallback", n)
		}
		s.set(rules(xraysample.Document{RuleName: "Default", FixedRate: 1}), "")
		time.Sleep(6 * time.Minute)
		if n := kept(r, 100, p); n != 100 {
			t.Errorf("%d of 100 sampled after the rules came back, want all", n)
		}
	})
}

func TestPollsOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{rules: rules(xraysample.Document{RuleName: "Default", FixedRate: 1}), targets: `{}`}
		r := newRemote(t, s)
		run(t, r)
		if n := s.count("/GetSamplingRules"); n != 1 {
			t.Fatalf("%d fetches of rules at the start, want 1", n)
		}
		for range 660 {
			r.ShouldSample(params("a", "GET", "/"))
			time.Sleep(time.Second)
		}
		if n := s.count("/GetSamplingRules"); n < 3 || n > 4 {
			t.Errorf("%d fetches of rules in 11 min, want 3 or 4", n)
		}
		if n := s.count("/SamplingTargets"); n < 33 || n > 74 {
			t.Errorf("%d reports in 11 min, want one in 10 to 20 s", n)
		}
	})
}

func TestReportsAndTakesTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{rules: rules(
			xraysample.Document{RuleName: "unused", Priority: 1, URLPath: "/never"},
			xraysample.Document{RuleName: "Default", Priority: 10000, ReservoirSize: 5},
		)}
		quota, _ := json.Marshal(map[string]any{"SamplingTargetDocuments": []any{map[string]any{
			"RuleName": "Default", "FixedRate": 0, "ReservoirQuota": 3, "ReservoirQuotaTTL": float64(time.Now().Add(time.Hour).Unix()), "Interval": 30,
		}, map[string]any{"RuleName": "unknown"}}})
		s.set(s.rules, string(quota))
		r := newRemote(t, s)
		run(t, r)
		p := params("a", "GET", "/")
		if n := kept(r, 20, p); n != 1 {
			t.Errorf("%d sampled before there was a target, want 1 borrowed", n)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		s.mu.Lock()
		reports := s.reports
		s.mu.Unlock()
		if len(reports) != 1 {
			t.Fatalf("%d reports, want 1: %+v", len(reports), reports)
		}
		got := reports[0]
		if len(got.ClientID) != 24 || strings.Trim(got.ClientID, "0123456789abcdef") != "" || got.Timestamp == 0 {
			t.Errorf("report %+v needs a ClientID of 24 hex digits and a time", got)
		}
		got.ClientID, got.Timestamp = "", 0
		if d := cmp.Diff(xraysample.Report{RuleName: "Default", RequestCount: 20, SampledCount: 1, BorrowCount: 1}, got); d != "" {
			t.Errorf("report (-want +got):\n%s", d)
		}
		if n := kept(r, 20, p); n != 3 {
			t.Errorf("%d sampled with a quota of 3", n)
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if n := s.count("/SamplingTargets"); n != 1 {
			t.Errorf("%d reports, want the second only after the interval of 30 s", n)
		}
	})
}

func TestFailedReportIsCountedOn(t *testing.T) {
	tests := map[string]string{
		"no connection": "",
		"unprocessed":   `{"UnprocessedStatistics":[{"RuleName":"Default","ErrorCode":"500","Message":"later"}]}`,
		"not JSON":      `<html>`,
	}
	for name, targets := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{rules: rules(xraysample.Document{RuleName: "Default", FixedRate: 1}), targets: targets}
				r := newRemote(t, s)
				var mu sync.Mutex
				var errs []error
				r.cfg.OnError = func(err error) {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				}
				run(t, r)
				kept(r, 7, params("a", "GET", "/"))
				time.Sleep(20 * time.Second)
				s.set(s.rules, `{}`)
				time.Sleep(20 * time.Second)
				synctest.Wait()
				s.mu.Lock()
				defer s.mu.Unlock()
				last := s.reports[len(s.reports)-1]
				if last.RequestCount != 7 || last.SampledCount != 7 {
					t.Errorf("the report after a failure is %+v, want all 7 requests again", last)
				}
				if len(errs) == 0 {
					t.Error("nobody was told")
				}
			})
		})
	}
}

func TestNewerRulesAreFetchedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{rules: rules(xraysample.Document{RuleName: "Default", FixedRate: 0})}
		r := newRemote(t, s)
		run(t, r)
		p := params("a", "GET", "/")
		kept(r, 3, p)
		s.set(rules(xraysample.Document{RuleName: "Default", FixedRate: 1}), fmt.Sprintf(`{"LastRuleModification":%d}`, time.Now().Unix()+5))
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if n := kept(r, 10, p); n != 10 {
			t.Errorf("%d of 10 sampled, want the new rule's all", n)
		}
	})
}

func TestShouldSampleAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{rules: rules(
			xraysample.Document{RuleName: "a", Priority: 1, URLPath: "/x/*/y?", Attributes: map[string]string{"k": "v"}},
			xraysample.Document{RuleName: "Default", Priority: 2, FixedRate: 0.5, ReservoirSize: 3},
		)}
		r := newRemote(t, s)
		p := params("a", "GET", "/x/1/yz")
		if n := testing.AllocsPerRun(100, func() { r.ShouldSample(p) }); n != 0 {
			t.Errorf("the fallback allocates %v times", n)
		}
		run(t, r)
		if n := testing.AllocsPerRun(100, func() { r.ShouldSample(p) }); n != 0 {
			t.Errorf("a decision by rule allocates %v times", n)
		}
	})
}

func TestNewRefusesBadEndpoint(t *testing.T) {
	if _, err := New(Config{Endpoint: "127.0.0.1:2000"}); err == nil {
		t.Error("an endpoint without scheme is accepted")
	}
}

func BenchmarkShouldSample(b *testing.B) {
	s := &service{rules: rules(xraysample.Document{RuleName: "Default", FixedRate: 0.05, ReservoirSize: 1})}
	r, err := New(Config{Endpoint: "http://127.0.0.1:2000", ServiceName: "orders", Client: &http.Client{Transport: s}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { _ = r.Run(ctx) })
	for r.rules.Current(time.Now()) == nil {
		time.Sleep(time.Millisecond)
	}
	p := params("a", "GET", "/")
	b.ReportAllocs()
	for b.Loop() {
		r.ShouldSample(p)
	}
}
