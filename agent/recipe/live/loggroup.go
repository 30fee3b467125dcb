package live

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
)

// logGroups is the store of log groups.
type logGroups struct{ api *pace.LogsClient }

// Owned implements Store: groups have names of their own, and only their tags
// tell whose they are.
func (g *logGroups) Owned(context.Context, *ir.Stack) ([]string, error) { return nil, nil }

// Find implements Store.
func (g *logGroups) Find(ctx context.Context, names []string) (map[string]*Resource, error) {
	found := map[string]*Resource{}
	for _, name := range names {
		r, err := g.one(ctx, name)
		if err != nil {
			return nil, err
		}
		if r != nil {
			found[name] = r
		}
	}
	return found, nil
}

func (g *logGroups) one(ctx context.Context, name string) (*Resource, error) {
	in := &logs.DescribeLogGroupsInput{LogGroupNamePrefix: &name}
	out, err := g.api.DescribeLogGroups(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("describe log group %q: %w", name, err)
	}
	// Groups are returned in the order of their names, the shortest first.
	if len(out.LogGroups) == 0 || aws.ToString(out.LogGroups[0].LogGroupName) != name {
		return nil, nil
	}
	r := logGroup(out.LogGroups[0])
	tags, err := g.api.ListTagsForResource(ctx, &logs.ListTagsForResourceInput{ResourceArn: &r.ARN})
	if notFound(err) {
		return nil, nil // deleted in between
	}
	if err != nil {
		return nil, fmt.Errorf("list tags of log group %q: %w", name, err)
	}
	r.Tags = tags.Tags
	return r, nil
}

func logGroup(g types.LogGroup) *Resource {
	body := &ir.LogGroup{
		RetentionInDays: aws.ToInt32(g.RetentionInDays), LogGroupClass: string(g.LogGroupClass),
		KmsKeyId: aws.ToString(g.KmsKeyId), DeletionProtectionEnabled: aws.ToBool(g.DeletionProtectionEnabled),
	}
	r := &Resource{
		Key: ir.Key{Kind: ir.LogGroupKind, Name: aws.ToString(g.LogGroupName)}, Body: body,
		// The ARN that tags are put on is the one without the wildcard.
		ARN: cmp.Or(aws.ToString(g.LogGroupArn), strings.TrimSuffix(aws.ToString(g.Arn), ":*")),
	}
	if policy := aws.ToString(g.RetentionPolicyName); policy != "" {
		r.Overruled = map[string]string{"RetentionInDays": "the account's retention policy " + policy + " decides"}
	}
	return r
}

// Put implements Store. The class of a group cannot be changed.
func (g *logGroups) Put(ctx context.Context, r *ir.Resource, tags map[string]string, old *Resource) error {
	want, ok := r.Body.(*ir.LogGroup)
	if !ok {
		return fmt.Errorf("put log group %q: it is a %s", r.Name, r.Kind().Words())
	}
	have := &ir.LogGroup{LogGroupClass: want.LogGroupClass}
	if old != nil {
		have, _ = old.Body.(*ir.LogGroup)
	} else if err := g.create(ctx, r.Name, want, tags); err != nil {
		return err
	} else {
		have.KmsKeyId, have.DeletionProtectionEnabled = want.KmsKeyId, want.DeletionProtectionEnabled
	}
	for _, step := range []struct {
		due bool
		do  func(context.Context, string, *ir.LogGroup) error
	}{
		{want.RetentionInDays != have.RetentionInDays, g.retain},
		{want.KmsKeyId != have.KmsKeyId, g.encrypt},
		{want.DeletionProtectionEnabled != have.DeletionProtectionEnabled, g.protect},
	} {
		if !step.due {
			continue
		}
		if err := step.do(ctx, r.Name, want); err != nil {
			return err
		}
	}
	return nil
}

func (g *logGroups) create(ctx context.Context, name string, want *ir.LogGroup, tags map[string]string) error {
	in := &logs.CreateLogGroupInput{LogGroupName: &name, KmsKeyId: text(want.KmsKeyId), LogGroupClass: types.LogGroupClass(want.LogGroupClass), Tags: tags}
	if want.DeletionProtectionEnabled {
		in.DeletionProtectionEnabled = aws.Bool(true)
	}
	if _, err := g.api.CreateLogGroup(ctx, in); err != nil {
		return fmt.Errorf("create log group: %w", err)
	}
	return nil
}

func (g *logGroups) retain(ctx context.Context, name string, want *ir.LogGroup) error {
	var err error
	if want.RetentionInDays == 0 {
		_, err = g.api.DeleteRetentionPolicy(ctx, &logs.DeleteRetentionPolicyInput{LogGroupName: &name})
	} else {
		_, err = g.api.PutRetentionPolicy(ctx, &logs.PutRetentionPolicyInput{LogGroupName: &name, RetentionInDays: &want.RetentionInDays})
	}
	if err != nil {
		return fmt.Errorf("set retention of log group: %w", err)
	}
	return nil
}

func (g *logGroups) encrypt(ctx context.Context, name string, want *ir.LogGroup) error {
	var err error
	if want.KmsKeyId == "" {
		_, err = g.api.DisassociateKmsKey(ctx, &logs.DisassociateKmsKeyInput{LogGroupName: &name})
	} else {
		_, err = g.api.AssociateKmsKey(ctx, &logs.AssociateKmsKeyInput{LogGroupName: &name, KmsKeyId: &want.KmsKeyId})
	}
	if err != nil {
		return fmt.Errorf("set key of log group: %w", err)
	}
	return nil
}

func (g *logGroups) protect(ctx context.Context, name string, want *ir.LogGroup) error {
	in := &logs.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: &name, DeletionProtectionEnabled: &want.DeletionProtectionEnabled}
	if _, err := g.api.PutLogGroupDeletionProtection(ctx, in); err != nil {
		return fmt.Errorf("set deletion protection of log group: %w", err)
	}
	return nil
}

// Tag implements Tagger.
func (g *logGroups) Tag(ctx context.Context, old *Resource, set map[string]string, gone []string) error {
	return tagLogs(ctx, g.api, old, set, gone)
}

// tagLogs removes and sets tags of a resource of CloudWatch Logs.
func tagLogs(ctx context.Context, api *pace.LogsClient, old *Resource, set map[string]string, gone []string) error {
	if len(gone) > 0 {
		if _, err := api.UntagResource(ctx, &logs.UntagResourceInput{ResourceArn: &old.ARN, TagKeys: gone}); err != nil {
			return fmt.Errorf("untag %s: %w", old.Key.Kind.Words(), err)
		}
	}
	if len(set) > 0 {
		if _, err := api.TagResource(ctx, &logs.TagResourceInput{ResourceArn: &old.ARN, Tags: set}); err != nil {
			return fmt.Errorf("tag %s: %w", old.Key.Kind.Words(), err)
		}
	}
	return nil
}

// Delete implements Store. Logs refuses to delete a group under deletion
// protection.
func (g *logGroups) Delete(ctx context.Context, rs []*Resource) error {
	for _, r := range rs {
		if _, err := g.api.DeleteLogGroup(ctx, &logs.DeleteLogGroupInput{LogGroupName: &r.Key.Name}); err != nil && !notFound(err) {
			return fmt.Errorf("delete log group: %w", err)
		}
	}
	return nil
}
