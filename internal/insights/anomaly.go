package insights

import (
	"math"
	"slices"
)

// anomalyStep tells which patterns are unusual. The service does it by machine
// learning and publishes neither how nor the names of the columns; this is our own
// way. A pattern is unusual
//
//   - by its novelty, if diff or logcompare stands before and finds none of it in the
//     earlier range;
//   - by its frequency, if the logarithm of its count lies more than 3.5 deviations
//     from the median of all patterns', a deviation being 1.4826 times the median
//     distance from the median, and at least ln 2. It takes three patterns to say so;
//   - by its severity, if it is an error or worse and less than a tenth of the rows.
//
// The columns are @anomaly, 1 or 0, and @anomalyType: new, frequency, severity, or missing.
type anomalyStep struct {
	samples, severity, ratio int // columns of pattern
	before                   int // column of diff, or -1
	flag, kind               int
}

const (
	anomalyDeviations = 3.5
	anomalyLeast      = 3 // patterns
	rareError         = 0.1
)

// anomalyCommand compiles anomaly, which has no arguments and follows pattern.
func (c *compiler) anomalyCommand() error {
	samples, found := c.scope.index["@sampleCount"]
	if _, severity := c.scope.index["@severityLabel"]; !c.patterned || !found || !severity || c.scope.events {
		return c.refuse("anomaly must follow pattern")
	}
	s := &anomalyStep{samples: samples, severity: c.scope.index["@severityLabel"], ratio: c.scope.index["@ratio"], before: -1}
	if before, compared := c.scope.index["@comparisonCount"]; compared {
		s.before = before
	}
	for _, x := range []struct {
		name string
		col  *int
	}{{"@anomaly", &s.flag}, {"@anomalyType", &s.kind}} {
		i, col := c.scope.column()
		*x.col = i
		c.scope.names[x.name], c.scope.index[x.name] = col, i
		c.chooseAlso(column{x.name, col})
	}
	// The guide sorts anomalies by @timestamp, which patterns do not have.
	if c.scope.names["@timestamp"] == nil {
		c.scope.names["@timestamp"] = constant(value{})
	}
	c.addBarrier(s)
	return nil
}

func (s *anomalyStep) apply(_ *Execution, rows []*record) []*record {
	counts := make([]float64, len(rows))
	for i, r := range rows {
		counts[i] = logCount(r.cols[s.samples])
	}
	middle := medianOf(counts)
	far := make([]float64, len(rows))
	for i, n := range counts {
		far[i] = math.Abs(n - middle)
	}
	limit := anomalyDeviations * max(1.4826*medianOf(far), math.Ln2)
	out := make([]*record, len(rows))
	for i, r := range rows {
		kept := *r
		kept.cols = append(slices.Clone(r.cols), make([]value, max(0, s.kind+1-len(r.cols)))...)
		kind := s.kindOf(&kept, len(rows) >= anomalyLeast && far[i] > limit)
		kept.cols[s.flag] = boolValue(kind != "")
		if kind != "" {
			kept.cols[s.kind] = textValue([]byte(kind))
		}
		out[i] = &kept
	}
	return out
}

func (s *anomalyStep) kindOf(r *record, farOff bool) string {
	if now, _ := r.cols[s.samples].number(); s.before >= 0 && now > 0 && r.cols[s.before].num == 0 {
		return "new"
	}
	if farOff {
		return "frequency"
	}
	label := string(r.cols[s.severity].b)
	if share, _ := r.cols[s.ratio].number(); (label == "ERROR" || label == "FATAL") && share < rareError {
		return "severity"
	}
	return ""
}

func logCount(v value) float64 {
	n, _ := v.number()
	return math.Log(max(n, 1))
}

func medianOf(numbers []float64) float64 {
	return interpolated(slices.Sorted(slices.Values(numbers)), 50)
}
