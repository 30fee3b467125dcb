package host

import (
	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// Namespace is CloudWatch's namespace of the machine's metrics.
const Namespace = "Sidelight/Host"

// Tables are one family's, for each kind of thing. A table without rows means
// that the family does not measure it.
// Rest is of the machine too: what another family lacks, in Sidelight's names.
type Tables struct{ Machine, Rest, CPU, EachCPU, Disk, Net, Files scraper.Table }

// All returns the tables, to be listed.
func (t *Tables) All() []*scraper.Table {
	return []*scraper.Table{&t.Machine, &t.Rest, &t.CPU, &t.EachCPU, &t.Disk, &t.Net, &t.Files}
}

// FamilyTables returns the tables of a family. hostname is the value of the
// CloudWatch agent's dimension host.
func FamilyTables(f scraper.Family, hostname string) Tables {
	switch f {
	case scraper.CWAgent:
		t := cwagent(hostname)
		t.Rest = rest("uptime")
		return t
	case scraper.OTel:
		t := otel()
		t.Rest = rest("processes_blocked", "threads_total")
		return t
	}
	return own()
}

// rest is what no other family has a name for, and the further names.
func rest(names ...string) scraper.Table {
	return scraper.Table{Namespace: Namespace, Rows: scraper.Pick(own().Machine.Rows, append([]string{
		"load_1m", "load_5m", "load_15m", "file_descriptors_used", "file_descriptors_limit", "disk_unanswered",
		"pressure_cpu_some", "pressure_memory_some", "pressure_memory_full", "pressure_io_some", "pressure_io_full",
	}, names...)...)}
}

type rows = []scraper.Row

func own() Tables {
	t := Tables{
		Machine: scraper.Table{Rows: rows{
			{Name: "mem_total", Unit: "Bytes", From: memTotal},
			{Name: "mem_available", Unit: "Bytes", From: memAvailable},
			// The kernel's own estimate of what can be had, as it recommends for
			// alarms: page cache is not use.
			{Name: "mem_used", Unit: "Bytes", From: memUsed},
			{Name: "mem_used_percent", Unit: "Percent", From: memUsed, Form: scraper.Part, Of: memTotal, Scale: 100},
			{Name: "swap_used", Unit: "Bytes", From: swapUsed},
			{Name: "swap_used_percent", Unit: "Percent", From: swapUsed, Form: scraper.Part, Of: swapTotal, Scale: 100},
			{Name: "load_1m", Unit: "None", From: load1},
			{Name: "load_5m", Unit: "None", From: load5},
			{Name: "load_15m", Unit: "None", From: load15},
			{Name: "pressure_cpu_some", Unit: "Percent", From: stallCPU, Form: scraper.Rate, Scale: 100, Most: 100},
			{Name: "pressure_memory_some", Unit: "Percent", From: stallMemory, Form: scraper.Rate, Scale: 100, Most: 100},
			{Name: "pressure_memory_full", Unit: "Percent", From: stallMemoryFull, Form: scraper.Rate, Scale: 100, Most: 100},
			{Name: "pressure_io_some", Unit: "Percent", From: stallIO, Form: scraper.Rate, Scale: 100, Most: 100},
			{Name: "pressure_io_full", Unit: "Percent", From: stallIOFull, Form: scraper.Rate, Scale: 100, Most: 100},
			{Name: "file_descriptors_used", Unit: "Count", From: filesUsed},
			{Name: "file_descriptors_limit", Unit: "Count", From: filesLimit},
			{Name: "processes_total", Unit: "Count", From: procsTotal},
			{Name: "processes_running", Unit: "Count", From: procsRunning},
			{Name: "processes_blocked", Unit: "Count", From: procsBlocked},
			{Name: "processes_zombies", Unit: "Count", From: stateZombie},
			{Name: "threads_total", Unit: "Count", From: threads},
			{Name: "uptime", Unit: "Seconds", From: uptime},
			{Name: "disk_unanswered", Unit: "Count", From: unanswered},
		}},
		CPU:     scraper.Table{Rows: ownCPU()},
		EachCPU: scraper.Table{Rows: ownCPU(), Labels: []string{"cpu"}},
		Disk: scraper.Table{Labels: []string{"name"}, Rows: rows{
			{Name: "diskio_reads", Unit: "Count", From: diskReads, Form: scraper.Growth},
			{Name: "diskio_writes", Unit: "Count", From: diskWrites, Form: scraper.Growth},
			{Name: "diskio_read_bytes", Unit: "Bytes", From: diskReadBytes, Form: scraper.Growth},
			{Name: "diskio_write_bytes", Unit: "Bytes", From: diskWriteBytes, Form: scraper.Growth},
			{Name: "diskio_io_time", Unit: "Milliseconds", From: diskIOTime, Form: scraper.Growth},
		}},
		Net: scraper.Table{Labels: []string{"interface"}, Rows: netRows()},
		Files: scraper.Table{Labels: []string{"path", "device", "fstype"}, Rows: rows{
			{Name: "disk_total", Unit: "Bytes", From: fsTotal},
			{Name: "disk_used", Unit: "Bytes", From: fsUsed},
			{Name: "disk_free", Unit: "Bytes", From: fsFree},
			{Name: "disk_used_percent", Unit: "Percent", From: fsUsed, Form: scraper.Part, Of: fsUsable, Scale: 100},
			{Name: "disk_inodes_used", Unit: "Count", From: fsInodesUsed},
		}},
	}
	t.Machine.Rows = append(t.Machine.Rows, tcpRows("netstat_tcp_", "netstat_udp_socket")...)
	for _, x := range t.All() {
		x.Namespace = Namespace
	}
	return t
}

func ownCPU() rows {
	return rows{
		percent("cpu_usage_active", cpuActive), percent("cpu_usage_user", cpuUser), percent("cpu_usage_system", cpuSystem),
		percent("cpu_usage_iowait", cpuIOWait), percent("cpu_usage_steal", cpuSteal), percent("cpu_usage_idle", cpuIdle),
		percent("cpu_usage_other", cpuOther),
	}
}

func percent(name string, from int) scraper.Row {
	return scraper.Row{Name: name, Unit: "Percent", From: from, Form: scraper.Share, Of: cpuTotal, Scale: 100}
}

func netRows() rows {
	return rows{
		{Name: "net_bytes_recv", Unit: "Bytes", From: netRxBytes, Form: scraper.Growth},
		{Name: "net_bytes_sent", Unit: "Bytes", From: netTxBytes, Form: scraper.Growth},
		{Name: "net_packets_recv", Unit: "Count", From: netRxPackets, Form: scraper.Growth},
		{Name: "net_packets_sent", Unit: "Count", From: netTxPackets, Form: scraper.Growth},
		{Name: "net_err_in", Unit: "Count", From: netRxErrors, Form: scraper.Growth},
		{Name: "net_err_out", Unit: "Count", From: netTxErrors, Form: scraper.Growth},
		{Name: "net_drop_in", Unit: "Count", From: netRxDropped, Form: scraper.Growth},
		{Name: "net_drop_out", Unit: "Count", From: netTxDropped, Form: scraper.Growth},
	}
}

// tcpNames are the CloudWatch agent's names of the kernel's states of a
// connection, in the kernel's order from 0; no socket is in the first. The
// kernel's twelfth, a request that was not accepted yet, is a syn_recv too.
func tcpNames() [tcpStates]string {
	return [tcpStates]string{
		"none", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait",
		"last_ack", "listen", "closing",
	}
}

func tcpRows(prefix, udp string) rows {
	var out rows
	for i, name := range tcpNames() {
		out = append(out, scraper.Row{Name: prefix + name, Unit: "Count", From: tcpFirst + i})
	}
	return append(out, scraper.Row{Name: udp, Unit: "Count", From: udpSockets})
}

// cwagent has the names of the CloudWatch agent, namespace CWAgent. cpu_time_*
// is not among them: its unit is not certain, and it says the same.
func cwagent(hostname string) Tables {
	cpu := rows{
		percent("cpu_usage_active", cpuActive), percent("cpu_usage_guest", cpuGuest), percent("cpu_usage_guest_nice", cpuGuestNice),
		percent("cpu_usage_idle", cpuIdle), percent("cpu_usage_iowait", cpuIOWait), percent("cpu_usage_irq", cpuIRQ),
		percent("cpu_usage_nice", cpuNice), percent("cpu_usage_softirq", cpuSoftIRQ), percent("cpu_usage_steal", cpuSteal),
		percent("cpu_usage_system", cpuSystem), percent("cpu_usage_user", cpuUser),
	}
	t := Tables{
		Machine: scraper.Table{Rows: cwagentMachine()},
		CPU:     scraper.Table{Rows: cpu, With: []sidelight.Dimension{{Name: "cpu", Value: "cpu-total"}}},
		EachCPU: scraper.Table{Rows: cpu, Labels: []string{"cpu"}},
		Disk: scraper.Table{Labels: []string{"name"}, Rows: rows{
			{Name: "diskio_reads", Unit: "Count", From: diskReads, Form: scraper.Growth},
			{Name: "diskio_writes", Unit: "Count", From: diskWrites, Form: scraper.Growth},
			{Name: "diskio_iops_in_progress", Unit: "Count", From: diskInFlight},
			{Name: "diskio_read_bytes", Unit: "Bytes", From: diskReadBytes, Form: scraper.Growth},
			{Name: "diskio_write_bytes", Unit: "Bytes", From: diskWriteBytes, Form: scraper.Growth},
			{Name: "diskio_read_time", Unit: "Milliseconds", From: diskReadTime, Form: scraper.Growth},
			{Name: "diskio_write_time", Unit: "Milliseconds", From: diskWriteTime, Form: scraper.Growth},
			{Name: "diskio_io_time", Unit: "Milliseconds", From: diskIOTime, Form: scraper.Growth},
		}},
		Net: scraper.Table{Labels: []string{"interface"}, Rows: netRows()},
		Files: scraper.Table{Labels: []string{"path", "device", "fstype"}, Rows: rows{
			{Name: "disk_free", Unit: "Bytes", From: fsFree},
			{Name: "disk_total", Unit: "Bytes", From: fsTotal},
			{Name: "disk_used", Unit: "Bytes", From: fsUsed},
			{Name: "disk_used_percent", Unit: "Percent", From: fsUsed, Form: scraper.Part, Of: fsUsable, Scale: 100},
			{Name: "disk_inodes_free", Unit: "Count", From: fsInodesFree},
			{Name: "disk_inodes_total", Unit: "Count", From: fsInodes},
			{Name: "disk_inodes_used", Unit: "Count", From: fsInodesUsed},
		}},
	}
	for _, x := range t.All() {
		x.Namespace = scraper.CWAgentNamespace
		if hostname != "" {
			x.With = append(x.With, sidelight.Dimension{Name: "host", Value: hostname})
		}
	}
	return t
}

func cwagentMachine() rows {
	r := rows{
		{Name: "mem_active", Unit: "Bytes", From: memActive},
		{Name: "mem_available", Unit: "Bytes", From: memAvailable},
		{Name: "mem_buffered", Unit: "Bytes", From: memBuffers},
		{Name: "mem_cached", Unit: "Bytes", From: memCached},
		{Name: "mem_free", Unit: "Bytes", From: memFree},
		{Name: "mem_inactive", Unit: "Bytes", From: memInactive},
		{Name: "mem_total", Unit: "Bytes", From: memTotal},
		// As the agent has it: not what is available is what counts.
		{Name: "mem_used", Unit: "Bytes", From: memUsedPlain},
		{Name: "mem_used_percent", Unit: "Percent", From: memUsedPlain, Form: scraper.Part, Of: memTotal, Scale: 100},
		{Name: "mem_available_percent", Unit: "Percent", From: memAvailable, Form: scraper.Part, Of: memTotal, Scale: 100},
		{Name: "swap_free", Unit: "Bytes", From: swapFree},
		{Name: "swap_used", Unit: "Bytes", From: swapUsed},
		{Name: "swap_used_percent", Unit: "Percent", From: swapUsed, Form: scraper.Part, Of: swapTotal, Scale: 100},
		{Name: "processes_blocked", Unit: "Count", From: stateBlocked},
		{Name: "processes_dead", Unit: "Count", From: stateDead},
		{Name: "processes_paging", Unit: "Count", From: statePaging},
		{Name: "processes_running", Unit: "Count", From: stateRunning},
		{Name: "processes_sleeping", Unit: "Count", From: stateSleeping},
		{Name: "processes_stopped", Unit: "Count", From: stateStopped},
		{Name: "processes_total", Unit: "Count", From: procsTotal},
		{Name: "processes_total_threads", Unit: "Count", From: threads},
		{Name: "processes_zombies", Unit: "Count", From: stateZombie},
	}
	return append(r, tcpRows("netstat_tcp_", "netstat_udp_socket")...)
}
