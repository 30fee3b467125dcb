package ecstask

import "github.com/sidelight-dev/sidelight"

// The namespaces of the families.
const (
	ContainerNamespace = "Sidelight/Container"
	TaskNamespace      = "Sidelight/Task"
	InsightsNamespace  = "Sidelight/ContainerInsights"
)

// recorder writes measurements with one namespace and set of dimensions.
type recorder struct {
	to        sidelight.Recorder
	namespace string
	dims      []sidelight.Dimension
}

// gauge records v if there is one.
func (r *recorder) gauge(name, unit string, v value) { r.record(sidelight.Gauge, name, unit, v) }

// sum records an increase, if there is one to tell of.
func (r *recorder) sum(name, unit string, v value) { r.record(sidelight.Sum, name, unit, v) }

func (r *recorder) record(k sidelight.MeasurementKind, name, unit string, v value) {
	if !v.ok {
		return
	}
	r.to.Record(&sidelight.Measurement{
		Namespace: r.namespace, Name: name, Unit: unit, Kind: k, Value: v.v, Dimensions: r.dims,
	})
}

// writeSidelight writes NamesSidelight.
func writeSidelight(m *measured, to sidelight.Recorder) {
	cluster := sidelight.Dimension{Name: "ClusterName", Value: m.cluster}
	family := sidelight.Dimension{Name: "TaskDefinitionFamily", Value: m.family}
	for i := range m.containers {
		c := &m.containers[i]
		r := recorder{to, ContainerNamespace, dimensions(cluster, family, sidelight.Dimension{Name: "ContainerName", Value: c.name})}
		r.usage(&c.usage)
		r.gauge("cpu_throttled_percent", "Percent", c.throttled)
		r.gauge("container_running", "None", c.running)
		r.gauge("container_healthy", "None", c.healthy)
	}
	r := recorder{to, TaskNamespace, dimensions(cluster, family)}
	r.usage(&m.task)
	r.gauge("containers_running", "Count", m.task.running)
	r.gauge("containers_healthy", "Count", m.task.healthy)
	r.gauge("ephemeral_storage_used", "Bytes", m.disk)
	r.gauge("ephemeral_storage_reserved", "Bytes", m.diskReserved)
	r.gauge("ephemeral_storage_utilization", "Percent", m.disk.percentOf(m.diskReserved))
	r.gauge("clock_error_bound", "Milliseconds", m.clockError)
	r.gauge("clock_synchronized", "None", m.clockSynced)
}

// usage writes what containers and tasks have in common.
func (r *recorder) usage(u *usage) {
	used := u.cores.times(units)
	r.gauge("cpu_units_used", "None", used)
	r.gauge("cpu_units_reserved", "None", u.unitsReserved)
	r.gauge("cpu_utilization", "Percent", u.cores.percentOf(u.cpuLimit))
	r.gauge("cpu_reservation_utilization", "Percent", used.percentOf(u.unitsReserved))
	r.gauge("memory_working_set", "Bytes", u.workingSet)
	r.gauge("memory_usage", "Bytes", u.memory)
	r.gauge("memory_limit", "Bytes", u.memoryLimit)
	r.gauge("memory_utilization", "Percent", u.workingSet.percentOf(u.memoryLimit))
	r.gauge("network_rx_rate", "Bytes/Second", u.rx)
	r.gauge("network_tx_rate", "Bytes/Second", u.tx)
	r.sum("io_read_bytes", "Bytes", u.in)
	r.sum("io_write_bytes", "Bytes", u.out)
	r.gauge("restart_count", "Count", u.restartCount)
	r.sum("restarts", "Count", u.restarts)
}

// gigabyte is CloudWatch's: Container Insights shows Fargate's 20 GiB as 21.47.
const gigabyte = 1e9

// writeInsights writes NamesInsights: each metric of the task once for each of
// the three sets of dimensions of the CloudWatch user guide. A task of no
// service, or of an agent that does not say which, has two.
func writeInsights(m *measured, to sidelight.Recorder) {
	cluster := sidelight.Dimension{Name: "ClusterName", Value: m.cluster}
	sets := [][]sidelight.Dimension{dimensions(cluster)}
	for _, d := range dimensions(
		sidelight.Dimension{Name: "ServiceName", Value: m.service},
		sidelight.Dimension{Name: "TaskDefinitionFamily", Value: m.family},
	) {
		sets = append(sets, dimensions(cluster, d))
	}
	for _, dims := range sets {
		r := recorder{to, InsightsNamespace, dims}
		u := &m.task
		r.gauge("CpuUtilized", "None", u.cores.times(units))
		r.gauge("CpuReserved", "None", u.unitsReserved)
		r.gauge("MemoryUtilized", "Megabytes", u.workingSet.times(1./mib))
		r.gauge("MemoryReserved", "Megabytes", u.memoryLimit.times(1./mib))
		r.gauge("NetworkRxBytes", "Bytes/Second", u.rx)
		r.gauge("NetworkTxBytes", "Bytes/Second", u.tx)
		// Since the containers' start, as Container Insights has them.
		r.gauge("StorageReadBytes", "Bytes", u.inTotal)
		r.gauge("StorageWriteBytes", "Bytes", u.outTotal)
		r.gauge("EphemeralStorageReserved", "Gigabytes", m.diskReserved.times(1./gigabyte))
		r.gauge("EphemeralStorageUtilized", "Gigabytes", m.disk.times(1./gigabyte))
		r.sum("RestartCount", "Count", u.restarts)
	}
}
