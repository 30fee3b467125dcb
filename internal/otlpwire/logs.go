package otlpwire

// Record is one log record. Everything in it is valid until the next one is
// decoded.
type Record struct {
	Time, Observed  uint64 // Unix nanoseconds; zero if not known
	Severity        int32  // 1 to 24, zero if not known
	SeverityText    []byte
	Body            Value
	Attrs           []Attr
	DroppedAttrs    uint32
	TraceID, SpanID []byte // as sent: of any length
	EventName       []byte
}

// Logs decodes log requests. The zero Logs is ready; it is scratch memory to be
// used again, by one goroutine at a time.
type Logs struct {
	Group
	Record Record
}

// Decode walks an ExportLogsServiceRequest and calls resource for each resource
// and record for each record; Group and Record hold what they are about. It
// stops at their first error.
func (l *Logs) Decode(body []byte, resource, record func() error) error {
	return l.each(body, resource, func(raw []byte) error {
		if err := l.Record.decode(raw); err != nil {
			return err
		}
		return record()
	})
}

func (r *Record) decode(b []byte) error {
	*r = Record{Attrs: r.Attrs[:0]}
	f := walk(b)
	for f.next() {
		if err := r.field(&f); err != nil {
			return err
		}
	}
	return f.err
}

func (r *Record) field(f *fields) (err error) {
	switch f.tag {
	case 1<<3 | fixed64Type:
		r.Time = f.bits
	case 2<<3 | varintType:
		r.Severity = int32(f.bits)
	case 3<<3 | bytesType:
		r.SeverityText = f.bytes
	case 5<<3 | bytesType:
		r.Body, err = decodeValue(f.bytes, 0)
	case 6<<3 | bytesType:
		r.Attrs, err = appendAttr(r.Attrs, f.bytes)
	case 7<<3 | varintType:
		r.DroppedAttrs = uint32(f.bits)
	case 9<<3 | bytesType:
		r.TraceID = f.bytes
	case 10<<3 | bytesType:
		r.SpanID = f.bytes
	case 11<<3 | fixed64Type:
		r.Observed = f.bits
	case 12<<3 | bytesType:
		r.EventName = f.bytes
	}
	return err
}
