package xray

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/order"
)

const (
	// maxTargetDocuments is how many documents one GetSamplingTargets may carry.
	maxTargetDocuments = 25
	// reportInterval is when clients shall report again, in seconds.
	reportInterval = 10
	// clientGone is when a silent client no longer has a share of a reservoir:
	// three reports missed.
	clientGone = 3 * reportInterval * time.Second
	// quotaTTL is how long a share may be used.
	quotaTTL = 5 * time.Minute
	// usageKept is how far back GetSamplingStatisticSummaries tells.
	usageKept = 15 * time.Minute
)

// usage is what clients reported of a rule in one minute.
type usage struct {
	minute                     time.Time
	requests, sampled, borrows int32
}

// GetSamplingTargets takes clients' reports and gives each its share of its
// rules' reservoirs: equal shares among the clients that reported lately, the
// remainder to the first of them by ID, so that the sum never exceeds the
// reservoir. Boosts are not granted: their statistics come back unprocessed.
func (s *Service) GetSamplingTargets(_ context.Context, in *xray.GetSamplingTargetsInput) (*xray.GetSamplingTargetsOutput, error) {
	if in.SamplingStatisticsDocuments == nil {
		return nil, invalid("SamplingStatisticsDocuments is missing")
	}
	if n := len(in.SamplingStatisticsDocuments); n > maxTargetDocuments {
		return nil, invalid("%d documents exceed %d a call", n, maxTargetDocuments)
	}
	r := s.rules
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &xray.GetSamplingTargetsOutput{
		LastRuleModification:    aws.Time(r.modified),
		SamplingTargetDocuments: []types.SamplingTargetDocument{}, UnprocessedStatistics: []types.UnprocessedStatistics{},
	}
	type report struct {
		rule   *rule
		client string
	}
	var reports []report
	for _, d := range in.SamplingStatisticsDocuments {
		x, code, why := r.checkLocked(d)
		if x == nil {
			out.UnprocessedStatistics = append(out.UnprocessedStatistics, types.UnprocessedStatistics{
				RuleName: d.RuleName, ErrorCode: aws.String(code), Message: aws.String(why),
			})
			continue
		}
		x.report(d, now)
		s.Changed()
		reports = append(reports, report{x, *d.ClientID})
	}
	for _, p := range reports {
		out.SamplingTargetDocuments = append(out.SamplingTargetDocuments, p.rule.target(p.client, now))
	}
	for _, b := range in.SamplingBoostStatisticsDocuments {
		out.UnprocessedBoostStatistics = append(out.UnprocessedBoostStatistics, types.UnprocessedStatistics{
			RuleName: b.RuleName, ErrorCode: aws.String("Unsupported"), Message: aws.String("sampling boosts are not granted here"),
		})
	}
	return out, nil
}

// checkLocked returns the rule of a report, or why there is none. The service
// does not enumerate the codes.
func (r *rules) checkLocked(d types.SamplingStatisticsDocument) (x *rule, code, why string) {
	x = r.all[aws.ToString(d.RuleName)]
	switch {
	case x == nil:
		return nil, "RuleNotFound", "there is no sampling rule of this name"
	case !validClientID(aws.ToString(d.ClientID)):
		return nil, "InvalidClientId", "ClientID must be 24 hexadecimal digits"
	case d.Timestamp == nil:
		return nil, "InvalidTimestamp", "Timestamp is missing"
	case d.RequestCount < 0 || d.SampledCount < 0 || d.BorrowCount < 0:
		return nil, "InvalidCount", "counts must not be negative"
	}
	return x, "", ""
}

func validClientID(s string) bool {
	if len(s) != 24 {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}

// report notes that a client is there and what it did.
func (r *rule) report(d types.SamplingStatisticsDocument, now time.Time) {
	r.clients[*d.ClientID] = now
	r.forget(now)
	minute := now.Truncate(time.Minute)
	if n := len(r.recent); n == 0 || !r.recent[n-1].minute.Equal(minute) {
		r.recent = append(r.recent, usage{minute: minute})
	}
	u := &r.recent[len(r.recent)-1]
	u.requests += d.RequestCount
	u.sampled += d.SampledCount
	u.borrows += d.BorrowCount
}

func (r *rule) forget(now time.Time) {
	maps.DeleteFunc(r.clients, func(_ string, seen time.Time) bool { return now.Sub(seen) > clientGone })
	r.recent = slices.DeleteFunc(r.recent, func(u usage) bool { return now.Sub(u.minute) > usageKept })
}

// target is a client's share of the rule.
func (r *rule) target(client string, now time.Time) types.SamplingTargetDocument {
	ids := slices.Sorted(maps.Keys(r.clients))
	n := int32(len(ids))
	quota := r.rule.ReservoirSize / n
	if int32(slices.Index(ids, client)) < r.rule.ReservoirSize%n {
		quota++
	}
	return types.SamplingTargetDocument{
		RuleName: r.rule.RuleName, FixedRate: r.rule.FixedRate, Interval: aws.Int32(reportInterval),
		ReservoirQuota: aws.Int32(quota), ReservoirQuotaTTL: aws.Time(now.Add(quotaTTL)),
	}
}

// GetSamplingStatisticSummaries lists what clients reported in the last quarter
// of an hour, by rule and minute.
func (s *Service) GetSamplingStatisticSummaries(_ context.Context, in *xray.GetSamplingStatisticSummariesInput) (*xray.GetSamplingStatisticSummariesOutput, error) {
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	r := s.rules
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &xray.GetSamplingStatisticSummariesOutput{SamplingStatisticSummaries: []types.SamplingStatisticSummary{}}
	for _, name := range order.Sorted(maps.Keys(r.all), cmp.Compare) {
		x := r.all[name]
		x.forget(now)
		for _, u := range x.recent {
			out.SamplingStatisticSummaries = append(out.SamplingStatisticSummaries, types.SamplingStatisticSummary{
				RuleName: aws.String(name), Timestamp: aws.Time(u.minute),
				RequestCount: u.requests, SampledCount: u.sampled, BorrowCount: u.borrows,
			})
		}
	}
	return out, nil
}
