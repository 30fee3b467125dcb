package logs

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// Limits of the embedded metric format (user guide, "Specification: Embedded
// metric format").
const (
	maxEMFName       = 1024
	maxEMFDimensions = 30
	maxEMFKey        = 250
	maxEMFMetrics    = 100
	maxEMFValues     = 100
	maxEMFValue      = 1024
)

// emfMetric is a metric definition.
type emfMetric struct {
	name, unit string
	resolution int
}

// extractEMF adds the metrics of an event in the embedded metric format. What
// is wrong with one that means to be in the format is counted in AWS/Logs, as
// the service does.
func extractEMF(g *group, e *store.Input, now int64, points *pointSet) {
	// Few messages have the first, and most of them many quotes to look at.
	if !strings.Contains(e.Message, `_aws"`) || !strings.Contains(e.Message, `"_aws"`) {
		return
	}
	// Lambda puts its own words before the object.
	start := max(strings.IndexByte(e.Message, '{'), 0)
	root := jsonscan.Document([]byte(e.Message[start:]))
	aws := root.Member("_aws")
	if root.Kind == jsonscan.Object && aws.Kind != jsonscan.Object {
		return
	}
	directives := aws.Member("CloudWatchMetrics")
	if root.Kind == jsonscan.Object && directives.Kind == jsonscan.Missing {
		return
	}
	problem := ""
	ms, ok := integer(aws.Member("Timestamp"))
	switch {
	case root.Kind != jsonscan.Object || directives.Kind != jsonscan.Array:
		problem = "EMFParsingErrors"
	case !ok:
		problem = "EMFValidationErrors"
	default:
		x := emfExtraction{root: root, at: time.UnixMilli(ms).UTC(), points: points}
		x.drop = ms < now-maxAge || ms > now+maxFuture
		for s := directives.Scan(); s.Next(); {
			x.directive(s.Value)
		}
		if x.bad {
			problem = "EMFValidationErrors"
		}
	}
	if problem != "" {
		points.add(&api.Datapoint{
			Namespace: "AWS/Logs", Name: problem, Dimensions: [][2]string{{"LogGroupName", g.name}},
			Time: time.UnixMilli(now).Truncate(time.Minute).UTC(), Unit: "None", Resolution: 60,
		}, 1, 1)
	}
}

// emfExtraction is one event on its way.
type emfExtraction struct {
	root   jsonscan.Value
	at     time.Time
	points *pointSet
	drop   bool // outside the window of PutMetricData
	bad    bool // something was not as specified
}

func integer(v jsonscan.Value) (int64, bool) {
	if v.Kind != jsonscan.Number {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v.Raw), 10, 64)
	return n, err == nil
}

// directive takes in {"Namespace", "Dimensions", "Metrics"}.
func (x *emfExtraction) directive(d jsonscan.Value) {
	ns := d.Member("Namespace")
	namespace := string(ns.Text(nil))
	sets, ok := x.dimensionSets(d.Member("Dimensions"))
	if ns.Kind != jsonscan.String || !nameOK(namespace, maxEMFName) || !ok {
		x.bad = true
		return
	}
	n := 0
	for s := d.Member("Metrics").Scan(); s.Next(); n++ {
		m, ok := metricDefinition(s.Value)
		if !ok || n >= maxEMFMetrics {
			x.bad = true
			continue
		}
		values, ok := x.values(m.name)
		if !ok {
			x.bad = true
			continue
		}
		x.record(namespace, m, sets, values)
	}
}

func nameOK(s string, most int) bool {
	n := utf8.RuneCountInString(s)
	return n >= 1 && n <= most
}

// dimensionSets resolves an array of arrays of keys to names and values.
func (x *emfExtraction) dimensionSets(v jsonscan.Value) ([][][2]string, bool) {
	if v.Kind != jsonscan.Array {
		return nil, false
	}
	var sets [][][2]string
	for s := v.Scan(); s.Next(); {
		if s.Value.Kind != jsonscan.Array {
			return nil, false
		}
		set, ok := x.dimensionSet(s.Value)
		if !ok {
			return nil, false
		}
		sets = append(sets, set)
	}
	return sets, len(sets) > 0
}

func (x *emfExtraction) dimensionSet(v jsonscan.Value) ([][2]string, bool) {
	var set [][2]string
	for s := v.Scan(); s.Next(); {
		key := string(s.Value.Text(nil))
		// References are to members of the root only, never into them.
		target := x.root.Member(key)
		value := string(target.Text(nil))
		if s.Value.Kind != jsonscan.String || !nameOK(key, maxEMFKey) || target.Kind != jsonscan.String ||
			!nameOK(value, maxEMFValue) || strings.TrimSpace(value) == "" || len(set) == maxEMFDimensions {
			return nil, false
		}
		set = append(set, [2]string{key, value})
	}
	return set, true
}

func metricDefinition(v jsonscan.Value) (emfMetric, bool) {
	name := v.Member("Name")
	m := emfMetric{name: string(name.Text(nil)), unit: "None", resolution: 60}
	if name.Kind != jsonscan.String || !nameOK(m.name, maxEMFName) {
		return m, false
	}
	if u := v.Member("Unit"); u.Kind != jsonscan.Missing {
		m.unit = string(u.Text(nil))
		if !slices.Contains(types.StandardUnit("").Values(), types.StandardUnit(m.unit)) {
			return m, false
		}
	}
	if r := v.Member("StorageResolution"); r.Kind != jsonscan.Missing {
		n, ok := integer(r)
		if !ok || n != 1 && n != 60 {
			return m, false
		}
		m.resolution = int(n)
	}
	return m, true
}

// values are the numbers of a metric's target: a number or an array of them.
func (x *emfExtraction) values(name string) ([]float64, bool) {
	target := x.root.Member(name)
	if target.Kind == jsonscan.Number {
		f, ok := number(target)
		return []float64{f}, ok
	}
	if target.Kind == jsonscan.Object {
		return distribution(target)
	}
	if target.Kind != jsonscan.Array {
		return nil, false
	}
	var out []float64
	for s := target.Scan(); s.Next(); {
		f, ok := number(s.Value)
		if !ok || len(out) == maxEMFValues {
			return nil, false
		}
		out = append(out, f)
	}
	return out, true
}

// distribution reads {"Values", "Counts"}, the form in which the CloudWatch agent
// writes histograms. Each value is given as often as it was counted, up to a
// bound on the whole.
func distribution(v jsonscan.Value) ([]float64, bool) {
	counts := v.Member("Counts").Scan()
	var out []float64
	for s := v.Member("Values").Scan(); s.Next(); {
		f, ok := number(s.Value)
		n := 1.0
		if counts.Next() {
			var counted bool
			n, counted = number(counts.Value)
			ok = ok && counted && n >= 0
		}
		if !ok || float64(len(out))+n > maxEMFCounted {
			return nil, false
		}
		for range int(n) {
			out = append(out, f)
		}
	}
	return out, len(out) > 0
}

// maxEMFCounted bounds the observations of one distribution.
const maxEMFCounted = 1_000_000

func number(v jsonscan.Value) (float64, bool) {
	if v.Kind != jsonscan.Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.Raw), 64)
	return f, err == nil && validValue(f)
}

// record adds the values under every set of dimensions.
func (x *emfExtraction) record(namespace string, m emfMetric, sets [][][2]string, values []float64) {
	if x.drop {
		return
	}
	for _, set := range sets {
		for _, v := range values {
			x.points.add(&api.Datapoint{
				Namespace: namespace, Name: m.name, Dimensions: set, Time: x.at, Unit: m.unit, Resolution: m.resolution,
			}, v, 1)
		}
	}
}
