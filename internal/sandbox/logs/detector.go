package logs

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Limits of anomaly detectors (SDK: CreateLogAnomalyDetector).
const (
	minVisibility     = 7
	maxVisibility     = 90
	defaultVisibility = 21
)

func checkVisibility(days *int64) error {
	if days != nil && (*days < minVisibility || *days > maxVisibility) {
		return invalid("anomalyVisibilityTime must be between %d and %d days.", minVisibility, maxVisibility)
	}
	return nil
}

// createLogAnomalyDetector stores a detector, which stays initializing: nothing is
// learnt here.
func (s *Service) createLogAnomalyDetector(ctx context.Context, in *cwl.CreateLogAnomalyDetectorInput) (*cwl.CreateLogAnomalyDetectorOutput, error) {
	if len(in.LogGroupArnList) != 1 {
		return nil, invalid("logGroupArnList must have the ARN of one log group.")
	}
	if _, err := s.identified(ctx, nil, &in.LogGroupArnList[0]); err != nil {
		return nil, err
	}
	if err := checkVisibility(in.AnomalyVisibilityTime); err != nil {
		return nil, err
	}
	id := newUUID()
	d := &types.AnomalyDetector{
		AnomalyDetectorArn: aws.String(resourceARN(ctx, kindDetector, id)), AnomalyDetectorStatus: types.AnomalyDetectorStatusInitializing,
		AnomalyVisibilityTime: in.AnomalyVisibilityTime, CreationTimeStamp: s.now(), LastModifiedTimeStamp: s.now(), DetectorName: in.DetectorName,
		EvaluationFrequency: in.EvaluationFrequency, FilterPattern: in.FilterPattern, KmsKeyId: in.KmsKeyId, LogGroupArnList: in.LogGroupArnList,
	}
	if d.AnomalyVisibilityTime == nil {
		d.AnomalyVisibilityTime = aws.Int64(defaultVisibility)
	}
	return &cwl.CreateLogAnomalyDetectorOutput{AnomalyDetectorArn: d.AnomalyDetectorArn}, s.shelve(ctx, kindDetector, id, d, in.Tags)
}

func (s *Service) detector(ctx context.Context, arn *string) (*types.AnomalyDetector, string, error) {
	r, id, err := s.shelved(ctx, kindDetector, "anomalyDetectorArn", arn)
	if err != nil {
		return nil, "", err
	}
	return r.value.(*types.AnomalyDetector), id, nil
}

func (s *Service) getLogAnomalyDetector(ctx context.Context, in *cwl.GetLogAnomalyDetectorInput) (*cwl.GetLogAnomalyDetectorOutput, error) {
	d, _, err := s.detector(ctx, in.AnomalyDetectorArn)
	if err != nil {
		return nil, err
	}
	return &cwl.GetLogAnomalyDetectorOutput{
		AnomalyDetectorStatus: d.AnomalyDetectorStatus, AnomalyVisibilityTime: d.AnomalyVisibilityTime, CreationTimeStamp: d.CreationTimeStamp,
		DetectorName: d.DetectorName, EvaluationFrequency: d.EvaluationFrequency, FilterPattern: d.FilterPattern, KmsKeyId: d.KmsKeyId,
		LastModifiedTimeStamp: d.LastModifiedTimeStamp, LogGroupArnList: d.LogGroupArnList,
	}, nil
}

// updateLogAnomalyDetector changes what is given.
func (s *Service) updateLogAnomalyDetector(ctx context.Context, in *cwl.UpdateLogAnomalyDetectorInput) (*cwl.UpdateLogAnomalyDetectorOutput, error) {
	old, id, err := s.detector(ctx, in.AnomalyDetectorArn)
	switch {
	case err != nil:
		return nil, err
	case in.Enabled == nil:
		return nil, missing("enabled")
	}
	if err := checkVisibility(in.AnomalyVisibilityTime); err != nil {
		return nil, err
	}
	d := *old
	d.LastModifiedTimeStamp, d.AnomalyDetectorStatus = s.now(), types.AnomalyDetectorStatusPaused
	if *in.Enabled {
		d.AnomalyDetectorStatus = types.AnomalyDetectorStatusInitializing
	}
	if in.AnomalyVisibilityTime != nil {
		d.AnomalyVisibilityTime = in.AnomalyVisibilityTime
	}
	if in.EvaluationFrequency != "" {
		d.EvaluationFrequency = in.EvaluationFrequency
	}
	if in.FilterPattern != nil {
		d.FilterPattern = in.FilterPattern
	}
	return &cwl.UpdateLogAnomalyDetectorOutput{}, s.shelve(ctx, kindDetector, id, &d, nil)
}

func (s *Service) deleteLogAnomalyDetector(ctx context.Context, in *cwl.DeleteLogAnomalyDetectorInput) (*cwl.DeleteLogAnomalyDetectorOutput, error) {
	return &cwl.DeleteLogAnomalyDetectorOutput{}, s.unshelve(ctx, kindDetector, "anomalyDetectorArn", in.AnomalyDetectorArn)
}

func (s *Service) listLogAnomalyDetectors(ctx context.Context, in *cwl.ListLogAnomalyDetectorsInput) (*cwl.ListLogAnomalyDetectorsOutput, error) {
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	found, next, err := s.shelfNames(ctx, kindDetector, in.NextToken, limit, func(r *resource) bool {
		return in.FilterLogGroupArn == nil || slices.Contains(r.value.(*types.AnomalyDetector).LogGroupArnList, *in.FilterLogGroupArn)
	})
	if err != nil {
		return nil, err
	}
	out := &cwl.ListLogAnomalyDetectorsOutput{NextToken: next, AnomalyDetectors: []types.AnomalyDetector{}}
	for _, r := range found {
		out.AnomalyDetectors = append(out.AnomalyDetectors, *r.value.(*types.AnomalyDetector))
	}
	return out, nil
}

// listAnomalies knows none.
func (s *Service) listAnomalies(ctx context.Context, in *cwl.ListAnomaliesInput) (*cwl.ListAnomaliesOutput, error) {
	if in.AnomalyDetectorArn != nil {
		if _, _, err := s.detector(ctx, in.AnomalyDetectorArn); err != nil {
			return nil, err
		}
	}
	if in.NextToken != nil {
		return nil, invalid("The specified nextToken is invalid.")
	}
	return &cwl.ListAnomaliesOutput{Anomalies: []types.Anomaly{}}, nil
}
