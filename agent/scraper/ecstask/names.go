package ecstask

import (
	"math"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// The namespaces of our own family.
const (
	ContainerNamespace = "Sidelight/Container"
	TaskNamespace      = "Sidelight/Task"
)

// The numbers of a container or of a task. Sizes are in bytes; what takes two
// answers is worked out already.
const (
	cpuCores = iota // used
	cpuTime         // seconds since the answer before
	cpuUnits        // used
	cpuUnitsReserved
	cpuPercent
	cpuReservedPercent
	throttledPercent
	memoryUsage
	memoryWorkingSet
	memoryLimit
	memoryPercent
	memoryAvailable
	rxRate
	txRate
	rxBytes // since the answer before
	txBytes
	readBytes
	writeBytes
	readTotal // since the container's start
	writeTotal
	restartCount
	restarts // since the answer before
	running  // of a container: 1 or 0; of a task: how many
	healthy
	uptime
	storageUsed
	storageReserved
	storagePercent
	clockError // ms
	clockSynced
	numNumbers
)

// Tables are one family's: of a container and of the task, the latter once for
// each set of dimensions.
type Tables struct {
	Container scraper.Table
	Task      []scraper.Table
}

// All returns the tables, to be listed.
func (t *Tables) All() []*scraper.Table {
	out := []*scraper.Table{&t.Container}
	for i := range t.Task {
		out = append(out, &t.Task[i])
	}
	return out
}

// The places of Thing.IDs.
const (
	idCluster = iota
	idFamily
	idService
	idContainer
	numIDs
)

// labels names the IDs.
func labels(cluster, family, service, container string) []string {
	return []string{idCluster: cluster, idFamily: family, idService: service, idContainer: container}
}

// FamilyTables returns the tables of a family.
func FamilyTables(f scraper.Family) Tables {
	switch f {
	case scraper.Insights:
		return insights()
	case scraper.OTel:
		l, t := labels("", "aws.ecs.task.family", "", "container.name"), own()
		t.Container.Labels, t.Container.Rows = l, append(otel(), scraper.Pick(t.Container.Rows,
			"cpu_units_reserved", "cpu_utilization", "cpu_throttled_percent", "memory_limit", "memory_utilization", "restarts", "container_running", "container_healthy",
		)...)
		t.Task[0].Labels, t.Task[0].Rows = l[:idService], scraper.Pick(t.Task[0].Rows, append(taskOnly(),
			"cpu_utilization", "memory_utilization", "network_rx_rate", "network_tx_rate",
			"ephemeral_storage_used", "ephemeral_storage_reserved", "ephemeral_storage_utilization",
		)...)
		return t
	}
	return own()
}

// taskOnly are names of ours that neither other family has one for.
func taskOnly() []string {
	return []string{"containers_running", "containers_healthy", "clock_error_bound", "clock_synchronized"}
}

func own() Tables {
	return Tables{
		Container: scraper.Table{
			Namespace: ContainerNamespace, Labels: labels("ClusterName", "TaskDefinitionFamily", "", "ContainerName"),
			Rows: append(usageRows(), rows{
				{Name: "cpu_throttled_percent", Unit: "Percent", From: throttledPercent},
				{Name: "container_running", Unit: "None", From: running},
				{Name: "container_healthy", Unit: "None", From: healthy},
			}...),
		},
		Task: []scraper.Table{{
			Namespace: TaskNamespace, Labels: labels("ClusterName", "TaskDefinitionFamily", "", ""),
			Rows: append(usageRows(), rows{
				{Name: "containers_running", Unit: "Count", From: running},
				{Name: "containers_healthy", Unit: "Count", From: healthy},
				{Name: "ephemeral_storage_used", Unit: "Bytes", From: storageUsed},
				{Name: "ephemeral_storage_reserved", Unit: "Bytes", From: storageReserved},
				{Name: "ephemeral_storage_utilization", Unit: "Percent", From: storagePercent},
				{Name: "clock_error_bound", Unit: "Milliseconds", From: clockError},
				{Name: "clock_synchronized", Unit: "None", From: clockSynced},
			}...),
		}},
	}
}

type rows = []scraper.Row

// usageRows are what containers and tasks have in common.
func usageRows() rows {
	return rows{
		{Name: "cpu_units_used", Unit: "None", From: cpuUnits},
		{Name: "cpu_units_reserved", Unit: "None", From: cpuUnitsReserved},
		{Name: "cpu_utilization", Unit: "Percent", From: cpuPercent},
		{Name: "cpu_reservation_utilization", Unit: "Percent", From: cpuReservedPercent},
		{Name: "memory_working_set", Unit: "Bytes", From: memoryWorkingSet},
		{Name: "memory_usage", Unit: "Bytes", From: memoryUsage},
		{Name: "memory_limit", Unit: "Bytes", From: memoryLimit},
		{Name: "memory_utilization", Unit: "Percent", From: memoryPercent},
		{Name: "network_rx_rate", Unit: "Bytes/Second", From: rxRate},
		{Name: "network_tx_rate", Unit: "Bytes/Second", From: txRate},
		{Name: "io_read_bytes", Unit: "Bytes", From: readBytes, Form: scraper.Amount},
		{Name: "io_write_bytes", Unit: "Bytes", From: writeBytes, Form: scraper.Amount},
		{Name: "restart_count", Unit: "Count", From: restartCount},
		{Name: "restarts", Unit: "Count", From: restarts, Form: scraper.Amount},
	}
}

// gigabyte is CloudWatch's: Container Insights shows Fargate's 20 GiB as 21.47.
const gigabyte = 1e9

// insights has each metric of the task once for each of the three sets of
// dimensions of the CloudWatch user guide. A task of no service, or of an agent
// that does not say which, has two. Container Insights has none of a container:
// those are ours.
func insights() Tables {
	r := rows{
		{Name: "CpuUtilized", Unit: "None", From: cpuUnits},
		{Name: "CpuReserved", Unit: "None", From: cpuUnitsReserved},
		{Name: "MemoryUtilized", Unit: "Megabytes", From: memoryWorkingSet, Scale: 1. / mib},
		{Name: "MemoryReserved", Unit: "Megabytes", From: memoryLimit, Scale: 1. / mib},
		{Name: "NetworkRxBytes", Unit: "Bytes/Second", From: rxRate},
		{Name: "NetworkTxBytes", Unit: "Bytes/Second", From: txRate},
		// Since the containers' start, as Container Insights has them.
		{Name: "StorageReadBytes", Unit: "Bytes", From: readTotal},
		{Name: "StorageWriteBytes", Unit: "Bytes", From: writeTotal},
		{Name: "EphemeralStorageReserved", Unit: "Gigabytes", From: storageReserved, Scale: 1. / gigabyte},
		{Name: "EphemeralStorageUtilized", Unit: "Gigabytes", From: storageUsed, Scale: 1. / gigabyte},
		{Name: "RestartCount", Unit: "Count", From: restarts, Form: scraper.Amount},
	}
	ours := own()
	ours.Container.Rows = scraper.Pick(ours.Container.Rows,
		"cpu_utilization", "cpu_throttled_percent", "memory_utilization", "restarts", "container_healthy",
	)
	ours.Task[0].Rows = scraper.Pick(ours.Task[0].Rows, taskOnly()...)
	sets := [][]string{
		labels("ClusterName", "", "", ""),
		labels("ClusterName", "", "ServiceName", ""),
		labels("ClusterName", "TaskDefinitionFamily", "", ""),
	}
	t := Tables{Container: ours.Container, Task: ours.Task}
	for _, l := range sets {
		t.Task = append(t.Task, scraper.Table{Namespace: scraper.InsightsNamespace, Labels: l, Rows: r})
	}
	return t
}

// otel has OpenTelemetry's names of containers; there are none of a task, which
// has ours.
func otel() rows {
	with := func(name, value string) []sidelight.Dimension {
		return []sidelight.Dimension{{Name: name, Value: value}}
	}
	return rows{
		{Name: "container.cpu.time", Unit: "Seconds", From: cpuTime, Form: scraper.Amount},
		{Name: "container.cpu.usage", Unit: "None", From: cpuCores},
		{Name: "container.memory.usage", Unit: "Bytes", From: memoryUsage},
		{Name: "container.memory.available", Unit: "Bytes", From: memoryAvailable},
		{Name: "container.memory.working_set", Unit: "Bytes", From: memoryWorkingSet},
		{Name: "container.disk.io", Unit: "Bytes", From: readBytes, Form: scraper.Amount, With: with("disk.io.direction", "read")},
		{Name: "container.disk.io", Unit: "Bytes", From: writeBytes, Form: scraper.Amount, With: with("disk.io.direction", "write")},
		{Name: "container.network.io", Unit: "Bytes", From: rxBytes, Form: scraper.Amount, With: with("network.io.direction", "receive")},
		{Name: "container.network.io", Unit: "Bytes", From: txBytes, Form: scraper.Amount, With: with("network.io.direction", "transmit")},
		{Name: "container.uptime", Unit: "Seconds", From: uptime},
	}
}

// write records m by the tables. Series that would lack one of their dimensions,
// such as a service's of a task that has none, are left out.
func (s *Scraper) write(m *measured, to sidelight.Recorder) {
	x := &s.thing
	if s.tables.Container.Rows != nil {
		for i := range m.containers {
			x.IDs = []string{idCluster: m.cluster, idFamily: m.family, idContainer: m.containers[i].name}
			m.containers[i].numbers(x.Now)
			s.w.Write(to, &s.tables.Container, x, 0)
		}
	}
	x.IDs = []string{idCluster: m.cluster, idFamily: m.family, idService: m.service}
	m.task.numbers(x.Now)
	m.numbers(x.Now)
	for i := range s.tables.Task {
		if t := &s.tables.Task[i]; !s.exact || complete(t.Labels, x.IDs) {
			s.w.Write(to, t, x, 0)
		}
	}
}

func complete(labels, ids []string) bool {
	for i, id := range ids {
		if labels[i] != "" && id == "" {
			return false
		}
	}
	return true
}

// numbers writes what containers and tasks have in common.
func (u *usage) numbers(to []float64) {
	for i := range to {
		to[i] = math.NaN()
	}
	set := func(i int, v value) {
		if v.ok {
			to[i] = v.v
		}
	}
	used := u.cores.times(units)
	set(cpuCores, u.cores)
	set(cpuTime, u.cpuTime)
	set(cpuUnits, used)
	set(cpuUnitsReserved, u.unitsReserved)
	set(cpuPercent, u.cores.percentOf(u.cpuLimit))
	set(cpuReservedPercent, used.percentOf(u.unitsReserved))
	set(throttledPercent, u.throttled)
	set(memoryUsage, u.memory)
	set(memoryWorkingSet, u.workingSet)
	set(memoryLimit, u.memoryLimit)
	set(memoryPercent, u.workingSet.percentOf(u.memoryLimit))
	if u.memoryLimit.ok && u.workingSet.ok {
		to[memoryAvailable] = max(0, u.memoryLimit.v-u.workingSet.v)
	}
	set(rxRate, u.rx)
	set(txRate, u.tx)
	set(rxBytes, u.rxBytes)
	set(txBytes, u.txBytes)
	set(readBytes, u.in)
	set(writeBytes, u.out)
	set(readTotal, u.inTotal)
	set(writeTotal, u.outTotal)
	set(restartCount, u.restartCount)
	set(restarts, u.restarts)
	set(running, u.running)
	set(healthy, u.healthy)
	set(uptime, u.uptime)
}

// numbers writes what is the task's alone.
func (m *measured) numbers(to []float64) {
	set := func(i int, v value) {
		if v.ok {
			to[i] = v.v
		}
	}
	set(storageUsed, m.disk)
	set(storageReserved, m.diskReserved)
	set(storagePercent, m.disk.percentOf(m.diskReserved))
	set(clockError, m.clockError)
	set(clockSynced, m.clockSynced)
}
