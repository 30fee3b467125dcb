package cgroup

import (
	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// The numbers of a control group. Sizes are in bytes, times in seconds.
const (
	cpuTime = iota
	cpuUser
	cpuSystem
	cpuLimit // cores
	cpuWhole // what of CPU time could have been used, by the limit or the machine
	periods
	throttled // periods
	throttledTime
	memory
	inactiveFile
	workingSet
	memoryLimit
	memoryWhole // the limit, or the machine's memory
	memoryAvailable
	rss
	cache
	oomKills
	pids
	pidsLimit
	readBytes
	writeBytes
	reads
	writes
	stallFirst // some and full, for CPU, memory and I/O
	numNumbers = stallFirst + 6
)

type rows = []scraper.Row

// FamilyTable returns the table of a family. What OpenTelemetry has no name for
// has ours.
func FamilyTable(f scraper.Family) scraper.Table {
	if f == scraper.OTel {
		return scraper.Table{Namespace: Namespace, Rows: append(append(otel(), scraper.Pick(own(),
			"memory_limit", "memory_utilization", "pids", "cpu_cores_limit", "cpu_utilization", "cpu_throttled_percent", "oom_kills",
		)...), stalls()...)}
	}
	return scraper.Table{Namespace: Namespace, Rows: own()}
}

func own() rows {
	return append(rows{
		{Name: "memory_working_set", Unit: "Bytes", From: workingSet},
		{Name: "memory_usage", Unit: "Bytes", From: memory},
		{Name: "memory_limit", Unit: "Bytes", From: memoryLimit},
		{Name: "memory_utilization", Unit: "Percent", From: workingSet, Form: scraper.Part, Of: memoryWhole, Scale: 100},
		{Name: "pids", Unit: "Count", From: pids},
		{Name: "cpu_cores_used", Unit: "None", From: cpuTime, Form: scraper.Rate},
		{Name: "cpu_cores_limit", Unit: "None", From: cpuLimit},
		{Name: "cpu_utilization", Unit: "Percent", From: cpuTime, Form: scraper.Share, Of: cpuWhole, Scale: 100},
		{Name: "cpu_throttled_percent", Unit: "Percent", From: throttled, Form: scraper.Share, Of: periods, Scale: 100},
		{Name: "oom_kills", Unit: "Count", From: oomKills, Form: scraper.Growth},
		{Name: "io_read_bytes", Unit: "Bytes", From: readBytes, Form: scraper.Growth},
		{Name: "io_write_bytes", Unit: "Bytes", From: writeBytes, Form: scraper.Growth},
	}, stalls()...)
}

// stalls are the shares of time in which the group's tasks waited for CPU,
// memory or I/O: some of them, or all that had something to do.
func stalls() rows {
	var out rows
	for i, name := range []string{"cpu", "memory", "io"} {
		for j, kind := range []string{"some", "full"} {
			out = append(out, scraper.Row{
				Name: "pressure_" + name + "_" + kind, Unit: "Percent", From: stallFirst + 2*i + j, Form: scraper.Rate, Scale: 100, Most: 100,
			})
		}
	}
	return out
}

func otel() rows {
	with := func(name, value string) []sidelight.Dimension {
		return []sidelight.Dimension{{Name: name, Value: value}}
	}
	return rows{
		{Name: "container.cpu.time", Unit: "Seconds", From: cpuUser, Form: scraper.Growth, With: with("cpu.mode", "user")},
		{Name: "container.cpu.time", Unit: "Seconds", From: cpuSystem, Form: scraper.Growth, With: with("cpu.mode", "system")},
		{Name: "container.cpu.usage", Unit: "None", From: cpuTime, Form: scraper.Rate},
		{Name: "container.memory.usage", Unit: "Bytes", From: memory},
		{Name: "container.memory.available", Unit: "Bytes", From: memoryAvailable},
		{Name: "container.memory.rss", Unit: "Bytes", From: rss},
		{Name: "container.memory.working_set", Unit: "Bytes", From: workingSet},
		{Name: "container.disk.io", Unit: "Bytes", From: readBytes, Form: scraper.Growth, With: with("disk.io.direction", "read")},
		{Name: "container.disk.io", Unit: "Bytes", From: writeBytes, Form: scraper.Growth, With: with("disk.io.direction", "write")},
	}
}
