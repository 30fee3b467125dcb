package xray

import (
	"maps"
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// maxHistogram is how many entries a histogram may have before its entries are
// made coarser. X-Ray's own rule is not published.
const maxHistogram = 200

// tally sums items. The zero value is empty.
type tally struct {
	ok, throttle, otherError, fault int64
	seconds                         float64
	response, lasting               map[int64]int32 // count by milliseconds
	first, last                     float64         // epoch seconds, of items counted and in progress
}

// add counts an item in exactly one class: fault before error before ok. Items
// in progress have no outcome yet and are not counted.
func (y *tally) add(i item) {
	if y.first == 0 || i.start < y.first {
		y.first = i.start
	}
	y.last = max(y.last, i.start, i.end)
	if !i.done() {
		return
	}
	switch {
	case i.fault:
		y.fault++
	case i.throttle:
		y.throttle++
	case i.error:
		y.otherError++
	default:
		y.ok++
	}
	y.seconds += i.seconds()
	if y.response == nil {
		y.response, y.lasting = map[int64]int32{}, map[int64]int32{}
	}
	y.response[millis(i.seconds())]++
	y.lasting[millis(i.lasting)]++
}

func millis(seconds float64) int64 { return int64(math.Round(seconds * 1000)) }

func (y *tally) total() int64 { return y.ok + y.throttle + y.otherError + y.fault }

func (y *tally) errors() *types.ErrorStatistics {
	return &types.ErrorStatistics{
		ThrottleCount: aws.Int64(y.throttle), OtherCount: aws.Int64(y.otherError),
		TotalCount: aws.Int64(y.throttle + y.otherError),
	}
}

func (y *tally) faults() *types.FaultStatistics {
	return &types.FaultStatistics{OtherCount: aws.Int64(y.fault), TotalCount: aws.Int64(y.fault)}
}

func (y *tally) responseTime() *float64 { return aws.Float64(math.Round(y.seconds*1e6) / 1e6) }

func (y *tally) service() *types.ServiceStatistics {
	return &types.ServiceStatistics{
		OkCount: aws.Int64(y.ok), ErrorStatistics: y.errors(), FaultStatistics: y.faults(),
		TotalCount: aws.Int64(y.total()), TotalResponseTime: y.responseTime(),
	}
}

func (y *tally) edge() *types.EdgeStatistics {
	return &types.EdgeStatistics{
		OkCount: aws.Int64(y.ok), ErrorStatistics: y.errors(), FaultStatistics: y.faults(),
		TotalCount: aws.Int64(y.total()), TotalResponseTime: y.responseTime(),
	}
}

// histogram lists counts by seconds in ascending order: one entry for each
// millisecond that occurs, or, if those are many, for each 2, 5, 10, 20 …
// milliseconds, named by its middle rounded down.
func histogram(counts map[int64]int32) []types.HistogramEntry {
	exact := counts
	for step := int64(1); len(counts) > maxHistogram; {
		step = nextStep(step)
		counts = map[int64]int32{}
		for ms, c := range exact {
			counts[ms/step*step+step/2] += c
		}
	}
	out := make([]types.HistogramEntry, 0, len(counts))
	for _, ms := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, types.HistogramEntry{Value: float64(ms) / 1000, Count: counts[ms]})
	}
	return out
}

// nextStep goes 1, 2, 5, 10, 20, 50 …
func nextStep(step int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		switch step {
		case unit:
			return 2 * unit
		case 2 * unit:
			return 5 * unit
		case 5 * unit:
			return 10 * unit
		}
	}
}
