package otlp

import "strings"

// unitOf returns CloudWatch's name for a unit in UCUM, as OTLP has them, and
// what a value must be multiplied by. A unit that CloudWatch does not know has
// the name "".
func unitOf(unit string) (name string, factor float64) {
	switch unit {
	case "s":
		return "Seconds", 1
	case "ms":
		return "Milliseconds", 1
	case "us", "µs", "μs":
		return "Microseconds", 1
	case "ns":
		return "Microseconds", 1e-3
	case "min":
		return "Seconds", 60
	case "h":
		return "Seconds", 3600
	case "d":
		return "Seconds", 86400
	case "%":
		return "Percent", 1
	}
	if base, perSecond := strings.CutSuffix(unit, "/s"); perSecond {
		if name, factor = amountOf(base); name != "" {
			return name + "/Second", factor
		}
		return "", 1
	}
	if standard[unit] {
		return unit, 1
	}
	if unit == "1" { // a ratio as often as a number of things
		return "", 1
	}
	return amountOf(unit)
}

// amountOf knows the units that CloudWatch also has per second.
func amountOf(unit string) (name string, factor float64) {
	switch unit {
	case "By":
		return "Bytes", 1
	case "kBy", "KBy":
		return "Kilobytes", 1
	case "MBy":
		return "Megabytes", 1
	case "GBy":
		return "Gigabytes", 1
	case "TBy":
		return "Terabytes", 1
	case "KiBy":
		return "Bytes", 1 << 10
	case "MiBy":
		return "Bytes", 1 << 20
	case "GiBy":
		return "Bytes", 1 << 30
	case "bit":
		return "Bits", 1
	case "kbit":
		return "Kilobits", 1
	case "Mbit":
		return "Megabits", 1
	case "Gbit":
		return "Gigabits", 1
	case "1":
		return "Count", 1
	}
	// Braces are an annotation: {request} is a number of requests.
	if strings.HasPrefix(unit, "{") && strings.HasSuffix(unit, "}") {
		return "Count", 1
	}
	return "", 1
}

// standard are CloudWatch's own names, for senders that use them.
var standard = map[string]bool{
	"Seconds": true, "Microseconds": true, "Milliseconds": true, "Bytes": true, "Kilobytes": true,
	"Megabytes": true, "Gigabytes": true, "Terabytes": true, "Bits": true, "Kilobits": true, "Megabits": true,
	"Gigabits": true, "Terabits": true, "Percent": true, "Count": true, "Bytes/Second": true,
	"Kilobytes/Second": true, "Megabytes/Second": true, "Gigabytes/Second": true, "Terabytes/Second": true,
	"Bits/Second": true, "Kilobits/Second": true, "Megabits/Second": true, "Gigabits/Second": true,
	"Terabits/Second": true, "Count/Second": true, "None": true,
}
