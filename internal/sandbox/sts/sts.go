// Package sts emulates the part of the AWS Security Token Service that tools
// call to find out who they are.
package sts

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Service implements api.Service. It holds no state.
type Service struct{}

var _ api.Service = (*Service)(nil)

// New returns the service.
func New() *Service { return &Service{} }

// Name implements api.Service.
func (*Service) Name() string { return "sts" }

// Operations implements api.Service.
func (s *Service) Operations() []api.Operation {
	return []api.Operation{api.Op("GetCallerIdentity", s.callerIdentity)}
}

// callerIdentity names every caller a user of the sandbox's account.
func (*Service) callerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	account := api.CallerOf(ctx).Account
	return &sts.GetCallerIdentityOutput{
		Account: aws.String(account),
		Arn:     aws.String("arn:aws:iam::" + account + ":user/sandbox"),
		UserId:  aws.String("AIDASANDBOX0000000000"),
	}, nil
}
