package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

const (
	// taskContainers is how many containers a task of ECS may have.
	taskContainers = 10
	// recorded is where answers of ECS lie, seen from the module's root.
	recorded = "agent/scraper/ecstask/testdata"
)

// task answers like the endpoint of ECS's task metadata, version 4, with ten
// containers whose counters move.
type task struct {
	server *httptest.Server
	start  time.Time
	answer map[string]any // of /task
	stats  map[string]any // of one container
	ids    []string
	asked  atomic.Int64 // for /task/stats
}

// newTask makes a task out of the recorded answers of one with fewer containers.
func newTask() (*task, error) {
	t := &task{start: time.Now()}
	var stats map[string]map[string]any
	for name, into := range map[string]any{"fargate_task.json": &t.answer, "fargate_stats_2.json": &stats} {
		b, err := os.ReadFile(filepath.Join(recorded, name))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, into); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	first, ok := t.answer["Containers"].([]any)[0].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s has no containers", recorded)
	}
	t.stats = stats[first["DockerId"].(string)]
	var containers []any
	for i := range taskContainers {
		c := map[string]any{}
		for k, v := range first {
			c[k] = v
		}
		id := fmt.Sprintf("0c1f2a3b4c5d4e6f8091a2b3c4d5e6f7-%010d", i)
		c["DockerId"], c["Name"] = id, fmt.Sprintf("app-%d", i)
		t.ids, containers = append(t.ids, id), append(containers, c)
	}
	t.answer["Containers"] = containers
	t.server = httptest.NewServer(t)
	return t, nil
}

// ServeHTTP implements http.Handler.
func (t *task) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer any = t.answer["Containers"].([]any)[0]
	switch r.URL.Path {
	case "/v4/0/task":
		answer = t.answer
	case "/v4/0/task/stats":
		t.asked.Add(1)
		all := map[string]any{}
		for i, id := range t.ids {
			all[id] = t.moved(id, i)
		}
		answer = all
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// moved returns the statistics of a container, of which the counters rise by a
// pace of its own and whose memory goes up and down.
func (t *task) moved(id string, i int) map[string]any {
	now, s := time.Now().UTC(), map[string]any{}
	for k, v := range t.stats {
		s[k] = v
	}
	run := now.Sub(t.start)
	ns := 1e9 + float64(run.Nanoseconds())/float64(10+i)
	s["id"], s["name"], s["read"], s["preread"] = id, fmt.Sprintf("app-%d", i), now.Format(time.RFC3339Nano), now.Add(-time.Second).Format(time.RFC3339Nano)
	s["cpu_stats"] = map[string]any{
		"cpu_usage":        map[string]any{"total_usage": int64(ns), "percpu_usage": []int64{int64(ns / 2), int64(ns / 2)}, "usage_in_kernelmode": int64(ns / 4), "usage_in_usermode": int64(ns * 3 / 4)},
		"system_cpu_usage": 4_653_550_000_000 + 2*run.Nanoseconds(), "online_cpus": 2,
		"throttling_data": map[string]any{"periods": int64(run.Seconds() * 10), "throttled_periods": int64(run.Seconds()), "throttled_time": 1000 * int64(run.Seconds())},
	}
	seconds := int64(run.Seconds())
	s["memory_stats"] = map[string]any{"usage": 128<<20 + seconds%97*1_000_003, "limit": int64(9223372036854771712), "stats": map[string]any{"total_inactive_file": 4 << 20, "total_cache": 8 << 20, "total_rss": 60 << 20}}
	s["networks"] = map[string]any{"eth1": map[string]any{"rx_bytes": seconds * 1_003, "rx_packets": seconds, "tx_bytes": seconds * 509, "tx_packets": seconds, "rx_errors": 0, "rx_dropped": 0, "tx_errors": 0, "tx_dropped": 0}}
	return s
}
