package xray

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/disk"
)

// Options configures a Service. Zero values are useful except for Clock.
type Options struct {
	// Clock is the sandbox's time. Required.
	Clock api.Clock
	// Log is where losses are reported. Nil discards.
	Log *slog.Logger
	// MaxBytes bounds the documents kept, each counted with [Overhead]. Default
	// 64 MiB. Beyond it the oldest traces go.
	MaxBytes int64
	// MaxTraceBytes bounds the documents of one trace; later ones are not kept
	// and the trace is marked LimitExceeded. Default 500 KiB, the service's quota.
	MaxTraceBytes int64
	// CheckTraceTime refuses trace IDs whose first eight digits, read as epoch
	// seconds, are more than 30 days old or 5 minutes ahead, as the service did
	// before it accepted W3C trace IDs.
	CheckTraceTime bool
}

// Overhead is what a kept document counts beyond its length, in bytes: the index
// takes some 300 and what graphs need of it some 600 (measured).
const Overhead = 1024

// Service is the X-Ray API. Its methods may be called concurrently.
type Service struct {
	api.Changes
	opts       Options
	store      *store
	groups     *groups
	rules      *rules
	settings   settings
	policies   policies
	retrievals retrievals
	journal    *disk.Journal // nil: traces are in memory only
}

var _ api.Service = (*Service)(nil)

// New returns an empty service.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.MaxTraceBytes <= 0 {
		o.MaxTraceBytes = 500 << 10
	}
	s := &Service{opts: o, store: newStore(o), groups: newGroups(o.Clock), rules: newRules(o.Clock)}
	s.settings.reset(o.Clock.Now())
	return s
}

// Reset forgets everything: traces, groups, rules, tags, policies, settings and
// counters.
func (s *Service) Reset() {
	if err := s.journal.Rewrite(s.store.reset); err != nil {
		s.opts.Log.Error("traces stay in their file", "err", err)
	}
	s.groups.reset()
	s.rules.reset()
	s.settings.reset(s.opts.Clock.Now())
	s.policies.reset()
	s.retrievals.reset()
}

// Name implements api.Service.
func (s *Service) Name() string { return "xray" }

// Operations implements api.Service.
func (s *Service) Operations() []api.Operation {
	return []api.Operation{
		api.Op("PutTraceSegments", s.PutTraceSegments),
		api.Op("PutTelemetryRecords", s.PutTelemetryRecords),
		api.Op("BatchGetTraces", s.BatchGetTraces),
		api.Op("GetTraceSummaries", s.GetTraceSummaries),
		api.Op("GetServiceGraph", s.GetServiceGraph),
		api.Op("GetTraceGraph", s.GetTraceGraph),
		api.Op("GetTimeSeriesServiceStatistics", s.GetTimeSeriesServiceStatistics),
		api.Op("GetGroups", s.GetGroups),
		api.Op("GetGroup", s.GetGroup),
		api.Op("CreateGroup", s.CreateGroup),
		api.Op("UpdateGroup", s.UpdateGroup),
		api.Op("DeleteGroup", s.DeleteGroup),
		api.Op("GetSamplingRules", s.GetSamplingRules),
		api.Op("CreateSamplingRule", s.CreateSamplingRule),
		api.Op("UpdateSamplingRule", s.UpdateSamplingRule),
		api.Op("DeleteSamplingRule", s.DeleteSamplingRule),
		api.Op("GetSamplingTargets", s.GetSamplingTargets),
		api.Op("GetSamplingStatisticSummaries", s.GetSamplingStatisticSummaries),
		api.Op("TagResource", s.TagResource),
		api.Op("UntagResource", s.UntagResource),
		api.Op("ListTagsForResource", s.ListTagsForResource),
		api.Op("GetEncryptionConfig", s.GetEncryptionConfig),
		api.Op("PutEncryptionConfig", s.PutEncryptionConfig),
		api.Op("GetTraceSegmentDestination", s.GetTraceSegmentDestination),
		api.Op("UpdateTraceSegmentDestination", s.UpdateTraceSegmentDestination),
		api.Op("GetIndexingRules", s.GetIndexingRules),
		api.Op("UpdateIndexingRule", s.UpdateIndexingRule),
		api.Op("StartTraceRetrieval", s.StartTraceRetrieval),
		api.Op("ListRetrievedTraces", s.ListRetrievedTraces),
		api.Op("GetRetrievedTracesGraph", s.GetRetrievedTracesGraph),
		api.Op("CancelTraceRetrieval", s.CancelTraceRetrieval),
		api.Op("GetInsightSummaries", s.GetInsightSummaries),
		api.Op("GetInsight", s.GetInsight),
		api.Op("GetInsightEvents", s.GetInsightEvents),
		api.Op("GetInsightImpactGraph", s.GetInsightImpactGraph),
		api.Op("PutResourcePolicy", s.PutResourcePolicy),
		api.Op("DeleteResourcePolicy", s.DeleteResourcePolicy),
		api.Op("ListResourcePolicies", s.ListResourcePolicies),
	}
}

// Stats counts what the service holds and has lost.
type Stats struct {
	// Traces, Documents and Bytes are held now; Bytes includes [Overhead].
	Traces, Documents int
	Bytes             int64
	// EvictedTraces and EvictedDocuments went to keep the memory bound,
	// ExpiredTraces after 30 days, and Overflowed documents were not kept for the
	// limit of one trace.
	EvictedTraces, EvictedDocuments, ExpiredTraces, Overflowed int64
	// Refused documents came back as unprocessed.
	Refused int64
}

// Stats returns the counts of this moment.
func (s *Service) Stats() Stats { return s.store.stats() }

// invalid is an InvalidRequestException.
func invalid(format string, args ...any) error {
	return api.Errorf("InvalidRequestException", format, args...)
}

// notFound is a ResourceNotFoundException, whose status is 404.
func notFound(arn, format string, args ...any) error {
	return &api.Error{
		Shape: "ResourceNotFoundException", Status: http.StatusNotFound,
		Message: fmt.Sprintf(format, args...), Members: map[string]any{"ResourceName": arn},
	}
}
