package sts_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

func TestGetCallerIdentity(t *testing.T) {
	s := sandboxtest.New(t, func(o *sandbox.Options) { o.Account = "123456789012" })
	got, err := sts.NewFromConfig(sandboxtest.Config(s)).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *got.Account != "123456789012" || *got.Arn != "arn:aws:iam::123456789012:user/sandbox" || *got.UserId == "" {
		t.Errorf("identity is %s %s %s", *got.Account, *got.Arn, *got.UserId)
	}
}
