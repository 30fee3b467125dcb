package cloudwatch

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of mute rules (SDK: PutAlarmMuteRule; guide: quotas).
const (
	maxMuteRules  = 2000
	maxMutesPage  = 100
	muteRuleKind  = ":alarm-mute-rule:"
	recurringMute = "RECURRING"
	singleMute    = "ONE_TIME"
)

// muteRule is a mute rule. It is replaced, never changed, but for its tags.
type muteRule struct {
	put     cloudwatch.PutAlarmMuteRuleInput
	when    *schedule
	updated time.Time
	tags    map[string]string
}

func muteARN(c api.Caller, name string) string {
	return "arn:aws:cloudwatch:" + c.Region + ":" + c.Account + muteRuleKind + name
}

func newMuteRule(in *cloudwatch.PutAlarmMuteRuleInput) (*muteRule, error) {
	if in.Name == nil || *in.Name == "" {
		return nil, invalidAlarm("Name is required")
	}
	if in.Rule == nil || in.Rule.Schedule == nil {
		return nil, invalidAlarm("Rule.Schedule is required")
	}
	sc := in.Rule.Schedule
	when, err := parseSchedule(aws.ToString(sc.Expression), aws.ToString(sc.Duration), aws.ToString(sc.Timezone))
	if err != nil {
		return nil, invalidAlarm("Rule.Schedule.%v", err)
	}
	if in.StartDate != nil && in.ExpireDate != nil && !in.ExpireDate.After(*in.StartDate) {
		return nil, invalidAlarm("ExpireDate must be after StartDate")
	}
	return &muteRule{put: *in, when: when}, checkTags(in.Tags)
}

// PutAlarmMuteRule creates a rule or replaces it, but for its tags.
func (s *Service) PutAlarmMuteRule(ctx context.Context, in *cloudwatch.PutAlarmMuteRuleInput) (*cloudwatch.PutAlarmMuteRuleOutput, error) {
	m, err := newMuteRule(in)
	if err != nil {
		return nil, err
	}
	m.updated, m.tags = s.opts.Clock.Now().UTC(), tagMap(in.Tags)
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(api.CallerOf(ctx)))
	if old := set.mutes[*in.Name]; old != nil {
		m.tags = old.tags
	} else if len(set.mutes) >= maxMuteRules {
		return nil, refuse("LimitExceededFault", "LimitExceeded", 400, "There can be no more than %d mute rules.", []any{maxMuteRules})
	}
	set.mutes[*in.Name] = m
	return &cloudwatch.PutAlarmMuteRuleOutput{}, nil
}

// status is the rule's at a time.
func (m *muteRule) status(now time.Time) types.AlarmMuteRuleStatus {
	ended := !m.when.at.IsZero() && !now.Before(m.when.at.Add(m.when.duration))
	switch {
	case m.active(now):
		return types.AlarmMuteRuleStatusActive
	case ended || m.put.ExpireDate != nil && !now.Before(*m.put.ExpireDate):
		return types.AlarmMuteRuleStatusExpired
	}
	return types.AlarmMuteRuleStatusScheduled
}

func (m *muteRule) active(now time.Time) bool {
	var start time.Time
	if m.put.StartDate != nil {
		start = *m.put.StartDate
	}
	if m.put.ExpireDate != nil && !now.Before(*m.put.ExpireDate) {
		return false
	}
	return m.when.active(now, start)
}

func (m *muteRule) kind() *string {
	if m.when.at.IsZero() {
		return aws.String(recurringMute)
	}
	return aws.String(singleMute)
}

func (m *muteRule) targets(alarm string) bool {
	return m.put.MuteTargets != nil && slices.Contains(m.put.MuteTargets.AlarmNames, alarm)
}

// muted returns the name of a rule that mutes the alarm's actions at a time.
func (set *alarmSet) muted(alarm string, at time.Time) (string, bool) {
	for _, name := range slices.Sorted(maps.Keys(set.mutes)) {
		if m := set.mutes[name]; m.targets(alarm) && m.active(at) {
			return name, true
		}
	}
	return "", false
}

// muteLocked finds a rule of the caller.
func (s *Service) muteLocked(ctx context.Context, name *string) (*muteRule, error) {
	if m := s.alarmSetLocked(scopeOf(api.CallerOf(ctx))).mutes[aws.ToString(name)]; m != nil {
		return m, nil
	}
	return nil, resourceNotFound(muteARN(api.CallerOf(ctx), aws.ToString(name)))
}

// GetAlarmMuteRule returns all that PutAlarmMuteRule set.
func (s *Service) GetAlarmMuteRule(ctx context.Context, in *cloudwatch.GetAlarmMuteRuleInput) (*cloudwatch.GetAlarmMuteRuleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.muteLocked(ctx, in.AlarmMuteRuleName)
	if err != nil {
		return nil, err
	}
	return &cloudwatch.GetAlarmMuteRuleOutput{
		AlarmMuteRuleArn: aws.String(muteARN(api.CallerOf(ctx), *m.put.Name)), Name: m.put.Name, Description: m.put.Description,
		ExpireDate: m.put.ExpireDate, StartDate: m.put.StartDate, MuteTargets: m.put.MuteTargets, Rule: m.put.Rule,
		LastUpdatedTimestamp: &m.updated, MuteType: m.kind(), Status: m.status(s.opts.Clock.Now()),
	}, nil
}

// ListAlarmMuteRules lists rules by name.
func (s *Service) ListAlarmMuteRules(ctx context.Context, in *cloudwatch.ListAlarmMuteRulesInput) (*cloudwatch.ListAlarmMuteRulesOutput, error) {
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	limit, now, caller := maxMutesPage, s.opts.Clock.Now(), api.CallerOf(ctx)
	if in.MaxRecords != nil {
		limit = int(*in.MaxRecords)
	}
	out := &cloudwatch.ListAlarmMuteRulesOutput{AlarmMuteRuleSummaries: []types.AlarmMuteRuleSummary{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(caller))
	last := ""
	for _, name := range slices.Sorted(maps.Keys(set.mutes)) {
		m := set.mutes[name]
		status := m.status(now)
		if name <= after || in.AlarmName != nil && !m.targets(*in.AlarmName) || len(in.Statuses) > 0 && !slices.Contains(in.Statuses, status) {
			continue
		}
		if len(out.AlarmMuteRuleSummaries) == limit {
			out.NextToken = encodeToken(last)
			break
		}
		last = name
		out.AlarmMuteRuleSummaries = append(out.AlarmMuteRuleSummaries, types.AlarmMuteRuleSummary{
			AlarmMuteRuleArn: aws.String(muteARN(caller, name)), ExpireDate: m.put.ExpireDate, LastUpdatedTimestamp: &m.updated, MuteType: m.kind(), Status: status,
		})
	}
	return out, nil
}

// DeleteAlarmMuteRule deletes a rule; one that is not there is no error.
func (s *Service) DeleteAlarmMuteRule(ctx context.Context, in *cloudwatch.DeleteAlarmMuteRuleInput) (*cloudwatch.DeleteAlarmMuteRuleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.alarmSetLocked(scopeOf(api.CallerOf(ctx))).mutes, aws.ToString(in.AlarmMuteRuleName))
	return &cloudwatch.DeleteAlarmMuteRuleOutput{}, nil
}

// The values of the state.
type (
	muteState struct {
		Account, Region string
		Put             cloudwatch.PutAlarmMuteRuleInput
		Updated         time.Time
		Tags            map[string]string
	}
	detectorState struct {
		Account, Region string
		Detector        types.AnomalyDetector
	}
)

func (s *Service) importMuteLocked(v json.RawMessage) error {
	var st muteState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	m, err := newMuteRule(&st.Put)
	if err != nil {
		return err
	}
	m.updated, m.tags = st.Updated, st.Tags
	s.alarmSetLocked(scope{st.Account, st.Region}).mutes[*st.Put.Name] = m
	return nil
}

func sortedDetectors(m map[string]*types.AnomalyDetector) []*types.AnomalyDetector {
	return order.Sorted(maps.Values(m), func(a, b *types.AnomalyDetector) int { return cmp.Compare(*a.AnomalyDetectorId, *b.AnomalyDetectorId) })
}
