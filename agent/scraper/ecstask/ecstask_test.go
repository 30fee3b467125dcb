package ecstask

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

const base = "http://169.254.170.2/v4/0c1f2a3b-2886439692"

// lines are measurements: "namespace{dimension values} name value unit", with a
// plus for what is summed.
type lines []string

func (l *lines) Record(m *sidelight.Measurement) {
	var dims []string
	for _, d := range m.Dimensions {
		dims = append(dims, d.Name+"="+d.Value)
	}
	plus := ""
	if m.Kind == sidelight.Sum {
		plus = "+"
	}
	*l = append(*l, fmt.Sprintf("%s{%s} %s %s%.6g %s", strings.TrimPrefix(m.Namespace, "Sidelight/"), strings.Join(dims, " "), m.Name, plus, m.Value, m.Unit))
}

// endpoint answers from memory and notes when it was asked for what.
type endpoint struct {
	task, stats string
	status      int // 0: 200
	asked       []string
	times       []time.Time
}

func (e *endpoint) RoundTrip(req *http.Request) (*http.Response, error) {
	path, ok := strings.CutPrefix(req.URL.String(), base)
	if !ok {
		return nil, fmt.Errorf("asked for %s", req.URL)
	}
	e.asked, e.times = append(e.asked, path), append(e.times, time.Now())
	body := e.task
	if path == "/task/stats" {
		body = e.stats
	}
	status := max(e.status, http.StatusOK)
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func open(t testing.TB, e *endpoint, names scraper.Family) *Scraper {
	t.Helper()
	s, err := New(Config{Endpoint: base, Names: names, HTTP: &http.Client{Transport: e}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scrapeTwice returns what two scrapes, a minute apart, record of the recorded
// answers of a platform.
func scrapeTwice(t *testing.T, platform string, names scraper.Family) (first, second lines) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{task: read(t, platform+"_task.json"), stats: read(t, platform+"_stats_1.json")}
		s := open(t, e, names)
		if err := s.Scrape(t.Context(), &first); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		// In between one container was restarted.
		e.task = strings.NewReplacer(`"RestartCount": 0`, `"RestartCount": 1`, `"RestartCount": 1`, `"RestartCount": 2`).Replace(e.task)
		e.stats = read(t, platform+"_stats_2.json")
		if err := s.Scrape(t.Context(), &second); err != nil {
			t.Fatal(err)
		}
	})
	return first, second
}

// Fargate 1.4, control groups version 1, awsvpc. The answers are 10 s apart;
// expected values are worked by hand: app used 1.25 s of CPU, an eighth of a core.
func TestFargate(t *testing.T) {
	first, second := scrapeTwice(t, "fargate", scraper.Sidelight)
	app, router, init := "Container{ClusterName=shop ContainerName=app TaskDefinitionFamily=orders} ",
		"Container{ClusterName=shop ContainerName=log-router TaskDefinitionFamily=orders} ",
		"Container{ClusterName=shop ContainerName=migrate TaskDefinitionFamily=orders} "
	task := "Task{ClusterName=shop TaskDefinitionFamily=orders} "
	want := lines{
		app + "cpu_units_used 128 None", app + "cpu_units_reserved 256 None", app + "cpu_utilization 25 Percent", app + "cpu_reservation_utilization 50 Percent",
		app + "memory_working_set 1.34218e+08 Bytes", app + "memory_usage 1.38412e+08 Bytes", app + "memory_limit 5.36871e+08 Bytes", app + "memory_utilization 25 Percent",
		app + "io_read_bytes +4096 Bytes", app + "io_write_bytes +100000 Bytes", app + "restart_count 2 Count", app + "restarts +1 Count",
		app + "cpu_throttled_percent 25 Percent", app + "container_running 1 None", app + "container_healthy 1 None",
		router + "cpu_units_used 25.6 None", router + "cpu_utilization 5 Percent",
		router + "memory_working_set 3.35544e+07 Bytes", router + "memory_usage 3.77487e+07 Bytes", router + "memory_limit 1.07374e+09 Bytes", router + "memory_utilization 3.125 Percent",
		router + "container_running 1 None",
		init + "memory_limit 1.07374e+09 Bytes", init + "container_running 0 None",
		task + "cpu_units_used 153.6 None", task + "cpu_units_reserved 512 None", task + "cpu_utilization 30 Percent", task + "cpu_reservation_utilization 30 Percent",
		task + "memory_working_set 1.67772e+08 Bytes", task + "memory_usage 1.76161e+08 Bytes", task + "memory_limit 1.07374e+09 Bytes", task + "memory_utilization 15.625 Percent",
		task + "network_rx_rate 12000 Bytes/Second", task + "network_tx_rate 5000 Bytes/Second",
		task + "io_read_bytes +4096 Bytes", task + "io_write_bytes +100000 Bytes", task + "restart_count 2 Count", task + "restarts +1 Count",
		task + "containers_running 2 Count", task + "containers_healthy 1 Count",
		task + "ephemeral_storage_used 2.9465e+08 Bytes", task + "ephemeral_storage_reserved 2.14916e+10 Bytes", task + "ephemeral_storage_utilization 1.371 Percent",
		task + "clock_error_bound 0.556966 Milliseconds", task + "clock_synchronized 1 None",
	}
	if d := cmp.Diff(want, second); d != "" {
		t.Errorf("second scrape (-want +got):\n%s", d)
	}
	for _, l := range first {
		if strings.Contains(l, "_used 1") && strings.Contains(l, "cpu_") || strings.Contains(l, "+") && !strings.Contains(l, "e+") {
			t.Errorf("the first scrape tells of a change: %s", l)
		}
	}
	// Before there are two samples, the agent's own rates serve.
	if !slices.Contains(first, task+"network_rx_rate 12.5 Bytes/Second") || !slices.Contains(first, task+"network_tx_rate 15.25 Bytes/Second") {
		t.Errorf("the first scrape has no rates: %v", first)
	}
}

// EC2, control groups version 2, bridge: no percpu_usage, blkio lists of null,
// 12 s apart. worker was restarted: its counters are skipped. The pause
// container is not measured.
func TestEC2(t *testing.T) {
	_, got := scrapeTwice(t, "ec2", scraper.Sidelight)
	web, worker := "Container{ClusterName=shop ContainerName=web TaskDefinitionFamily=checkout} ", "Container{ClusterName=shop ContainerName=worker TaskDefinitionFamily=checkout} "
	task := "Task{ClusterName=shop TaskDefinitionFamily=checkout} "
	want := lines{
		web + "cpu_units_used 512 None", web + "cpu_units_reserved 128 None", web + "cpu_utilization 12.5 Percent", web + "cpu_reservation_utilization 400 Percent",
		web + "memory_working_set 6.71089e+07 Bytes", web + "memory_usage 1.04858e+08 Bytes", web + "memory_limit 2.68435e+08 Bytes", web + "memory_utilization 25 Percent",
		web + "network_rx_rate 2000 Bytes/Second", web + "network_tx_rate 1000 Bytes/Second", web + "io_read_bytes +4096 Bytes", web + "io_write_bytes +8192 Bytes",
		web + "container_running 1 None", web + "container_healthy 0 None",
		worker + "cpu_units_reserved 64 None", worker + "memory_working_set 1.04858e+07 Bytes", worker + "memory_usage 1.04858e+07 Bytes",
		worker + "memory_limit 1.34218e+08 Bytes", worker + "memory_utilization 7.8125 Percent", worker + "restart_count 1 Count", worker + "restarts +1 Count",
		worker + "container_running 1 None",
		task + "cpu_units_used 512 None", task + "cpu_units_reserved 192 None", task + "cpu_utilization 12.5 Percent", task + "cpu_reservation_utilization 266.667 Percent",
		task + "memory_working_set 7.75946e+07 Bytes", task + "memory_usage 1.15343e+08 Bytes", task + "memory_limit 4.02653e+08 Bytes", task + "memory_utilization 19.2708 Percent",
		task + "network_rx_rate 2000 Bytes/Second", task + "network_tx_rate 1000 Bytes/Second", task + "io_read_bytes +4096 Bytes", task + "io_write_bytes +8192 Bytes",
		task + "restart_count 1 Count", task + "restarts +1 Count", task + "containers_running 2 Count", task + "containers_healthy 0 Count",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("second scrape (-want +got):\n%s", d)
	}
}

// EC2, control groups version 1, awsvpc, a task without limits of its own; the
// answers are 20 s apart. CPU: 9 − 4 = 5 s in 20 s is 0.25 cores, 256 units, all
// that is reserved and 12.5 % of the machine's two. Memory: 300 MiB in use
// without 44 MiB of inactive files are 256 MiB, half of the limit of 512.
// Traffic: 40,000 and 20,000 bytes in 20 s.
func TestEC2V1(t *testing.T) {
	_, got := scrapeTwice(t, "ec2v1", scraper.Sidelight)
	api, task := "Container{ClusterName=shop ContainerName=api TaskDefinitionFamily=billing} ", "Task{ClusterName=shop TaskDefinitionFamily=billing} "
	common := func(prefix string) lines {
		return lines{
			prefix + "cpu_units_used 256 None", prefix + "cpu_units_reserved 256 None", prefix + "cpu_utilization 12.5 Percent", prefix + "cpu_reservation_utilization 100 Percent",
			prefix + "memory_working_set 2.68435e+08 Bytes", prefix + "memory_usage 3.14573e+08 Bytes", prefix + "memory_limit 5.36871e+08 Bytes", prefix + "memory_utilization 50 Percent",
		}
	}
	want := append(common(api), api+"io_read_bytes +500000 Bytes", api+"io_write_bytes +2048 Bytes", api+"container_running 1 None")
	want = append(want, common(task)...)
	want = append(want, task+"network_rx_rate 2000 Bytes/Second", task+"network_tx_rate 1000 Bytes/Second",
		task+"io_read_bytes +500000 Bytes", task+"io_write_bytes +2048 Bytes", task+"containers_running 1 Count")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("second scrape (-want +got):\n%s", d)
	}
}

// OpenTelemetry's names: 5 s of CPU in 20 s; available is the limit without the
// working set, 512 − 256 MiB; the second answer is 620 s after the start. In
// bridge mode a container has traffic of its own: web received 24,000 bytes.
func TestOTel(t *testing.T) {
	_, got := scrapeTwice(t, "ec2v1", scraper.OTel)
	api, task := "Container{aws.ecs.task.family=billing container.name=api} ", "Task{aws.ecs.task.family=billing} "
	want := lines{
		api + "container.cpu.time +5 Seconds", api + "container.cpu.usage 0.25 None", api + "container.memory.usage 3.14573e+08 Bytes",
		api + "container.memory.available 2.68435e+08 Bytes", api + "container.memory.working_set 2.68435e+08 Bytes",
		"Container{aws.ecs.task.family=billing container.name=api disk.io.direction=read} container.disk.io +500000 Bytes",
		"Container{aws.ecs.task.family=billing container.name=api disk.io.direction=write} container.disk.io +2048 Bytes",
		api + "container.uptime 620 Seconds",
		api + "cpu_units_reserved 256 None", api + "cpu_utilization 12.5 Percent", api + "memory_limit 5.36871e+08 Bytes", api + "memory_utilization 50 Percent", api + "container_running 1 None",
		task + "cpu_utilization 12.5 Percent", task + "memory_utilization 50 Percent", task + "network_rx_rate 2000 Bytes/Second", task + "network_tx_rate 1000 Bytes/Second", task + "containers_running 1 Count",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("awsvpc (-want +got):\n%s", d)
	}
	_, got = scrapeTwice(t, "ec2", scraper.OTel)
	if want := "Container{aws.ecs.task.family=checkout container.name=web network.io.direction=receive} container.network.io +24000 Bytes"; !slices.Contains(got, want) {
		t.Errorf("bridge: %v, want %s", got, want)
	}
}

// The names, units and dimension sets of CloudWatch Container Insights, and ours
// of what it has no name for.
func TestContainerInsights(t *testing.T) {
	metrics := map[string][]string{
		"fargate": {
			"CpuUtilized 153.6 None", "CpuReserved 512 None", "MemoryUtilized 160 Megabytes", "MemoryReserved 1024 Megabytes",
			"NetworkRxBytes 12000 Bytes/Second", "NetworkTxBytes 5000 Bytes/Second", "StorageReadBytes 4096 Bytes", "StorageWriteBytes 1.12698e+07 Bytes",
			"EphemeralStorageReserved 21.4916 Gigabytes", "EphemeralStorageUtilized 0.29465 Gigabytes", "RestartCount +1 Count",
		},
		"ec2": {
			"CpuUtilized 512 None", "CpuReserved 192 None", "MemoryUtilized 74 Megabytes", "MemoryReserved 384 Megabytes",
			"NetworkRxBytes 2000 Bytes/Second", "NetworkTxBytes 1000 Bytes/Second", "StorageReadBytes 5192 Bytes", "StorageWriteBytes 8192 Bytes", "RestartCount +1 Count",
		},
	}
	sets := map[string][]string{
		"fargate": {"ClusterName=shop", "ClusterName=shop TaskDefinitionFamily=orders"},
		"ec2":     {"ClusterName=shop", "ClusterName=shop ServiceName=checkout-blue", "ClusterName=shop TaskDefinitionFamily=checkout"},
	}
	app, web, worker := "Container{ClusterName=shop ContainerName=app TaskDefinitionFamily=orders} ",
		"Container{ClusterName=shop ContainerName=web TaskDefinitionFamily=checkout} ", "Container{ClusterName=shop ContainerName=worker TaskDefinitionFamily=checkout} "
	router, orders, checkout := "Container{ClusterName=shop ContainerName=log-router TaskDefinitionFamily=orders} ",
		"Task{ClusterName=shop TaskDefinitionFamily=orders} ", "Task{ClusterName=shop TaskDefinitionFamily=checkout} "
	ours := map[string]lines{
		"fargate": {
			app + "cpu_utilization 25 Percent", app + "memory_utilization 25 Percent", app + "restarts +1 Count", app + "cpu_throttled_percent 25 Percent", app + "container_healthy 1 None",
			router + "cpu_utilization 5 Percent", router + "memory_utilization 3.125 Percent",
			orders + "containers_running 2 Count", orders + "containers_healthy 1 Count", orders + "clock_error_bound 0.556966 Milliseconds", orders + "clock_synchronized 1 None",
		},
		"ec2": {
			web + "cpu_utilization 12.5 Percent", web + "memory_utilization 25 Percent", web + "container_healthy 0 None",
			worker + "memory_utilization 7.8125 Percent", worker + "restarts +1 Count",
			checkout + "containers_running 2 Count", checkout + "containers_healthy 0 Count",
		},
	}
	for platform := range metrics {
		t.Run(platform, func(t *testing.T) {
			want := slices.Clone(ours[platform])
			for _, set := range sets[platform] {
				for _, m := range metrics[platform] {
					want = append(want, "ContainerInsights{"+set+"} "+m)
				}
			}
			if _, got := scrapeTwice(t, platform, scraper.Insights); !cmp.Equal(want, got) {
				t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
			}
		})
	}
}

// Whatever the agent's interval is, each answer is asked for once a scrape and
// at most every 10 s, or once a minute for Container Insights' names.
func TestPace(t *testing.T) {
	cases := map[string]struct {
		names scraper.Family
		every time.Duration
		want  int // scrapes in 10 minutes, and one at the start
	}{
		"each second":             {scraper.Sidelight, time.Second, 61},
		"a tick a second early":   {scraper.Sidelight, 9*time.Second + time.Millisecond, 61},
		"every 30 s":              {scraper.Sidelight, 30 * time.Second, 21},
		"insights, every 30 s":    {scraper.Insights, 30 * time.Second, 11},
		"insights, every 7.5 min": {scraper.Insights, 450 * time.Second, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{task: read(t, "ec2_task.json"), stats: read(t, "ec2_stats_1.json")}
				s := open(t, e, c.names)
				for end := time.Now().Add(10 * time.Minute); !time.Now().After(end); <-time.After(c.every) {
					if err := s.Scrape(t.Context(), &lines{}); err != nil {
						t.Fatal(err)
					}
				}
				if got := len(e.asked); got != 2*c.want {
					t.Errorf("%d requests, want %d", got, 2*c.want)
				}
				for i := 2; i < len(e.times); i++ {
					if d := e.times[i].Sub(e.times[i-2]); d < s.every {
						t.Fatalf("asked twice within %s", d)
					}
				}
			})
		})
	}
}

// One container's nonsense does not hide the others; an answer that is none is
// an error, and a failing endpoint is asked no more often than a good one.
func TestBadAnswers(t *testing.T) {
	task, stats := read(t, "ec2_task.json"), read(t, "ec2_stats_1.json")
	cases := map[string]struct {
		e         endpoint
		err, want string
	}{
		"busy":            {endpoint{task: task, stats: stats, status: 429}, "429", ""},
		"not JSON":        {endpoint{task: "<html>", stats: stats}, "/task", ""},
		"stats not JSON":  {endpoint{task: task, stats: "oops"}, "/task/stats", ""},
		"too long":        {endpoint{task: task, stats: strings.Repeat(" ", maxAnswer+1)}, "4 MiB", ""},
		"one bad":         {endpoint{task: task, stats: strings.Replace(stats, `"usage": 94371840`, `"usage": "much"`, 1)}, "a1a1", "ContainerName=worker TaskDefinitionFamily=checkout} memory_usage"},
		"all null":        {endpoint{task: task, stats: "null"}, "", "containers_running"},
		"nothing at all":  {endpoint{task: "{}", stats: "{}"}, "", ""},
		"unknown members": {endpoint{task: `{"Cluster":"c","New":[1],"Containers":[{"DockerId":"x","Name":"n","More":{}}]}`, stats: `{"x":{"new":1,"memory_stats":{"usage":5,"stats":{"y":[]}}}}`}, "", "memory_usage 5 Bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var l lines
			s := open(t, &c.e, scraper.Sidelight)
			err := s.Scrape(t.Context(), &l)
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("err = %v, want %q", err, c.err)
			}
			if all := strings.Join(l, "\n"); !strings.Contains(all, c.want) || c.want == "" && all != "" {
				t.Errorf("recorded %s, want %q", all, c.want)
			}
			before := len(c.e.asked)
			if err := s.Scrape(t.Context(), &l); err != nil || len(c.e.asked) != before {
				t.Errorf("asked again at once: %v", err)
			}
		})
	}
}

func TestWorkingSet(t *testing.T) {
	cases := map[string]struct {
		json string
		want float64
		ok   bool
	}{
		"version 1":        {`{"usage":100,"stats":{"inactive_file":10,"total_inactive_file":30,"cache":80}}`, 70, true},
		"version 2":        {`{"usage":100,"stats":{"inactive_file":10,"file":80}}`, 90, true},
		"neither":          {`{"usage":100}`, 100, true},
		"more than in use": {`{"usage":100,"stats":{"inactive_file":130}}`, 0, true},
		"not said":         {`{"stats":{"inactive_file":130}}`, 0, false},
		"null":             {`null`, 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			all, err := decodeStats([]byte(`{"x":{"memory_stats":` + c.json + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := all["x"].workingSet(); got != c.want || ok != c.ok {
				t.Errorf("working set %v, %v, want %v, %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestService(t *testing.T) {
	for want, in := range map[string]task{
		"a": {ServiceName: "a", Group: "service:b"}, "b": {Group: "service:b"}, "": {Group: "family:c"},
	} {
		if got := in.service(); got != want {
			t.Errorf("service of %+v = %q, want %q", in, got, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"nothing": {}, "no URL": {Endpoint: "169.254.170.2/v4"}, "scheme": {Endpoint: "file:///x"},
		"names": {Endpoint: base, Names: "prometheus"}, "control characters": {Endpoint: "http://a\x00b"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: New succeeded", name)
		}
	}
}

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("unreachable")
}

// The runner goes on without the endpoint.
func TestRunnerSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Endpoint: base, HTTP: &http.Client{Transport: failing{}}})
		if err != nil {
			t.Fatal(err)
		}
		r := scraper.Runner{Interval: 10 * time.Second, Scrapers: []scraper.Scraper{s}, To: &lines{}, Log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}
