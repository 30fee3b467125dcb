package cloudwatch

import (
	"fmt"
	"math"
	"time"

	"github.com/sidelight-dev/sidelight/internal/metricmath"
)

// The sandbox's model of anomalies, in place of CloudWatch's trained one, which
// is not public: the band at a time is the mean of the series over the training
// span before it, plus and minus so many standard deviations. It knows no hours
// of the day and no days of the week. With fewer than bandLeast points before,
// there is no band, as there is none at CloudWatch before a model is trained.
const (
	bandPoints = 1440                // training never spans more periods
	bandSpan   = 14 * 24 * time.Hour // nor more time, as CloudWatch's
	bandLeast  = 3
)

// training is how many periods of training come before a request's own.
func training(period time.Duration) int {
	return min(bandPoints, int(bandSpan/period))
}

// anomalyBand computes the band of s at each of its points from those before.
func anomalyBand(s metricmath.Series, deviations float64) (lower, upper metricmath.Series, err error) {
	if s.Period <= 0 || s.Period > bandSpan {
		return lower, upper, fmt.Errorf("a band needs a period of at most %v", bandSpan)
	}
	span := int64(training(s.Period)) * int64(s.Period/time.Second)
	lower, upper = s, s
	lower.Points, upper.Points = nil, nil
	oldest := 0
	for i, p := range s.Points {
		for s.Points[oldest].Time < p.Time-span {
			oldest++
		}
		mean, deviation, ok := spread(s.Points[oldest:i])
		if !ok {
			continue
		}
		lower.Points = append(lower.Points, metricmath.Point{Time: p.Time, Value: mean - deviations*deviation})
		upper.Points = append(upper.Points, metricmath.Point{Time: p.Time, Value: mean + deviations*deviation})
	}
	return lower, upper, nil
}

// spread is the mean and the standard deviation of enough points.
func spread(points []metricmath.Point) (mean, deviation float64, ok bool) {
	if len(points) < bandLeast {
		return 0, 0, false
	}
	n := float64(len(points))
	for _, p := range points {
		mean += p.Value / n
	}
	var squares float64
	for _, p := range points {
		squares += (p.Value - mean) * (p.Value - mean)
	}
	return mean, math.Sqrt(squares / n), true
}

// within keeps the points of v that lie on times, which ascend.
func within(v metricmath.Value, times []int64) metricmath.Value {
	wanted := make(map[int64]bool, len(times))
	for _, t := range times {
		wanted[t] = true
	}
	out := metricmath.Value{Kind: v.Kind, Number: v.Number}
	for _, s := range v.Series {
		kept := s
		kept.Points = nil
		for _, p := range s.Points {
			if wanted[p.Time] {
				kept.Points = append(kept.Points, p)
			}
		}
		out.Series = append(out.Series, kept)
	}
	return out
}
