package journald

import (
	"errors"
	"path"
	"strconv"
	"time"

	"github.com/sidelight-dev/sidelight/internal/wire"
)

// record is an entry with the fields that a document is made of. Its slices are
// used again by the next one.
type record struct {
	realtime uint64
	// priority is that of syslog, -1 if the entry has none.
	priority                  int
	message, unit, about, app []byte
	pid, host                 []byte
	others                    []other
	used                      int // of others
	undecodable               int
}

// other is a field that is only in the document because it is wanted.
type other struct {
	name   []byte
	values [][]byte
}

// reset empties the record but keeps its memory.
func (d *record) reset(realtime uint64) {
	*d = record{
		realtime: realtime, priority: -1, message: d.message[:0], unit: d.unit[:0], about: d.about[:0], app: d.app[:0],
		pid: d.pid[:0], host: d.host[:0], others: d.others,
	}
}

// collect reads the fields of e. Fields that cannot be decoded are counted; an
// error means that the entry is damaged.
func (d *record) collect(j *reader, e entry, wanted []string) error {
	d.reset(e.realtime)
	for _, item := range e.items {
		name, value, err := j.field(item)
		if errors.Is(err, errUndecodable) {
			d.undecodable++
			continue
		}
		if err != nil {
			return err
		}
		d.put(name, value, wanted)
	}
	return nil
}

// put notes a field. Of one that an entry has twice the first value counts.
func (d *record) put(name, value []byte, wanted []string) {
	switch string(name) {
	case "MESSAGE":
		set(&d.message, value)
	case "_SYSTEMD_UNIT":
		set(&d.unit, value)
	case "UNIT", "OBJECT_SYSTEMD_UNIT", "COREDUMP_UNIT":
		set(&d.about, value)
	case "SYSLOG_IDENTIFIER":
		set(&d.app, value)
	case "_PID":
		set(&d.pid, value)
	case "_HOSTNAME":
		set(&d.host, value)
	case "PRIORITY":
		if d.priority < 0 && len(value) == 1 && value[0] >= '0' && value[0] <= '7' {
			d.priority = int(value[0] - '0')
		}
	}
	for _, p := range wanted {
		// The patterns were checked.
		if ok, _ := path.Match(p, string(name)); ok {
			d.other(name, value)
			return
		}
	}
}

func set(field *[]byte, value []byte) {
	if len(*field) == 0 {
		*field = append(*field, value...)
	}
}

func (d *record) other(name, value []byte) {
	for i := range d.others[:d.used] {
		if o := &d.others[i]; string(o.name) == string(name) {
			o.values = append(o.values, append([]byte(nil), value...))
			return
		}
	}
	if d.used == len(d.others) {
		d.others = append(d.others, other{})
	}
	o := &d.others[d.used]
	o.name = append(o.name[:0], name...)
	o.values = append(o.values[:0], append([]byte(nil), value...))
	d.used++
}

// subject is the unit that the entry is about: what PID 1 writes is about the
// unit that it starts or stops.
func (d *record) subject() []byte {
	if len(d.about) > 0 && (len(d.unit) == 0 || string(d.pid) == "1") {
		return d.about
	}
	return d.unit
}

// severity is how a priority is called: level in every document of the agent,
// text where that says less.
type severity struct{ level, text string }

func severityOf(priority int) severity {
	return [...]severity{
		{"FATAL", "emerg"},
		{"CRITICAL", "alert"},
		{"CRITICAL", ""},
		{"ERROR", ""},
		{"WARN", ""},
		{"NOTICE", ""},
		{"INFO", ""},
		{"DEBUG", ""},
	}[priority]
}

// append appends the document, see docs/format/log-document.md.
func (d *record) append(dst []byte) []byte {
	dst = append(dst, `{"time":"`...)
	dst = time.UnixMicro(int64(d.realtime)).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
	dst = append(dst, '"')
	if d.priority >= 0 {
		s := severityOf(d.priority)
		dst = member(dst, `,"level":`, []byte(s.level))
		dst = member(dst, `,"severity_text":`, []byte(s.text))
	}
	dst = member(dst, `,"host":`, d.host)
	dst = member(dst, `,"unit":`, d.subject())
	dst = member(dst, `,"app":`, d.app)
	dst = member(dst, `,"pid":`, d.pid)
	dst = wire.AppendString(append(dst, `,"msg":`...), d.message)
	for _, o := range d.others[:d.used] {
		dst = o.append(dst)
	}
	if d.undecodable > 0 {
		dst = strconv.AppendInt(append(dst, `,"undecodable_fields":`...), int64(d.undecodable), 10)
	}
	return append(dst, '}')
}

func member(dst []byte, key string, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	return wire.AppendString(append(dst, key...), value)
}

func (o *other) append(dst []byte) []byte {
	dst = wire.AppendString(append(dst, ','), o.name)
	dst = append(dst, ':')
	if len(o.values) == 1 {
		return wire.AppendString(dst, o.values[0])
	}
	for i, v := range o.values {
		dst = append(dst, "[,"[min(i, 1)])
		dst = wire.AppendString(dst, v)
	}
	return append(dst, ']')
}
