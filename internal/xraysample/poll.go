package xraysample

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"time"
)

const (
	// maxPages ends a listing that pages for ever.
	maxPages = 20
	// maxReports is GetSamplingTargets' limit of documents in a call.
	maxReports = 25
	// ruleVersion is the only version of rules there is.
	ruleVersion = 1
)

// fetch replaces the rules.
func (r *Rules) fetch(ctx context.Context) error {
	var docs []Document
	token := ""
	for range maxPages {
		var page struct {
			SamplingRuleRecords []struct{ SamplingRule Document }
			NextToken           string
		}
		in := struct {
			NextToken string `json:",omitempty"`
		}{token}
		if err := r.call(ctx, "/GetSamplingRules", in, &page); err != nil {
			return err
		}
		for _, record := range page.SamplingRuleRecords {
			docs = append(docs, record.SamplingRule)
		}
		if token = page.NextToken; token == "" {
			break
		}
	}
	if len(docs) == 0 { // every account has at least the Default rule
		return errors.New("the answer holds no rules")
	}
	r.install(docs, time.Now())
	return nil
}

// install makes docs the rules. Rules that were there before keep their state; a
// target that was given for another rate or reservoir is forgotten.
func (r *Rules) install(docs []Document, now time.Time) {
	before := make(map[string]*Rule)
	if old := r.rules.Load(); old != nil {
		for _, rule := range old.rules {
			before[rule.RuleName] = rule
		}
	}
	set := &ruleset{fetched: now}
	for _, d := range docs {
		if d.Version != ruleVersion || r.cfg.Concerns != nil && !r.cfg.Concerns(&d) {
			continue
		}
		x := &Rule{Document: d}
		if old := before[d.RuleName]; old != nil {
			x.state = old.state
			if old.FixedRate != d.FixedRate || old.ReservoirSize != d.ReservoirSize {
				x.state.target.Store(nil)
			}
		} else {
			x.state = &state{due: now.Add(r.cfg.Every).UnixNano()}
		}
		set.rules = append(set.rules, x)
	}
	sort.Slice(set.rules, func(i, j int) bool {
		a, b := set.rules[i], set.rules[j]
		return a.Priority < b.Priority || a.Priority == b.Priority && a.RuleName < b.RuleName
	})
	r.rules.Store(set)
}

// Report is a SamplingStatisticsDocument.
type Report struct {
	ClientID                                string
	RuleName                                string
	RequestCount, SampledCount, BorrowCount int64
	Timestamp                               int64 // Unix seconds
}

type targetsAnswer struct {
	LastRuleModification    float64 // Unix seconds
	SamplingTargetDocuments []struct {
		RuleName          string
		FixedRate         float64
		ReservoirQuota    *int64
		ReservoirQuotaTTL float64 // Unix seconds
		Interval          int64   // seconds
	}
	UnprocessedStatistics []struct{ RuleName, ErrorCode, Message string }
}

// report sends what was counted since the last report, for the rules that are
// due and were used, and stores the targets that come back. It says whether
// the service has newer rules. What could not be reported is counted on.
func (r *Rules) report(ctx context.Context) (stale bool, err error) {
	set := r.rules.Load()
	if set == nil {
		return false, nil
	}
	var errs []error
	for all := r.collect(set, time.Now()); len(all) > 0; {
		docs := all[:min(maxReports, len(all))]
		all = all[len(docs):]
		var answer targetsAnswer
		in := struct{ SamplingStatisticsDocuments []Report }{docs}
		if err := r.call(ctx, "/SamplingTargets", in, &answer); err != nil {
			set.putBack(docs)
			errs = append(errs, err)
			continue
		}
		errs = append(errs, set.apply(docs, &answer, time.Now()))
		stale = stale || unixTime(answer.LastRuleModification).After(set.fetched)
	}
	return stale, errors.Join(errs...)
}

func (r *Rules) collect(set *ruleset, now time.Time) []Report {
	var docs []Report
	for i := range set.rules {
		s := set.rules[i].state
		if now.UnixNano() < s.due || s.requests.Load() == 0 {
			continue
		}
		s.due = now.Add(r.cfg.Every).UnixNano()
		docs = append(docs, Report{
			ClientID: r.clientID, RuleName: set.rules[i].RuleName, Timestamp: now.Unix(),
			// Not read at one moment: what falls in between is in the next report.
			BorrowCount: s.borrowed.Swap(0), SampledCount: s.sampled.Swap(0), RequestCount: s.requests.Swap(0),
		})
	}
	return docs
}

func (set *ruleset) state(name string) *state {
	for i := range set.rules {
		if set.rules[i].RuleName == name {
			return set.rules[i].state
		}
	}
	return nil
}

// putBack adds what was not reported to the counters again.
func (set *ruleset) putBack(docs []Report) {
	for i := range docs {
		s := set.state(docs[i].RuleName)
		s.requests.Add(docs[i].RequestCount)
		s.sampled.Add(docs[i].SampledCount)
		s.borrowed.Add(docs[i].BorrowCount)
	}
}

func (set *ruleset) apply(docs []Report, answer *targetsAnswer, now time.Time) error {
	for _, d := range answer.SamplingTargetDocuments {
		s := set.state(d.RuleName)
		if s == nil {
			continue
		}
		t := &target{rate: d.FixedRate, quota: -1}
		if d.ReservoirQuota != nil {
			t.quota, t.expires = *d.ReservoirQuota, int64(d.ReservoirQuotaTTL)
		}
		s.target.Store(t)
		if d.Interval > 0 {
			s.due = now.Add(time.Duration(min(d.Interval, 3600)) * time.Second).UnixNano()
		}
	}
	var errs []error
	for _, u := range answer.UnprocessedStatistics {
		errs = append(errs, fmt.Errorf("rule %q: %s: %s", u.RuleName, u.ErrorCode, u.Message))
		for i := range docs {
			if docs[i].RuleName == u.RuleName {
				set.putBack(docs[i : i+1])
			}
		}
	}
	return errors.Join(errs...)
}

func unixTime(s float64) time.Time { return time.UnixMilli(int64(s * 1000)) }

func (r *Rules) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	answer, err := r.cfg.Call(ctx, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode answer of %s: %w", path, err)
	}
	return nil
}
