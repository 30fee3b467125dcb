package logs

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// queryState is a query in the state. Its rows are not kept: the same query finds
// them again in the events, which are.
type queryState struct {
	ID, Account, Region, Text string
	Groups                    []string
	Start, End                int64 // milliseconds, inclusive
	Limit                     int   `json:",omitempty"`
	Created                   int64
	Status                    types.QueryStatus
	Took                      time.Duration `json:",omitempty"`
	Scanned                   float64       `json:",omitempty"`
}

func (q *query) state() queryState {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stored != nil {
		return *q.stored
	}
	st := queryState{
		ID: q.id, Account: q.account, Region: q.region, Text: q.text, Start: q.start, End: q.end, Limit: q.limit, Created: q.created,
		Status: q.status, Took: q.took,
	}
	for _, g := range q.groups {
		st.Groups = append(st.Groups, g.name)
	}
	if q.result != nil {
		st.Scanned = float64(q.result.Statistics.BytesScanned)
	}
	return st
}

// importQueryLocked makes a query of an earlier process known. One that had not
// ended then begins anew.
func (s *Service) importQueryLocked(v json.RawMessage) error {
	st := new(queryState)
	if err := json.Unmarshal(v, st); err != nil {
		return err
	}
	q := &query{
		id: st.ID, account: st.Account, region: st.Region, text: st.Text, start: st.Start, end: st.End, from: st.Start, limit: st.Limit,
		created: st.Created, status: st.Status, took: st.Took, stored: st,
	}
	if !q.endedLocked() {
		q.status, st.Status = types.QueryStatusComplete, types.QueryStatusComplete
	}
	for _, name := range st.Groups {
		if g := s.groups[groupKey{st.Region, name}]; g != nil {
			q.groups = append(q.groups, g)
		}
	}
	s.queries = append(s.queries, q)
	return nil
}

// revive carries a query of an earlier process out again, for its rows. What
// cannot be read any more, as its log group is gone, yields none. Meanwhile mu is
// free: those who hold the service's lock may want it.
func (s *Service) revive(ctx context.Context, q *query) {
	q.reviving.Lock()
	defer q.reviving.Unlock()
	q.mu.Lock()
	st := q.stored
	q.mu.Unlock()
	if st == nil {
		return
	}
	result := &insights.Result{}
	if st.Status == types.QueryStatusComplete {
		result = s.again(ctx, st)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stored, q.result = nil, result
}

// again carries out a query that is stored.
func (s *Service) again(ctx context.Context, st *queryState) *insights.Result {
	ctx = api.WithCaller(ctx, api.Caller{Account: st.Account, Region: st.Region, RequestID: "query"})
	in := &cwl.StartQueryInput{LogGroupIdentifiers: st.Groups, QueryString: aws.String(st.Text)}
	if compiled, err := insights.Parse(st.Text); err == nil && compiled.Groups() != nil {
		in.LogGroupIdentifiers = nil // the text has them
	}
	q, err := s.prepareAt(ctx, in, span{st.Start, st.End}, st.Limit, time.UnixMilli(st.Created))
	if err == nil {
		err = q.exec.Run(ctx)
	}
	if err != nil {
		s.log.Warn("rows of a query are lost", "query", st.ID, "err", err)
	}
	if q == nil {
		return &insights.Result{}
	}
	return q.exec.Result()
}
