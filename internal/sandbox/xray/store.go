package xray

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight/internal/segment"
)

// retention is how long X-Ray keeps a trace.
const retention = 30 * 24 * time.Hour

// store keeps documents by trace.
type store struct {
	log           *slog.Logger
	maxBytes      int64
	maxTraceBytes int64

	mu     sync.RWMutex
	traces map[string]*trace
	// queue holds the traces in order of arrival, from index head on.
	queue []*trace
	head  int
	count Stats

	details ring
}

// bytesPerDetail is how much of the memory bound stands for one kept detail,
// which is some ten kilobytes: details add less than a fifth to the bound.
const bytesPerDetail = 64 << 10

// trace is what the store keeps of one trace. Its fields are guarded by the
// store's mu except those that say otherwise.
type trace struct {
	id      string // never changes
	account string // never changes
	created time.Time
	updated time.Time
	docs    []stored
	index   map[string]int // place in docs, by document ID
	bytes   int64          // lengths of the texts in docs
	limited bool
	// start and end are the first start and the last end of segments in epoch
	// seconds; end is zero while nothing has ended.
	start, end float64

	revision atomic.Int32
	digest   atomic.Pointer[digest] // valid if of the same revision
	detail   atomic.Pointer[detail] // likewise
}

// stored is one document. raw never changes.
type stored struct {
	id         string
	raw        []byte
	inProgress bool
}

func newStore(o Options) *store {
	s := &store{log: o.Log, maxBytes: o.MaxBytes, maxTraceBytes: o.MaxTraceBytes, traces: map[string]*trace{}}
	s.details.slots = make([]*trace, 1+o.MaxBytes/bytesPerDetail)
	return s
}

func (s *store) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traces, s.queue, s.head, s.count = map[string]*trace{}, nil, 0, Stats{}
}

// put keeps checked documents that arrived at now for account, and counts
// refused ones.
func (s *store) put(now time.Time, account string, docs []*segment.Document, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count.Refused += int64(refused)
	s.expireLocked(now)
	for _, d := range docs {
		t := s.traces[d.TraceID]
		if t == nil {
			t = &trace{id: d.TraceID, account: account, created: now, index: map[string]int{}}
			s.traces[t.id] = t
			s.queue = append(s.queue, t)
		}
		s.addLocked(t, d, now)
	}
	s.evictLocked()
}

// addLocked puts d into t. A document replaces an earlier one of the same ID,
// unless that one was complete and d is in progress, arriving late.
func (s *store) addLocked(t *trace, d *segment.Document, now time.Time) {
	doc := stored{id: d.ID, raw: d.Raw, inProgress: d.InProgress}
	i, known := t.index[d.ID]
	if known && d.InProgress && !t.docs[i].inProgress {
		return
	}
	grown := int64(len(d.Raw))
	if known {
		grown -= int64(len(t.docs[i].raw))
	}
	if t.bytes+grown > s.maxTraceBytes {
		t.limited = true
		s.count.Overflowed++
		return
	}
	if known {
		t.docs[i] = doc
	} else {
		t.index[d.ID] = len(t.docs)
		t.docs = append(t.docs, doc)
		s.count.Documents++
		s.count.Bytes += Overhead
	}
	t.bytes += grown
	s.count.Bytes += grown
	t.extend(d)
	t.updated = now
	t.revision.Add(1)
}

// extend widens the trace's times by a document's.
func (t *trace) extend(d *segment.Document) {
	if t.start == 0 || d.StartTime < t.start {
		t.start = d.StartTime
	}
	t.end = max(t.end, d.EndTime)
}

func (s *store) evictLocked() {
	evicted := s.count.EvictedTraces
	for s.count.Bytes > s.maxBytes && s.head < len(s.queue) {
		s.count.EvictedDocuments += int64(len(s.queue[s.head].docs))
		s.count.EvictedTraces++
		s.dropHeadLocked()
	}
	if evicted == 0 && s.count.EvictedTraces > 0 {
		s.log.Warn("sandbox trace memory is full, dropping oldest traces", "bytes", s.maxBytes)
	}
}

func (s *store) expireLocked(now time.Time) {
	for s.head < len(s.queue) && now.Sub(s.queue[s.head].created) > retention {
		s.count.ExpiredTraces++
		s.dropHeadLocked()
	}
}

func (s *store) dropHeadLocked() {
	t := s.queue[s.head]
	s.queue[s.head] = nil
	s.head++
	delete(s.traces, t.id)
	t.detail.Store(nil) // the ring may hold t for a while
	t.digest.Store(nil)
	s.count.Bytes -= t.bytes + int64(len(t.docs))*Overhead
	s.count.Documents -= len(t.docs)
	if s.head > 1024 && s.head > len(s.queue)/2 {
		s.queue = slices.Clone(s.queue[s.head:])
		s.head = 0
	}
}

// expire drops traces that are past retention at now.
func (s *store) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked(now)
}

// get returns a trace, or nil.
func (s *store) get(id string) *trace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.traces[id]
}

// where returns the traces that satisfy keep, in order of arrival. keep is
// called with the lock held for reading.
func (s *store) where(keep func(*trace) bool) []*trace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*trace
	for _, t := range s.queue[s.head:] {
		if keep(t) {
			out = append(out, t)
		}
	}
	return out
}

// version is a trace's documents at one moment.
type version struct {
	docs     []stored
	revision int32
	updated  time.Time
	limited  bool
}

func (s *store) version(t *trace) version {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return version{docs: slices.Clone(t.docs), revision: t.revision.Load(), updated: t.updated, limited: t.limited}
}

// documents reads what is kept. Every text has been read before, so a failure
// is a fault of this program; such a document is left out and reported.
func (s *store) documents(v version) []*segment.Document {
	out := make([]*segment.Document, 0, len(v.docs))
	for _, d := range v.docs {
		doc, err := segment.Read(d.raw)
		if err != nil {
			s.log.Error("kept document does not read", "id", d.id, "err", err)
			continue
		}
		out = append(out, doc)
	}
	return out
}

func (s *store) stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.count
	c.Traces = len(s.traces)
	return c
}
