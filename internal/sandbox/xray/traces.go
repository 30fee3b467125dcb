package xray

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/segment"
)

// maxTraceIDs is how many traces one BatchGetTraces returns.
const maxTraceIDs = 5

// BatchGetTraces returns whole traces. Subsegments that were sent on their own
// are embedded in their segment, and callees that sent nothing have inferred
// segments. IDs of no known trace are left out, as the service does.
func (s *Service) BatchGetTraces(_ context.Context, in *xray.BatchGetTracesInput) (*xray.BatchGetTracesOutput, error) {
	if in.TraceIds == nil {
		return nil, invalid("TraceIds is missing")
	}
	if n := len(in.TraceIds); n > maxTraceIDs {
		return nil, invalid("%d trace IDs exceed %d a call", n, maxTraceIDs)
	}
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	s.store.expire(s.opts.Clock.Now())
	out := &xray.BatchGetTracesOutput{Traces: []types.Trace{}, UnprocessedTraceIds: []string{}}
	seen := map[string]bool{}
	for _, id := range in.TraceIds {
		if !segment.ValidTraceID(id) {
			return nil, invalid("trace ID %q is malformed", id)
		}
		if t := s.store.get(id); t != nil && !seen[id] {
			seen[id] = true
			out.Traces = append(out.Traces, s.readTrace(t))
		}
	}
	return out, nil
}

// noToken refuses the paging token of an operation that answers in one page.
func noToken(token *string) error {
	if aws.ToString(token) == "" {
		return nil
	}
	return invalid("NextToken is not one that this operation gave")
}

func (s *Service) readTrace(t *trace) types.Trace {
	v := s.store.version(t)
	a := newAnatomy(t.id, t.account, s.store.documents(v))
	start, end, _ := a.span()
	out := types.Trace{Id: aws.String(t.id), LimitExceeded: aws.Bool(v.limited), Segments: []types.Segment{}}
	if end != 0 {
		out.Duration = aws.Float64(segment.Between(start, end))
	}
	for _, tree := range a.trees {
		out.Segments = append(out.Segments, s.readTree(tree)...)
	}
	for _, d := range a.inferred {
		text, err := d.Text()
		if err != nil {
			s.opts.Log.Error("inferred segment cannot be written", "id", d.ID, "err", err)
			continue
		}
		out.Segments = append(out.Segments, segmentOf(d.ID, text))
	}
	return out
}

// readTree returns the tree as one segment. If a document is built so that
// nothing can be embedded in it, its parts come one by one.
func (s *Service) readTree(tree *segment.Tree) []types.Segment {
	text, err := tree.JSON()
	if err == nil {
		return []types.Segment{segmentOf(tree.Top.ID, text)}
	}
	s.opts.Log.Warn("trace document cannot take its subsegments", "id", tree.Top.ID, "err", err)
	var out []types.Segment
	tree.Walk(func(d, _ *segment.Document) {
		if d.Raw != nil {
			out = append(out, segmentOf(d.ID, d.Raw))
		}
	})
	return out
}

func segmentOf(id string, text []byte) types.Segment {
	return types.Segment{Id: aws.String(id), Document: aws.String(string(text))}
}
