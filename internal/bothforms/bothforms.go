// Package bothforms holds a span in both forms in which it may leave, while its trace
// is not decided: the document for X-Ray, and the entry for OTLP with its resource
// and scope. One event holds both, so that one decision is about both, and what is
// interrupted between them is done again for both.
package bothforms

import "encoding/binary"

// mark begins an event in both forms. A document alone begins with a brace.
const mark = 1

// Append appends the event of a span: its document, and its entry as
// otlpwire.AppendEntry makes it.
func Append(dst, doc, entry []byte) []byte {
	dst = binary.AppendUvarint(append(dst, mark), uint64(len(doc)))
	return append(append(dst, doc...), entry...)
}

// Split returns the forms of an event. entry is nil for a document alone, which is
// what everything is that Append has not made. They borrow the event.
func Split(event []byte) (doc, entry []byte) {
	if len(event) == 0 || event[0] != mark {
		return event, nil
	}
	n, size := binary.Uvarint(event[1:])
	rest := event[1+max(size, 0):]
	if size <= 0 || n > uint64(len(rest)) || n == uint64(len(rest)) {
		return event, nil
	}
	return rest[:n:n], rest[n:]
}
