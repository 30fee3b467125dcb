package plan

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/agent/recipe/live"
)

// Identity tells whose credentials are in use. *sts.Client satisfies it.
type Identity interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

var _ Identity = (*sts.Client)(nil)

// Clients are the APIs that plans are made from. The clients must be of the
// stack's region.
type Clients struct {
	live.APIs
	Identity Identity
}

// NewClients returns the clients of AWS.
func NewClients(cfg aws.Config) Clients {
	cw := cloudwatch.NewFromConfig(cfg)
	return Clients{
		APIs: live.APIs{
			CloudWatch: cw, Dashboards: cw, Logs: cloudwatchlogs.NewFromConfig(cfg), XRay: xray.NewFromConfig(cfg),
			Tagging: resourcegroupstaggingapi.NewFromConfig(cfg),
		},
		Identity: sts.NewFromConfig(cfg),
	}
}

// Stores returns the stores of all kinds over the clients.
func (c Clients) Stores() *live.Stores { return live.New(c.APIs) }

// Guard returns a *Refused unless the credentials in use are of the account and
// the client is of the region. It returns the account. An empty account or
// region means any.
func (c Clients) Guard(ctx context.Context, account, region string) (string, error) {
	who, err := c.Identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("get caller identity: %w", err)
	}
	got := aws.ToString(who.Account)
	if account != "" && got != account {
		return got, &Refused{Reasons: []string{fmt.Sprintf("the credentials are of account %s, and the environment lives in %s", got, account)}}
	}
	if r := c.region(); region != "" && r != "" && r != region {
		return got, &Refused{Reasons: []string{fmt.Sprintf("the client is of the region %s, and the stack lives in %s", r, region)}}
	}
	return got, nil
}

// region returns that of the client, as far as the client tells.
func (c Clients) region() string {
	if o, ok := c.CloudWatch.(interface{ Options() cloudwatch.Options }); ok {
		return o.Options().Region
	}
	return ""
}
