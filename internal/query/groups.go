package query

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// LogGroup is a log group.
type LogGroup struct {
	Name, ARN string
	Created   time.Time
	// RetentionDays is zero where events never expire.
	RetentionDays int
	// Bytes is what is stored, as of some hours ago on AWS.
	Bytes int64
	// Class is STANDARD, INFREQUENT_ACCESS or another of the service's.
	Class string
}

// IsGlob reports whether a name of a log group stands for several. The
// characters * ? [ cannot be in the name of one.
func IsGlob(name string) bool { return strings.ContainsAny(name, "*?[") }

// Groups returns the log groups whose names match the pattern, sorted by name as
// the service sorts them. A pattern is a name that may have * and ?, of which *
// also stands for slashes; a text without them is a prefix. limit bounds the
// number of groups; zero means all.
func (l *Logs) Groups(ctx context.Context, pattern string, limit int) ([]LogGroup, error) {
	in := &cloudwatchlogs.DescribeLogGroupsInput{Limit: aws.Int32(50)}
	prefix, _, _ := strings.Cut(strings.NewReplacer("?", "*", "[", "*").Replace(pattern), "*")
	if prefix != "" {
		in.LogGroupNamePrefix = &prefix
	}
	match := strings.HasPrefix
	if IsGlob(pattern) {
		if !validGlob(pattern) {
			return nil, fmt.Errorf("list log groups: %q is not a pattern", pattern)
		}
		match = matchGlob
	}
	var found []LogGroup
	for {
		page, err := l.API.DescribeLogGroups(ctx, in)
		if err != nil {
			return found, fmt.Errorf("list log groups: %w", err)
		}
		for _, g := range page.LogGroups {
			if !match(aws.ToString(g.LogGroupName), pattern) {
				continue
			}
			if found = append(found, logGroup(g)); limit > 0 && len(found) == limit {
				return found, nil
			}
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return found, nil
		}
	}
}

// Expand replaces the patterns among names with the groups that they match. A
// pattern without a group is an error.
func (l *Logs) Expand(ctx context.Context, names []string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		all := []LogGroup{{Name: n}}
		if IsGlob(n) {
			var err error
			if all, err = l.Groups(ctx, n, 0); err != nil {
				return nil, err
			}
			if len(all) == 0 {
				return nil, fmt.Errorf("no log group matches %q", n)
			}
		}
		for _, g := range all {
			if !seen[g.Name] {
				seen[g.Name] = true
				out = append(out, g.Name)
			}
		}
	}
	return out, nil
}

func logGroup(g types.LogGroup) LogGroup {
	return LogGroup{
		Name: aws.ToString(g.LogGroupName), ARN: aws.ToString(g.LogGroupArn),
		Created: time.UnixMilli(aws.ToInt64(g.CreationTime)), RetentionDays: int(aws.ToInt32(g.RetentionInDays)),
		Bytes: aws.ToInt64(g.StoredBytes), Class: string(g.LogGroupClass),
	}
}

// A star shall match slashes, which path.Match sees as separators; no name of a
// group has a newline.
func flat(s string) string { return strings.ReplaceAll(s, "/", "\n") }

func validGlob(pattern string) bool {
	_, err := path.Match(flat(pattern), "")
	return err == nil
}

func matchGlob(name, pattern string) bool {
	ok, _ := path.Match(flat(pattern), flat(name))
	return ok
}
