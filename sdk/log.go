package sdk

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
)

const (
	// logClasses is how many classes of value records have: debug, info,
	// warn, error.
	logClasses = 4
	// firstLine fits most records.
	firstLine = 1 << 10
	// maxPooled bounds the buffers that are kept for reuse.
	maxPooled = 16 << 10
	// logTime is RFC 3339 in UTC with milliseconds, CloudWatch's resolution.
	logTime = "2006-01-02T15:04:05.000Z"
)

// recordSink takes encoded log records. It is a *ship.Pipe outside tests.
type recordSink interface {
	Add(scope instrumentation.Scope, class, count int, body []byte)
}

// logCore is what all handlers of a Telemetry share.
type logCore struct {
	level   slog.Leveler
	source  bool
	redact  func([]string, slog.Attr) slog.Attr // nil: by the default list
	fixed   []byte                              // ,"service":"orders",…
	records recordSink                          // nil unless logs go to the agent

	mu   sync.Mutex // held for one Write
	out  io.Writer
	bufs sync.Pool // of *lineBuffer
}

// lineBuffer is the scratch space of one record.
type lineBuffer struct {
	line   []byte
	otlp   []byte
	groups []string
}

// logHandler writes records as JSON lines. Attributes of WithAttrs are encoded
// once, when they are given.
type logHandler struct {
	core *logCore
	// prefix and otlp hold what WithAttrs gave, encoded.
	prefix, otlp []byte
	// groups are those of WithGroup. The first open of them are begun in
	// prefix; the others wait for an attribute, as empty groups are left out.
	groups []string
	open   int
}

var _ slog.Handler = (*logHandler)(nil)

func newLogHandler(s *settings, records recordSink) *logHandler {
	c := &logCore{
		level: s.Log.Level, source: s.Log.AddSource, redact: s.Log.Redact, out: s.Log.Output, records: records,
	}
	for _, kv := range [][2]string{{"service", s.Service}, {"environment", s.Environment}, {"version", s.Version}} {
		if kv[1] != "" {
			c.fixed = appendJSONKey(c.fixed, kv[0])
			c.fixed = appendJSONString(c.fixed, kv[1])
		}
	}
	return &logHandler{core: c}
}

// Enabled implements [slog.Handler].
func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.core.level.Level() }

// WithGroup implements [slog.Handler].
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.groups = append(slices.Clip(h.groups), name)
	return &next
}

// WithAttrs implements [slog.Handler].
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	next := *h
	b := &lineBuffer{
		line: slices.Clip(h.prefix), otlp: slices.Clip(h.otlp), groups: slices.Clip(h.groups),
	}
	b.line = openGroups(b.line, h.groups[h.open:])
	next.open = len(h.groups)
	for _, a := range attrs {
		h.core.append(b, a)
	}
	next.prefix, next.otlp = b.line, b.otlp
	return &next
}

// Handle implements [slog.Handler].
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	b, ok := h.core.bufs.Get().(*lineBuffer)
	if !ok {
		b = &lineBuffer{line: make([]byte, 0, firstLine)}
		if h.core.records != nil {
			b.otlp = make([]byte, 0, firstLine)
		}
	}
	sc := trace.SpanContextFromContext(ctx)
	b.line = h.core.appendHead(b.line[:0], &r, sc)
	b.groups = append(b.groups[:0], h.groups...)
	if h.core.records != nil {
		record := otlp.Record{Time: r.Time, Level: r.Level, Message: r.Message, Span: sc}
		b.otlp = append(record.Append(b.otlp[:0]), h.otlp...)
	}
	b.line = h.appendAttrs(b, &r)
	if h.core.source && r.PC != 0 {
		b.line = h.core.appendSource(b, &r)
	}
	b.line = append(b.line, '}', '\n')
	if h.core.records != nil {
		h.core.records.Add(instrumentation.Scope{Name: scopeName}, logClass(r.Level), 1, b.otlp)
	}
	err := h.core.write(b.line)
	if cap(b.line)+cap(b.otlp) <= maxPooled {
		h.core.bufs.Put(b)
	}
	return err
}

// appendHead writes everything up to the attributes.
func (c *logCore) appendHead(b []byte, r *slog.Record, sc trace.SpanContext) []byte {
	b = append(b, '{')
	if !r.Time.IsZero() {
		b = append(b, `"time":"`...)
		b = r.Time.UTC().AppendFormat(b, logTime)
		b = append(b, '"')
	}
	b = appendJSONKey(b, "level")
	b = appendJSONString(b, r.Level.String())
	b = appendJSONKey(b, "msg")
	b = appendJSONString(b, r.Message)
	b = append(b, c.fixed...)
	if !sc.IsValid() {
		return b
	}
	b = append(b, `,"trace_id":"`...)
	b = appendTraceID(b, sc.TraceID())
	b = append(b, `","span_id":"`...)
	sid := sc.SpanID()
	b = hex.AppendEncode(b, sid[:])
	return append(b, '"')
}

func (h *logHandler) appendAttrs(b *lineBuffer, r *slog.Record) []byte {
	b.line = append(b.line, h.prefix...)
	open := h.open
	if r.NumAttrs() > 0 {
		b.line = openGroups(b.line, h.groups[open:])
		open = len(h.groups)
		r.Attrs(func(a slog.Attr) bool {
			h.core.append(b, a)
			return true
		})
	}
	for range open {
		b.line = append(b.line, '}')
	}
	return b.line
}

func openGroups(b []byte, names []string) []byte {
	for _, name := range names {
		b = append(appendJSONKey(b, name), '{')
	}
	return b
}

// append writes one attribute to the line and, if records go to the agent, to
// the record, where the names of groups become prefixes.
func (c *logCore) append(b *lineBuffer, a slog.Attr) {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() == slog.KindGroup {
		c.appendGroup(b, a)
		return
	}
	switch {
	case c.redact != nil:
		a = c.redact(b.groups, a)
		a.Value = a.Value.Resolve()
	case isSecret(a.Key):
		a.Value = slog.StringValue("[redacted]")
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	if a.Value.Kind() == slog.KindDuration && !strings.HasSuffix(a.Key, "_ms") {
		a.Key += "_ms"
	}
	b.line = appendJSONKey(b.line, a.Key)
	b.line = appendJSONValue(b.line, a.Value)
	if c.records == nil {
		return
	}
	key := a.Key
	if len(b.groups) > 0 {
		key = strings.Join(b.groups, ".") + "." + key
	}
	b.otlp = otlp.AppendRecordAttr(b.otlp, key, a.Value)
}

func (c *logCore) appendGroup(b *lineBuffer, a slog.Attr) {
	attrs := a.Value.Group()
	if len(attrs) == 0 {
		return
	}
	if a.Key != "" { // else its members belong to where it stands
		b.line = append(appendJSONKey(b.line, a.Key), '{')
		b.groups = append(b.groups, a.Key)
	}
	for _, member := range attrs {
		c.append(b, member)
	}
	if a.Key != "" {
		b.line = append(b.line, '}')
		b.groups = b.groups[:len(b.groups)-1]
	}
}

func (c *logCore) appendSource(b *lineBuffer, r *slog.Record) []byte {
	src := r.Source()
	at := src.File[strings.LastIndexByte(src.File, '/')+1:] + ":" + strconv.Itoa(src.Line)
	if c.records != nil {
		b.otlp = otlp.AppendRecordAttr(b.otlp, "source", slog.StringValue(at))
	}
	return appendJSONString(appendJSONKey(b.line, "source"), at)
}

func (c *logCore) write(line []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.out.Write(line)
	return err
}

// logClass orders records by how much they are worth when not all can be kept.
func logClass(l slog.Level) int {
	switch {
	case l < slog.LevelInfo:
		return 0
	case l < slog.LevelWarn:
		return 1
	case l < slog.LevelError:
		return 2
	}
	return 3
}

// isSecret says whether the value under key is replaced by default.
func isSecret(key string) bool {
	for _, word := range [...]string{"password", "secret", "token", "authorization", "cookie"} {
		if n := len(key) - len(word); n >= 0 && strings.EqualFold(key[n:], word) {
			return true
		}
	}
	return false
}

// millis is d in milliseconds.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
