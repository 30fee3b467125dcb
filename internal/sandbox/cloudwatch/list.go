package cloudwatch

import (
	"context"
	"encoding/base64"
	"slices"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of ListMetrics.
const (
	maxListed  = 500
	maxFilters = 10
	// recentlyActive is the span of RecentlyActive=PT3H.
	recentlyActive = 3 * time.Hour
	// listedFor is how long a silent metric is still listed.
	listedFor = 14 * 24 * time.Hour
)

// ListMetrics lists metrics that received data in the last two weeks, 500 a
// page. A metric is listed at once, where CloudWatch takes up to 15 minutes.
func (s *Service) ListMetrics(ctx context.Context, in *cloudwatch.ListMetricsInput) (*cloudwatch.ListMetricsOutput, error) {
	if err := checkListMetrics(in); err != nil {
		return nil, err
	}
	after, err := listToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	caller, now := api.CallerOf(ctx), s.opts.Clock.Now()
	out := &cloudwatch.ListMetricsOutput{}
	if in.OwningAccount != nil && *in.OwningAccount != caller.Account {
		return out, nil
	}
	all := s.store.list(scopeOf(caller), func(id identity) bool { return listMatches(in, id) })
	all = slices.DeleteFunc(all, func(l listing) bool {
		if in.RecentlyActive != "" && l.newest.Before(now.Add(-recentlyActive)) {
			return true
		}
		return l.written.Before(now.Add(-listedFor))
	})
	all = all[sort.Search(len(all), func(i int) bool { return all[i].key > after }):]
	if len(all) > maxListed {
		all = all[:maxListed]
		out.NextToken = encodeToken(all[maxListed-1].key)
	}
	for _, l := range all {
		out.Metrics = append(out.Metrics, l.metric())
		if aws.ToBool(in.IncludeLinkedAccounts) {
			out.OwningAccounts = append(out.OwningAccounts, caller.Account)
		}
	}
	return out, nil
}

func checkListMetrics(in *cloudwatch.ListMetricsInput) error {
	if len(in.Dimensions) > maxFilters {
		return invalidValue("The collection Dimensions must not have a size greater than %d.", maxFilters)
	}
	for i, d := range in.Dimensions {
		if aws.ToString(d.Name) == "" {
			return missing("The parameter Dimensions.member.%d.Name is required.", i+1)
		}
	}
	if in.RecentlyActive != "" && in.RecentlyActive != types.RecentlyActivePt3h {
		return invalidValue("The value %s for parameter RecentlyActive is invalid: it must be PT3H.", in.RecentlyActive)
	}
	return nil
}

func listMatches(in *cloudwatch.ListMetricsInput, id identity) bool {
	if in.Namespace != nil && *in.Namespace != id.namespace {
		return false
	}
	if in.MetricName != nil && *in.MetricName != id.name {
		return false
	}
	for _, f := range in.Dimensions {
		if !slices.ContainsFunc(id.dims, func(d dimension) bool {
			return d.name == *f.Name && (f.Value == nil || *f.Value == d.value)
		}) {
			return false
		}
	}
	return true
}

// metric is id in the API's form.
func (id identity) metric() types.Metric {
	m := types.Metric{Namespace: aws.String(id.namespace), MetricName: aws.String(id.name), Dimensions: []types.Dimension{}}
	for _, d := range id.dims {
		m.Dimensions = append(m.Dimensions, types.Dimension{Name: aws.String(d.name), Value: aws.String(d.value)})
	}
	return m
}

// encodeToken makes a paging token of the last item shown.
func encodeToken(last string) *string {
	return aws.String(base64.RawURLEncoding.EncodeToString([]byte(last)))
}

// listToken is decodeToken for ListMetrics and ListDashboards, whose models have
// no InvalidNextToken (model of CloudWatch, 2010-08-01).
func listToken(token *string) (string, error) {
	after, err := decodeToken(token)
	if err != nil {
		return "", invalidValue("The parameter NextToken is not valid for this request.")
	}
	return after, nil
}

// decodeToken returns the last item shown, empty for the first page.
func decodeToken(token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(b) == 0 {
		return "", invalidToken()
	}
	return string(b), nil
}

// WithData lists the metrics of a namespace, in the caller's account and region,
// that have data from start to before end.
func (s *Service) WithData(ctx context.Context, namespace string, start, end time.Time) []api.Metric {
	sc, now := scopeOf(api.CallerOf(ctx)), s.opts.Clock.Now()
	whole := span{time.Minute, []alarm.Window{{Start: start, End: end}}}
	var out []api.Metric
	for _, l := range s.store.list(sc, func(id identity) bool { return id.namespace == namespace }) {
		if l.newest.Before(start) || s.store.read(sc, l.identity, "", now, whole)[0].count == 0 {
			continue
		}
		out = append(out, api.Metric{Namespace: l.namespace, Name: l.name, Dimensions: pairs(l.dims)})
	}
	return out
}
