package logs

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// page cuts a page out of items, which are in the order of the answer. A token
// names the last item of the page before and its place, so that pages neither
// repeat nor miss items when others come and go.
func page[T any](items []T, token *string, limit int, key func(T) string) ([]T, *string, error) {
	start := 0
	if token != nil {
		place, last, err := readPageToken(*token)
		if err != nil {
			return nil, nil, err
		}
		start = min(place, len(items))
		if i := slices.IndexFunc(items, func(it T) bool { return key(it) == last }); i >= 0 {
			start = i + 1
		}
	}
	rest := items[start:]
	if len(rest) <= limit {
		return rest, nil, nil
	}
	next := strconv.Itoa(start+limit) + ":" + key(rest[limit-1])
	return rest[:limit], aws.String(base64.RawURLEncoding.EncodeToString([]byte(next))), nil
}

func readPageToken(token string) (place int, last string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	number, last, ok := strings.Cut(string(b), ":")
	place, numErr := strconv.Atoi(number)
	if err != nil || !ok || numErr != nil || place < 0 {
		return 0, "", invalid("The specified nextToken is invalid.")
	}
	return place, last, nil
}

func groupName(g *group) string { return g.name }

func (s *Service) describeLogGroups(ctx context.Context, in *cwl.DescribeLogGroupsInput) (*cwl.DescribeLogGroupsOutput, error) {
	if err := firstError(groupPrefixRule("logGroupNamePrefix").checkOptional(in.LogGroupNamePrefix),
		groupPrefixRule("logGroupNamePattern").checkOptional(in.LogGroupNamePattern)); err != nil {
		return nil, err
	}
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, invalid("LogGroupNamePrefix and LogGroupNamePattern are mutually exclusive parameters.")
	}
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, id := range in.LogGroupIdentifiers {
		n, err := nameOf(id)
		if err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	groups := s.all(ctx, func(g *group) bool {
		return strings.HasPrefix(g.name, text(in.LogGroupNamePrefix)) && strings.Contains(g.name, text(in.LogGroupNamePattern)) &&
			(in.LogGroupClass == "" || in.LogGroupClass == g.class) && (names == nil || slices.Contains(names, g.name))
	})
	groups, next, err := page(groups, in.NextToken, limit, groupName)
	if err != nil {
		return nil, err
	}
	out := &cwl.DescribeLogGroupsOutput{NextToken: next, LogGroups: make([]types.LogGroup, len(groups))}
	for i, g := range groups {
		out.LogGroups[i] = g.describe()
	}
	return out, nil
}

func (g *group) describe() types.LogGroup {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := types.LogGroup{
		Arn: aws.String(g.arn() + ":*"), LogGroupArn: aws.String(g.arn()), LogGroupName: &g.name, LogGroupClass: g.class,
		CreationTime: &g.created, MetricFilterCount: aws.Int32(int32(len(g.filters))), StoredBytes: aws.Int64(g.events.Size()),
		DeletionProtectionEnabled: aws.Bool(g.protected),
	}
	if g.retention > 0 {
		d.RetentionInDays = aws.Int32(g.retention)
	}
	if g.kms != "" {
		d.KmsKeyId = aws.String(g.kms)
	}
	return d
}

func (s *Service) listLogGroups(ctx context.Context, in *cwl.ListLogGroupsInput) (*cwl.ListLogGroupsOutput, error) {
	if len(in.DataSources) > 0 || len(in.FieldIndexNames) > 0 {
		return nil, api.Errorf("ValidationException", "The sandbox does not list log groups by data sources or field indexes.")
	}
	limit, err := limitOf("limit", in.Limit, 50, 1000)
	if err != nil {
		return nil, err
	}
	groups := s.all(ctx, func(g *group) bool {
		return matchName(text(in.LogGroupNamePattern), g.name) && (in.LogGroupClass == "" || in.LogGroupClass == g.class) && g.tagged(in.LogGroupTags)
	})
	groups, next, err := page(groups, in.NextToken, limit, groupName)
	if err != nil {
		return nil, err
	}
	out := &cwl.ListLogGroupsOutput{NextToken: next, LogGroups: make([]types.LogGroupSummary, len(groups))}
	for i, g := range groups {
		out.LogGroups[i] = types.LogGroupSummary{LogGroupName: &g.name, LogGroupArn: aws.String(g.arn()), LogGroupClass: g.class}
	}
	return out, nil
}

// matchName matches the pattern of ListLogGroups: parts between bars, of which
// one must occur in the name, at its beginning if marked with a caret.
func matchName(pattern, name string) bool {
	for part := range strings.SplitSeq(pattern, "|") {
		if prefix, ok := strings.CutPrefix(part, "^"); ok && strings.HasPrefix(name, prefix) || !ok && strings.Contains(name, part) {
			return true
		}
	}
	return false
}
