package logs

import (
	"context"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// setKey changes the key of a group, which the sandbox stores and does not use.
func (s *Service) setKey(ctx context.Context, name, identifier *string, key string) error {
	g, err := s.identified(ctx, name, identifier)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kms = key
	return nil
}

func (s *Service) associateKmsKey(ctx context.Context, in *cwl.AssociateKmsKeyInput) (*cwl.AssociateKmsKeyOutput, error) {
	if err := (&textRule{"kmsKeyId", 1, 256, nil}).check(in.KmsKeyId); err != nil {
		return nil, err
	}
	return &cwl.AssociateKmsKeyOutput{}, s.setKey(ctx, in.LogGroupName, in.ResourceIdentifier, *in.KmsKeyId)
}

func (s *Service) disassociateKmsKey(ctx context.Context, in *cwl.DisassociateKmsKeyInput) (*cwl.DisassociateKmsKeyOutput, error) {
	return &cwl.DisassociateKmsKeyOutput{}, s.setKey(ctx, in.LogGroupName, in.ResourceIdentifier, "")
}
