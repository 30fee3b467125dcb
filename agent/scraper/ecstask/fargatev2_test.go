package ecstask

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// Fargate 1.4, control groups version 2: no CPU has a counter of its own,
// operations are in lower case, their list is null before the first, precpu_stats
// are empty, the limit in the statistics is the machine's. 2 s of CPU in 10 s are a
// fifth of the task's one, 204.8 of 512 units; 300 − 44 MiB of the task's 2 GiB are
// an eighth; 5,000 bytes came in.
func TestFargateV2(t *testing.T) {
	_, got := scrapeTwice(t, "fargatev2", scraper.Sidelight)
	api, seed, task := "Container{ClusterName=shop ContainerName=api TaskDefinitionFamily=search} ",
		"Container{ClusterName=shop ContainerName=seed TaskDefinitionFamily=search} ", "Task{ClusterName=shop TaskDefinitionFamily=search} "
	want := lines{
		api + "cpu_units_used 204.8 None", api + "cpu_units_reserved 512 None", api + "cpu_utilization 20 Percent", api + "cpu_reservation_utilization 40 Percent",
		api + "memory_working_set 2.68435e+08 Bytes", api + "memory_usage 3.14573e+08 Bytes", api + "memory_limit 2.14748e+09 Bytes", api + "memory_utilization 12.5 Percent",
		api + "restart_count 1 Count", api + "restarts +1 Count", api + "container_running 1 None",
		seed + "memory_limit 2.14748e+09 Bytes", seed + "container_running 0 None",
		task + "cpu_units_used 204.8 None", task + "cpu_units_reserved 1024 None", task + "cpu_utilization 20 Percent", task + "cpu_reservation_utilization 20 Percent",
		task + "memory_working_set 2.68435e+08 Bytes", task + "memory_usage 3.14573e+08 Bytes", task + "memory_limit 2.14748e+09 Bytes", task + "memory_utilization 12.5 Percent",
		task + "network_rx_rate 500 Bytes/Second", task + "network_tx_rate 0 Bytes/Second", task + "restart_count 1 Count", task + "restarts +1 Count", task + "containers_running 1 Count",
		task + "ephemeral_storage_used 1.07374e+09 Bytes", task + "ephemeral_storage_reserved 2.14916e+10 Bytes", task + "ephemeral_storage_utilization 4.9961 Percent",
		task + "clock_error_bound 1.5 Milliseconds", task + "clock_synchronized 0 None",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
