package cloudwatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// maxDetectors is the quota of anomaly detectors (guide: quotas).
const maxDetectors = 500

// detectorID names a detector by what it watches, so that a Put of the same
// thing replaces it.
func detectorID(d *types.AnomalyDetector) string {
	var subject any = d.MetricMathAnomalyDetector
	if s := d.SingleMetricAnomalyDetector; s != nil {
		dims := slices.Clone(s.Dimensions)
		list := make([]dimension, len(dims))
		for i, x := range dims {
			list[i] = dimension{aws.ToString(x.Name), aws.ToString(x.Value)}
		}
		subject = []string{newIdentity(aws.ToString(s.Namespace), aws.ToString(s.MetricName), list).key(), aws.ToString(s.Stat)}
	}
	sum := sha256.Sum256(mustMarshal(subject))
	return hex.EncodeToString(sum[:8])
}

// detectorOf makes a detector of the members that the three requests share. The
// metric is given in a structure, in members that AWS deprecates, or as math.
func detectorOf(namespace, metric, stat *string, dims []types.Dimension, single *types.SingleMetricAnomalyDetector, math *types.MetricMathAnomalyDetector) (*types.AnomalyDetector, error) {
	old := namespace != nil || metric != nil || stat != nil || len(dims) > 0
	given := 0
	for _, is := range []bool{old, single != nil, math != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, invalidCombination("Give exactly one of SingleMetricAnomalyDetector, MetricMathAnomalyDetector, and the members Namespace, MetricName, Dimensions and Stat.")
	}
	if math != nil {
		if len(math.MetricDataQueries) == 0 {
			return nil, missing("The parameter MetricMathAnomalyDetector.MetricDataQueries is required.")
		}
		return &types.AnomalyDetector{MetricMathAnomalyDetector: math}, nil
	}
	if single == nil {
		single = &types.SingleMetricAnomalyDetector{Namespace: namespace, MetricName: metric, Stat: stat, Dimensions: dims}
	}
	if single.Namespace == nil || single.MetricName == nil || single.Stat == nil {
		return nil, missing("An anomaly detector of a metric needs Namespace, MetricName and Stat.")
	}
	if _, err := parseStatistic(*single.Stat); err != nil {
		return nil, invalidValue("The value %s for parameter Stat is not supported.", *single.Stat)
	}
	return &types.AnomalyDetector{
		SingleMetricAnomalyDetector: single,
		Namespace:                   single.Namespace, MetricName: single.MetricName, Stat: single.Stat, Dimensions: orEmpty(single.Dimensions),
	}, nil
}

// PutAnomalyDetector stores a detector. It has no effect on bands, which the
// sandbox computes by a simple model of its own for any metric.
func (s *Service) PutAnomalyDetector(ctx context.Context, in *cloudwatch.PutAnomalyDetectorInput) (*cloudwatch.PutAnomalyDetectorOutput, error) {
	d, err := detectorOf(in.Namespace, in.MetricName, in.Stat, in.Dimensions, in.SingleMetricAnomalyDetector, in.MetricMathAnomalyDetector)
	if err != nil {
		return nil, err
	}
	if c := in.Configuration; c != nil {
		for _, r := range c.ExcludedTimeRanges {
			if r.StartTime == nil || r.EndTime == nil || !r.EndTime.After(*r.StartTime) {
				return nil, invalidValue("ExcludedTimeRanges must have a StartTime before the EndTime.")
			}
		}
	}
	d.Configuration, d.MetricCharacteristics, d.StateValue = in.Configuration, in.MetricCharacteristics, types.AnomalyDetectorStateValueTrained
	d.AnomalyDetectorId = aws.String(detectorID(d))
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(api.CallerOf(ctx)))
	if set.detectors[*d.AnomalyDetectorId] == nil && len(set.detectors) >= maxDetectors {
		return nil, refuse("LimitExceededException", "LimitExceeded", 400, "There can be no more than %d anomaly detectors.", []any{maxDetectors})
	}
	set.detectors[*d.AnomalyDetectorId] = d
	return &cloudwatch.PutAnomalyDetectorOutput{AnomalyDetectorId: d.AnomalyDetectorId}, nil
}

// DescribeAnomalyDetectors lists detectors by ID.
func (s *Service) DescribeAnomalyDetectors(ctx context.Context, in *cloudwatch.DescribeAnomalyDetectorsInput) (*cloudwatch.DescribeAnomalyDetectorsOutput, error) {
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	limit := 100
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	out := &cloudwatch.DescribeAnomalyDetectorsOutput{AnomalyDetectors: []types.AnomalyDetector{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range sortedDetectors(s.alarmSetLocked(scopeOf(api.CallerOf(ctx))).detectors) {
		if *d.AnomalyDetectorId <= after || !asksFor(in, d) {
			continue
		}
		if n := len(out.AnomalyDetectors); n == limit {
			out.NextToken = encodeToken(*out.AnomalyDetectors[n-1].AnomalyDetectorId)
			break
		}
		out.AnomalyDetectors = append(out.AnomalyDetectors, *d)
	}
	return out, nil
}

// asksFor says whether the request asks for the detector. Without types it
// asks for those of single metrics.
func asksFor(in *cloudwatch.DescribeAnomalyDetectorsInput, d *types.AnomalyDetector) bool {
	kind := types.AnomalyDetectorTypeSingleMetric
	if d.MetricMathAnomalyDetector != nil {
		kind = types.AnomalyDetectorTypeMetricMath
	}
	if len(in.AnomalyDetectorIds) > 0 {
		return slices.Contains(in.AnomalyDetectorIds, *d.AnomalyDetectorId)
	}
	if len(in.AnomalyDetectorTypes) == 0 && kind != types.AnomalyDetectorTypeSingleMetric || len(in.AnomalyDetectorTypes) > 0 && !slices.Contains(in.AnomalyDetectorTypes, kind) {
		return false
	}
	if in.Namespace != nil && aws.ToString(d.Namespace) != *in.Namespace || in.MetricName != nil && aws.ToString(d.MetricName) != *in.MetricName {
		return false
	}
	for _, want := range in.Dimensions {
		if !slices.ContainsFunc(d.Dimensions, func(x types.Dimension) bool {
			return aws.ToString(x.Name) == aws.ToString(want.Name) && aws.ToString(x.Value) == aws.ToString(want.Value)
		}) {
			return false
		}
	}
	return true
}

// DeleteAnomalyDetector deletes a detector by its ID or by what it watches.
func (s *Service) DeleteAnomalyDetector(ctx context.Context, in *cloudwatch.DeleteAnomalyDetectorInput) (*cloudwatch.DeleteAnomalyDetectorOutput, error) {
	id := aws.ToString(in.AnomalyDetectorId)
	if id == "" {
		d, err := detectorOf(in.Namespace, in.MetricName, in.Stat, in.Dimensions, in.SingleMetricAnomalyDetector, in.MetricMathAnomalyDetector)
		if err != nil {
			return nil, err
		}
		id = detectorID(d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(api.CallerOf(ctx)))
	if set.detectors[id] == nil {
		return nil, refuse("ResourceNotFoundException", "", 404, "There is no such anomaly detector.", nil)
	}
	delete(set.detectors, id)
	return &cloudwatch.DeleteAnomalyDetectorOutput{}, nil
}

func (s *Service) importDetectorLocked(v json.RawMessage) error {
	var st detectorState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	s.alarmSetLocked(scope{st.Account, st.Region}).detectors[*st.Detector.AnomalyDetectorId] = &st.Detector
	return nil
}
