// Package logs emulates CloudWatch Logs: groups, streams, retention, ingestion
// with its documented limits, reading with its paging rules, Live Tail, queries, metric
// filters and the embedded metric format, saved queries and tags.
//
// Names and limits are those of the API model and of the guide's quota page;
// request rates are not limited. What the service does not do is refused by
// the protocol layer, which knows [Service.Operations].
//
// Times are in milliseconds since 1970 throughout, but for StartQuery.
package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// Options configure a Service.
type Options struct {
	// Clock is the sandbox's time. It is required.
	Clock api.Clock
	// Metrics takes what log events carry as metrics. Nil: nothing is taken out.
	Metrics api.Metrics
	// Logger is told about failures of background work. Nil: none.
	Logger *slog.Logger
	// MaxBytes bounds the events kept, in bytes as compressed; the oldest go
	// first. 0 means store.DefaultMaxBytes.
	MaxBytes int64
	// Dir is a folder to keep streams and events in too. Empty: memory only.
	// What is in it becomes part of the service by ImportState.
	Dir string
	// Sink is the URL of an HTTP server that gets what subscription filters
	// match, in the place of their destinations. Empty: nothing is sent.
	Sink string
	// Changed, if not nil, is called after work of the service's own has changed
	// resources: a scheduled query has run.
	Changed func()
}

// Service implements api.Service. It is safe for concurrent use.
type Service struct {
	api.Changes
	told    func()
	clock   api.Clock
	metrics api.Metrics
	log     *slog.Logger
	max     int64
	dir     string
	sink    string
	changed chan struct{} // wakes Run; holds one token

	mu     sync.RWMutex
	store  *store.Store
	groups map[groupKey]*group
	defs   map[string]map[string]*definition // by region and id
	minute minutes

	queries    []*query // oldest first
	queue      chan *query
	policies   map[resourcePolicyKey]types.ResourcePolicy
	deliveries chan *delivery
	tails      []*tail // replaced, never changed
	shelf      map[shelfKey]*resource
	schedules  chan struct{} // wakes runSchedules; holds one token
}

// groupKey names a group. Regions are worlds apart.
type groupKey struct{ region, name string }

// New returns a service without groups.
func New(o Options) (*Service, error) {
	if o.Clock == nil {
		return nil, errors.New("make logs service: no clock is given")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	s := &Service{
		told: o.Changed, clock: o.Clock, metrics: o.Metrics, log: o.Logger, max: o.MaxBytes, dir: o.Dir, sink: o.Sink, changed: make(chan struct{}, 1),
		queue: make(chan *query, maxQueries), deliveries: make(chan *delivery, maxDeliveries),
		schedules: make(chan struct{}, 1),
	}
	return s, s.empty()
}

// empty makes everything anew.
func (s *Service) empty() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.store == nil {
		s.store, err = store.New(store.Options{MaxBytes: s.max, Dir: s.dir})
	} else {
		err = s.store.Clear()
	}
	if err != nil {
		return fmt.Errorf("empty the logs service: %w", err)
	}
	for _, q := range s.queries {
		q.cancel()
	}
	s.queries = nil
	s.groups = make(map[groupKey]*group)
	s.defs = make(map[string]map[string]*definition)
	s.policies = make(map[resourcePolicyKey]types.ResourcePolicy)
	s.minute = minutes{}
	s.shelf = make(map[shelfKey]*resource)
	return nil
}

// Reset forgets everything.
func (s *Service) Reset() {
	if err := s.empty(); err != nil {
		s.log.Error("reset failed", "err", err)
	}
}

// Name implements api.Service.
func (s *Service) Name() string { return "logs" }

// Stats tells what the store of events holds.
func (s *Service) Stats() store.Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.store.Stats()
}

// now is the sandbox's time in milliseconds.
func (s *Service) now() int64 { return s.clock.Now().UnixMilli() }

// Operations implements api.Service.
func (s *Service) Operations() []api.Operation {
	return append([]api.Operation{
		api.Op("CreateLogGroup", s.createLogGroup),
		api.Op("DeleteLogGroup", s.deleteLogGroup),
		api.Op("DescribeLogGroups", s.describeLogGroups),
		api.Op("ListLogGroups", s.listLogGroups),
		api.Op("PutRetentionPolicy", s.putRetentionPolicy),
		api.Op("DeleteRetentionPolicy", s.deleteRetentionPolicy),
		api.Op("PutLogGroupDeletionProtection", s.putDeletionProtection),
		api.Op("CreateLogStream", s.createLogStream),
		api.Op("DeleteLogStream", s.deleteLogStream),
		api.Op("DescribeLogStreams", s.describeLogStreams),
		api.Op("PutLogEvents", s.putLogEvents),
		api.Op("GetLogEvents", s.getLogEvents),
		api.Op("FilterLogEvents", s.filterLogEvents),
		api.Op("StartLiveTail", s.startLiveTail),
		api.Op("GetLogRecord", s.getLogRecord),
		api.Op("GetLogGroupFields", s.getLogGroupFields),
		api.Op("StartQuery", s.startQuery),
		api.Op("GetQueryResults", s.getQueryResults),
		api.Op("StopQuery", s.stopQuery),
		api.Op("DescribeQueries", s.describeQueries),
		api.Op("PutMetricFilter", s.putMetricFilter),
		api.Op("DescribeMetricFilters", s.describeMetricFilters),
		api.Op("DeleteMetricFilter", s.deleteMetricFilter),
		api.Op("TestMetricFilter", s.testMetricFilter),
		api.Op("PutQueryDefinition", s.putQueryDefinition),
		api.Op("DescribeQueryDefinitions", s.describeQueryDefinitions),
		api.Op("DeleteQueryDefinition", s.deleteQueryDefinition),
		api.Op("PutSubscriptionFilter", s.putSubscriptionFilter),
		api.Op("DescribeSubscriptionFilters", s.describeSubscriptionFilters),
		api.Op("DeleteSubscriptionFilter", s.deleteSubscriptionFilter),
		api.Op("PutIndexPolicy", s.putIndexPolicy),
		api.Op("DescribeIndexPolicies", s.describeIndexPolicies),
		api.Op("DescribeFieldIndexes", s.describeFieldIndexes),
		api.Op("DeleteIndexPolicy", s.deleteIndexPolicy),
		api.Op("PutResourcePolicy", s.putResourcePolicy),
		api.Op("DescribeResourcePolicies", s.describeResourcePolicies),
		api.Op("DeleteResourcePolicy", s.deleteResourcePolicy),
		api.Op("TagResource", s.tagResource),
		api.Op("UntagResource", s.untagResource),
		api.Op("ListTagsForResource", s.listTagsForResource),
		api.Op("TagLogGroup", s.tagLogGroup),
		api.Op("UntagLogGroup", s.untagLogGroup),
		api.Op("ListTagsLogGroup", s.listTagsLogGroup),
	}, s.resourceOperations()...)
}

// resourceOperations are those on lookup tables, on scheduled queries, on keys and
// on what has no effect.
func (s *Service) resourceOperations() []api.Operation {
	return append([]api.Operation{
		api.Op("CreateLookupTable", s.createLookupTable),
		api.Op("UpdateLookupTable", s.updateLookupTable),
		api.Op("GetLookupTable", s.getLookupTable),
		api.Op("DescribeLookupTables", s.describeLookupTables),
		api.Op("DeleteLookupTable", s.deleteLookupTable),
		scheduleOp(api.Op("CreateScheduledQuery", s.createScheduledQuery)),
		scheduleOp(api.Op("UpdateScheduledQuery", s.updateScheduledQuery)),
		scheduleOp(api.Op("GetScheduledQuery", s.getScheduledQuery)),
		scheduleOp(api.Op("GetScheduledQueryHistory", s.getScheduledQueryHistory)),
		scheduleOp(api.Op("ListScheduledQueries", s.listScheduledQueries)),
		scheduleOp(api.Op("DeleteScheduledQuery", s.deleteScheduledQuery)),
		api.Op("AssociateKmsKey", s.associateKmsKey),
		api.Op("DisassociateKmsKey", s.disassociateKmsKey),
	}, s.storedOperations()...)
}

// Run carries out queries and publishes the default values of metric filters
// when their minutes are over. It returns when ctx ends and no query runs.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.runQueries(ctx, wg.Go) })
	wg.Go(func() { s.deliver(ctx) })
	wg.Go(func() { s.runSchedules(ctx) })
	for {
		due, ok := s.nextMinute()
		if !ok {
			select {
			case <-s.changed:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		if err := s.clock.Wait(ctx, due); err != nil {
			return nil // ctx ended
		}
		s.publishDefaults(ctx)
	}
}

// wake tells Run that there may be work.
func (s *Service) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *Service) nextMinute() (time.Time, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.minute.next()
}
