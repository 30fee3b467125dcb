package ecstask

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// checker fails on measurements that the aggregate was not to see.
type checker struct{ t *testing.T }

func (c checker) Record(m *sidelight.Measurement) {
	if m.Name == "" || m.Namespace == "" || m.Kind == sidelight.Sum && m.Value < 0 {
		c.t.Errorf("recorded %+v", m)
	}
	byName := func(a, b sidelight.Dimension) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(m.Dimensions, byName) || slices.ContainsFunc(m.Dimensions, func(d sidelight.Dimension) bool { return d.Value == "" }) {
		c.t.Errorf("dimensions %v", m.Dimensions)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, platform := range []string{"fargate", "ec2", "ec2v1"} {
		f.Add(read(f, platform+"_task.json"), read(f, platform+"_stats_1.json"), read(f, platform+"_stats_2.json"))
	}
	f.Add(`{"Containers":[{"DockerId":"x"}]}`, `{"x":null}`, `{"x":{"read":"2026-11-20T08:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":-1e300}}}}`)
	f.Fuzz(func(t *testing.T, taskText, first, second string) {
		meta, err := decodeTask([]byte(taskText))
		if err != nil {
			return
		}
		var writers []*Scraper
		for _, family := range scraper.Families() {
			writers = append(writers, open(t, nil, family))
		}
		var before map[string]sample
		for _, text := range []string{first, second} {
			all, _ := decodeStats([]byte(text))
			m, now := measure(meta, all, before)
			for _, s := range writers {
				s.write(m, checker{t})
			}
			before = now
		}
	})
}

type discard struct{ n int }

func (d *discard) Record(*sidelight.Measurement) { d.n++ }

// tenContainers is a task of Fargate with as many containers as a task may
// have.
func tenContainers(tb testing.TB) *endpoint {
	task, stats := read(tb, "fargate_task.json"), read(tb, "fargate_stats_1.json")
	one, _, _ := strings.Cut(stats, "\n },\n")
	var containers, all []string
	first, rest, _ := strings.Cut(task, "\"Containers\": [\n")
	app, _, _ := strings.Cut(rest, "\n  },\n")
	_, dockerID, _ := strings.Cut(app, `"DockerId": "`)
	dockerID, _, _ = strings.Cut(dockerID, `"`)
	_, tail, _ := strings.Cut(rest, "\n ],\n")
	for i := range 10 {
		own := fmt.Sprintf("%s%d", dockerID, i)
		containers = append(containers, strings.ReplaceAll(app, dockerID, own)+"\n  }")
		all = append(all, strings.ReplaceAll(strings.TrimPrefix(one, "{\n"), dockerID, own)+"\n }")
	}
	return &endpoint{
		task:  first + "\"Containers\": [\n" + strings.Join(containers, ",\n") + "\n ],\n" + tail,
		stats: "{\n" + strings.Join(all, ",\n") + "\n}",
	}
}

func TestTenContainers(t *testing.T) {
	e := tenContainers(t)
	var l lines
	if err := open(t, e, scraper.Sidelight).Scrape(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(l, "Task{ClusterName=shop TaskDefinitionFamily=orders} memory_usage 1.38412e+09 Bytes") {
		t.Errorf("recorded %v, want ten times 132 MiB", l)
	}
}

// BenchmarkScrape is one scrape of ten containers over loopback; the time is
// that of both ends.
func BenchmarkScrape(b *testing.B) {
	e := tenContainers(b)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := e.task
		if r.URL.Path == "/task/stats" {
			body = e.stats
		}
		_, _ = w.Write([]byte(body))
	}))
	defer srv.Close()
	s, err := New(Config{Endpoint: srv.URL})
	if err != nil {
		b.Fatal(err)
	}
	var to discard
	b.ReportAllocs()
	for b.Loop() {
		s.asked = time.Time{}
		if err := s.Scrape(b.Context(), &to); err != nil {
			b.Fatal(err)
		}
	}
	// Of one core, if it is done every 10 s.
	b.ReportMetric(100*float64(b.Elapsed())/float64(b.N)/float64(MinInterval), "%core")
	b.ReportMetric(float64(to.n)/float64(b.N), "metrics/op")
}

func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An hour of scrapes of ten containers, one every 10 s, leaves nothing behind.
func TestHour(t *testing.T) {
	e := tenContainers(t)
	s := open(t, e, scraper.Sidelight)
	scrape := func(n int) {
		for range n {
			s.asked, e.asked, e.times = time.Time{}, nil, nil
			if err := s.Scrape(t.Context(), &discard{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	scrape(20)
	before := live()
	scrape(360)
	if after := live(); after > before+64<<10 {
		t.Errorf("%d bytes are in use after an hour, %d before", after, before)
	}
}
