package cloudwatch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// The values of the state.
type (
	alarmState struct {
		Account, Region string
		Desc            types.MetricAlarm // without its union
		WallClock       *string           // the time zone of a wall clock window
		Sliding         bool
		Tags            map[string]string
		WarmUntil       time.Time
		ScaledAt        time.Time
		Log             *types.LogAlarm         `json:",omitempty"`
		Results         map[int64]float64       `json:",omitempty"` // of a log alarm
		Parts           map[string]*logPart     `json:",omitempty"` // those of its contributors
		Contributors    map[string]*contributor `json:",omitempty"`
	}
	compositeState struct {
		Account, Region  string
		Desc             types.CompositeAlarm
		Tags             map[string]string
		Created, Current bool
		Until            time.Time
	}
	itemState struct {
		Account, Region string
		Number          int
		Item            types.AlarmHistoryItem
	}
	ruleState struct {
		Account, Region, Name string
		Rule                  insightRule
	}
	streamState struct {
		Account, Region, Name string
		Stream                metricStream
	}
	dashboardState struct {
		Account, Name, Body string
		Modified            time.Time
		Tags                map[string]string
	}
)

// ExportState returns alarms, their states and history, and dashboards by key.
func (s *Service) ExportState() (map[string]any, error) {
	out := make(map[string]any)
	s.mu.Lock()
	defer s.mu.Unlock()
	for sc, set := range s.alarms {
		in := sc.account + "/" + sc.region + "/"
		for name, a := range set.alarms {
			out["alarm/"+in+name] = a.state(sc)
		}
		for name, c := range set.composites {
			out["composite/"+in+name] = compositeState{sc.account, sc.region, c.desc, c.tags, c.created, c.current, c.until}
		}
		for name, m := range set.mutes {
			out["mute/"+in+name] = muteState{sc.account, sc.region, m.put, m.updated, m.tags}
		}
		for key, h := range set.held {
			out["held/"+in+key] = heldState{sc.account, sc.region, h}
		}
		for name, r := range set.rules {
			out["rule/"+in+name] = ruleState{sc.account, sc.region, name, *r}
		}
		for name, m := range set.streams {
			out["stream/"+in+name] = streamState{sc.account, sc.region, name, *m}
		}
		for id, d := range set.detectors {
			out["detector/"+in+id] = detectorState{sc.account, sc.region, *d}
		}
		for i := range set.history {
			h := &set.history[i]
			out[fmt.Sprint("history/", in, h.number)] = itemState{sc.account, sc.region, h.number, h.AlarmHistoryItem}
		}
	}
	for account, boards := range s.dashboards {
		for name, d := range boards {
			out["dashboard/"+account+"/"+name] = dashboardState{account, name, d.body, d.modified, d.tags}
		}
	}
	return out, nil
}

func (a *metricAlarm) state(sc scope) alarmState {
	st := alarmState{Account: sc.account, Region: sc.region, Desc: a.desc, Tags: a.tags, WarmUntil: a.warmUntil, ScaledAt: a.scaledAt, Contributors: a.contributors}
	if a.logs != nil {
		st.Log, st.Results, st.Parts = new(a.logAlarm()), maps.Clone(a.logs.results), make(map[string]*logPart)
		for id, p := range a.logs.parts {
			st.Parts[id] = &logPart{p.Attributes, maps.Clone(p.Results)}
		}
	}
	switch w := a.desc.EvaluationWindow.(type) {
	case *types.EvaluationWindowMemberWallClockWindow:
		st.WallClock = aws.String(aws.ToString(w.Value.Timezone))
	case *types.EvaluationWindowMemberSlidingWindow:
		st.Sliding = true
	}
	st.Desc.EvaluationWindow, st.Desc.EvaluationCriteria = nil, nil
	return st
}

// ImportState makes alarms, history and dashboards those of values.
func (s *Service) ImportState(values map[string]json.RawMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		kind, _, _ := strings.Cut(key, "/")
		var err error
		switch v := values[key]; kind {
		case "alarm":
			err = s.importAlarmLocked(v)
		case "composite":
			err = s.importCompositeLocked(v)
		case "mute":
			err = s.importMuteLocked(v)
		case "detector":
			err = s.importDetectorLocked(v)
		case "held":
			err = s.importHeldLocked(v)
		case "rule":
			err = s.importRuleLocked(v)
		case "stream":
			err = s.importStreamLocked(v)
		case "history":
			err = s.importItemLocked(v)
		case "dashboard":
			err = s.importDashboardLocked(v)
		}
		if err != nil {
			return fmt.Errorf("read state of CloudWatch, %s: %w", key, err)
		}
	}
	for _, set := range s.alarms {
		order.By(set.history, func(a, b historyItem) int { return cmp.Compare(a.number, b.number) })
	}
	return nil
}

func (s *Service) importAlarmLocked(v json.RawMessage) error {
	var st alarmState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	switch {
	case st.WallClock != nil:
		w := types.WallClockWindow{}
		if *st.WallClock != "" {
			w.Timezone = st.WallClock
		}
		st.Desc.EvaluationWindow = &types.EvaluationWindowMemberWallClockWindow{Value: w}
	case st.Sliding:
		st.Desc.EvaluationWindow = &types.EvaluationWindowMemberSlidingWindow{}
	}
	a, err := s.rebuild(&st)
	if err != nil {
		return err
	}
	a.contributors = st.Contributors
	a.desc, a.tags, a.warmUntil, a.scaledAt, a.evaluated = st.Desc, st.Tags, st.WarmUntil, st.ScaledAt, true
	s.alarmSetLocked(scope{st.Account, st.Region}).alarms[*a.desc.AlarmName] = a
	return nil
}

func (s *Service) rebuild(st *alarmState) (*metricAlarm, error) {
	if st.Log == nil {
		return s.buildAlarm(putOf(&st.Desc))
	}
	a, err := buildLogAlarm(putLogOf(st.Log))
	if err != nil {
		return nil, err
	}
	maps.Copy(a.logs.results, st.Results)
	maps.Copy(a.logs.parts, st.Parts)
	a.logs.ran = len(st.Results)+len(st.Parts) > 0
	return a, nil
}

// putOf is the request that made an alarm.
func putOf(d *types.MetricAlarm) *cloudwatch.PutMetricAlarmInput {
	in := &cloudwatch.PutMetricAlarmInput{
		AlarmName: d.AlarmName, ActionConfiguration: d.ActionConfiguration, ActionsEnabled: d.ActionsEnabled, AlarmActions: d.AlarmActions,
		AlarmDescription: d.AlarmDescription, ComparisonOperator: d.ComparisonOperator, DatapointsToAlarm: d.DatapointsToAlarm,
		EvaluateLowSampleCountPercentile: d.EvaluateLowSampleCountPercentile, EvaluationPeriods: d.EvaluationPeriods,
		EvaluationWindow: d.EvaluationWindow, ExtendedStatistic: d.ExtendedStatistic, InsufficientDataActions: d.InsufficientDataActions,
		MetricName: d.MetricName, Metrics: d.Metrics, Namespace: d.Namespace, OKActions: d.OKActions, Period: d.Period,
		Statistic: d.Statistic, Threshold: d.Threshold, ThresholdMetricId: d.ThresholdMetricId, TreatMissingData: d.TreatMissingData,
		Unit: d.Unit, WarmUpConfiguration: d.WarmUpConfiguration,
	}
	if len(d.Dimensions) > 0 {
		in.Dimensions = d.Dimensions
	}
	return in
}

func (s *Service) importCompositeLocked(v json.RawMessage) error {
	var st compositeState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	d := &st.Desc
	c, err := buildComposite(&cloudwatch.PutCompositeAlarmInput{
		AlarmName: d.AlarmName, AlarmRule: d.AlarmRule, ActionConfiguration: d.ActionConfiguration, ActionsEnabled: d.ActionsEnabled,
		ActionsSuppressor: d.ActionsSuppressor, ActionsSuppressorExtensionPeriod: d.ActionsSuppressorExtensionPeriod,
		ActionsSuppressorWaitPeriod: d.ActionsSuppressorWaitPeriod, AlarmActions: d.AlarmActions, AlarmDescription: d.AlarmDescription,
		InsufficientDataActions: d.InsufficientDataActions, OKActions: d.OKActions,
	})
	if err != nil {
		return err
	}
	c.link(api.Caller{Account: st.Account, Region: st.Region})
	c.desc, c.tags, c.created, c.current, c.until = st.Desc, st.Tags, st.Created, st.Current, st.Until
	s.alarmSetLocked(scope{st.Account, st.Region}).composites[*d.AlarmName] = c
	return nil
}

func (s *Service) importItemLocked(v json.RawMessage) error {
	var st itemState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	set := s.alarmSetLocked(scope{st.Account, st.Region})
	set.history = append(set.history, historyItem{st.Item, st.Number})
	set.sequence = max(set.sequence, st.Number)
	return nil
}

func (s *Service) importDashboardLocked(v json.RawMessage) error {
	var st dashboardState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	if s.dashboards[st.Account] == nil {
		s.dashboards[st.Account] = make(map[string]*dashboard)
	}
	s.dashboards[st.Account][st.Name] = &dashboard{body: st.Body, modified: st.Modified, tags: st.Tags}
	return nil
}
