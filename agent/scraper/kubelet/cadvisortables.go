package kubelet

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// The numbers of a node, a pod or a container by cAdvisor: sizes in bytes, times
// in seconds. All but memory by kind, processes, threads and files are counters.
const (
	advTime = iota // when they were read
	advMine        // 1 if the pod's network was found in this exposition
	advPeriods
	advThrottled
	advThrottledTime
	advRSS
	advCache
	advMapped
	advKernel
	advSwap
	advMinorFaults // those that took no disk too
	advMajorFaults
	advOOMKills
	advReadBytes
	advWriteBytes
	advReads
	advWrites
	advIOBytes // read and written
	advIOs
	advProcesses
	advThreads
	advFiles
	advStalls    // some and full, for CPU, memory and I/O
	advRxPackets = iota + 5
	advRxErrors
	advRxDropped
	advTxPackets
	advTxErrors
	advTxDropped
	numCAdvisor
)

// place returns where a metric's number goes, -1 for one that is not wanted:
// most, of which /stats/summary has some.
func place(name []byte) int {
	rest, ok := bytes.CutPrefix(name, []byte("container_"))
	if !ok {
		return -1
	}
	switch string(rest) {
	case "cpu_cfs_periods_total":
		return advPeriods
	case "cpu_cfs_throttled_periods_total":
		return advThrottled
	case "cpu_cfs_throttled_seconds_total":
		return advThrottledTime
	case "memory_rss":
		return advRSS
	case "memory_cache":
		return advCache
	case "memory_mapped_file":
		return advMapped
	case "memory_kernel_usage":
		return advKernel
	case "memory_swap":
		return advSwap
	case "memory_failures_total":
		return advMinorFaults
	case "oom_events_total":
		return advOOMKills
	case "fs_reads_bytes_total":
		return advReadBytes
	case "fs_writes_bytes_total":
		return advWriteBytes
	case "fs_reads_total":
		return advReads
	case "fs_writes_total":
		return advWrites
	case "processes":
		return advProcesses
	case "threads":
		return advThreads
	case "file_descriptors":
		return advFiles
	}
	if rest, ok := bytes.CutPrefix(rest, []byte("pressure_")); ok {
		return stallPlace(rest)
	}
	if rest, ok := bytes.CutPrefix(rest, []byte("network_")); ok {
		return networkPlace(rest)
	}
	return -1
}

func stallPlace(name []byte) int {
	switch string(name) {
	case "cpu_waiting_seconds_total":
		return advStalls
	case "cpu_stalled_seconds_total":
		return advStalls + 1
	case "memory_waiting_seconds_total":
		return advStalls + 2
	case "memory_stalled_seconds_total":
		return advStalls + 3
	case "io_waiting_seconds_total":
		return advStalls + 4
	case "io_stalled_seconds_total":
		return advStalls + 5
	}
	return -1
}

func networkPlace(name []byte) int {
	switch string(name) {
	case "receive_packets_total":
		return advRxPackets
	case "receive_errors_total":
		return advRxErrors
	case "receive_packets_dropped_total":
		return advRxDropped
	case "transmit_packets_total":
		return advTxPackets
	case "transmit_errors_total":
		return advTxErrors
	case "transmit_packets_dropped_total":
		return advTxDropped
	}
	return -1
}

// CAdvisorTables are one family's of what cAdvisor knows, each once for each set
// of dimensions. What a family has no name for has ours.
type CAdvisorTables struct{ Node, Pod, Container []scraper.Table }

// All returns the tables, to be listed.
func (t *CAdvisorTables) All() []*scraper.Table {
	var out []*scraper.Table
	for _, list := range [][]scraper.Table{t.Node, t.Pod, t.Container} {
		for i := range list {
			out = append(out, &list[i])
		}
	}
	return out
}

// FamilyCAdvisorTables returns the tables of a family.
func FamilyCAdvisorTables(f scraper.Family) CAdvisorTables {
	own := func(l labels, r ...rows) scraper.Table {
		t := scraper.Table{Namespace: Namespace, Labels: l}
		for _, x := range r {
			t.Rows = append(t.Rows, x...)
		}
		return t
	}
	node := labels{idCluster: "ClusterName", idNode: "NodeName"}
	pod := labels{idCluster: "ClusterName", idNamespace: "Namespace", idWorkload: "PodName"}
	container := append(append(labels{}, pod...), "", "ContainerName")
	switch f {
	case scraper.Insights:
		return insightsCAdvisor(node, own(pod, advPackets("pod_")[:2]), own(container, advCPU(), advIO("container_"), advOthers()))
	case scraper.OTel:
		node = labels{idNode: "k8s.node.name"}
		pod = labels{idNode: "k8s.node.name", idNamespace: "k8s.namespace.name", idPod: "k8s.pod.name"}
		container = append(append(labels{}, pod...), "k8s.container.name")
		return CAdvisorTables{
			Node:      []scraper.Table{own(node, advPackets("node_"), advIO("node_"))},
			Pod:       []scraper.Table{own(pod, advPackets("pod_"))},
			Container: []scraper.Table{own(container, advCPU(), advMemory()[1:], advFaults(), otelIO(), advOthers())},
		}
	}
	return CAdvisorTables{
		Node:      []scraper.Table{own(node, advPackets("node_"), advErrors("node_"), advIO("node_"))},
		Pod:       []scraper.Table{own(pod, advPackets("pod_"), advErrors("pod_"))},
		Container: []scraper.Table{own(container, advCPU(), advMemory(), advFaults(), advIO("container_"), advOthers())},
	}
}

func counted(name string, from int) scraper.Row {
	return scraper.Row{Name: name, Unit: "Count", From: from, Form: scraper.Growth}
}

func held(name string, from int) scraper.Row {
	return scraper.Row{Name: name, Unit: "Bytes", From: from}
}

func advCPU() rows {
	return rows{
		{Name: "container_cpu_throttled_percent", Unit: "Percent", From: advThrottled, Form: scraper.Share, Of: advPeriods, Scale: 100},
		{Name: "container_cpu_throttled_time", Unit: "Seconds", From: advThrottledTime, Form: scraper.Growth},
	}
}

// advMemory begins with what OpenTelemetry has from /stats/summary.
func advMemory() rows {
	return rows{
		held("container_memory_rss", advRSS), held("container_memory_cache", advCache), held("container_memory_mapped_file", advMapped),
		held("container_memory_kernel", advKernel), held("container_memory_swap", advSwap),
	}
}

func advFaults() rows {
	return rows{counted("container_page_faults", advMinorFaults), counted("container_major_page_faults", advMajorFaults)}
}

func advIO(prefix string) rows {
	return rows{
		{Name: prefix + "io_read_bytes", Unit: "Bytes", From: advReadBytes, Form: scraper.Growth},
		{Name: prefix + "io_write_bytes", Unit: "Bytes", From: advWriteBytes, Form: scraper.Growth},
		counted(prefix+"io_reads", advReads), counted(prefix+"io_writes", advWrites),
	}
}

func otelIO() rows {
	return rows{
		{Name: "container.disk.io", Unit: "Bytes", From: advReadBytes, Form: scraper.Growth, With: with("disk.io.direction", "read")},
		{Name: "container.disk.io", Unit: "Bytes", From: advWriteBytes, Form: scraper.Growth, With: with("disk.io.direction", "write")},
		counted("container_io_reads", advReads), counted("container_io_writes", advWrites),
	}
}

// advOthers are OOM kills, what the container holds of the node's processes and
// files, and for which share of time its tasks waited.
func advOthers() rows {
	out := rows{
		counted("container_oom_kills", advOOMKills),
		{Name: "container_processes", Unit: "Count", From: advProcesses},
		{Name: "container_threads", Unit: "Count", From: advThreads},
		{Name: "container_file_descriptors", Unit: "Count", From: advFiles},
	}
	for i, name := range []string{"cpu_some", "cpu_full", "memory_some", "memory_full", "io_some", "io_full"} {
		out = append(out, scraper.Row{
			Name: "container_pressure_" + name, Unit: "Percent", From: advStalls + i, Form: scraper.Share, Of: advTime, Scale: 100, Most: 100,
		})
	}
	return out
}

func advPackets(prefix string) rows {
	return rows{
		counted(prefix+"network_rx_packets", advRxPackets), counted(prefix+"network_tx_packets", advTxPackets),
		counted(prefix+"network_rx_dropped", advRxDropped), counted(prefix+"network_tx_dropped", advTxDropped),
	}
}

// advErrors are in OpenTelemetry's family from /stats/summary.
func advErrors(prefix string) rows {
	return rows{counted(prefix+"network_rx_errors", advRxErrors), counted(prefix+"network_tx_errors", advTxErrors)}
}

// insightsCAdvisor has the names of Container Insights with enhanced
// observability, whose counters are rates, and ours of the rest.
func insightsCAdvisor(node labels, pod, container scraper.Table) CAdvisorTables {
	persecond := func(name string, from int) scraper.Row {
		return scraper.Row{Name: name, Unit: "Count/Second", From: from, Form: scraper.Share, Of: advTime}
	}
	links := func(prefix string) rows {
		return rows{
			persecond(prefix+"_interface_network_rx_dropped", advRxDropped), persecond(prefix+"_interface_network_tx_dropped", advTxDropped),
			persecond(prefix+"_interface_network_rx_errors", advRxErrors), persecond(prefix+"_interface_network_tx_errors", advTxErrors),
		}
	}
	container.Rows = append(container.Rows, held("container_memory_kernel", advKernel))
	t := CAdvisorTables{Pod: []scraper.Table{pod}, Container: []scraper.Table{container}}
	add := func(to *[]scraper.Table, r rows, sets ...labels) {
		for _, l := range sets {
			*to = append(*to, scraper.Table{Namespace: scraper.InsightsNamespace, Labels: l, Rows: r})
		}
	}
	whole := labels{idCluster: "ClusterName"}
	add(&t.Node, append(links("node"),
		scraper.Row{Name: "node_diskio_io_service_bytes_total", Unit: "Bytes/Second", From: advIOBytes, Form: scraper.Share, Of: advTime},
		persecond("node_diskio_io_serviced_total", advIOs),
	), node, whole)
	add(&t.Pod, links("pod"), pod.Labels, labels{idCluster: "ClusterName", idNamespace: "Namespace"}, whole)
	add(&t.Container, rows{
		held("container_memory_rss", advRSS), held("container_memory_cache", advCache), held("container_memory_mapped_file", advMapped), held("container_memory_swap", advSwap),
		persecond("container_memory_pgfault", advMinorFaults), persecond("container_memory_pgmajfault", advMajorFaults),
	}, container.Labels)
	return t
}
