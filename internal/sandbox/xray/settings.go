package xray

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// settings are stored and told, and have no effect on a store in memory.
type settings struct {
	mu    sync.Mutex
	keyID *string // nil: default encryption
	// indexed is the share of traces to index, in percent.
	indexed  float64
	modified time.Time
}

const (
	// defaultIndexing is what X-Ray indexes of what Transaction Search takes in,
	// in percent.
	defaultIndexing = 1
	indexingRule    = "Default"
)

func (st *settings) reset(now time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.keyID, st.indexed, st.modified = nil, defaultIndexing, now
}

// rule is the indexing rule. Without Transaction Search every trace is indexed,
// whatever is desired.
func (st *settings) rule() types.IndexingRule {
	return types.IndexingRule{Name: aws.String(indexingRule), ModifiedAt: aws.Time(st.modified), Rule: &types.IndexingRuleValueMemberProbabilistic{
		Value: types.ProbabilisticRuleValue{DesiredSamplingPercentage: aws.Float64(st.indexed), ActualSamplingPercentage: aws.Float64(100)},
	}}
}

func (st *settings) encryption() *types.EncryptionConfig {
	c := &types.EncryptionConfig{Status: types.EncryptionStatusActive, Type: types.EncryptionTypeNone}
	if st.keyID != nil {
		c.Type, c.KeyId = types.EncryptionTypeKms, st.keyID
	}
	return c
}

// GetEncryptionConfig tells what PutEncryptionConfig set.
func (s *Service) GetEncryptionConfig(context.Context, *xray.GetEncryptionConfigInput) (*xray.GetEncryptionConfigOutput, error) {
	s.settings.mu.Lock()
	defer s.settings.mu.Unlock()
	return &xray.GetEncryptionConfigOutput{EncryptionConfig: s.settings.encryption()}, nil
}

// PutEncryptionConfig stores the configuration. Nothing is encrypted here.
func (s *Service) PutEncryptionConfig(_ context.Context, in *xray.PutEncryptionConfigInput) (*xray.PutEncryptionConfigOutput, error) {
	switch {
	case in.Type == types.EncryptionTypeKms && aws.ToString(in.KeyId) == "":
		return nil, invalid("Type KMS needs a KeyId")
	case in.Type == types.EncryptionTypeNone && in.KeyId != nil:
		return nil, invalid("Type NONE takes no KeyId")
	case in.Type != types.EncryptionTypeKms && in.Type != types.EncryptionTypeNone:
		return nil, invalid("Type must be NONE or KMS")
	}
	s.settings.mu.Lock()
	defer s.settings.mu.Unlock()
	s.settings.keyID = in.KeyId
	return &xray.PutEncryptionConfigOutput{EncryptionConfig: s.settings.encryption()}, nil
}

// GetTraceSegmentDestination tells that segments go to X-Ray: the sandbox has no
// Transaction Search.
func (s *Service) GetTraceSegmentDestination(context.Context, *xray.GetTraceSegmentDestinationInput) (*xray.GetTraceSegmentDestinationOutput, error) {
	return &xray.GetTraceSegmentDestinationOutput{
		Destination: types.TraceSegmentDestinationXRay, Status: types.TraceSegmentDestinationStatusActive,
	}, nil
}

// UpdateTraceSegmentDestination confirms X-Ray as the destination and refuses
// any other: the sandbox has no Transaction Search.
func (s *Service) UpdateTraceSegmentDestination(ctx context.Context, in *xray.UpdateTraceSegmentDestinationInput) (*xray.UpdateTraceSegmentDestinationOutput, error) {
	if in.Destination != types.TraceSegmentDestinationXRay {
		return nil, invalid("Destination %q is not supported: the sandbox has no Transaction Search", in.Destination)
	}
	return &xray.UpdateTraceSegmentDestinationOutput{Destination: in.Destination, Status: types.TraceSegmentDestinationStatusActive}, nil
}

// GetIndexingRules tells the one rule there is.
func (s *Service) GetIndexingRules(_ context.Context, in *xray.GetIndexingRulesInput) (*xray.GetIndexingRulesOutput, error) {
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	s.settings.mu.Lock()
	defer s.settings.mu.Unlock()
	return &xray.GetIndexingRulesOutput{IndexingRules: []types.IndexingRule{s.settings.rule()}}, nil
}

// UpdateIndexingRule stores the desired share. All traces are indexed here.
func (s *Service) UpdateIndexingRule(_ context.Context, in *xray.UpdateIndexingRuleInput) (*xray.UpdateIndexingRuleOutput, error) {
	if name := aws.ToString(in.Name); name != indexingRule {
		return nil, notFound("", "there is no indexing rule %q", name)
	}
	rule, ok := in.Rule.(*types.IndexingRuleValueUpdateMemberProbabilistic)
	if !ok {
		return nil, invalid("Rule must be a Probabilistic one")
	}
	v := aws.ToFloat64(rule.Value.DesiredSamplingPercentage)
	if rule.Value.DesiredSamplingPercentage == nil || !(v >= 0 && v <= 100) {
		return nil, invalid("DesiredSamplingPercentage must be between 0 and 100")
	}
	s.settings.mu.Lock()
	defer s.settings.mu.Unlock()
	s.settings.indexed, s.settings.modified = v, *s.now()
	changed := s.settings.rule()
	return &xray.UpdateIndexingRuleOutput{IndexingRule: &changed}, nil
}

// GetInsightSummaries lists no insights: none are made here.
func (s *Service) GetInsightSummaries(_ context.Context, in *xray.GetInsightSummariesInput) (*xray.GetInsightSummariesOutput, error) {
	if in.StartTime == nil || in.EndTime == nil || in.EndTime.Before(*in.StartTime) {
		return nil, invalid("StartTime and EndTime are required, in order")
	}
	if err := one("Group", in.GroupName, in.GroupARN); err != nil {
		return nil, err
	}
	if _, err := s.groups.filter(in.GroupName, in.GroupARN); err != nil {
		return nil, err
	}
	return &xray.GetInsightSummariesOutput{InsightSummaries: []types.InsightSummary{}}, noToken(in.NextToken)
}

// GetInsight knows no insight.
func (s *Service) GetInsight(_ context.Context, in *xray.GetInsightInput) (*xray.GetInsightOutput, error) {
	return nil, invalid("there is no insight %q", aws.ToString(in.InsightId))
}

// GetInsightEvents knows no insight.
func (s *Service) GetInsightEvents(_ context.Context, in *xray.GetInsightEventsInput) (*xray.GetInsightEventsOutput, error) {
	return nil, invalid("there is no insight %q", aws.ToString(in.InsightId))
}

// GetInsightImpactGraph knows no insight.
func (s *Service) GetInsightImpactGraph(_ context.Context, in *xray.GetInsightImpactGraphInput) (*xray.GetInsightImpactGraphOutput, error) {
	return nil, invalid("there is no insight %q", aws.ToString(in.InsightId))
}
