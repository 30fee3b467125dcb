package logs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

func (s *Service) startQuery(ctx context.Context, in *cwl.StartQueryInput) (*cwl.StartQueryOutput, error) {
	start, end, err := queryRange(in)
	if err != nil {
		return nil, err
	}
	if in.QueryLanguage != "" && in.QueryLanguage != types.QueryLanguageCwli {
		return nil, invalid("The sandbox runs queries in CWLI only, not in %s.", in.QueryLanguage)
	}
	limit, err := limitOf("limit", in.Limit, insights.DefaultLimit, maxQueryRows)
	if err != nil {
		return nil, err
	}
	q, err := s.prepare(ctx, in, span{start, end}, limit)
	if err != nil {
		return nil, err
	}
	if err := s.schedule(q); err != nil {
		return nil, err
	}
	return &cwl.StartQueryOutput{QueryId: &q.id}, nil
}

// Query runs a query to its end and returns the cells of its rows, each a name and a value. The groups
// are names or ARNs of the caller's. It is not listed and does not count as one
// that runs.
func (s *Service) Query(ctx context.Context, groups []string, text string, start, end time.Time) ([][][2]string, error) {
	q, err := s.prepare(ctx, &cwl.StartQueryInput{LogGroupIdentifiers: groups, QueryString: &text}, span{start.UnixMilli(), end.UnixMilli() - 1}, 0)
	if err != nil {
		return nil, err
	}
	exec := q.exec
	if err := exec.Run(ctx); err != nil {
		return nil, err
	}
	var out [][][2]string
	for _, row := range exec.Result().Rows {
		cells := make([][2]string, len(row))
		for i := range row {
			cells[i] = [2]string{row[i].Field, row[i].Value}
		}
		out = append(out, cells)
	}
	return out, nil
}

// span is a range of time in milliseconds, both ends inclusive.
type span struct{ start, end int64 }

// prepare compiles a query and finds the groups and tables that it reads. A
// limit of 0 is the default.
func (s *Service) prepare(ctx context.Context, in *cwl.StartQueryInput, over span, limit int) (*query, error) {
	return s.prepareAt(ctx, in, over, limit, s.clock.Now())
}

// prepareAt is prepare for a query that began at a time.
func (s *Service) prepareAt(ctx context.Context, in *cwl.StartQueryInput, over span, limit int, now time.Time) (*query, error) {
	compiled, err := insights.Parse(*in.QueryString)
	if err != nil {
		return nil, malformed(err)
	}
	groups, err := s.queryGroups(ctx, in, compiled.Groups())
	if err != nil {
		return nil, err
	}
	if err := checkClasses(compiled, groups); err != nil {
		return nil, err
	}
	q := &query{
		id: newUUID(), region: api.CallerOf(ctx).Region, account: api.CallerOf(ctx).Account, limit: limit, text: *in.QueryString, groups: groups, start: over.start, end: over.end,
		created: now.UnixMilli(), status: types.QueryStatusScheduled, needles: compiled.Needles(), from: over.start,
	}
	if from, _, ok := compiled.Compared(over.start, over.end); ok {
		q.from = min(from, over.start)
	}
	opt := insights.Options{
		Start: over.start, End: over.end, Limit: limit, Now: now,
		Ptr: func(r *insights.Row) string { return Pointer(store.Ref(r.Ref)) },
	}
	if opt.Tables, err = s.lookupTables(ctx, compiled); err != nil {
		return nil, malformed(err)
	}
	for _, sub := range compiled.Subqueries() {
		groups, err := s.queryGroups(ctx, &cwl.StartQueryInput{}, sub.Groups())
		if err == nil {
			err = checkClasses(sub, groups)
		}
		if err != nil {
			return nil, err
		}
		opt.Subqueries = append(opt.Subqueries, &query{groups: groups, start: q.start, end: q.end, from: q.start, created: q.created, needles: sub.Needles()})
	}
	q.exec = compiled.Prepare(q, opt)
	return q, nil
}

// checkClasses refuses what groups of the Infrequent Access class do not have.
func checkClasses(compiled *insights.Query, groups []*group) error {
	infrequent := func(g *group) bool { return g.class == types.LogGroupClassInfrequentAccess }
	if err := compiled.CheckInfrequent(); err != nil && slices.ContainsFunc(groups, infrequent) {
		return malformed(err)
	}
	return nil
}

// maxSeconds is far beyond any time in seconds, and long past in milliseconds,
// which are a common mistake.
const maxSeconds = 100_000_000_000

// queryRange is the time range in milliseconds, both ends inclusive: the second
// that endTime names counts as a whole.
func queryRange(in *cwl.StartQueryInput) (start, end int64, err error) {
	switch e := queryStringRule(0).check(in.QueryString); {
	case e != nil:
		return 0, 0, e
	case in.StartTime == nil:
		return 0, 0, missing("startTime")
	case in.EndTime == nil:
		return 0, 0, missing("endTime")
	case *in.StartTime < 0 || *in.EndTime < 0:
		return 0, 0, constraint(min(*in.StartTime, *in.EndTime), "startTime", "have value greater than or equal to 0")
	case *in.StartTime > *in.EndTime:
		return 0, 0, invalid("End time should not be less than start time.")
	case *in.StartTime > maxSeconds || *in.EndTime > maxSeconds:
		return 0, 0, invalid("startTime and endTime are in seconds since 1970, and %d is too far away.", max(*in.StartTime, *in.EndTime))
	}
	return *in.StartTime * 1000, *in.EndTime*1000 + 999, nil
}

// malformed is the refusal of a text that does not compile.
func malformed(err error) error {
	e, ok := errors.AsType[*insights.SyntaxError](err)
	if !ok {
		return err
	}
	refused := api.Errorf("MalformedQueryException", "%s", e.Msg)
	refused.Members = map[string]any{"queryCompileError": &types.QueryCompileError{
		Message:  &e.Msg,
		Location: &types.QueryCompileErrorLocation{StartCharOffset: aws.Int32(int32(e.Start)), EndCharOffset: aws.Int32(int32(e.End))},
	}}
	return refused
}

// queryGroups finds the groups of a query: those of exactly one parameter, or
// of the text's SOURCE.
func (s *Service) queryGroups(ctx context.Context, in *cwl.StartQueryInput, source *insights.GroupSelection) ([]*group, error) {
	given := 0
	var names []string
	for _, list := range [][]string{in.LogGroupNames, in.LogGroupIdentifiers} {
		if len(list) > 0 {
			given++
			names = list
		}
	}
	if in.LogGroupName != nil {
		given++
		names = []string{*in.LogGroupName}
	}
	switch {
	case source != nil && given > 0:
		return nil, invalid("Log groups are given by a parameter and by SOURCE.")
	case source != nil && len(source.Names) == 0:
		return s.selectGroups(ctx, source), nil
	case source != nil:
		names = source.Names
	case given != 1:
		return nil, invalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be given.")
	case len(names) > maxQueryGroups:
		return nil, constraint(fmt.Sprintf("%d names", len(names)), "logGroupNames", "have length less than or equal to 50")
	}
	var groups []*group
	for _, n := range names {
		g, err := s.identified(ctx, nil, &n)
		if err != nil {
			return nil, err
		}
		if g.class == types.LogGroupClassDelivery {
			return nil, invalid("Log groups of class DELIVERY cannot be queried (%s).", g.name)
		}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups, nil
}

// selectGroups resolves the selection of a SOURCE command without names. Without
// a class it is of the Standard class (user guide, "SOURCE").
func (s *Service) selectGroups(ctx context.Context, source *insights.GroupSelection) []*group {
	classes := source.Classes
	if len(classes) == 0 {
		classes = []string{string(types.LogGroupClassStandard)}
	}
	return s.all(ctx, func(g *group) bool {
		prefixed := func(p string) bool { return strings.HasPrefix(g.name, p) }
		return g.class != types.LogGroupClassDelivery &&
			(len(source.Prefixes) == 0 || slices.ContainsFunc(source.Prefixes, prefixed)) &&
			(len(source.Accounts) == 0 || slices.Contains(source.Accounts, g.account)) &&
			slices.Contains(classes, string(g.class))
	})
}

// schedule hands a query to Run, and forgets the oldest ones that have ended.
func (s *Service) schedule(q *query) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	active := 0
	for _, old := range s.queries {
		if !old.ended() {
			active++
		}
	}
	if active >= maxQueries {
		return api.Errorf("LimitExceededException", "LimitExceeded: %d queries are running.", active)
	}
	s.forgetLocked()
	select {
	case s.queue <- q:
	default: // Run is not there, or behind: as at AWS, that is a matter of load
		return api.Errorf("ServiceUnavailableException", "Queries are not carried out at the moment.")
	}
	s.queries = append(s.queries, q)
	s.Changed()
	return nil
}

// forgetLocked makes room for another query; false if all that are kept run.
func (s *Service) forgetLocked() bool {
	if len(s.queries) < maxKeptQueries {
		return true
	}
	i := slices.IndexFunc(s.queries, (*query).ended)
	if i < 0 {
		return false
	}
	s.queries = slices.Delete(s.queries, i, i+1)
	return true
}

// runQueries carries out what is scheduled, until ctx ends.
func (s *Service) runQueries(ctx context.Context, start func(func())) {
	for {
		select {
		case q := <-s.queue:
			start(func() {
				q.run(ctx)
				s.Changed()
			})
		case <-ctx.Done():
			return
		}
	}
}

func (s *Service) query(ctx context.Context, id *string) (*query, error) {
	if id == nil {
		return nil, missing("queryId")
	}
	region := api.CallerOf(ctx).Region
	s.mu.RLock()
	i := slices.IndexFunc(s.queries, func(q *query) bool { return q.id == *id && q.region == region })
	if i < 0 {
		s.mu.RUnlock()
		return nil, notFound("query")
	}
	q := s.queries[i]
	s.mu.RUnlock()
	s.revive(ctx, q)
	return q, nil
}

func (s *Service) getQueryResults(ctx context.Context, in *cwl.GetQueryResultsInput) (*cwl.GetQueryResultsOutput, error) {
	limit, err := limitOf("maxItems", in.MaxItems, maxResultPage, maxResultPage)
	if err != nil {
		return nil, err
	}
	q, err := s.query(ctx, in.QueryId)
	if err != nil {
		return nil, err
	}
	status, result := q.snapshot()
	start, err := resultPlace(in.NextToken, q.id)
	if err != nil {
		return nil, err
	}
	start = min(start, len(result.Rows))
	end := min(start+limit, len(result.Rows))
	out := &cwl.GetQueryResultsOutput{
		Status: status, QueryLanguage: types.QueryLanguageCwli, Results: rows(result.Rows[start:end]), Statistics: statistics(q, result),
	}
	// Rows of a query that runs may still move, so only an ended one has pages.
	if end < len(result.Rows) && q.ended() {
		out.NextToken = aws.String(base64.RawURLEncoding.EncodeToString([]byte(q.id + strconv.Itoa(end))))
	}
	return out, nil
}

func resultPlace(token *string, id string) (int, error) {
	if token == nil {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	place, ok := strings.CutPrefix(string(b), id)
	n, numErr := strconv.Atoi(place)
	if err != nil || !ok || numErr != nil || n < 0 {
		return 0, invalid("The specified nextToken is invalid.")
	}
	return n, nil
}

func (s *Service) stopQuery(ctx context.Context, in *cwl.StopQueryInput) (*cwl.StopQueryOutput, error) {
	q, err := s.query(ctx, in.QueryId)
	if err != nil {
		return nil, err
	}
	if !q.cancel() {
		return nil, invalid("The specified query has already ended.")
	}
	s.Changed()
	return &cwl.StopQueryOutput{Success: true}, nil
}

func (s *Service) describeQueries(ctx context.Context, in *cwl.DescribeQueriesInput) (*cwl.DescribeQueriesOutput, error) {
	limit, err := limitOf("maxResults", in.MaxResults, maxQueryListPage, maxQueryListPage)
	if err != nil {
		return nil, err
	}
	region := api.CallerOf(ctx).Region
	all := []types.QueryInfo{}
	s.mu.RLock()
	for _, q := range slices.Backward(s.queries) { // newest first
		info := q.info()
		if q.region == region && (in.Status == "" || in.Status == info.Status) && (in.QueryLanguage == "" || in.QueryLanguage == info.QueryLanguage) &&
			(in.LogGroupName == nil || slices.ContainsFunc(q.groups, func(g *group) bool { return g.name == *in.LogGroupName })) {
			all = append(all, info)
		}
	}
	s.mu.RUnlock()
	all, next, err := page(all, in.NextToken, limit, func(q types.QueryInfo) string { return *q.QueryId })
	if err != nil {
		return nil, err
	}
	return &cwl.DescribeQueriesOutput{Queries: all, NextToken: next}, nil
}

// info describes the query. The service shows its text with the groups and the
// range before it.
func (q *query) info() types.QueryInfo {
	q.mu.Lock()
	defer q.mu.Unlock()
	var names []string
	for _, g := range q.groups {
		names = append(names, strconv.Quote(g.name))
	}
	text := fmt.Sprintf("SOURCE %s START=%d END=%d | %s", strings.Join(names, ","), q.start/1000, q.end/1000, q.text)
	info := types.QueryInfo{
		QueryId: &q.id, QueryString: &text, Status: q.status, CreateTime: &q.created, QueryLanguage: types.QueryLanguageCwli,
	}
	if len(q.groups) > 0 {
		info.LogGroupName = &q.groups[0].name
	}
	if q.stored != nil {
		info.QueryDuration, info.BytesScanned = aws.Int64(q.took.Milliseconds()), aws.Float64(q.stored.Scanned)
	}
	if q.result != nil {
		info.QueryDuration = aws.Int64(q.took.Milliseconds())
		info.BytesScanned = aws.Float64(float64(q.result.Statistics.BytesScanned))
	}
	return info
}
