package firelens

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/agent/processor/container"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// pieceBytes is where container runtimes cut a line: the buffer of Docker's
// copier, which the shim loggers of Fargate have as well.
const pieceBytes = 16 << 10

// Unmarked is a container.Reader like container.Record for runtimes that do not
// mark pieces, as Fargate's: a text of exactly 16,384 bytes without a newline at
// its end goes on in the next record. Marks are obeyed where they are.
func Unmarked(body, scratch []byte) (container.Line, []byte, bool) {
	l, scratch, ok := container.Record(body, scratch)
	if !ok || l.Partial || len(l.Content) != pieceBytes {
		return l, scratch, ok
	}
	if bytes.Contains(l.Head, []byte(`"partial_`)) || bytes.Contains(l.Tail, []byte(`"partial_`)) {
		return l, scratch, ok
	}
	raw := jsonscan.Document(body).Raw
	l.Partial = !endsLine(raw[len(l.Head) : len(raw)-len(l.Tail)])
	return l, scratch, ok
}

// endsLine reports whether the JSON string raw ends in a newline.
func endsLine(raw []byte) bool {
	raw, ok := bytes.CutSuffix(raw, []byte(`n"`))
	n := 0
	for n < len(raw) && raw[len(raw)-1-n] == '\\' {
		n++
	}
	return ok && n%2 == 1
}
