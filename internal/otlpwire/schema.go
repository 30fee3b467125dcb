package otlpwire

// form is how a JSON value becomes a protobuf field.
type form uint8

const (
	text     form = iota // a string
	base64ed             // bytes in base64, as protobuf's JSON mapping has them
	hexed                // bytes in hex, as OTLP has trace and span ids
	varint               // an integer, also one in quotes
	zigzag
	fixed64 // an integer, also one in quotes
	fixed32
	double // a number, also NaN and the infinities in quotes
	boolean
	nested // a message
)

// member is one field: its number, form, and for nested ones the message.
type member struct {
	number  uint64
	form    form
	message *message
}

// message maps the JSON names of a message's fields. Fields that nothing here
// reads are left out.
type message struct{ members map[string]member }

func (m *message) in(number uint64) member { return member{number, nested, m} }

// Request is a kind of export request.
type Request struct{ root *message }

// schema builds the messages of OTLP. They refer to each other, and one to
// itself, so that they cannot be written as one literal.
func schema() (traces, logs, metrics Request) {
	value, attr := anyValue()
	attrs := attr.in
	resource := &message{map[string]member{"attributes": attrs(1)}}
	scope := &message{map[string]member{
		"name": {1, text, nil}, "version": {2, text, nil}, "attributes": attrs(3),
	}}
	request := func(resources, scopes, items string, item *message) Request {
		s := &message{map[string]member{"scope": scope.in(1), items: item.in(2)}}
		r := &message{map[string]member{"resource": resource.in(1), scopes: s.in(2)}}
		return Request{&message{map[string]member{resources: r.in(1)}}}
	}
	return request("resourceSpans", "scopeSpans", "spans", spanMessage(attrs)),
		request("resourceLogs", "scopeLogs", "logRecords", recordMessage(value, attrs)),
		request("resourceMetrics", "scopeMetrics", "metrics", metricMessage(attrs))
}

func anyValue() (value, attr *message) {
	value, attr = &message{}, &message{}
	array := &message{map[string]member{"values": value.in(1)}}
	list := &message{map[string]member{"values": attr.in(1)}}
	value.members = map[string]member{
		"stringValue": {1, text, nil}, "boolValue": {2, boolean, nil}, "intValue": {3, varint, nil},
		"doubleValue": {4, double, nil}, "arrayValue": array.in(5), "kvlistValue": list.in(6),
		"bytesValue": {7, base64ed, nil},
	}
	attr.members = map[string]member{"key": {1, text, nil}, "value": value.in(2)}
	return value, attr
}

func spanMessage(attrs func(uint64) member) *message {
	event := &message{map[string]member{
		"timeUnixNano": {1, fixed64, nil}, "name": {2, text, nil}, "attributes": attrs(3),
	}}
	link := &message{map[string]member{
		"traceId": {1, hexed, nil}, "spanId": {2, hexed, nil}, "attributes": attrs(4),
	}}
	status := &message{map[string]member{"message": {2, text, nil}, "code": {3, varint, nil}}}
	return &message{map[string]member{
		"traceId": {1, hexed, nil}, "spanId": {2, hexed, nil}, "traceState": {3, text, nil},
		"parentSpanId": {4, hexed, nil}, "name": {5, text, nil}, "kind": {6, varint, nil},
		"startTimeUnixNano": {7, fixed64, nil}, "endTimeUnixNano": {8, fixed64, nil}, "attributes": attrs(9),
		"droppedAttributesCount": {10, varint, nil}, "events": event.in(11), "droppedEventsCount": {12, varint, nil},
		"links": link.in(13), "droppedLinksCount": {14, varint, nil}, "status": status.in(15),
		"flags": {16, fixed32, nil},
	}}
}

func recordMessage(value *message, attrs func(uint64) member) *message {
	return &message{map[string]member{
		"timeUnixNano": {1, fixed64, nil}, "severityNumber": {2, varint, nil}, "severityText": {3, text, nil},
		"body": value.in(5), "attributes": attrs(6), "droppedAttributesCount": {7, varint, nil},
		"traceId": {9, hexed, nil}, "spanId": {10, hexed, nil}, "observedTimeUnixNano": {11, fixed64, nil},
		"eventName": {12, text, nil},
	}}
}

func metricMessage(attrs func(uint64) member) *message {
	exemplar := &message{} // it is only counted
	number := &message{map[string]member{
		"startTimeUnixNano": {2, fixed64, nil}, "timeUnixNano": {3, fixed64, nil}, "asDouble": {4, double, nil},
		"asInt": {6, fixed64, nil}, "attributes": attrs(7), "flags": {8, varint, nil}, "exemplars": exemplar.in(5),
	}}
	histogram := &message{map[string]member{
		"startTimeUnixNano": {2, fixed64, nil}, "timeUnixNano": {3, fixed64, nil}, "count": {4, fixed64, nil},
		"sum": {5, double, nil}, "bucketCounts": {6, fixed64, nil}, "explicitBounds": {7, double, nil},
		"attributes": attrs(9), "flags": {10, varint, nil}, "min": {11, double, nil}, "max": {12, double, nil},
		"exemplars": exemplar.in(8),
	}}
	buckets := &message{map[string]member{"offset": {1, zigzag, nil}, "bucketCounts": {2, varint, nil}}}
	exponential := &message{map[string]member{
		"attributes": attrs(1), "startTimeUnixNano": {2, fixed64, nil}, "timeUnixNano": {3, fixed64, nil},
		"count": {4, fixed64, nil}, "sum": {5, double, nil}, "scale": {6, zigzag, nil}, "zeroCount": {7, fixed64, nil},
		"positive": buckets.in(8), "negative": buckets.in(9), "flags": {10, varint, nil},
		"min": {12, double, nil}, "max": {13, double, nil}, "zeroThreshold": {14, double, nil}, "exemplars": exemplar.in(11),
	}}
	quantile := &message{map[string]member{"quantile": {1, double, nil}, "value": {2, double, nil}}}
	summary := &message{map[string]member{
		"startTimeUnixNano": {2, fixed64, nil}, "timeUnixNano": {3, fixed64, nil}, "count": {4, fixed64, nil},
		"sum": {5, double, nil}, "quantileValues": quantile.in(6), "attributes": attrs(7), "flags": {8, varint, nil},
	}}
	data := func(points *message) *message {
		return &message{map[string]member{
			"dataPoints": points.in(1), "aggregationTemporality": {2, varint, nil}, "isMonotonic": {3, boolean, nil},
		}}
	}
	return &message{map[string]member{
		"name": {1, text, nil}, "description": {2, text, nil}, "unit": {3, text, nil},
		"gauge": data(number).in(5), "sum": data(number).in(7), "histogram": data(histogram).in(9),
		"exponentialHistogram": data(exponential).in(10), "summary": data(summary).in(11),
	}}
}
