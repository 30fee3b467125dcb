package xray

import (
	"bytes"
	"encoding/json"
	"strings"
)

// The causes by which a datagram is given up.
const (
	lostHeader   = "bad_header"
	lostDocument = "bad_document"
	lostFull     = "full"
	lostOverflow = "socket_overflow"
)

// The header lines that the SDKs send, byte for byte.
var headers = [...]string{
	`{"format": "json", "version": 1}`,
	`{"format":"json","version":1}`,
	`{"format":"json", "version":1}`,
}

// maxHeader bounds the header line, so that a document without a header is not
// parsed as one.
const maxHeader = 256

// document returns the document inside a datagram, which is a header line, a
// newline and one segment or subsegment. Else it returns the cause to count.
// The document is looked at only at its ends: X-Ray judges the rest. It needs
// no check of its length, as no datagram is longer than a document may be.
func document(b []byte) (doc []byte, cause string) {
	head, doc, found := bytes.Cut(b, []byte{'\n'})
	if !found || !isHeader(head) {
		return nil, lostHeader
	}
	doc = bytes.Trim(doc, " \t\r\n\x00")
	if len(doc) < 2 || doc[0] != '{' || doc[len(doc)-1] != '}' {
		return nil, lostDocument
	}
	return doc, ""
}

func isHeader(line []byte) bool {
	line = bytes.TrimSpace(line)
	for _, h := range headers {
		if string(line) == h {
			return true
		}
	}
	if len(line) > maxHeader {
		return false
	}
	var h struct {
		Format  string
		Version int
	}
	return json.Unmarshal(line, &h) == nil && strings.EqualFold(h.Format, "json") && h.Version == 1
}
