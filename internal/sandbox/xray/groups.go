package xray

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
)

const (
	// maxGroups is the quota of groups besides the default one.
	maxGroups    = 25
	maxGroupName = 32
	defaultGroup = "Default"
)

// groups keeps the groups. The default group holds all traces and is always
// there.
type groups struct {
	clock api.Clock

	mu       sync.RWMutex
	all      map[string]*group // by name
	insights types.InsightsConfiguration
}

// group is one group. It is replaced, never changed, but for its tags.
type group struct {
	name, arn, filter string
	expr              *filterexpr.Expr // nil: all traces
	insights          types.InsightsConfiguration
	tags              tags
}

func newGroups(clock api.Clock) *groups {
	g := &groups{clock: clock}
	g.reset()
	return g
}

func (g *groups) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all, g.insights = map[string]*group{}, insightsOff()
}

func insightsOff() types.InsightsConfiguration {
	return types.InsightsConfiguration{InsightsEnabled: aws.Bool(false), NotificationsEnabled: aws.Bool(false)}
}

func (g *group) public() *types.Group {
	return &types.Group{
		GroupName: &g.name, GroupARN: &g.arn, FilterExpression: optional(g.filter), InsightsConfiguration: &g.insights,
	}
}

// groupARN ends in an ID, as the service's does, so that a group created anew
// under an old name has another ARN.
func groupARN(c api.Caller, name string, salt any) string {
	sum := sha256.Sum256(fmt.Append(nil, c.Account, c.Region, name, salt))
	id := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
	return fmt.Sprintf("arn:aws:xray:%s:%s:group/%s/%s", c.Region, c.Account, name, id)
}

// defaultLocked is the default group as the caller sees it.
func (g *groups) defaultLocked(c api.Caller) *group {
	return &group{
		name: defaultGroup, insights: g.insights,
		arn: fmt.Sprintf("arn:aws:xray:%s:%s:group/%s", c.Region, c.Account, defaultGroup),
	}
}

// findLocked returns a group of its own by name or ARN, or nil.
func (g *groups) findLocked(name, arn *string) *group {
	if name != nil {
		return g.all[*name]
	}
	for _, x := range g.all {
		if x.arn == aws.ToString(arn) {
			return x
		}
	}
	return nil
}

// one checks that exactly one of name and ARN is given.
func one(what string, name, arn *string) error {
	if (name == nil) == (arn == nil) {
		return invalid("give either %sName or %sARN", what, what)
	}
	return nil
}

func isDefaultGroup(name, arn *string) bool {
	return aws.ToString(name) == defaultGroup || strings.HasSuffix(aws.ToString(arn), ":group/"+defaultGroup)
}

// lookup serves expressions that refer to a group.
func (g *groups) lookup(ref string, byARN bool) (*filterexpr.Expr, bool) {
	name, arn := &ref, (*string)(nil)
	if byARN {
		name, arn = nil, &ref
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	x := g.findLocked(name, arn)
	if x == nil || x.expr == nil {
		return nil, false
	}
	return x.expr, true
}

// filter returns the expression of the group that a request names, nil if it
// names none or one of all traces.
func (g *groups) filter(name, arn *string) (*filterexpr.Expr, error) {
	if aws.ToString(name) == "" && aws.ToString(arn) == "" || isDefaultGroup(name, arn) {
		return nil, nil
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	x := g.findLocked(optional(aws.ToString(name)), arn)
	if x == nil {
		return nil, invalid("there is no group %q", aws.ToString(name)+aws.ToString(arn))
	}
	return x.expr, nil
}

// GetGroups lists the groups by name, with the default group first.
func (s *Service) GetGroups(ctx context.Context, in *xray.GetGroupsInput) (*xray.GetGroupsOutput, error) {
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	g := s.groups
	g.mu.RLock()
	defer g.mu.RUnlock()
	list := []*group{g.defaultLocked(api.CallerOf(ctx))}
	for _, x := range g.all {
		list = append(list, x)
	}
	order.By(list[1:], func(a, b *group) int { return strings.Compare(a.name, b.name) })
	out := &xray.GetGroupsOutput{}
	for _, x := range list {
		out.Groups = append(out.Groups, types.GroupSummary(*x.public()))
	}
	return out, nil
}

// GetGroup returns one group.
func (s *Service) GetGroup(ctx context.Context, in *xray.GetGroupInput) (*xray.GetGroupOutput, error) {
	if err := one("Group", in.GroupName, in.GroupARN); err != nil {
		return nil, err
	}
	g := s.groups
	g.mu.RLock()
	defer g.mu.RUnlock()
	if isDefaultGroup(in.GroupName, in.GroupARN) {
		return &xray.GetGroupOutput{Group: g.defaultLocked(api.CallerOf(ctx)).public()}, nil
	}
	x := g.findLocked(in.GroupName, in.GroupARN)
	if x == nil {
		return nil, invalid("there is no such group")
	}
	return &xray.GetGroupOutput{Group: x.public()}, nil
}

// CreateGroup adds a group.
func (s *Service) CreateGroup(ctx context.Context, in *xray.CreateGroupInput) (*xray.CreateGroupOutput, error) {
	name := aws.ToString(in.GroupName)
	if n := utf8.RuneCountInString(name); n == 0 || n > maxGroupName {
		return nil, invalid("GroupName must have 1 to %d characters", maxGroupName)
	}
	if name == defaultGroup {
		return nil, invalid("the group name %s is reserved", defaultGroup)
	}
	x := &group{name: name}
	if err := x.setFilter(in.FilterExpression); err != nil {
		return nil, err
	}
	g := s.groups
	if err := x.setInsights(in.InsightsConfiguration, insightsOff()); err != nil {
		return nil, err
	}
	if err := x.tags.add(in.Tags); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all[name] != nil {
		return nil, invalid("a group %q exists already", name)
	}
	if len(g.all) >= maxGroups {
		return nil, invalid("the quota of %d groups is reached", maxGroups)
	}
	x.arn = groupARN(api.CallerOf(ctx), name, g.clock.Now().UnixNano())
	g.all[name] = x
	return &xray.CreateGroupOutput{Group: x.public()}, nil
}

func (g *group) setFilter(text *string) error {
	expr, filter := (*filterexpr.Expr)(nil), strings.TrimSpace(aws.ToString(text))
	if filter != "" {
		var err error
		// Without a resolver, so that groups cannot refer to groups.
		if expr, err = filterexpr.Parse(filter, filterexpr.Options{}); err != nil {
			return invalid("FilterExpression: %v", err)
		}
	}
	g.filter, g.expr = aws.ToString(text), expr
	return nil
}

// setInsights applies what c has to what was set before.
func (g *group) setInsights(c *types.InsightsConfiguration, before types.InsightsConfiguration) error {
	g.insights = before
	if c == nil {
		return nil
	}
	if c.InsightsEnabled != nil {
		g.insights.InsightsEnabled = aws.Bool(*c.InsightsEnabled)
	}
	if c.NotificationsEnabled != nil {
		g.insights.NotificationsEnabled = aws.Bool(*c.NotificationsEnabled)
	}
	if *g.insights.NotificationsEnabled && !*g.insights.InsightsEnabled {
		return invalid("NotificationsEnabled needs InsightsEnabled")
	}
	return nil
}

// UpdateGroup changes a group's expression or insights configuration; of the
// default group only the latter.
func (s *Service) UpdateGroup(ctx context.Context, in *xray.UpdateGroupInput) (*xray.UpdateGroupOutput, error) {
	if err := one("Group", in.GroupName, in.GroupARN); err != nil {
		return nil, err
	}
	g := s.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	if isDefaultGroup(in.GroupName, in.GroupARN) {
		x := g.defaultLocked(api.CallerOf(ctx))
		if in.FilterExpression != nil {
			return nil, invalid("the default group takes no filter expression")
		}
		if err := x.setInsights(in.InsightsConfiguration, g.insights); err != nil {
			return nil, err
		}
		g.insights = x.insights
		return &xray.UpdateGroupOutput{Group: x.public()}, nil
	}
	old := g.findLocked(in.GroupName, in.GroupARN)
	if old == nil {
		return nil, invalid("there is no such group")
	}
	x := *old
	if in.FilterExpression != nil {
		if err := x.setFilter(in.FilterExpression); err != nil {
			return nil, err
		}
	}
	if err := x.setInsights(in.InsightsConfiguration, old.insights); err != nil {
		return nil, err
	}
	g.all[x.name] = &x
	return &xray.UpdateGroupOutput{Group: x.public()}, nil
}

// DeleteGroup removes a group. The default group cannot be removed.
func (s *Service) DeleteGroup(_ context.Context, in *xray.DeleteGroupInput) (*xray.DeleteGroupOutput, error) {
	if err := one("Group", in.GroupName, in.GroupARN); err != nil {
		return nil, err
	}
	if isDefaultGroup(in.GroupName, in.GroupARN) {
		return nil, invalid("the default group cannot be deleted")
	}
	g := s.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	x := g.findLocked(in.GroupName, in.GroupARN)
	if x == nil {
		return nil, invalid("there is no such group")
	}
	delete(g.all, x.name)
	return &xray.DeleteGroupOutput{}, nil
}
