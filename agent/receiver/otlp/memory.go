package otlp

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

// budget bounds the memory of requests that are being taken in.
type budget struct {
	mu   sync.Mutex
	free int64
}

func (b *budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.free {
		return false
	}
	b.free -= n
	return true
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
}

var (
	errMemory = errors.New("too many requests are being taken in")
	errLong   = errors.New("the request is too long")
)

// scratch is the memory that one request is taken in with.
type scratch struct {
	budget *budget
	held   int64

	body   []byte // as sent, uncompressed
	wire   []byte // body in protobuf, if it was JSON
	gzip   *gzip.Reader
	traces otlpwire.Traces
	logs   otlpwire.Logs
	points otlpwire.Metrics
	xray   xraydoc.Resource
	docs   xraydoc.Docs
	sender spanfact.Sender
	facts  []spanfact.Fact
	native native
	pairs  native
	log    logDoc
	groups []group
	times  []int64
	events []sidelight.Event
}

// need makes sure that the request holds n bytes of the budget.
func (s *scratch) need(n int) error {
	more := int64(n) - s.held
	if more <= 0 {
		return nil
	}
	if !s.budget.take(more) {
		return errMemory
	}
	s.held += more
	return nil
}

// read reads src to its end into body. size is how much there will be, or a
// guess.
func (s *scratch) read(src io.Reader, size int64, limit int) error {
	s.body = s.body[:0]
	want := int(min(max(size, 4<<10), int64(limit))) + 1 // room to see the end
	for {
		if err := s.need(want); err != nil {
			return err
		}
		s.body = slices.Grow(s.body, max(0, want-len(s.body)))
		for len(s.body) < cap(s.body) {
			n, err := src.Read(s.body[len(s.body):cap(s.body)])
			s.body = s.body[:len(s.body)+n]
			if len(s.body) > limit {
				return errLong
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		want = min(2*len(s.body), limit+1)
	}
}

// unzip returns what reads the uncompressed form of src.
func (s *scratch) unzip(src io.Reader) (io.Reader, error) {
	if s.gzip == nil {
		z, err := gzip.NewReader(src)
		s.gzip = z
		return z, err
	}
	return s.gzip, s.gzip.Reset(src)
}

// factSize is about the length of a spanfact.Fact.
const factSize = 320

// maxKept is the memory that a scratch may keep between requests, maxShelf how
// many are kept.
const (
	maxKept  = 2 << 20
	maxShelf = 8
)

// shelf keeps scratch memory for the next request.
type shelf struct {
	mu   sync.Mutex
	kept []*scratch
}

func (h *shelf) get(b *budget) *scratch {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.kept); n > 0 {
		s := h.kept[n-1]
		h.kept = h.kept[:n-1]
		return s
	}
	return &scratch{budget: b}
}

func (h *shelf) put(s *scratch) {
	s.budget.give(s.held)
	s.held = 0
	size := cap(s.body) + cap(s.wire) + cap(s.docs.Buf) + cap(s.log.buf) + cap(s.native.buf) + 32*cap(s.events) + factSize*cap(s.facts)
	h.mu.Lock()
	defer h.mu.Unlock()
	if size <= maxKept && len(h.kept) < maxShelf {
		h.kept = append(h.kept, s)
	}
}

// withDefaults adds the defaults for what the sender does not say. The name that
// OpenTelemetry's libraries make up for a service without one says nothing.
func withDefaults(attrs, defaults []otlpwire.Attr) []otlpwire.Attr {
	said := attrs
	for _, d := range defaults {
		i := slices.IndexFunc(said, func(a otlpwire.Attr) bool { return bytes.Equal(a.Key, d.Key) })
		switch {
		case i < 0:
			attrs = append(attrs, d)
		case string(d.Key) == "service.name" && bytes.HasPrefix(said[i].Value.Raw, []byte("unknown_service")):
			attrs[i] = d
		}
	}
	return attrs
}

// sortAttrs sorts by key. A data point has few, often in order already.
func sortAttrs(attrs []otlpwire.Attr) {
	const few = 16
	if len(attrs) > few {
		order.By(attrs, func(a, b otlpwire.Attr) int { return bytes.Compare(a.Key, b.Key) })
		return
	}
	for i := range attrs {
		for j := i; j > 0 && bytes.Compare(attrs[j].Key, attrs[j-1].Key) < 0; j-- {
			attrs[j], attrs[j-1] = attrs[j-1], attrs[j]
		}
	}
}
