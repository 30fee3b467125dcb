package logs

import (
	"context"
	"encoding/json"
	"strings"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// What this file and those of deliveries, anomaly detectors, exports and policies
// of the account are about is stored and told, and has no effect: nothing is
// masked, transformed, learnt, exported or delivered here.

// protection is the data protection policy of a group. Nothing is masked by it, as
// for a reader who may unmask.
type protection struct {
	Document string
	Updated  int64
}

// transformer is that of a group.
type transformer struct {
	Config            []types.Processor
	Created, Modified int64
}

// storedOperations are those on what has no effect.
func (s *Service) storedOperations() []api.Operation {
	return append([]api.Operation{
		api.Op("PutDataProtectionPolicy", s.putDataProtectionPolicy),
		api.Op("GetDataProtectionPolicy", s.getDataProtectionPolicy),
		api.Op("DeleteDataProtectionPolicy", s.deleteDataProtectionPolicy),
		api.Op("PutTransformer", s.putTransformer),
		api.Op("GetTransformer", s.getTransformer),
		api.Op("DeleteTransformer", s.deleteTransformer),
		api.Op("CreateLogAnomalyDetector", s.createLogAnomalyDetector),
		api.Op("GetLogAnomalyDetector", s.getLogAnomalyDetector),
		api.Op("UpdateLogAnomalyDetector", s.updateLogAnomalyDetector),
		api.Op("DeleteLogAnomalyDetector", s.deleteLogAnomalyDetector),
		api.Op("ListLogAnomalyDetectors", s.listLogAnomalyDetectors),
		api.Op("ListAnomalies", s.listAnomalies),
		api.Op("CreateExportTask", s.createExportTask),
		api.Op("DescribeExportTasks", s.describeExportTasks),
		api.Op("CancelExportTask", s.cancelExportTask),
		api.Op("PutAccountPolicy", s.putAccountPolicy),
		api.Op("DescribeAccountPolicies", s.describeAccountPolicies),
		api.Op("DeleteAccountPolicy", s.deleteAccountPolicy),
	}, s.deliveryOperations()...)
}

// isJSON refuses a document that is no JSON object.
func isJSON(document *string) error {
	var o map[string]json.RawMessage
	if document == nil || json.Unmarshal([]byte(*document), &o) != nil {
		return invalid("The policy document must be a JSON object.")
	}
	return nil
}

func (s *Service) putDataProtectionPolicy(ctx context.Context, in *cwl.PutDataProtectionPolicyInput) (*cwl.PutDataProtectionPolicyOutput, error) {
	if in.LogGroupIdentifier == nil {
		return nil, missing("logGroupIdentifier")
	}
	g, err := s.identified(ctx, nil, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if err := isJSON(in.PolicyDocument); err != nil {
		return nil, err
	}
	p := &protection{*in.PolicyDocument, s.now()}
	if err := s.shelve(ctx, kindProtection, g.name, p, nil); err != nil {
		return nil, err
	}
	return &cwl.PutDataProtectionPolicyOutput{LogGroupIdentifier: in.LogGroupIdentifier, PolicyDocument: &p.Document, LastUpdatedTime: &p.Updated}, nil
}

// ofGroup finds what a group has one of, or nil.
func (s *Service) ofGroup(ctx context.Context, kind string, identifier *string) (*group, any, error) {
	if identifier == nil {
		return nil, nil, missing("logGroupIdentifier")
	}
	g, err := s.identified(ctx, nil, identifier)
	if err != nil {
		return nil, nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.shelf[shelfKey{g.region, kind, g.name}]; r != nil {
		return g, r.value, nil
	}
	return g, nil, nil
}

func (s *Service) getDataProtectionPolicy(ctx context.Context, in *cwl.GetDataProtectionPolicyInput) (*cwl.GetDataProtectionPolicyOutput, error) {
	_, v, err := s.ofGroup(ctx, kindProtection, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	out := &cwl.GetDataProtectionPolicyOutput{LogGroupIdentifier: in.LogGroupIdentifier}
	if p, ok := v.(*protection); ok {
		out.PolicyDocument, out.LastUpdatedTime = &p.Document, &p.Updated
	}
	return out, nil
}

// dropOf takes away what a group has one of.
func (s *Service) dropOf(ctx context.Context, kind string, identifier *string) error {
	g, v, err := s.ofGroup(ctx, kind, identifier)
	if err == nil && v == nil {
		err = notFound(strings.ReplaceAll(kind, "-", " "))
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shelf, shelfKey{g.region, kind, g.name})
	return nil
}

func (s *Service) deleteDataProtectionPolicy(ctx context.Context, in *cwl.DeleteDataProtectionPolicyInput) (*cwl.DeleteDataProtectionPolicyOutput, error) {
	return &cwl.DeleteDataProtectionPolicyOutput{}, s.dropOf(ctx, kindProtection, in.LogGroupIdentifier)
}

// maxProcessors is the most processors of a transformer (SDK: PutTransformer).
const maxProcessors = 20

func (s *Service) putTransformer(ctx context.Context, in *cwl.PutTransformerInput) (*cwl.PutTransformerOutput, error) {
	g, old, err := s.ofGroup(ctx, kindTransformer, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if n := len(in.TransformerConfig); n < 1 || n > maxProcessors {
		return nil, invalid("A transformer must have 1 to %d processors.", maxProcessors)
	}
	t := &transformer{in.TransformerConfig, s.now(), s.now()}
	if before, ok := old.(*transformer); ok {
		t.Created = before.Created
	}
	return &cwl.PutTransformerOutput{}, s.shelve(ctx, kindTransformer, g.name, t, nil)
}

func (s *Service) getTransformer(ctx context.Context, in *cwl.GetTransformerInput) (*cwl.GetTransformerOutput, error) {
	_, v, err := s.ofGroup(ctx, kindTransformer, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	t, ok := v.(*transformer)
	if !ok {
		return &cwl.GetTransformerOutput{LogGroupIdentifier: in.LogGroupIdentifier}, nil
	}
	return &cwl.GetTransformerOutput{
		LogGroupIdentifier: in.LogGroupIdentifier, TransformerConfig: t.Config, CreationTime: &t.Created, LastModifiedTime: &t.Modified,
	}, nil
}

func (s *Service) deleteTransformer(ctx context.Context, in *cwl.DeleteTransformerInput) (*cwl.DeleteTransformerOutput, error) {
	return &cwl.DeleteTransformerOutput{}, s.dropOf(ctx, kindTransformer, in.LogGroupIdentifier)
}
