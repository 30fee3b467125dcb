package otlp

import (
	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/logdoc"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// logDoc collects the documents of log records.
type logDoc struct {
	logdoc.Writer
	now  uint64
	buf  []byte
	recs []logEvent
}

// logEvent is a document's place in buf.
type logEvent struct {
	end, group int
	at         int64
}

func (d *logDoc) reset(now uint64) {
	d.now, d.buf, d.recs = now, d.buf[:0], d.recs[:0]
}

// share hands the documents out to their groups.
func (d *logDoc) share(groups []group) {
	start := 0
	for _, r := range d.recs {
		g := &groups[r.group]
		g.events = append(g.events, sidelight.Event{Time: r.at, Body: d.buf[start:r.end:r.end]})
		start = r.end
	}
}

// append adds a record's document, for the group to.
func (d *logDoc) append(scope *otlpwire.Scope, r *otlpwire.Record, to int) {
	at := logdoc.Time(r, d.now)
	d.buf = d.Append(d.buf, scope, r, at)
	d.recs = append(d.recs, logEvent{end: len(d.buf), group: to, at: millis(at)})
}
