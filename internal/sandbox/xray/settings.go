package xray

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// settings are stored and told, and have no effect on a store in memory.
type settings struct {
	mu    sync.Mutex
	keyID *string // nil: default encryption
}

func (st *settings) reset() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.keyID = nil
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
