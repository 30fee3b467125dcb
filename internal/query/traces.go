package query

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight/internal/segment"
	"github.com/sidelight-dev/sidelight/internal/traces"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// Traces asks X-Ray, and finds traces by every name that people have for them.
type Traces struct{ traces.Reader }

// Names of traces that are looked up.
const (
	LatestTrace  = "latest"
	SlowestTrace = "slowest"
)

// Find returns the trace that a word names: an ID in any form that TraceID
// reads, or the latest or slowest of q, which else is not looked at. Its
// segments come in order of time. The error is traces.ErrNotFound if there is
// none, and a *NotTraceID if the word is no name of a trace.
func (t *Traces) Find(ctx context.Context, word string, q traces.Query) (*traces.Trace, error) {
	id, err := t.resolve(ctx, word, q)
	if err != nil {
		return nil, err
	}
	found, err := t.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	found[0].Segments = inOrder(found[0].Segments)
	return found[0], nil
}

func (t *Traces) resolve(ctx context.Context, word string, q traces.Query) (string, error) {
	look := t.Latest
	switch word {
	case SlowestTrace:
		look = t.Slowest
	case LatestTrace:
	default:
		if id, ok := TraceID(word); ok {
			return id, nil
		}
		return "", &NotTraceID{word}
	}
	s, err := look(ctx, q)
	if err != nil {
		return "", err
	}
	return aws.ToString(s.Id), nil
}

// inOrder sorts segments by start, parents before the subsegments that were sent
// on their own.
func inOrder(docs []*segment.Document) []*segment.Document {
	out := make([]*segment.Document, 0, len(docs))
	sent := make(map[*segment.Document]bool, len(docs))
	for _, d := range docs {
		sent[d] = true
	}
	for _, tree := range segment.Assemble(docs) {
		tree.Walk(func(d, _ *segment.Document) {
			if sent[d] {
				out = append(out, d)
				delete(sent, d)
			}
		})
	}
	// What a tree replaced by a finished copy keeps its place at the end.
	for _, d := range docs {
		if sent[d] {
			out = append(out, d)
		}
	}
	return out
}

// NotTraceID says that a word is not the ID of a trace.
type NotTraceID struct{ Word string }

// Error implements error.
func (e *NotTraceID) Error() string {
	return fmt.Sprintf("%q is not a trace: expected an ID such as 1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37 or 69a4b2c27f3d0e61a0b94c5d8e2f1a37, %s or %s", e.Word, LatestTrace, SlowestTrace)
}

var (
	xrayID      = lazyregexp.New(`^1-[0-9a-f]{8}-[0-9a-f]{24}$`)
	w3cID       = lazyregexp.New(`^[0-9a-f]{32}$`)
	traceparent = lazyregexp.New(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)
	rootField   = lazyregexp.New(`(?:^|;)\s*root=(1-[0-9a-f]{8}-[0-9a-f]{24})\s*(?:;|$)`)
)

// TraceID reads the ID of a trace in the forms that people find in logs and
// headers, and returns X-Ray's: "1-69a4b2c2-7f3d…", the 32 digits of W3C Trace
// Context, a traceparent, or an X-Amzn-Trace-Id. X-Ray writes a W3C ID by taking
// its first 8 digits for the time.
func TraceID(text string) (string, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	if m := traceparent.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	if m := rootField.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	if w3cID.MatchString(text) {
		text = "1-" + text[:8] + "-" + text[8:]
	}
	return text, xrayID.MatchString(text)
}

// W3CTraceID returns the W3C form of an X-Ray trace ID.
func W3CTraceID(id string) string {
	return strings.ReplaceAll(strings.TrimPrefix(id, "1-"), "-", "")
}
