package prometheus

import (
	"bytes"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/promtext"
)

// kind is the type of a family of metrics.
type kind uint8

const (
	unknown kind = iota // recorded as gauges
	counter
	gauge
	histogram
	summary
	info
	stateset
	gaugeHistogram
)

func kindOf(word string) kind {
	switch word {
	case "counter":
		return counter
	case "gauge":
		return gauge
	case "histogram":
		return histogram
	case "summary":
		return summary
	case "info":
		return info
	case "stateset":
		return stateset
	case "gaugehistogram":
		return gaugeHistogram
	}
	return unknown
}

// family is what the comments before samples say of them.
type family struct {
	name []byte
	kind kind
	unit string // as exposed, such as "seconds"
	open bool   // OpenMetrics
}

// comment reads # TYPE and # UNIT, and reports # EOF of OpenMetrics. HELP and
// whatever else a comment may say is ignored.
func (f *family) comment(line []byte) (eof bool) {
	word, rest := promtext.Word(promtext.TrimLeft(line[1:]))
	switch string(word) {
	case "EOF":
		return f.open && len(rest) == 0
	case "TYPE":
		name, rest := promtext.Word(rest)
		f.begin(name)
		word, _ := promtext.Word(rest)
		f.kind = kindOf(string(word))
	case "UNIT":
		name, rest := promtext.Word(rest)
		f.begin(name)
		word, _ := promtext.Word(rest)
		f.unit = string(word)
	case "HELP":
		name, _ := promtext.Word(rest)
		f.begin(name)
	}
	return false
}

// begin makes f the family called name, unless it is already.
func (f *family) begin(name []byte) {
	if !bytes.Equal(f.name, name) {
		f.name, f.kind, f.unit = append(f.name[:0], name...), unknown, ""
	}
}

// role is what a sample is to its family.
type role uint8

const (
	level     role = iota // a gauge
	increase              // a counter
	bucketOf              // of a histogram
	sumOf                 // of a histogram
	countOf               // of a histogram
	unwanted              // says nothing that can be recorded
	elsewhere             // belongs to no family
)

// role returns what the sample called name is.
func (f *family) role(name []byte) role {
	suffix, mine := bytes.CutPrefix(name, f.name)
	if !mine || len(f.name) == 0 {
		return elsewhere
	}
	switch f.kind {
	case counter:
		return pick(string(suffix), map[string]role{"": increase, "_total": increase, "_created": unwanted})
	case histogram:
		return pick(string(suffix), map[string]role{"_bucket": bucketOf, "_sum": sumOf, "_count": countOf, "_created": unwanted})
	case summary:
		return pick(string(suffix), map[string]role{"": level, "_sum": increase, "_count": increase, "_created": unwanted})
	case info:
		return pick(string(suffix), map[string]role{"": unwanted, "_info": unwanted})
	case gaugeHistogram:
		return pick(string(suffix), map[string]role{"_bucket": unwanted, "_gsum": level, "_gcount": level})
	}
	return pick(string(suffix), map[string]role{"": level})
}

func pick(suffix string, roles map[string]role) role {
	if r, ok := roles[suffix]; ok {
		return r
	}
	return elsewhere
}

// unitOf returns CloudWatch's name and factor for the base units of Prometheus.
// Values of units that CloudWatch does not know have none.
func unitOf(word string) (name string, factor float64) {
	switch word {
	case "seconds":
		return "Seconds", 1
	case "milliseconds":
		return "Milliseconds", 1
	case "microseconds":
		return "Microseconds", 1
	case "nanoseconds":
		return "Microseconds", 1e-3
	case "bytes":
		return "Bytes", 1
	case "kilobytes":
		return "Kilobytes", 1
	case "megabytes":
		return "Megabytes", 1
	case "bits":
		return "Bits", 1
	case "percent":
		return "Percent", 1
	}
	return "", 1
}

// unitFor returns the unit of a sample in CloudWatch's terms: what # UNIT says, or
// the last word of the name. What is counted without one is a Count.
func (f *family) unitFor(name string, r role) (string, float64) {
	if strings.HasSuffix(name, "_count") && (f.kind == summary || f.kind == gaugeHistogram || r == countOf) || strings.HasSuffix(name, "_gcount") {
		return "Count", 1
	}
	word := f.unit
	if word == "" {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_total"), "_sum"), "_gsum")
		word = base[strings.LastIndexByte(base, '_')+1:]
	}
	unit, factor := unitOf(word)
	if unit == "" && r == increase && f.kind == counter {
		return "Count", 1
	}
	return unit, factor
}
