// Package container reads the envelopes in which container runtimes keep the
// lines of a program: those of the Container Runtime Interface, Docker's
// json-file, and the records of Docker's fluentd driver, which ECS FireLens
// uses. Each cuts long lines into pieces and says so in its own way.
package container

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/agent/processor/timestamp"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// Stream is what a program wrote to.
type Stream uint8

// The streams. Unnamed is that of a line whose envelope does not say.
const (
	Unnamed Stream = iota
	Stdout
	Stderr
	// Streams is their number.
	Streams
)

// Line is a line, or a piece of one, without its envelope.
type Line struct {
	// Content is the text, without a newline.
	Content []byte
	// Head and Tail, if Head is not nil, stand around the text as a JSON
	// string where the envelope is to be kept.
	Head, Tail []byte
	// Time is in Unix milliseconds; zero means that the envelope has none.
	Time   int64
	Stream Stream
	// Partial says that the next line of the stream goes on with this one.
	Partial bool
}

// Reader takes the envelope off body. What it has to decode it appends to
// scratch, which it returns. It reports false if body is in no such envelope.
// A Line borrows both.
type Reader func(body, scratch []byte) (l Line, grown []byte, ok bool)

// Plain returns body as it is.
func Plain(body, scratch []byte) (Line, []byte, bool) {
	return Line{Content: body}, scratch, true
}

// CRI reads "TIME STREAM TAGS TEXT" (Kubernetes, kubelet CRI log format): the
// first tag is P for a piece of a line and F for its end.
func CRI(body, scratch []byte) (Line, []byte, bool) {
	when, rest, ok := bytes.Cut(body, []byte(" "))
	if !ok {
		return Line{}, scratch, false
	}
	name, rest, ok := bytes.Cut(rest, []byte(" "))
	stream := streamOf(name)
	if !ok || stream == Unnamed {
		return Line{}, scratch, false
	}
	tags, text, _ := bytes.Cut(rest, []byte(" "))
	tag, _, _ := bytes.Cut(tags, []byte(":"))
	if len(tag) != 1 || tag[0] != 'P' && tag[0] != 'F' {
		return Line{}, scratch, false
	}
	var layout timestamp.Layout
	ms, ok := layout.Parse(when, 0)
	return Line{Content: text, Time: ms, Stream: stream, Partial: tag[0] == 'P'}, scratch, ok
}

func streamOf(name []byte) Stream {
	switch string(name) {
	case "stdout":
		return Stdout
	case "stderr":
		return Stderr
	}
	return Unnamed
}

// Docker reads {"log":"TEXT\n","stream":"stdout","time":"…"}, the form of
// Docker's json-file driver: a text without a newline at its end goes on in the
// next line.
func Docker(body, scratch []byte) (Line, []byte, bool) {
	doc := jsonscan.Document(body)
	l := Line{Partial: true}
	seen := false
	for sc := doc.Scan(); sc.Next(); {
		v := sc.Value
		if v.Kind != jsonscan.String {
			continue
		}
		switch string(sc.Key) {
		case "log":
			l.Content, scratch = text(v, scratch)
			seen = true
		case "stream":
			l.Stream = streamOf(v.Raw[1 : len(v.Raw)-1])
		case "time":
			var layout timestamp.Layout
			l.Time, _ = layout.Parse(v.Raw[1:len(v.Raw)-1], 0)
		}
	}
	if line, ok := bytes.CutSuffix(l.Content, []byte("\n")); ok {
		l.Content, l.Partial = bytes.TrimSuffix(line, []byte("\r")), false
	}
	return l, scratch, seen
}

// Record reads {"log":"TEXT","source":"stdout",…}, the records of Docker's
// fluentd driver. The other members are kept. A piece has the member
// partial_message with the value true, and the last one partial_last as well.
func Record(body, scratch []byte) (Line, []byte, bool) {
	doc := jsonscan.Document(body)
	var l Line
	piece, last := false, false
	for sc := doc.Scan(); sc.Next(); {
		v := sc.Value
		switch string(sc.Key) {
		case "log":
			if v.Kind != jsonscan.String {
				return Line{}, scratch, false
			}
			l.Content, scratch = text(v, scratch)
			l.Content = bytes.TrimSuffix(l.Content, []byte("\n"))
			start, end := sc.Span()
			l.Head, l.Tail = doc.Raw[:start:start], doc.Raw[end:]
		case "source":
			if v.Kind == jsonscan.String {
				l.Stream = streamOf(v.Raw[1 : len(v.Raw)-1])
			}
		case "partial_message":
			piece = isTrue(v)
		case "partial_last":
			last = isTrue(v)
		}
	}
	l.Partial = piece && !last
	return l, scratch, l.Head != nil
}

// text returns the characters of the string v: where they lie, or appended to
// scratch if there are escapes.
func text(v jsonscan.Value, scratch []byte) (chars, grown []byte) {
	inner := v.Raw[1 : len(v.Raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner, scratch
	}
	n := len(scratch)
	scratch = jsonscan.Unescape(scratch, inner)
	return scratch[n:len(scratch):len(scratch)], scratch
}

func isTrue(v jsonscan.Value) bool {
	return v.Kind == jsonscan.True || string(v.Raw) == `"true"`
}
