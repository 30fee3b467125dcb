package insights

import (
	"bytes"
	"slices"
)

// lambdaNames are the fields discovered in the lines that the Lambda runtime
// writes (user guide, "Supported logs and discovered fields").
var lambdaNames = []string{
	"@requestId", "@duration", "@billedDuration", "@type", "@maxMemoryUsed", "@memorySize",
	"@initDuration", "@xrayTraceId", "@xraySegmentId",
}

// lambdaLabels are the labels of a REPORT line. Sizes are written in MB and
// shown in bytes.
var lambdaLabels = map[string]struct {
	label string
	scale float64
}{
	"@requestId":      {"RequestId: ", 0},
	"@duration":       {"Duration: ", 1},
	"@billedDuration": {"Billed Duration: ", 1},
	"@memorySize":     {"Memory Size: ", 1e6},
	"@maxMemoryUsed":  {"Max Memory Used: ", 1e6},
	"@initDuration":   {"Init Duration: ", 1},
	"@xrayTraceId":    {"XRAY TraceId: ", 0},
	"@xraySegmentId":  {"SegmentId: ", 0},
}

// lambdaField returns an expression for a field of Lambda, or nil.
func lambdaField(name string) expr {
	if name == "@type" {
		return func(e *env) value {
			kind, _ := lambdaLine(e.row.Message)
			return orMissing(kind)
		}
	}
	l, ok := lambdaLabels[name]
	if !ok {
		return nil
	}
	return func(e *env) value {
		found := lambdaValue(e.row.Message, l.label)
		if found == nil && name == "@requestId" && isLambda(e.row) {
			found = lambdaRequest(e.row.Message)
		}
		if l.scale == 0 {
			return orMissing(found)
		}
		n, ok := parseNumber(found)
		if !ok {
			return value{}
		}
		return numberValue(n * l.scale)
	}
}

func orMissing(b []byte) value {
	if len(b) == 0 {
		return value{}
	}
	return textValue(b)
}

// lambdaLine splits "REPORT RequestId: …" into its first word and the rest.
func lambdaLine(message []byte) (kind, rest []byte) {
	kind, rest, ok := bytes.Cut(message, []byte(" "))
	if !ok || !bytes.HasPrefix(rest, []byte("RequestId: ")) {
		return nil, nil
	}
	switch string(kind) {
	case "START", "END", "REPORT":
		return kind, rest
	}
	return nil, nil
}

// lambdaValue returns the word behind a label. Labelled values are separated by
// tabs and newlines.
func lambdaValue(message []byte, label string) []byte {
	_, rest := lambdaLine(message)
	for len(rest) > 0 {
		n := bytes.IndexAny(rest, "\t\n")
		if n < 0 {
			n = len(rest)
		}
		if part := rest[:n]; len(part) > len(label) && string(part[:len(label)]) == label {
			word, _, _ := bytes.Cut(bytes.TrimSpace(part[len(label):]), []byte(" "))
			return word
		}
		rest = rest[min(n+1, len(rest)):]
	}
	return nil
}

// lambdaRequest returns the request ID of a line that a function wrote:
// "time\tid\tlevel\ttext".
func lambdaRequest(message []byte) []byte {
	_, rest, _ := bytes.Cut(message, []byte("\t"))
	id, _, ok := bytes.Cut(rest, []byte("\t"))
	const uuid = 36
	if !ok || len(id) != uuid || bytes.Count(id, []byte("-")) != 4 {
		return nil
	}
	return id
}

// The columns of VPC flow logs in their default format and of Route 53 query
// logs, in order.
var (
	flowNames = []string{
		"version", "accountId", "interfaceId", "srcAddr", "dstAddr", "srcPort", "dstPort",
		"protocol", "packets", "bytes", "startTime", "endTime", "action", "logStatus",
	}
	route53Names = []string{
		"version", "queryTimestamp", "hostZoneId", "queryName", "queryType", "responseCode",
		"protocol", "edgeLocation", "resolverIp",
	}
)

// vendedField returns an expression for a field of a line of VPC flow logs or
// Route 53 query logs, or nil if neither has the name.
func vendedField(name string) expr {
	flow, route53 := slices.Index(flowNames, name), slices.Index(route53Names, name)
	if flow < 0 && route53 < 0 {
		return nil
	}
	return func(e *env) value {
		message := bytes.TrimSpace(e.row.Message)
		switch {
		case flow >= 0 && isFlow(message):
			return orMissing(word(message, flow))
		case route53 >= 0 && isRoute53(message):
			return orMissing(word(message, route53))
		}
		return value{}
	}
}

func isFlow(message []byte) bool {
	return bytes.HasPrefix(message, []byte("2 ")) && !bytes.Contains(message, []byte("  ")) && bytes.Count(message, []byte(" ")) == len(flowNames)-1 &&
		bytes.HasPrefix(word(message, 2), []byte("eni-"))
}

// isRoute53 allows for the client's subnet, the last column, which has no
// field.
func isRoute53(message []byte) bool {
	return bytes.HasPrefix(message, []byte("1.")) && !bytes.Contains(message, []byte("  ")) && bytes.Count(message, []byte(" ")) == len(route53Names) &&
		bytes.HasPrefix(word(message, 2), []byte("Z"))
}

// word returns word i of a line whose words are separated by single spaces.
func word(line []byte, i int) []byte {
	for range i {
		_, line, _ = bytes.Cut(line, []byte(" "))
	}
	w, _, _ := bytes.Cut(line, []byte(" "))
	return w
}
