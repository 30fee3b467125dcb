package main

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/spend"
	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/price"
)

// cost runs the command against an agent that sent for ten hours.
func cost(t *testing.T, args ...string) (out, talk string, code int) {
	r := spend.Report{
		Prices: price.List(), Region: "eu-west-1", Seconds: 36000, MetricRequests: 1000,
		Hour: spend.Hour{
			Began: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Whole: true, Series: 12,
			Metrics: []spend.Metric{{Namespace: "App", Name: "took", Via: "api", Series: 12}},
			Labels:  []spend.Label{{Name: "route", Value: "/a", Series: 12}},
		},
		Logs: []spend.Log{{Group: "/app", Class: "standard", Bytes: 1 << 30}, {Group: "/odd", Class: "delivery", Bytes: 1 << 30}},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/spend" {
			http.NotFound(w, req)
			return
		}
		_ = json.NewEncoder(w).Encode(r)
	}))
	defer s.Close()
	var o, e bytes.Buffer
	code = run(append([]string{"sidelight", "cost", "--color", "never", "--utc", "--address", strings.TrimPrefix(s.URL, "http://")}, args...), strings.NewReader(""), &o, &e)
	return o.String(), e.String(), code
}

func TestCost(t *testing.T) {
	out, talk, code := cost(t)
	want := `                         of             a month            USD a month
logs                     /app            73     GB               36.50
metrics                  App             12     series            3.60
requests                 PutMetricData   73     thousand          0.73
logs                     /odd            73     GB                   ?
total of what has a price                                        40.83
`
	if d := cmp.Diff(strings.Join(strings.Fields(want), " "), strings.Join(strings.Fields(out), " ")); d != "" || code != exit.Done {
		t.Errorf("exit %d (-want +got):\n%s\n%s", code, d, talk)
	}
	for _, part := range []string{"the hour since 12:00 UTC", "pace of 10 h", "us-east-1", "eu-west-1"} {
		if !strings.Contains(talk, part) {
			t.Errorf("notes lack %q:\n%s", part, talk)
		}
	}
}

func TestCostOfOwnPrices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	if err := os.WriteFile(path, []byte("region: eu-west-1\ndate: 2026-03\nmetric: 1\nlogs: {standard: 2, delivery: 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, talk, code := cost(t, "--prices", path, "--by", "Route", "-o", "json")
	var b bill
	if err := json.Unmarshal([]byte(out), &b); err != nil || code != exit.Done {
		t.Fatalf("exit %d, %v\n%s", code, err, talk)
	}
	if !b.Complete || b.Monthly < 231.72 || b.Monthly > 231.74 || b.Lines[2].Name != "route=/a" {
		t.Errorf("%+v", b)
	}
}

// The agent's own prices hold unless others are given, and those that are printed
// can be given.
func TestCostPrices(t *testing.T) {
	var o, e bytes.Buffer
	if code := run([]string{"sidelight", "cost", "prices"}, strings.NewReader(""), &o, &e); code != exit.Done {
		t.Fatalf("exit %d: %s", code, e.String())
	}
	path := filepath.Join(t.TempDir(), "p.yaml")
	if err := os.WriteFile(path, bytes.ReplaceAll(o.Bytes(), []byte("metric: 0.3 "), []byte("metric: 0.6 ")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want float64
	}{{nil, 3.6}, {[]string{"--prices", path}, 7.2}} {
		out, talk, code := cost(t, append(c.args, "-o", "json")...)
		var b bill
		if err := json.Unmarshal([]byte(out), &b); err != nil || code != exit.Done {
			t.Fatalf("exit %d, %v\n%s", code, err, talk)
		}
		for _, l := range b.Lines {
			if l.Kind == "metrics" && (l.Monthly == nil || math.Abs(*l.Monthly-c.want) > 1e-9) {
				t.Errorf("%v: metrics cost %v, want %v", c.args, *l.Monthly, c.want)
			}
		}
	}
}

func TestCostRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a dimension nobody has": {[]string{"--by", "ruote"}, "--by route"},
		"no file":                {[]string{"--prices", "nowhere.yaml"}, "nowhere.yaml"},
		"an argument":            {[]string{"all"}, "--help"},
	} {
		if _, talk, code := cost(t, c.args...); code != exit.Usage || !strings.Contains(talk, c.want) {
			t.Errorf("%s: exit %d, %s", name, code, talk)
		}
	}
}
