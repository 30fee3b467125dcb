package logs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// Limits of queries (SDK: StartQuery, GetQueryResults; guide: quotas).
const (
	maxQueries       = 100 // at once
	maxQueryGroups   = 50
	maxQueryRows     = 100000
	maxResultPage    = 10000
	queryTimeout     = time.Hour
	maxKeptQueries   = 300 // with their results, which is ours to bound
	maxQueryListPage = 1000
)

var (
	errStopped = errors.New("query was stopped")
	errTimeout = errors.New("query timed out")
)

// query is a query from its start until it is forgotten.
type query struct {
	id, region, text string
	account          string
	groups           []*group
	start, end       int64 // milliseconds, inclusive
	from             int64 // start, or what diff compares with
	limit            int   // 0: the default
	created          int64
	needles          [][]byte // every matching message has all of them
	exec             *insights.Execution

	reviving sync.Mutex // held while stored is carried out again; taken before mu

	mu     sync.Mutex
	status types.QueryStatus
	stop   context.CancelCauseFunc // while it runs
	took   time.Duration
	result *insights.Result // when it has ended
	stored *queryState      // of an earlier process; its rows are found when they are asked for
}

func (q *query) ended() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.endedLocked()
}

func (q *query) endedLocked() bool {
	return q.status != types.QueryStatusScheduled && q.status != types.QueryStatusRunning
}

// run carries the query out. It returns when that has ended, and ctx's end
// stops it.
func (q *query) run(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, queryTimeout, errTimeout)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	q.mu.Lock()
	if q.endedLocked() { // stopped while it was scheduled
		q.mu.Unlock()
		return
	}
	q.status, q.stop = types.QueryStatusRunning, stop
	q.mu.Unlock()
	begin := time.Now()
	err := q.exec.Run(ctx)
	result := q.exec.Result()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.took, q.result, q.exec = time.Since(begin), result, nil
	switch {
	case err == nil:
		q.status = types.QueryStatusComplete
	case errors.Is(err, errTimeout):
		q.status = types.QueryStatusTimeout
	case ctx.Err() != nil:
		q.status = types.QueryStatusCancelled
	default:
		q.status = types.QueryStatusFailed
	}
}

// cancel stops the query, and says whether there was anything to stop.
func (q *query) cancel() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.endedLocked() {
		return false
	}
	if q.stop != nil {
		q.stop(errStopped)
		return true
	}
	q.status, q.result, q.exec = types.QueryStatusCancelled, &insights.Result{}, nil
	return true
}

// snapshot is what is known of the query now.
func (q *query) snapshot() (types.QueryStatus, *insights.Result) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.result != nil:
		return q.status, q.result
	case q.status == types.QueryStatusScheduled:
		return q.status, &insights.Result{}
	}
	return q.status, q.exec.Result()
}

// Blocks implements insights.Source.
func (q *query) Blocks() []insights.Block {
	var blocks []insights.Block
	for _, g := range q.groups {
		start := max(q.from, g.expiry(q.created))
		for _, b := range g.events.Blocks() {
			if b.MaxTime() >= start && b.MinTime() <= q.end && q.mayMatch(b) {
				blocks = append(blocks, &queryBlock{block: b, start: start, log: g.account + ":" + g.name})
			}
		}
	}
	return blocks
}

// mayMatch says whether a block may have rows that count. What a query looks
// for by ID is in few blocks, whose rows alone are scanned.
func (q *query) mayMatch(b *store.Block) bool {
	for _, n := range q.needles {
		if !b.MayContain(n) {
			return false
		}
	}
	return true
}

// queryBlock shows a block of the store to the engine.
type queryBlock struct {
	block *store.Block
	start int64 // what is older has expired
	log   string
}

// Rows implements insights.Block.
func (b *queryBlock) Rows(ctx context.Context, yield func(*insights.Row) bool) error {
	row := insights.Row{Log: b.log}
	n := 0
	return b.block.Scan(func(e *store.Event) bool {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return false
		}
		if e.Time < b.start {
			return true
		}
		row.Time, row.Ingested, row.Stream, row.Message, row.Ref = e.Time, e.Ingested, e.Stream.Name(), e.Message, uint64(e.Ref)
		return yield(&row)
	})
}

// statistics are the result's in the form of the API.
func statistics(q *query, r *insights.Result) *types.QueryStatistics {
	return &types.QueryStatistics{
		RecordsMatched: float64(r.Statistics.RecordsMatched), RecordsScanned: float64(r.Statistics.RecordsScanned),
		BytesScanned: float64(r.Statistics.BytesScanned), LogGroupsScanned: float64(len(q.groups)), ResultCount: float64(len(r.Rows)),
	}
}

// rows are some rows of the result in the form of the API.
func rows(all [][]insights.Field) [][]types.ResultField {
	out := make([][]types.ResultField, len(all))
	for i, row := range all {
		out[i] = make([]types.ResultField, len(row))
		for j := range row {
			out[i][j] = types.ResultField{Field: aws.String(row[j].Field), Value: aws.String(row[j].Value)}
		}
	}
	return out
}
