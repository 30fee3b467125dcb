package host

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// cpuTimes are the columns of a cpu line of /proc/stat, in USER_HZ. guest time
// is already part of user and nice.
type cpuTimes struct {
	user, nice, system, idle, iowait, irq, softirq, steal float64
}

func (c cpuTimes) total() float64 {
	return c.user + c.nice + c.system + c.idle + c.iowait + c.irq + c.softirq + c.steal
}

func parseStat(b []byte) (cpuTimes, error) {
	line, _, _ := bytes.Cut(b, []byte{'\n'})
	f := strings.Fields(string(line))
	if len(f) < 9 || f[0] != "cpu" {
		return cpuTimes{}, errors.New("/proc/stat: the first line is not the cpu line")
	}
	return parseTimes(f)
}

// parseCPUs returns each CPU's line by its name: cpu0, cpu1 and so on.
func parseCPUs(b []byte) map[string]cpuTimes {
	m := map[string]cpuTimes{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 9 || len(f[0]) < 4 || !strings.HasPrefix(f[0], "cpu") {
			continue
		}
		if t, err := parseTimes(f); err == nil {
			m[f[0]] = t
		}
	}
	return m
}

// parseTimes reads the fields of a cpu line, at least nine.
func parseTimes(f []string) (cpuTimes, error) {
	v, err := floats(f[1:9])
	if err != nil {
		return cpuTimes{}, fmt.Errorf("/proc/stat: %w", err)
	}
	return cpuTimes{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]}, nil
}

func floats(fields []string) ([]float64, error) {
	out := make([]float64, len(fields))
	for i, f := range fields {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", f)
		}
		out[i] = v
	}
	return out, nil
}

// parseMeminfo returns bytes by name.
func parseMeminfo(b []byte) map[string]float64 {
	m := map[string]float64{}
	for line := range strings.Lines(string(b)) {
		name, rest, ok := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if !ok || len(f) == 0 {
			continue
		}
		if v, err := strconv.ParseFloat(f[0], 64); err == nil {
			if len(f) > 1 && f[1] == "kB" {
				v *= 1024
			}
			m[name] = v
		}
	}
	return m
}

// diskCounters are of whole block devices, since boot.
type diskCounters struct {
	reads, writes, readBytes, writeBytes, ioMillis float64
}

// sectorSize is that of /proc/diskstats, whatever the device's own is.
const sectorSize = 512

func parseDiskstats(b []byte) map[string]diskCounters {
	m := map[string]diskCounters{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 14 || !wholeDevice(f[2]) {
			continue
		}
		v, err := floats(f[3:14])
		if err != nil {
			continue
		}
		m[f[2]] = diskCounters{reads: v[0], readBytes: v[2] * sectorSize, writes: v[4], writeBytes: v[6] * sectorSize, ioMillis: v[9]}
	}
	return m
}

// wholeDevice leaves out loop and ram devices, and partitions, which would be
// counted twice: sda1, nvme0n1p1, vda2.
func wholeDevice(name string) bool {
	if strings.HasPrefix(name, "loop") || strings.HasPrefix(name, "ram") {
		return false
	}
	base := strings.TrimRight(name, "0123456789")
	if base == name {
		return true
	}
	if strings.HasPrefix(name, "nvme") || strings.HasPrefix(name, "mmcblk") {
		return !strings.HasSuffix(base, "p")
	}
	return !strings.HasPrefix(name, "sd") && !strings.HasPrefix(name, "vd") &&
		!strings.HasPrefix(name, "xvd") && !strings.HasPrefix(name, "hd")
}

// netCounters are of one interface, since it came up.
type netCounters struct {
	rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped float64
}

func parseNetDev(b []byte) map[string]netCounters {
	m := map[string]netCounters{}
	for line := range strings.Lines(string(b)) {
		name, rest, ok := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if !ok || len(f) < 16 {
			continue
		}
		v, err := floats(f[:16])
		if name = strings.TrimSpace(name); err != nil || name == "lo" {
			continue
		}
		m[name] = netCounters{v[0], v[1], v[2], v[3], v[8], v[9], v[10], v[11]}
	}
	return m
}

// mount is a file system worth measuring.
type mount struct{ device, path, fstype string }

// parseMounts keeps file systems on devices, each device once: /proc/mounts
// lists bind mounts again.
func parseMounts(b []byte) []mount {
	var out []mount
	seen := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 3 || !strings.HasPrefix(f[0], "/") || pseudo(f[2]) || seen[f[0]] {
			continue
		}
		seen[f[0]] = true
		out = append(out, mount{f[0], unescape(f[1]), f[2]})
	}
	return out
}

func pseudo(fstype string) bool { return fstype == "squashfs" || strings.HasPrefix(fstype, "fuse") }

// unescape undoes the octal escapes of /proc/mounts.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
