package apply_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
)

// groupStack is a stack with the given entries of logs.groups.
func groupStack(t *testing.T, rev int64, groups ...string) *ir.Stack {
	t.Helper()
	text := "recipe: v1\nname: shop\nenvironments:\n  dev: {account: \"000000000000\", regions: [us-east-1]}\ntags: {team: shop}\n"
	if len(groups) > 0 {
		text += "logs:\n  groups:\n    " + strings.Join(groups, "\n    ") + "\n"
	}
	return stackOf(t, text, rev)
}

// outcome applies the stack and says what was done, one change a line.
func outcome(t *testing.T, c plan.Clients, s *ir.Stack) string {
	t.Helper()
	p, err := plan.Make(t.Context(), c, s)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, ch := range p.Changes {
		fmt.Fprintln(&b, ch.Action, ch.Class, ch.Name)
		for _, f := range ch.Fields {
			fmt.Fprintln(&b, " ", f.Path, f.Before, f.After, f.Drift)
		}
	}
	if err := p.Refusal(10); err != nil {
		return b.String() + err.Error() + "\n"
	}
	carry(t, c, s, p)
	return b.String()
}

func groupsOf(t *testing.T, l *logs.Client) string {
	t.Helper()
	out, err := l.DescribeLogGroups(t.Context(), &logs.DescribeLogGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, g := range out.LogGroups {
		tags, err := l.ListTagsForResource(t.Context(), &logs.ListTagsForResourceInput{ResourceArn: g.LogGroupArn})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, *g.LogGroupName, aws.ToInt32(g.RetentionInDays), g.LogGroupClass, aws.ToBool(g.DeletionProtectionEnabled), tags.Tags["team"], tags.Tags["sidelight:recipe"])
	}
	return b.String()
}

// A log group from its first apply to its end: what it holds outlives the stack
// unless the recipe says otherwise.
func TestSandboxLogGroups(t *testing.T) {
	t.Parallel()
	_, c, _ := over(t)
	l := c.Logs.(*logs.Client)
	for _, name := range []string{"/mine", "/foreign"} {
		if _, err := l.CreateLogGroup(t.Context(), &logs.CreateLogGroupInput{LogGroupName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	drift := func() {
		if _, err := l.PutRetentionPolicy(t.Context(), &logs.PutRetentionPolicyInput{LogGroupName: aws.String("/app"), RetentionInDays: aws.Int32(1)}); err != nil {
			t.Fatal(err)
		}
	}
	var got strings.Builder
	for _, step := range []struct {
		what   string
		before func()
		groups []string
	}{
		{"create", nil, []string{"app: {name: /app, retention: 30d}", "tmp: {name: /tmp, retention: 1d, on_remove: delete, class: infrequent}"}},
		{"drift", drift, []string{"app: {name: /app, retention: 30d}", "tmp: {name: /tmp, retention: 1d, on_remove: delete, class: infrequent}"}},
		{"change", nil, []string{"app: {name: /app, retention: never, protect: true, tags: {team: app}}", "tmp: {name: /tmp, retention: 1d, on_remove: delete, class: infrequent}"}},
		{"class", nil, []string{"app: {name: /app, retention: never, protect: true, tags: {team: app}}", "tmp: {name: /tmp, retention: 1d, on_remove: delete}"}},
		{"unprotect", nil, []string{"app: {name: /app, retention: never, tags: {team: app}}", "tmp: {name: /tmp, retention: 1d, on_remove: delete, class: infrequent}"}},
		{"foreign", nil, []string{"app: {name: /app, retention: never, tags: {team: app}}", "x: {name: /foreign, retention: 1d}", "tmp: {name: /tmp, retention: 1d, on_remove: delete, class: infrequent}"}},
		{"adopt", nil, []string{"app: {name: /app, retention: never, tags: {team: app}}", "x: {name: /mine, retention: 3d, adopt: true}", "tmp: {name: /tmp, retention: 1d, on_remove: delete, class: infrequent}"}},
		{"leave", nil, nil},
	} {
		if step.before != nil {
			step.before()
		}
		fmt.Fprintf(&got, "%s:\n%s%s\n", step.what, outcome(t, c, groupStack(t, 1, step.groups...)), groupsOf(t, l))
	}
	want, err := os.ReadFile("testdata/loggroups.txt")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("-want +got:\n%s\nall of it:\n%s", d, got.String())
	}
}

// Whoever may not read tags or groups can plan alarms all the same, and is told
// what was not looked at; a recipe that declares groups cannot be planned.
func TestDeniedReads(t *testing.T) {
	t.Parallel()
	_, c, s := over(t)
	for _, op := range []string{"GetResources", "DescribeLogGroups"} {
		r := fault.Rule{Kind: fault.Error, Operation: op, Status: 400, Shape: "AccessDeniedException", Message: "no"}
		if _, err := s.Faults().Add(r); err != nil {
			t.Fatal(err)
		}
	}
	p, err := plan.Make(t.Context(), c, groupStack(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "found by name only") {
		t.Errorf("notes: %q", p.Notes)
	}
	if _, err := plan.Make(t.Context(), c, groupStack(t, 1, "app: {name: /app, retention: 30d}")); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("groups that cannot be read: %v", err)
	}
}
