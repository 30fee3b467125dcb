package xraydoc

import (
	"errors"
	"time"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// MaxDocument is the length of the longest document that X-Ray takes, in bytes.
const MaxDocument = 64 << 10

// Config says what becomes of attributes.
type Config struct {
	// Indexed are the names of attributes that become annotations, in addition
	// to those that a span names in aws.xray.annotations. A resource's
	// attribute is named with the prefix "otel.resource.".
	Indexed []string
	// IndexAll makes an annotation of every attribute.
	IndexAll bool
	// LogGroups are the log groups that the console searches for a trace, if the
	// sender does not name any.
	LogGroups []string
	// LogGroup tells the log group of a service, whose name is empty if the sender
	// did not say it, and the group's ARN, if that is known. It takes the place of
	// LogGroups and must be safe for concurrent use. Nil: LogGroups hold.
	LogGroup func(service string) (name, arn string)
}

// Translator turns spans into documents. It is safe for concurrent use.
type Translator struct {
	cfg     Config
	indexed map[string]bool
}

// New returns a Translator.
func New(cfg Config) *Translator {
	t := &Translator{cfg: cfg, indexed: make(map[string]bool, len(cfg.Indexed))}
	for _, name := range cfg.Indexed {
		t.indexed[name] = true
	}
	return t
}

// Docs collects documents one behind the other in Buf; Ends are their ends.
// The zero Docs is ready. It is scratch memory for one goroutine.
type Docs struct {
	Buf  []byte
	Ends []int

	attrs attrs
	names [][]byte // of attributes that the span wants indexed
	stack []byte   // a name or URL being put together

	chain chain
}

// Reset empties d and keeps its memory.
func (d *Docs) Reset() { d.Buf, d.Ends = d.Buf[:0], d.Ends[:0] }

// Doc returns document i.
func (d *Docs) Doc(i int) []byte {
	start := 0
	if i > 0 {
		start = d.Ends[i-1]
	}
	return d.Buf[start:d.Ends[i]]
}

// The reasons to refuse a span.
var (
	ErrTraceID = errors.New("the trace id is not 16 bytes, or is all zeros")
	ErrSpanID  = errors.New("the span id is not 8 bytes, or is all zeros")
	ErrStart   = errors.New("the span has no start time")
)

// Append translates s, sent by r, and appends one document to d, or two where
// Application Signals wants a call and the service that made it apart. A span
// without valid ids or a start, which X-Ray would not take, is refused, and
// nothing appended.
func (t *Translator) Append(d *Docs, r *Resource, s *otlpwire.Span) error {
	if err := Check(s); err != nil {
		return err
	}
	x := translation{Translator: t, d: d, a: &d.attrs, r: r, s: s}
	d.attrs.reset(s.Attrs)
	x.indexedNames()
	for _, p := range x.plans() {
		if p.made {
			x.document(p)
		}
	}
	return nil
}

// Check returns why s would be refused, or nil.
func Check(s *otlpwire.Span) error {
	switch {
	case !validID(s.TraceID, 16):
		return ErrTraceID
	case !validID(s.SpanID, 8):
		return ErrSpanID
	case s.Start < uint64(time.Microsecond):
		return ErrStart
	}
	return nil
}

func validID(id []byte, size int) bool {
	if len(id) != size {
		return false
	}
	for _, b := range id {
		if b != 0 {
			return true
		}
	}
	return false
}

// translation is one span on its way.
type translation struct {
	*Translator
	d *Docs
	a *attrs
	r *Resource
	s *otlpwire.Span
	w writer

	annotations int
	told        told
	// end is how long Buf may become by metadata, zero without a bound; leftOut
	// counts the members that did not fit.
	end, leftOut int
}

// markRoom is what the end of a document takes that is cut down: the mark and
// the braces.
const markRoom = 256

// plan is one document to make of a span.
type plan struct {
	made       bool
	subsegment bool
	// derived says that the document is about the service that made the span's
	// call, and not about the call: it has an id of its own and knows nothing of
	// the call.
	derived bool
	// plain says that there is no namespace.
	plain  bool
	parent [8]byte
	orphan bool // there is no parent
	links  bool
}

// plans says which documents a span makes: one, or for a call that is the first
// span of its service (aws.span.kind is LOCAL_ROOT) the call and the service.
func (x *translation) plans() (p [2]plan) {
	s := x.s
	child := validID(s.ParentID, 8)
	p[0] = plan{made: true, links: true, orphan: !child}
	copy(p[0].parent[:], s.ParentID)
	p[0].subsegment = child && s.Kind != otlpwire.Server && s.Kind != otlpwire.Consumer
	if !x.localRoot() {
		return p
	}
	switch s.Kind {
	case otlpwire.Client, otlpwire.Producer, otlpwire.Consumer:
		p[1] = plan{made: true, derived: true, plain: true, parent: p[0].parent, orphan: p[0].orphan, links: s.Kind == otlpwire.Consumer}
		p[0].subsegment, p[0].orphan, p[0].links = true, false, !p[1].links
		p[0].parent = derivedID(s, 0)
	default:
		p[0].subsegment, p[0].plain = false, true
	}
	return p
}

func (x *translation) localRoot() bool { return string(x.a.text(awsSpanKind)) == "LOCAL_ROOT" }

// The steps by which a document is made shorter until it fits.
var trims = [...]trim{
	{}, {text: 2048}, {text: 256, fill: true}, {text: 256, noMetadata: true}, {text: 200, noMetadata: true, bare: true},
}

type trim struct {
	text       int  // bytes of a text that are kept
	fill       bool // metadata as far as there is room
	noMetadata bool // only the mark
	bare       bool // only what X-Ray demands
}

func (x *translation) document(p plan) {
	start := len(x.d.Buf)
	full := 0
	for i, t := range trims {
		clear(x.a.used)
		x.a.useTwice()
		x.annotations, x.told, x.leftOut, x.end = 0, told{}, 0, 0
		x.w = writer{dst: x.d.Buf[:start], limit: t.text}
		if t.fill {
			x.end = start + MaxDocument - markRoom
		}
		x.write(p, t, full)
		x.d.Buf = x.w.dst
		size := len(x.d.Buf) - start
		if size <= MaxDocument {
			break
		}
		if i == 0 {
			full = size
		}
	}
	x.d.Ends = append(x.d.Ends, len(x.d.Buf))
}

// write writes one document. full is its length before it was trimmed, zero if
// it was not.
func (x *translation) write(p plan, t trim, full int) {
	w, s := &x.w, x.s
	w.dst = append(w.dst, '{')
	w.name("name")
	w.dst = x.appendName(w.dst, p)
	if p.derived {
		id := derivedID(s, 0)
		w.id("id", id[:])
	} else {
		w.id("id", s.SpanID)
	}
	w.traceID("trace_id", s.TraceID)
	if !p.orphan {
		w.id("parent_id", p.parent[:])
	}
	if p.subsegment {
		w.literal("type", "subsegment")
	}
	x.times()
	x.namespace(p)
	if !t.bare {
		x.head(p)
	}
	x.flags()
	if !t.bare {
		x.cause()
		x.sql(p)
		x.aws(p)
		x.links(p, t)
		x.annotate(p)
	}
	x.metadata(p, t, full)
	w.dst = append(w.dst, '}')
}

func (x *translation) times() {
	s := x.s
	x.w.seconds("start_time", s.Start)
	x.a.useKind(inProgress, otlpwire.Bool)
	if v := x.a.value(inProgress); v.Kind == otlpwire.Bool && v.Bool() {
		x.w.boolean("in_progress", true)
		return
	}
	// X-Ray has no negative durations.
	x.w.seconds("end_time", max(s.Start, s.End))
}

// head writes what tells a service from another, and its request.
func (x *translation) head(p plan) {
	w := &x.w
	if !p.subsegment {
		if x.r.origin != "" {
			w.literal("origin", x.r.origin)
		}
		if len(x.r.version) > 0 {
			start, inside := w.open("service")
			w.text("version", x.r.version)
			w.shut(start, inside)
		}
		w.short("user", x.a.text(enduserID))
		if x.a.text(enduserID) != nil {
			x.a.use(enduserID)
			x.a.keepLong(enduserID)
		}
	}
	if !p.derived {
		x.http()
	}
}
