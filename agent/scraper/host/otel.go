package host

import (
	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// attr is a dimension that a row has.
func attr(pairs ...string) []sidelight.Dimension {
	var out []sidelight.Dimension
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, sidelight.Dimension{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

// otel has the names of OpenTelemetry's semantic conventions. Its counters are
// the increase in the interval. system.disk.limit, the CPUs' frequency and the
// number of physical CPUs are not measured.
func otel() Tables {
	t := Tables{
		Machine: scraper.Table{Rows: append(otelMemory(), otelSystem()...)},
		CPU:     scraper.Table{Rows: otelCPU()},
		EachCPU: scraper.Table{Rows: otelCPU(), Labels: []string{"", "cpu.logical_number"}},
		Disk:    scraper.Table{Labels: []string{"system.device"}, Rows: otelDisk()},
		Net:     scraper.Table{Labels: []string{"network.interface.name"}, Rows: otelNet()},
		Files: scraper.Table{
			Labels: []string{"system.filesystem.mountpoint", "system.device", "system.filesystem.type", "system.filesystem.mode"},
			Rows:   otelFiles(),
		},
	}
	for _, x := range t.All() {
		x.Namespace = Namespace
	}
	return t
}

func otelCPU() rows {
	var out rows
	modes := []struct {
		name string
		from int
	}{
		{"user", cpuUser},
		{"system", cpuSystem},
		{"nice", cpuNice},
		{"idle", cpuIdle},
		{"iowait", cpuIOWait},
		{"interrupt", cpuInterrupt},
		{"steal", cpuSteal},
	}
	for _, m := range modes {
		with := attr("cpu.mode", m.name)
		out = append(out,
			scraper.Row{Name: "system.cpu.time", Unit: "Seconds", From: m.from, Form: scraper.Growth, Scale: 0.01, With: with},
			scraper.Row{Name: "system.cpu.utilization", Unit: "None", From: m.from, Form: scraper.Share, Of: cpuTotal, With: with})
	}
	return out
}

func otelMemory() rows {
	var out rows
	states := []struct {
		name string
		from int
	}{{"used", memUsedPlain}, {"free", memFree}, {"cached", memCached}, {"buffers", memBuffers}}
	for _, s := range states {
		with := attr("system.memory.state", s.name)
		out = append(out,
			scraper.Row{Name: "system.memory.usage", Unit: "Bytes", From: s.from, With: with},
			scraper.Row{Name: "system.memory.utilization", Unit: "None", From: s.from, Form: scraper.Part, Of: memTotal, With: with})
	}
	for _, s := range []struct {
		name string
		from int
	}{{"used", swapUsed}, {"free", swapFree}} {
		with := attr("system.paging.state", s.name)
		out = append(out,
			scraper.Row{Name: "system.paging.usage", Unit: "Bytes", From: s.from, With: with},
			scraper.Row{Name: "system.paging.utilization", Unit: "None", From: s.from, Form: scraper.Part, Of: swapTotal, With: with})
	}
	return append(out, rows{
		{Name: "system.memory.limit", Unit: "Bytes", From: memTotal},
		{Name: "system.memory.linux.available", Unit: "Bytes", From: memAvailable},
		{Name: "system.memory.linux.shared", Unit: "Bytes", From: memShared},
		{Name: "system.memory.linux.slab.usage", Unit: "Bytes", From: memSlab},
		{Name: "system.paging.faults", Unit: "Count", From: faultsMajor, Form: scraper.Growth, With: attr("system.paging.type", "major")},
		{Name: "system.paging.faults", Unit: "Count", From: faultsMinor, Form: scraper.Growth, With: attr("system.paging.type", "minor")},
		{Name: "system.paging.operations", Unit: "Count", From: swapIn, Form: scraper.Growth, With: attr("system.paging.direction", "in", "system.paging.type", "major")},
		{Name: "system.paging.operations", Unit: "Count", From: swapOut, Form: scraper.Growth, With: attr("system.paging.direction", "out", "system.paging.type", "major")},
	}...)
}

func otelSystem() rows {
	out := rows{
		{Name: "system.cpu.logical.count", Unit: "Count", From: cpuCount},
		{Name: "system.process.count", Unit: "Count", From: stateRunning, With: attr("process.state", "running")},
		{Name: "system.process.count", Unit: "Count", From: stateSleeping, With: attr("process.state", "sleeping")},
		{Name: "system.process.count", Unit: "Count", From: stateStopped, With: attr("process.state", "stopped")},
		{Name: "system.process.count", Unit: "Count", From: stateZombie, With: attr("process.state", "defunct")},
		{Name: "system.process.created", Unit: "Count", From: procsCreated, Form: scraper.Growth},
		{Name: "system.uptime", Unit: "Seconds", From: uptime},
	}
	for i, name := range tcpNames() {
		if i > 0 {
			out = append(out, scraper.Row{
				Name: "system.network.connection.count", Unit: "Count", From: tcpFirst + i,
				With: attr("network.connection.state", name, "network.transport", "tcp"),
			})
		}
	}
	return out
}

// both makes a row for each direction.
func both(key, in, out string, r scraper.Row, from, to int) rows {
	r.From, r.With = from, attr(key, in)
	other := r
	other.From, other.With = to, attr(key, out)
	return rows{r, other}
}

func otelDisk() rows {
	var out rows
	add := func(name, unit string, scale float64, read, write int) {
		out = append(out, both("disk.io.direction", "read", "write", scraper.Row{Name: name, Unit: unit, Form: scraper.Growth, Scale: scale}, read, write)...)
	}
	add("system.disk.io", "Bytes", 1, diskReadBytes, diskWriteBytes)
	add("system.disk.operations", "Count", 1, diskReads, diskWrites)
	add("system.disk.operation_time", "Seconds", 1e-3, diskReadTime, diskWriteTime)
	add("system.disk.merged", "Count", 1, diskReadsMerged, diskWritesMerged)
	return append(out, scraper.Row{Name: "system.disk.io_time", Unit: "Seconds", From: diskIOTime, Form: scraper.Growth, Scale: 1e-3})
}

func otelNet() rows {
	var out rows
	add := func(name, unit string, rx, tx int) {
		out = append(out, both("network.io.direction", "receive", "transmit", scraper.Row{Name: name, Unit: unit, Form: scraper.Growth}, rx, tx)...)
	}
	add("system.network.io", "Bytes", netRxBytes, netTxBytes)
	add("system.network.packet.count", "Count", netRxPackets, netTxPackets)
	add("system.network.errors", "Count", netRxErrors, netTxErrors)
	add("system.network.packet.dropped", "Count", netRxDropped, netTxDropped)
	return out
}

func otelFiles() rows {
	var out rows
	for _, s := range []struct {
		name string
		from int
	}{{"used", fsUsed}, {"free", fsFree}, {"reserved", fsReserved}} {
		with := attr("system.filesystem.state", s.name)
		out = append(out,
			scraper.Row{Name: "system.filesystem.usage", Unit: "Bytes", From: s.from, With: with},
			scraper.Row{Name: "system.filesystem.utilization", Unit: "None", From: s.from, Form: scraper.Part, Of: fsTotal, With: with})
	}
	return append(out, scraper.Row{Name: "system.filesystem.limit", Unit: "Bytes", From: fsTotal})
}
