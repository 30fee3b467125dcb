package kubelet

import (
	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// Namespace is CloudWatch's namespace of our own family and OpenTelemetry's.
const Namespace = "Sidelight/Kubernetes"

// The numbers of a node, a pod, a container or a volume: sizes in bytes, CPU in
// cores, times in seconds.
const (
	cpuCores = iota
	cpuTime  // a counter
	cpuClock // when it was read
	cpuLimit
	cpuRequest
	nodeCores
	memoryUsage
	memoryWorkingSet
	memoryAvailable
	memoryRSS
	memoryLimit
	memoryRequest
	nodeMemory
	rxBytes // counters
	txBytes
	netBytes
	rxErrors
	txErrors
	netTime // when the counters were read
	fsUsed
	fsCapacity
	fsAvailable
	inodes
	inodesUsed
	restarts
	newRestarts // since the scrape before
	ready
	uptime
	podsRunning
	containersRunning
	numNumbers
)

// The places of Thing.IDs.
const (
	idCluster = iota
	idNode
	idNamespace
	idWorkload
	idPod
	idContainer
	idClaim
	idGroup // the control group a pod's network was found in; no dimension
	numIDs
)

type labels = []string

// Tables are one family's, each once for each set of dimensions.
type Tables struct{ Node, Pod, Container, Volume []scraper.Table }

// All returns the tables, to be listed.
func (t *Tables) All() []*scraper.Table {
	var out []*scraper.Table
	for _, list := range [][]scraper.Table{t.Node, t.Pod, t.Container, t.Volume} {
		for i := range list {
			out = append(out, &list[i])
		}
	}
	return out
}

// FamilyTables returns the tables of a family.
func FamilyTables(f scraper.Family) Tables {
	switch f {
	case scraper.Insights:
		return insights()
	case scraper.OTel:
		return otel()
	}
	return own()
}

// pick returns tables with the rows of the names only.
func pick(tables []scraper.Table, names ...string) []scraper.Table {
	for i := range tables {
		tables[i].Rows = scraper.Pick(tables[i].Rows, names...)
	}
	return tables
}

type rows = []scraper.Row

func percent(name string, from, of int) scraper.Row {
	return scraper.Row{Name: name, Unit: "Percent", From: from, Form: scraper.Part, Of: of, Scale: 100}
}

func rate(name string, from int) scraper.Row {
	return scraper.Row{Name: name, Unit: "Bytes/Second", From: from, Form: scraper.Share, Of: netTime}
}

func own() Tables {
	one := func(l labels, r rows) []scraper.Table {
		return []scraper.Table{{Namespace: Namespace, Labels: l, Rows: r}}
	}
	pod := labels{idCluster: "ClusterName", idNamespace: "Namespace", idWorkload: "PodName"}
	container := append(append(labels{}, pod...), "", "ContainerName")
	claim := labels{idCluster: "ClusterName", idNamespace: "Namespace", idClaim: "PersistentVolumeClaim"}
	return Tables{
		Node: one(labels{idCluster: "ClusterName", idNode: "NodeName"}, rows{
			{Name: "node_cpu_cores_used", Unit: "None", From: cpuCores},
			percent("node_cpu_utilization", cpuCores, nodeCores),
			percent("node_cpu_reserved_percent", cpuRequest, nodeCores),
			{Name: "node_memory_working_set", Unit: "Bytes", From: memoryWorkingSet},
			percent("node_memory_utilization", memoryWorkingSet, nodeMemory),
			percent("node_memory_reserved_percent", memoryRequest, nodeMemory),
			percent("node_filesystem_utilization", fsUsed, fsCapacity),
			rate("node_network_rx_rate", rxBytes), rate("node_network_tx_rate", txBytes),
			{Name: "node_pods_running", Unit: "Count", From: podsRunning},
			{Name: "node_containers_running", Unit: "Count", From: containersRunning},
		}),
		Pod: one(pod, rows{
			{Name: "pod_cpu_cores_used", Unit: "None", From: cpuCores},
			percent("pod_cpu_utilization_of_limit", cpuCores, cpuLimit),
			{Name: "pod_memory_working_set", Unit: "Bytes", From: memoryWorkingSet},
			percent("pod_memory_utilization_of_limit", memoryWorkingSet, memoryLimit),
			rate("pod_network_rx_rate", rxBytes), rate("pod_network_tx_rate", txBytes),
			{Name: "pod_ephemeral_storage_used", Unit: "Bytes", From: fsUsed},
			{Name: "pod_restarts", Unit: "Count", From: newRestarts, Form: scraper.Amount},
		}),
		Container: one(container, rows{
			{Name: "container_cpu_cores_used", Unit: "None", From: cpuCores},
			percent("container_cpu_utilization_of_limit", cpuCores, cpuLimit),
			{Name: "container_memory_working_set", Unit: "Bytes", From: memoryWorkingSet},
			percent("container_memory_utilization_of_limit", memoryWorkingSet, memoryLimit),
			{Name: "container_restarts", Unit: "Count", From: newRestarts, Form: scraper.Amount},
		}),
		Volume: one(claim, rows{
			{Name: "volume_used", Unit: "Bytes", From: fsUsed},
			{Name: "volume_capacity", Unit: "Bytes", From: fsCapacity},
			percent("volume_utilization", fsUsed, fsCapacity),
			percent("volume_inodes_utilization", inodesUsed, inodes),
		}),
	}
}

// insights has the names of Container Insights for Kubernetes. What takes the
// API server, the cluster's and services' metrics and the dimension Service, and
// the dimension InstanceId, which the kubelet does not know, are left out. What it
// has no name for has ours.
func insights() Tables {
	whole := labels{idCluster: "ClusterName"}
	node := labels{idCluster: "ClusterName", idNode: "NodeName"}
	space := labels{idCluster: "ClusterName", idNamespace: "Namespace"}
	pod := labels{idCluster: "ClusterName", idNamespace: "Namespace", idWorkload: "PodName"}
	// Of containers and volumes it has none.
	t := own()
	t.Node, t.Pod = nil, pick(t.Pod, "pod_ephemeral_storage_used")
	add := func(to *[]scraper.Table, r rows, sets ...labels) {
		for _, l := range sets {
			*to = append(*to, scraper.Table{Namespace: scraper.InsightsNamespace, Labels: l, Rows: r})
		}
	}
	add(&t.Node, rows{
		{Name: "node_cpu_limit", Unit: "None", From: nodeCores, Scale: 1000},
		{Name: "node_cpu_usage_total", Unit: "None", From: cpuCores, Scale: 1000},
		{Name: "node_memory_limit", Unit: "Bytes", From: nodeMemory},
		{Name: "node_memory_working_set", Unit: "Bytes", From: memoryWorkingSet},
	}, whole)
	add(&t.Node, rows{
		percent("node_cpu_utilization", cpuCores, nodeCores),
		percent("node_cpu_reserved_capacity", cpuRequest, nodeCores),
		percent("node_memory_utilization", memoryWorkingSet, nodeMemory),
		percent("node_memory_reserved_capacity", memoryRequest, nodeMemory),
		percent("node_filesystem_utilization", fsUsed, fsCapacity),
		rate("node_network_total_bytes", netBytes),
		{Name: "node_number_of_running_pods", Unit: "Count", From: podsRunning},
		{Name: "node_number_of_running_containers", Unit: "Count", From: containersRunning},
	}, node, whole)
	add(&t.Pod, rows{
		percent("pod_cpu_utilization", cpuCores, nodeCores),
		percent("pod_cpu_utilization_over_pod_limit", cpuCores, cpuLimit),
		percent("pod_memory_utilization", memoryWorkingSet, nodeMemory),
		percent("pod_memory_utilization_over_pod_limit", memoryWorkingSet, memoryLimit),
		rate("pod_network_rx_bytes", rxBytes), rate("pod_network_tx_bytes", txBytes),
	}, pod, space, whole)
	add(&t.Pod, rows{
		percent("pod_cpu_reserved_capacity", cpuRequest, nodeCores),
		percent("pod_memory_reserved_capacity", memoryRequest, nodeMemory),
	}, pod, whole)
	add(&t.Pod, rows{{Name: "pod_number_of_container_restarts", Unit: "Count", From: restarts}}, pod)
	return t
}

func with(name, value string) []sidelight.Dimension {
	return []sidelight.Dimension{{Name: name, Value: value}}
}

// usageRows are what nodes and pods have in common.
func usageRows(prefix string) rows {
	return rows{
		{Name: prefix + "cpu.time", Unit: "Seconds", From: cpuTime, Form: scraper.Growth},
		{Name: prefix + "cpu.usage", Unit: "None", From: cpuCores},
		{Name: prefix + "memory.usage", Unit: "Bytes", From: memoryUsage},
		{Name: prefix + "memory.available", Unit: "Bytes", From: memoryAvailable},
		{Name: prefix + "memory.rss", Unit: "Bytes", From: memoryRSS},
		{Name: prefix + "memory.working_set", Unit: "Bytes", From: memoryWorkingSet},
		{Name: prefix + "filesystem.available", Unit: "Bytes", From: fsAvailable},
		{Name: prefix + "filesystem.capacity", Unit: "Bytes", From: fsCapacity},
		{Name: prefix + "filesystem.usage", Unit: "Bytes", From: fsUsed},
		{Name: prefix + "uptime", Unit: "Seconds", From: uptime},
	}
}

func networkRows(prefix string) rows {
	return rows{
		{Name: prefix + "network.io", Unit: "Bytes", From: rxBytes, Form: scraper.Growth, With: with("network.io.direction", "receive")},
		{Name: prefix + "network.io", Unit: "Bytes", From: txBytes, Form: scraper.Growth, With: with("network.io.direction", "transmit")},
		{Name: prefix + "network.errors", Unit: "Count", From: rxErrors, Form: scraper.Growth, With: with("network.io.direction", "receive")},
		{Name: prefix + "network.errors", Unit: "Count", From: txErrors, Form: scraper.Growth, With: with("network.io.direction", "transmit")},
	}
}

func otel() Tables {
	one := func(l labels, r rows) []scraper.Table {
		return []scraper.Table{{Namespace: Namespace, Labels: l, Rows: r}}
	}
	pod := labels{idNode: "k8s.node.name", idNamespace: "k8s.namespace.name", idPod: "k8s.pod.name"}
	container := append(append(labels{}, pod...), "k8s.container.name")
	ours := own()
	volume := ours.Volume
	volume[0].Labels = labels{idNode: "k8s.node.name", idNamespace: "k8s.namespace.name", idClaim: "k8s.persistentvolumeclaim.name"}
	nodes := pick(ours.Node, "node_cpu_utilization", "node_memory_utilization", "node_cpu_reserved_percent", "node_memory_reserved_percent", "node_pods_running", "node_containers_running")
	nodes[0].Labels = labels{"", "k8s.node.name"}
	pods := pick(ours.Pod, "pod_cpu_utilization_of_limit", "pod_memory_utilization_of_limit")
	pods[0].Labels = pod
	t := Tables{
		Node: one(labels{"", "k8s.node.name"}, append(usageRows("k8s.node."), networkRows("k8s.node.")...)),
		Pod:  one(pod, append(usageRows("k8s.pod."), networkRows("k8s.pod.")...)),
		Container: one(container, append(usageRows("container."), rows{
			{Name: "k8s.container.restart.count", Unit: "Count", From: restarts},
			{Name: "k8s.container.ready", Unit: "None", From: ready},
			{Name: "k8s.container.cpu.limit.desired", Unit: "None", From: cpuLimit},
			{Name: "k8s.container.cpu.request.desired", Unit: "None", From: cpuRequest},
			{Name: "k8s.container.cpu.limit.utilization", Unit: "None", From: cpuCores, Form: scraper.Part, Of: cpuLimit},
			{Name: "k8s.container.memory.limit.desired", Unit: "Bytes", From: memoryLimit},
			{Name: "k8s.container.memory.request.desired", Unit: "Bytes", From: memoryRequest},
			{Name: "k8s.container.memory.limit.utilization", Unit: "None", From: memoryWorkingSet, Form: scraper.Part, Of: memoryLimit},
		}...)),
		Volume: volume,
	}
	t.Node, t.Pod = append(t.Node, nodes...), append(t.Pod, pods...)
	return t
}
