package cloudwatch

import (
	"slices"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// AppendDatum appends p as one MetricDatum of a CBOR request. A point with
// values carries values and counts, which keeps its percentiles exact; one
// without carries a statistic set.
func AppendDatum(dst []byte, p *sidelight.Point) []byte {
	dst = append(dst, wire.CBORMap)
	dst = wire.AppendCBORText(dst, "MetricName")
	dst = wire.AppendCBORText(dst, p.Name)
	dst = appendDimensions(dst, p.Dimensions)
	dst = wire.AppendCBORText(dst, "Timestamp")
	dst = wire.AppendCBORTime(dst, p.Time)
	if p.Unit != "" {
		dst = wire.AppendCBORText(dst, "Unit")
		dst = wire.AppendCBORText(dst, p.Unit)
	}
	if p.Resolution == 1 {
		dst = wire.AppendCBORText(dst, "StorageResolution")
		dst = wire.AppendCBORInt(dst, 1)
	}
	dst = appendValue(dst, p)
	return append(dst, wire.CBORBreak)
}

func appendDimensions(dst []byte, dims []sidelight.Dimension) []byte {
	if len(dims) == 0 {
		return dst
	}
	dst = wire.AppendCBORText(dst, "Dimensions")
	dst = append(dst, wire.CBORArray)
	for _, d := range dims {
		dst = append(dst, wire.CBORMap)
		dst = wire.AppendCBORText(dst, "Name")
		dst = wire.AppendCBORText(dst, d.Name)
		dst = wire.AppendCBORText(dst, "Value")
		dst = wire.AppendCBORText(dst, d.Value)
		dst = append(dst, wire.CBORBreak)
	}
	return append(dst, wire.CBORBreak)
}

func appendValue(dst []byte, p *sidelight.Point) []byte {
	switch {
	case len(p.Values) == 1 && p.Counts[0] == 1:
		dst = wire.AppendCBORText(dst, "Value")
		return wire.AppendCBORNumber(dst, p.Values[0])
	case len(p.Values) > 0:
		dst = appendFloats(dst, "Values", p.Values)
		if slices.ContainsFunc(p.Counts, func(c float64) bool { return c != 1 }) {
			dst = appendFloats(dst, "Counts", p.Counts)
		}
		return dst
	}
	dst = wire.AppendCBORText(dst, "StatisticValues")
	dst = append(dst, wire.CBORMap)
	for _, f := range [...]struct {
		name  string
		value float64
	}{{"SampleCount", p.Stats.Count}, {"Sum", p.Stats.Sum}, {"Minimum", p.Stats.Min}, {"Maximum", p.Stats.Max}} {
		dst = wire.AppendCBORText(dst, f.name)
		dst = wire.AppendCBORNumber(dst, f.value)
	}
	return append(dst, wire.CBORBreak)
}

func appendFloats(dst []byte, name string, list []float64) []byte {
	dst = wire.AppendCBORText(dst, name)
	dst = append(dst, wire.CBORArray)
	for _, v := range list {
		dst = wire.AppendCBORNumber(dst, v)
	}
	return append(dst, wire.CBORBreak)
}
